//! The decision about one failure: a fixed row of steps, each of which may refuse; the first that does ends it.
//!
//! Pure and total. It asks whether a retry is allowed and useful; making it safe is the protocol's business.

mod frozen;
mod merit;
mod standing;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::backoff::Jitter;
use super::budget::{Bucket, BucketKey, Slot, Withdrawal};
use super::controls::Controls;
use super::decision::{Decision, Ruling, Step, StepName, StepOutcome, Verdict};
use super::evidence::Examination;
use super::facts::FailedAction;
use super::freeze::CalendarReadings;
use super::ids::{ActionExecutionId, CalendarArn};
use super::pipeline::Reading;
use super::screen::{Covered, pause_refusal, screened_steps};
use super::stage_run::{Hint, StageRun, Timing, after};
use super::storm::{Window, WindowKey};

/// Everything that a decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The rule.
    pub covered: Covered<'a>,
    /// The record of the stage run.
    pub record: &'a StageRun,
    /// What CodePipeline says.
    pub reading: &'a Reading,
    /// What the failed runs were found to be, as far as they have been examined.
    pub examination: &'a Examination,
    /// What the change calendars say that were asked.
    pub calendars: &'a CalendarReadings,
    /// What the budgets hold.
    pub buckets: &'a BTreeMap<BucketKey, Bucket>,
    /// What is known of a storm.
    pub windows: &'a BTreeMap<WindowKey, Window>,
    /// What operators have set, and since when the rule has been at work.
    pub controls: &'a Controls,
    /// The event behind it.
    pub hint: &'a Hint,
    /// Whether the open claim's own retry and tokens are to be left out of account: it is that claim's failure.
    pub own_claim: bool,
    /// The present.
    pub now: Timestamp,
    /// The failure's random number.
    pub jitter: Jitter,
    /// How long things may take.
    pub timing: Timing,
}

/// A decision with what carrying it out needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// For a retry, the tokens that it takes.
    pub withdrawals: Vec<Withdrawal>,
    /// For a wait for a token, the place among those who wait.
    pub slot: Option<(BucketKey, Slot)>,
}

/// What has to be known before anything can be decided: all that refuses without it has let the failure pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// Why these runs failed.
    Examination(Vec<FailedAction>),
    /// What these change calendars say.
    Calendars(BTreeSet<CalendarArn>),
}

/// Why a step does not let a failure pass.
enum Stop {
    /// It refuses.
    Refusal(Refusal),
    /// It cannot tell before this is known.
    Missing(Missing),
}

/// A refusal by one step.
struct Refusal {
    ruling: Ruling,
    until: Option<Timestamp>,
    step: StepName,
    detail: String,
}

type Checked<T> = Result<T, Stop>;

fn refuse<T>(ruling: Ruling, step: StepName, detail: impl Into<String>) -> Checked<T> {
    Err(Stop::Refusal(Refusal { ruling, until: None, step, detail: detail.into() }))
}

fn wait<T>(ruling: Ruling, until: Timestamp, step: StepName, detail: impl Into<String>) -> Checked<T> {
    Err(Stop::Refusal(Refusal { ruling, until: Some(until), step, detail: detail.into() }))
}

/// Decides about the stage run's present failure, once all is known that this one takes.
pub fn decide(question: &Question<'_>) -> Result<Decided, Missing> {
    let mut decider = Decider::new(question);
    match decider.run() {
        Ok(()) => {}
        Err(Stop::Refusal(refusal)) => decider.stop(refusal),
        Err(Stop::Missing(missing)) => return Err(missing),
    }
    Ok(Decided { decision: decider.decision, withdrawals: decider.withdrawals, slot: decider.slot })
}

/// Why a freeze holds the stage at present; none where none does.
pub fn freeze_of(question: &Question<'_>, failed_at: Timestamp) -> Result<Option<String>, Missing> {
    match Decider::new(question).freeze(failed_at) {
        Ok(()) => Ok(None),
        Err(Stop::Refusal(refusal)) => Ok(Some(refusal.detail)),
        Err(Stop::Missing(missing)) => Err(missing),
    }
}

struct Decider<'q, 'a> {
    question: &'q Question<'a>,
    decision: Decision,
    withdrawals: Vec<Withdrawal>,
    slot: Option<(BucketKey, Slot)>,
}

