//! How a state is left: with a transaction, a wake-up, or the end.

use jiff::Timestamp;

use super::telling::Telling;
use super::{Commit, Committing, Conclusion, Context, Effect, Job, Next, Outcome, Purpose, State};
use crate::domain::decision::{Decision, Ruling};
use crate::domain::screen::Environment;
use crate::domain::stage_run::{Hint, StageRun, after};
use crate::domain::trigger::WakeUp;

/// Sends a transaction, with what it tells others.
pub(super) fn commit(
    environment: &Environment<'_>,
    job: Job,
    context: Context,
    mut commit: Commit,
    purpose: Purpose,
    next: Next,
    now: Timestamp,
) -> (State, Effect) {
    let telling = Telling {
        environment,
        tags: &job.tags,
        view: &context.view,
        reading: context.reading.as_ref().map(|(reading, _)| &**reading),
        record: &commit.record,
        now,
    };
    commit.notices = telling.notices(commit.decision.as_ref(), next.ended());
    commit.announced = environment.telling.decisions && commit.decision.is_some();
    commit.record.told.extend(commit.notices.iter().map(|notice| notice.occasion));
    commit.record.revision += 1;
    let effect = Effect::Commit(Box::new(commit.clone()));
    (State::Committing(Box::new(Committing { job, context, commit, next, purpose, resent: false })), effect)
}

/// Arms a wake-up, then finishes.
pub(super) fn arm(wake_up: WakeUp, at: Timestamp, outcome: Box<Outcome>) -> (State, Effect) {
    (State::Arming(outcome), Effect::Arm { wake_up, at })
}

/// Finishes.
pub(super) fn done(outcome: Outcome) -> (State, Effect) {
    (State::Done, Effect::Finish(Box::new(outcome)))
}

/// Finishes without a decision.
pub(super) fn finish(conclusion: Conclusion) -> (State, Effect) {
    done(Outcome::without_decision(conclusion))
}

/// Begins the wait that a decision asks for; one that names no instant is looked at again from time to time.
pub(super) fn wait_for(
    environment: &Environment<'_>,
    record: &mut StageRun,
    decision: &Decision,
    hint: &Hint,
    now: Timestamp,
) -> (WakeUp, Timestamp) {
    let poll = after(now, environment.timing.poll);
    let wake_at = match decision.ruling {
        // A pause may be lifted at any time, a policy mended.
        Ruling::WaitPaused | Ruling::WaitPolicyInvalid => {
            decision.until.map_or(poll, |until| until.min(poll))
        }
        _ => decision.until.unwrap_or(poll),
    };
    (record.begin_wait(decision.ruling, decision.until, wake_at, hint.clone()), wake_at)
}

/// The decision as far as it is worth keeping: to look again at what is waited for already is not a decision each time.
pub(super) fn news(record: &StageRun, decision: &Decision, hint: &Hint) -> Option<Decision> {
    let is_known = (record.wait.as_ref())
        .is_some_and(|wait| wait.ruling == decision.ruling && wait.hint.key == hint.key);
    (!is_known).then(|| decision.clone())
}

/// A transaction on the record alone.
pub(super) fn plain(record: StageRun, decision: Option<Decision>) -> Commit {
    Commit {
        record,
        withdrawals: Vec::new(),
        deposits: Vec::new(),
        slot: None,
        controls: None,
        decision,
        announced: false,
        notices: Vec::new(),
    }
}
