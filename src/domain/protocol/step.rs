//! The transition function: which answer moves which state where.

use jiff::{SignedDuration, Timestamp};

use super::close::{after_call, close, refused_for_now};
use super::effects::{arm, done, finish};
use super::proceed::proceed;
use super::repeated::rearm;
use super::rollback::{after_rollback, fenced_rollback, settle_again};
use super::{
    Aimed, Answer, CommitReply, Committing, Conclusion, Context, ControlsReply, Effect, Ending, Fault, Held,
    Input, Job, Next, Outcome, Purpose, State, TO_BEGIN, TO_CALL, View,
};
use crate::domain::decide::{Question, decide, is_same_failure};
use crate::domain::decision::{Decision, Ruling, StepName, StepOutcome, Verdict};
use crate::domain::facts::{gather, moved_on, refreshed};
use crate::domain::ids::StageRunId;
use crate::domain::pipeline::{ExecutionMode, Gap, Reading, StageReading};
use crate::domain::policy::Mode;
use crate::domain::screen::{Environment, screen};
use crate::domain::stage_run::{Hint, Retry, after};
use crate::domain::trigger::{Delivery, StageEventState, Trigger};

/// What is left of a lease must cover the call and its answer.
const CALL_RESERVE: SignedDuration = SignedDuration::from_secs(15);

/// Moves on. Total: an answer that the state has not asked for ends the handling, and the message comes again.
pub fn step(environment: &Environment<'_>, state: State, input: Input) -> (State, Effect) {
    let Input { now, answer } = input;
    match (state, answer) {
        (State::Idle, Answer::Begin { trigger, delivery, owner }) => {
            let tags = Err(Gap::NotRead);
            begin(environment, Job { trigger, delivery, owner, rounds: 0, noted: false, tags }, now)
        }
        (State::Tagging(mut job), Answer::Tags(tags)) => {
            job.tags = tags;
            read_ledger(environment, job, now)
        }
        (State::Reading(job), Answer::Ledger(Ok(view))) => {
            proceed(environment, job, Context::new(*view), now)
        }
        (State::Activating(job, view, written), Answer::ControlsWritten(Ok(reply))) => {
            let controls = match reply {
                ControlsReply::Done => written,
                ControlsReply::Conflict(current) => current,
            };
            begin_again(environment, job, Context::new(View { controls, ..*view }), now)
        }
        (State::Noting(mut job, mut view, key), Answer::Noted(Ok(window))) => {
            view.windows.insert(key, window);
            job.noted = true;
            proceed(environment, job, Context::new(*view), now)
        }
        (State::Reading(_), Answer::Ledger(Err(_)))
        | (State::Noting(..), Answer::Noted(Err(_)))
        | (State::Activating(..), Answer::ControlsWritten(Err(_))) => finish(Conclusion::LedgerUnavailable),
        (State::Observing(job, view), Answer::Observed { reading, jitter }) => {
            let reading = Some((reading, jitter));
            proceed(environment, job, Context { reading, ..Context::new(*view) }, now)
        }
        (State::Examining(job, context), Answer::Examined(examination)) => {
            proceed(environment, job, Context { examination, ..*context }, now)
        }
        (State::Consulting(job, context), Answer::Calendars(calendars)) => {
            proceed(environment, job, Context { calendars, ..*context }, now)
        }
        (State::Committing(committing), Answer::Committed(reply)) => {
            committed(environment, *committing, reply, now)
        }
        (State::Arming(outcome), Answer::Armed(Ok(()))) => done(*outcome),
        (State::Arming(outcome), Answer::Armed(Err(_))) => {
            done(Outcome { conclusion: Conclusion::SchedulesUnavailable, ..*outcome })
        }
        (State::Fencing(held), Answer::Fenced(stage)) => fenced(environment, *held, *stage, now),
        (State::Calling(held), Answer::Called(reply)) => after_call(environment, *held, reply, now),
        (State::Aiming(job, context), Answer::Target(target)) => {
            proceed(environment, job, Context { target: Some(target), ..*context }, now)
        }
        (State::FencingRollback(aimed), Answer::Fenced(stage)) => {
            fenced_rollback(environment, *aimed, *stage, now)
        }
        (State::RollingBack(aimed), Answer::RolledBack(reply)) => {
            after_rollback(environment, *aimed, reply, now)
        }
        _ => finish(Conclusion::OutOfOrder),
    }
}

fn begin(environment: &Environment<'_>, job: Job, now: Timestamp) -> (State, Effect) {
    if !environment.has_time(now, TO_BEGIN) {
        return finish(Conclusion::OutOfTime);
    }
    // Without its rule nothing is decided about a failure; how a retry ended has nothing to do with it.
    let needs_rule =
        !matches!(&job.trigger, Trigger::StageEvent(event) if event.state != StageEventState::Failed);
    if job.tags == Err(Gap::NotRead) && needs_rule {
        let run = job.trigger.run();
        let depends_on_tags = screen(environment, run, &job.tags, now)
            .is_err_and(|decision| decision.ruling == Ruling::WaitCannotVerify);
        if depends_on_tags {
            let effect = Effect::ReadTags { pipeline: run.pipeline.clone() };
            return (State::Tagging(job), effect);
        }
    }
    read_ledger(environment, job, now)
}

