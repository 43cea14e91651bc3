//! What is decided about a failure, and what would be decided later if nothing else changed.
//!
//! It asks the product's own `screen` and `decide`, with what the ledger holds, or with one that holds nothing.

use jiff::Timestamp;

use crate::classify::examine;
use crate::domain::budget::BucketKey;
use crate::domain::controls::Controls;
use crate::domain::decide::{Question, decide};
use crate::domain::decision::{Decision, Ruling, Verdict};
use crate::domain::evidence::{Depth, Evidence, Examination};
use crate::domain::facts::{failure, gather};
use crate::domain::freeze::{CalendarReadings, CalendarState};
use crate::domain::ids::StageRunId;
use crate::domain::live::Standing;
use crate::domain::pipeline::Reading;
use crate::domain::policy::{Mode, Policy};
use crate::domain::protocol::View;
use crate::domain::rollback::OnGiveUp;
use crate::domain::scope::{Scope, Scopes};
use crate::domain::screen::{Environment, Telling, pause_refusal, screen, screened, storm_refusal};
use crate::domain::stage_run::{Hint, StageRun, Timing};
use crate::domain::tags::TagsReading;
use crate::domain::trigger::StageEvent;
use crate::names;

/// A decision, and those that would follow it.
#[derive(Debug)]
pub struct Course {
    /// The decision.
    pub decision: Decision,
    /// Later decisions that differ from the one before, in order; the last one closes the failure or retries it.
    pub then: Vec<Decision>,
    /// Whether a rule was found, so that the stage was looked at.
    pub looked_at: bool,
    /// Whether the rule asks for a rollback then.
    pub asks_for_rollback: bool,
}

impl Course {
    /// The decision that it ends with.
    pub fn end(&self) -> &Decision {
        self.then.last().unwrap_or(&self.decision)
    }
}

/// The longest wait, 7 days, at the shortest interval, 30 seconds, with room to spare.
const MOST_LOOKS: usize = 25_000;

fn environment<'a>(policy: &'a Policy, mode: Mode, scopes: &'a Scopes) -> Environment<'a> {
    Environment {
        policy: Some(policy),
        standing: Standing::packaged(Some(&policy.version)),
        mode,
        scopes,
        evidence: Depth::Logs,
        timing: Timing::default(),
        telling: Telling::default(),
        may_roll_back: false,
        deadline: Timestamp::MAX,
    }
}

/// The mode that the product was last at work in; `active` where it never was.
fn mode_on_record(controls: &Controls) -> Mode {
    controls.activated.as_ref().map_or(Mode::Active, |(_, mode)| *mode)
}

/// The buckets that a decision may look at; none where no rule is about the stage. Which mode the product is in is read
/// with them, so there are those of both.
pub fn buckets(policy: &Policy, run: &StageRunId, tags: &TagsReading, now: Timestamp) -> Vec<BucketKey> {
    let scopes = Scopes::alone(Scope::of(&run.pipeline));
    match screen(&environment(policy, Mode::Active, &scopes), run, tags, now) {
        Ok(covered) => {
            let budgets = covered.rule.settings.budgets.iter();
            budgets.flat_map(|budget| [false, true].map(|shadow| budget.key(run, shadow))).collect()
        }
        Err(_) => Vec::new(),
    }
}

/// The policy's change calendars, as if all were open.
pub fn open_calendars(policy: &Policy) -> CalendarReadings {
    policy.calendars().into_iter().map(|arn| (arn, Ok(CalendarState::Open))).collect()
}

/// A ledger in which nothing was ever written.
pub fn empty_ledger() -> View {
    View::default()
}

/// What is known of a failure beside its event.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The pipeline's tags.
    pub tags: &'a TagsReading,
    /// What CodePipeline says.
    pub reading: &'a Reading,
    /// What was read beside about each failed run, in their order.
    pub evidence: &'a [Evidence],
    /// The class of failed runs that is known without any evidence.
    pub known_classes: &'a Examination,
    /// What change calendars say.
    pub calendars: &'a CalendarReadings,
    /// What is on record.
    pub ledger: &'a View,
}

/// Decides at `now`, and again at each instant that a wait names.
pub fn course(policy: &Policy, event: &StageEvent, known: Known<'_>, now: Timestamp) -> Course {
    let Known { tags, reading, evidence, known_classes, calendars, ledger } = known;
    let scopes = Scopes::alone(Scope::of(&event.run.pipeline));
    let environment = environment(policy, mode_on_record(&ledger.controls), &scopes);
    let covered = match screen(&environment, &event.run, tags, now) {
        Ok(covered) => covered,
        Err(decision) => {
            let decision = *decision;
            return Course { decision, then: Vec::new(), looked_at: false, asks_for_rollback: false };
        }
    };
    let record = ledger.record.clone().unwrap_or_else(|| StageRun::unwritten(&event.run));
    let hint = Hint { key: event.key.clone(), time: event.time };
    let jitter = names::jitter(&event.run, &failure(&event.run, reading));
    let failed = gather(&event.run, reading).map(|facts| facts.failed).unwrap_or_default();
    let excerpts = covered.rule.settings.excerpts;
    let mut examination = examine(&policy.classifiers, &event.run, &failed, evidence, excerpts);
    examination.extend(known_classes.clone());
    let decide_at = |now| {
        decide(&Question {
            covered,
            record: &record,
            reading,
            examination: &examination,
            calendars,
            buckets: &ledger.buckets,
            windows: &ledger.windows,
            controls: &ledger.controls,
            hint: &hint,
            own_claim: false,
            now,
            jitter,
            timing: environment.timing,
        })
        // Every failed run has been examined, and every calendar asked.
        .map_or_else(
            |_| screened(&covered, Ruling::WaitStateUnsettled, &event.run, now),
            |decided| decided.decision,
        )
    };
    let stormed = match pause_refusal(&ledger.controls, &event.run, now) {
        Some(_) => None,
        None => storm_refusal(&covered, &ledger.windows, &record, &hint, event.time.min(now), now),
    };
    let decision = stormed.unwrap_or_else(|| decide_at(now));
    let mut then: Vec<Decision> = Vec::new();
    let mut last = decision.clone();
    for _ in 0..MOST_LOOKS {
        let Some(at) = next_look(&last) else { break };
        let next = decide_at(at);
        if next.ruling != last.ruling {
            then.push(next.clone());
        }
        last = next;
    }
    let asks_for_rollback = covered.rule.settings.on_give_up == OnGiveUp::Rollback
        && !covered.shadow
        && last.ruling.may_be_rolled_back();
    Course { decision, then, looked_at: true, asks_for_rollback }
}

/// When it would be looked at again. A file that is not given stays away, however long one waits; nothing follows.
fn next_look(decision: &Decision) -> Option<Timestamp> {
    let waits = decision.ruling.verdict() == Verdict::Wait && decision.ruling != Ruling::WaitCannotVerify;
    decision.until.filter(|until| waits && *until > decision.decided_at)
}
