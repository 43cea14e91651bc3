//! Events of stages that ended or run again: they tell how a retry of ours went.

use jiff::{SignedDuration, Timestamp};

use super::answering::Answering;
use super::effects::{commit, done, plain, wait_for};
use super::proceed::heard;
use super::repeated::finish_again;
use super::{Context, Effect, Job, Next, Outcome, Purpose, State};
use crate::domain::decision::{Decision, Ruling, StepName, StepOutcome};
use crate::domain::facts::gather;
use crate::domain::ids::StageRunId;
use crate::domain::screen::Environment;
use crate::domain::stage_run::{Progress, StageRun, after};
use crate::domain::trigger::{StageEvent, StageEventState};

/// A stage ended, or runs again: if a retry of ours was running there, that may tell how it went.
pub(super) fn outcome_event(
    environment: &Environment<'_>,
    job: Job,
    event: &StageEvent,
    context: Context,
    record: StageRun,
    now: Timestamp,
) -> (State, Effect) {
    let run = record.id.clone();
    let nothing = |detail: &str| nothing(&run, detail, now);
    if record.running_retry().is_none() {
        return done(Outcome::handled(nothing("no retry of this stage run is waiting for its end")));
    }
    let Some((reading, jitter)) = context.reading.clone() else {
        return (State::Observing(job, Box::new(context.view)), Effect::Observe { run });
    };
    let hint = heard(event, now);
    let settled_at = after(hint.time, environment.timing.unsettled);
    let ends = event.state != StageEventState::Resumed;
    let is_readable = gather(&run, &reading).is_ok();
    let mut answering =
        Answering { environment, job, context, record, hint, reading: *reading, jitter, now, ended: None };
    answering.conclude_running_retry();
    let Answering { job, context, mut record, hint, ended, .. } = answering;
    if let Some(retry) = ended {
        // A wait for this very end is over with it. A new failure's event has the same key, and what waits for that one
        // has still to be decided.
        if retry.progress != Progress::FailedAgain {
            record.wait.take_if(|wait| wait.hint.key == hint.key);
        }
        let decision = nothing(&format!("retry {} is over: {}", retry.number, retry.progress.as_str()));
        let outcome = Outcome { ended: Some(retry), ..Outcome::handled(decision) };
        return commit(
            environment,
            job,
            context,
            plain(record, None),
            Purpose::Answer,
            Next::Finish(Box::new(outcome)),
            now,
        );
    }
    if ends && record.wait.is_none() && (now < settled_at || !is_readable) {
        let mut decision = nothing("the state does not show the end yet");
        decision.ruling = Ruling::WaitStateUnsettled;
        decision.is_final = false;
        decision.until = Some(settled_at.max(after(now, SignedDuration::from_secs(30))));
        let (wake_up, at) = wait_for(environment, &mut record, &decision, &hint, now);
        let next = Next::Arm { wake_up, at, outcome: Box::new(Outcome::handled(decision)) };
        return commit(environment, job, context, plain(record, None), Purpose::Answer, next, now);
    }
    finish_again(environment, &job, &record, Outcome::handled(nothing("the retry's end does not show yet")))
}

/// What brings no failure with it.
pub(super) fn nothing(run: &StageRunId, detail: &str, now: Timestamp) -> Decision {
    let decision = Decision::bare(Ruling::IgnoreNotAFailure, run, now);
    decision.with_step(StepName::Trigger, StepOutcome::Stop, detail)
}