/// Reads what is on record, with the buckets that the rule takes from.
fn read_ledger(environment: &Environment<'_>, job: Job, now: Timestamp) -> (State, Effect) {
    let run = job.trigger.run().clone();
    let (buckets, windows) = match screen(environment, &run, &job.tags, now) {
        Ok(covered) => (
            (covered.rule.settings.budgets.iter()).map(|budget| budget.key(&run, covered.shadow)).collect(),
            covered.policy.storm.windows(now).to_vec(),
        ),
        Err(decision) => {
            // Nothing is on record of a stage run that is not looked at, unless a wait or claim brought this about, or
            // whoever had the message before died over one.
            let may_be_on_record = match &job.trigger {
                Trigger::StageEvent(_) => job.delivery == Delivery::Again,
                Trigger::WakeUp(_) => true,
                Trigger::Sweep(finding) => finding.failure.is_none(),
            };
            let is_foreign =
                matches!(decision.ruling, Ruling::IgnoreForeignAccount | Ruling::IgnoreForeignRegion);
            // What the policy at hand says is not the last word: the ledger may hold another one.
            let is_off = environment.mode == Mode::Disabled && decision.ruling.verdict() == Verdict::Ignore;
            if is_foreign || (is_off && !may_be_on_record) {
                return done(Outcome::handled(*decision));
            }
            (Vec::new(), Vec::new())
        }
    };
    (State::Reading(job), Effect::ReadLedger { run, buckets, windows })
}

/// Thinks again with what others have left in the meantime.
fn begin_again(
    environment: &Environment<'_>,
    mut job: Job,
    context: Context,
    now: Timestamp,
) -> (State, Effect) {
    job.rounds += 1;
    if job.rounds > super::MOST_ROUNDS {
        return finish(Conclusion::Contended);
    }
    // What is on record now may be this handling's own write, whose answer was lost: its wake-up is not armed yet.
    job.delivery = Delivery::Again;
    proceed(environment, job, context, now)
}

fn committed(
    environment: &Environment<'_>,
    committing: Committing,
    reply: Result<CommitReply, Fault>,
    now: Timestamp,
) -> (State, Effect) {
    match reply {
        Ok(CommitReply::Done) => follow(committing),
        Ok(reply @ CommitReply::Conflict(Some(_))) if committing.commit.is_done(&reply) => follow(committing),
        Ok(CommitReply::Conflict(current)) => {
            let Committing { job, mut context, purpose, next, .. } = committing;
            context.view.record = current.map(|record| *record);
            match purpose {
                Purpose::Answer => begin_again(environment, job, context, now),
                Purpose::Close(ending, decision) => {
                    let ended = next.ended().cloned();
                    close_again(environment, job, context, (ending, *decision, ended), now)
                }
                Purpose::Rollback(progress, detail) => {
                    settle_again(environment, job, context, &next, (progress, detail), now)
                }
            }
        }
        Ok(CommitReply::BucketChanged(key, bucket)) => {
            let Committing { job, mut context, .. } = committing;
            context.view.buckets.insert(*key, bucket);
            begin_again(environment, job, context, now)
        }
        Ok(CommitReply::ControlsChanged) => {
            let mut job = committing.job;
            job.rounds += 1;
            if job.rounds > super::MOST_ROUNDS {
                return finish(Conclusion::Contended);
            }
            begin(environment, job, now)
        }
        Err(Fault::Unknown) if !committing.resent => {
            let commit = Box::new(committing.commit.clone());
            (State::Committing(Box::new(Committing { resent: true, ..committing })), Effect::Commit(commit))
        }
        Err(_) => finish(Conclusion::LedgerUnavailable),
    }
}

/// The record moved on while its claim was being closed: the claim is closed on the newer one, if it is still ours.
fn close_again(
    environment: &Environment<'_>,
    mut job: Job,
    context: Context,
    (ending, decision, ended): (Ending, Decision, Option<Retry>),
    now: Timestamp,
) -> (State, Effect) {
    job.rounds += 1;
    if job.rounds > super::MOST_ROUNDS {
        return finish(Conclusion::Contended);
    }
    let ours = (context.view.record.clone())
        .filter(|record| record.claim.as_ref().is_some_and(|claim| claim.owner == job.owner));
    match ours {
        Some(record) => close(environment, Held { job, context, record, decision, ended }, ending, now),
        // It was closed when it was first sent. The wait that this may have begun is armed, whoever wrote since.
        None => match context.view.record.clone() {
            Some(record) => rearm(environment, &record, Outcome { ended, ..Outcome::handled(decision) }),
            None => done(Outcome { ended, ..Outcome::handled(decision) }),
        },
    }
}