impl<'q, 'a> Decider<'q, 'a> {
    fn new(question: &'q Question<'a>) -> Self {
        Self {
            question,
            decision: Decision {
                shadow: question.covered.shadow,
                rule: Some(question.covered.rule.name.clone()),
                policy_version: Some(question.covered.policy.version.clone()),
                max_retries: Some(question.covered.rule.settings.max_retries),
                explanation: screened_steps(&question.covered, &question.record.id),
                ..Decision::bare(Ruling::RetryEligible, &question.record.id, question.now)
            },
            withdrawals: Vec::new(),
            slot: None,
        }
    }

    fn run(&mut self) -> Checked<()> {
        self.pause()?;
        self.storm();
        let facts = self.facts()?;
        self.duplicate(&facts)?;
        self.stage_state(&facts)?;
        let failed_at = facts.failed_at().unwrap_or(self.question.now);
        self.activation(facts.last_change.unwrap_or(failed_at))?;
        self.age(failed_at)?;
        self.people(&facts, failed_at)?;
        self.class(&facts)?;
        let retry = self.retries()?;
        self.freeze(failed_at)?;
        self.backoff(retry, failed_at)?;
        self.budget(failed_at)?;
        self.decision.retry_mode = Some(self.retry_mode(&facts));
        Ok(())
    }

    /// The steps before the age know no failure that can grow too old; after its time they all end here.
    fn stop(&mut self, refusal: Refusal) {
        let Refusal { mut ruling, mut until, step, mut detail } = refusal;
        if ruling.verdict() == Verdict::Wait {
            let deadline = self.deadline(ruling, step);
            if self.question.now >= deadline {
                detail = format!("{detail}; give-up-after is over");
                ruling = match ruling {
                    Ruling::WaitCannotVerify => Ruling::GiveUpCannotVerify,
                    _ => Ruling::GiveUpTooOld,
                };
                until = None;
                self.slot = None;
            } else {
                until = until.map(|until| until.min(deadline));
            }
        }
        self.decision.ruling = ruling;
        self.decision.is_final = ruling.is_final();
        self.decision.until = until;
        self.decision.explanation.push(Step { name: step, outcome: StepOutcome::Stop, detail });
    }

    fn pass(&mut self, name: StepName, detail: impl Into<String>) {
        self.decision.explanation.push(Step { name, outcome: StepOutcome::Pass, detail: detail.into() });
    }

    fn pause(&mut self) -> Checked<()> {
        let Question { controls, record, now, .. } = *self.question;
        if let Some((until, detail)) = pause_refusal(controls, &record.id, now) {
            let step = StepName::Pause;
            return Err(Stop::Refusal(Refusal { ruling: Ruling::WaitPaused, until, step, detail }));
        }
        self.pass(StepName::Pause, "not paused");
        Ok(())
    }

    /// Whoever comes here is not held: there is no storm, or it was this failure's turn.
    fn storm(&mut self) {
        let Question { covered, windows, now, .. } = *self.question;
        let weather = covered.policy.storm.weather(windows, now);
        let turn = if weather.is_storm { ", and this failure need not wait for its turn" } else { "" };
        self.pass(StepName::Storm, format!("{}{turn}", weather.in_words()));
    }

    /// The instant after which no retry is useful: by the failure's time, or where that is unknown by the event's.
    fn deadline(&self, ruling: Ruling, step: StepName) -> Timestamp {
        let event = self.question.hint.time;
        let begin = match self.decision.failed_at {
            // The state may be stale that shows a failure of which all is known, and the event tell of the next one.
            Some(failed_at) if (ruling, step) == (Ruling::WaitStateUnsettled, StepName::Duplicate) => {
                failed_at.max(event)
            }
            Some(failed_at) => failed_at,
            None => event,
        };
        let deadline = after(begin, self.question.covered.rule.settings.give_up_after);
        // The event may tell of what the state does not show yet: the end of what seems to run on, or a later failure.
        match ruling {
            Ruling::WaitActionsInProgress | Ruling::WaitStateUnsettled => deadline.max(self.settled_at()),
            _ => deadline,
        }
    }

    /// When to look again at something that has no time of its own: after as long as it has lasted, within bounds.
    fn look_again(&self, since: Timestamp, longest: SignedDuration) -> Timestamp {
        let lasted = self.question.now.duration_since(since);
        after(self.question.now, lasted.clamp(SignedDuration::from_secs(30), longest))
    }
}

/// The failure that a claim answers is still the stage's failure, and nothing else has failed beside it.
pub fn is_same_failure(claimed: &BTreeSet<ActionExecutionId>, decision: &Decision) -> bool {
    *claimed == decision.failed
}