fn follow(committing: Committing) -> (State, Effect) {
    let Committing { job, context, commit, next, .. } = committing;
    match next {
        Next::Finish(outcome) => done(*outcome),
        Next::Arm { wake_up, at, outcome } => arm(wake_up, at, outcome),
        Next::FenceRollback { decision, hint, ended } => {
            let (run, mode) = (commit.record.id.clone(), mode_of(&context));
            let aimed = Aimed { job, context, record: commit.record, decision: *decision, hint, ended };
            (State::FencingRollback(Box::new(aimed)), Effect::Fence { run, mode })
        }
        Next::Fence(decision, ended) => {
            let (run, mode) = (commit.record.id.clone(), mode_of(&context));
            let held = Held { job, context, record: commit.record, decision: *decision, ended };
            (State::Fencing(Box::new(held)), Effect::Fence { run, mode })
        }
    }
}

/// How the pipeline shares its stages, as far as it was read.
fn mode_of(context: &Context) -> ExecutionMode {
    let execution = context.reading.as_ref().and_then(|(reading, _)| reading.execution.as_ref().ok());
    execution.map_or(ExecutionMode::Superseded, |execution| execution.mode)
}

/// The claim is ours; whether it is still right is decided once more on what the stage shows now.
fn fenced(
    environment: &Environment<'_>,
    mut held: Held,
    stage: StageReading,
    now: Timestamp,
) -> (State, Effect) {
    let Some(claim) = held.record.claim.clone() else {
        return finish(Conclusion::OutOfOrder);
    };
    if after(now, CALL_RESERVE) >= claim.lease_until {
        return finish(Conclusion::LeaseLost);
    }
    let Some((reading, jitter)) = held.context.reading.clone() else {
        return finish(Conclusion::OutOfOrder);
    };
    let run = &held.record.id;
    let someone_acted = moved_on(run, &reading, &claim.failed, &stage);
    let fresh = refreshed(&reading, stage);
    let decision = match screen(environment, run, &held.job.tags, now) {
        Ok(covered) => {
            let decided = decide(&Question {
                covered,
                record: &held.record,
                reading: &fresh,
                examination: &held.context.examination,
                calendars: &held.context.calendars,
                buckets: &held.context.view.buckets,
                windows: &held.context.view.windows,
                controls: &held.context.view.controls,
                hint: &claim.hint,
                own_claim: true,
                now,
                jitter,
                timing: environment.timing,
            });
            decided.map(|decided| decided.decision).ok()
        }
        Err(decision) => Some(*decision),
    };
    held.decision.decided_at = now;
    let is_as_claimed = |decision: &&Decision| {
        decision.ruling == Ruling::RetryEligible && is_same_failure(&claim.failed, decision)
    };
    if decision.as_ref().is_some_and(|decision| is_as_claimed(&decision)) {
        if !environment.has_time(now, TO_CALL) {
            return refused_for_now(
                environment,
                held,
                Ruling::WaitThrottled,
                "right before the call too little time was left to hear its answer",
                now,
            );
        }
        held.decision = held.decision.with_step(
            StepName::Fence,
            StepOutcome::Pass,
            "right before the call nothing had changed",
        );
        let effect = Effect::Call { run: run.clone(), mode: claim.mode };
        return (State::Calling(Box::new(held)), effect);
    }
    let settled_at = after(claim.hint.time, environment.timing.unsettled);
    let (ruling, until, detail) = if someone_acted && now < settled_at && is_later(&claim.hint, run, &reading)
    {
        // The event may tell of what failed after that retry: nobody would look at it again.
        (
            Ruling::WaitStateUnsettled,
            Some(settled_at),
            "right before the call somebody else had retried what failed before the event".to_owned(),
        )
    } else if someone_acted {
        (
            Ruling::IgnoreRetriedBySomeoneElse,
            None,
            "right before the call somebody else had retried the stage".to_owned(),
        )
    } else if let Some(decision) = decision.filter(|decision| decision.ruling != Ruling::RetryEligible) {
        let last = decision.explanation.last().map_or("", |step| step.detail.as_str());
        (decision.ruling, decision.until, format!("right before the call: {last}"))
    } else {
        let until = after(now, SignedDuration::from_secs(30));
        (Ruling::WaitStateUnsettled, Some(until), "right before the call more had failed".to_owned())
    };
    held.decision = held.decision.overruled(ruling, until, StepName::Fence, detail);
    close(environment, held, Ending::NotDone, now)
}

/// Whether an event came after all that the stage was read to have done.
fn is_later(hint: &Hint, run: &StageRunId, reading: &Reading) -> bool {
    let last_change = gather(run, reading).ok().and_then(|facts| facts.last_change);
    !hint.key.is_swept() && last_change.is_some_and(|last| last < hint.time)
}
