//! The rollback after a failure was given up: on record with the decision, looked at once more, called once, and its end
//! written down. Whatever goes wrong, it is never called again: a person has been told of the failure anyway.

use jiff::Timestamp;

use super::answering::Answering;
use super::effects::{commit, done, finish, plain};
use super::{
    Aimed, Conclusion, Context, Effect, Job, MOST_ROUNDS, Next, Outcome, Purpose, State, TO_CALL, TO_CLAIM,
};
use crate::domain::class::Class;
use crate::domain::decide::{Missing, Question, decide, freeze_of, is_same_failure};
use crate::domain::decision::{Decision, StepName, StepOutcome};
use crate::domain::facts::{gather, moved_on, refreshed};
use crate::domain::ids::ExecutionId;
use crate::domain::pipeline::{ExecutionMode, PipelineState, StageReading};
use crate::domain::rollback::{OnGiveUp, Rollback, RollbackProgress, RollbackReply};
use crate::domain::screen::{Covered, Environment, screen};
use crate::domain::stage_run::{Hint, StageRun};
use crate::domain::trigger::EventKey;

/// What is to become of a wish for a rollback.
enum Wish {
    /// There is none.
    None,
    /// It is not granted, for this reason.
    Refused(String),
    /// It takes to know what succeeded last.
    Target,
    /// It takes to know something else first.
    Missing(Missing),
    /// It is granted, to this execution.
    Granted(ExecutionId),
}

impl Answering<'_> {
    /// Writes down that a failure is given up, and begins the rollback that its rule asks for.
    pub(super) fn give_up(mut self, covered: &Covered<'_>, decision: Decision) -> (State, Effect) {
        let target = match self.wish(covered, &decision) {
            Wish::None => return self.close(covered, decision),
            Wish::Refused(detail) => {
                let detail = format!("no rollback: {detail}");
                return self
                    .close(covered, decision.with_step(StepName::Rollback, StepOutcome::Stop, detail));
            }
            Wish::Missing(missing) => return self.ask(covered, missing),
            Wish::Target if !self.environment.has_time(self.now, TO_CLAIM) => {
                return finish(Conclusion::OutOfTime);
            }
            Wish::Target => {
                let effect = Effect::FindTarget { run: self.record.id.clone() };
                return (State::Aiming(self.job, Box::new(self.context)), effect);
            }
            Wish::Granted(target) => target,
        };
        if !self.environment.has_time(self.now, TO_CLAIM) {
            return finish(Conclusion::OutOfTime);
        }
        let owner = self.job.owner.clone();
        let rollback = Rollback { target, owner, progress: RollbackProgress::Begun };
        let detail = format!("a rollback to execution {} is begun", rollback.target);
        let mut decision = decision.with_step(StepName::Rollback, StepOutcome::Pass, detail);
        decision.rollback = Some(rollback.clone());
        self.record.close(&decision.failed, false, &self.hint);
        self.record.rollback = Some(rollback);
        let mut transaction = plain(self.record, Some(decision.clone()));
        transaction.controls = Some(self.context.view.controls.version);
        let next = Next::FenceRollback { decision: Box::new(decision), hint: self.hint, ended: self.ended };
        commit(self.environment, self.job, self.context, transaction, Purpose::Answer, next, self.now)
    }

    /// Writes down a decision that closes the failure.
    fn close(mut self, covered: &Covered<'_>, decision: Decision) -> (State, Effect) {
        let outcome = Outcome { ended: self.ended, ..Outcome::handled(decision.clone()) };
        let next = Next::Finish(Box::new(outcome));
        self.record.close(&decision.failed, covered.shadow, &self.hint);
        let transaction = plain(self.record, Some(decision));
        commit(self.environment, self.job, self.context, transaction, Purpose::Answer, next, self.now)
    }

    fn wish(&self, covered: &Covered<'_>, decision: &Decision) -> Wish {
        let is_wished =
            covered.rule.settings.on_give_up == OnGiveUp::Rollback && decision.ruling.may_be_rolled_back();
        if !is_wished || covered.shadow {
            return Wish::None;
        }
        let refused = |detail: &str| Wish::Refused(detail.to_owned());
        if self.record.rollback.is_some() {
            return refused("this stage run has had one");
        }
        if !self.environment.may_roll_back {
            return refused("the deployment does not allow any (`AllowRollback`)");
        }
        if decision.classes.values().any(|class| matches!(class, Class::ApprovalRejected | Class::Stopped)) {
            return refused("a person has said no");
        }
        let Ok(facts) = gather(&self.record.id, &self.reading) else {
            return refused("the stage's state is not known");
        };
        if facts.mode == ExecutionMode::Parallel {
            return refused("CodePipeline rolls no PARALLEL pipeline back");
        }
        let structure = self.reading.structure.as_ref().ok();
        if structure
            .and_then(|structure| structure.stages.first())
            .is_some_and(|first| first.name == self.record.id.stage)
        {
            return refused("CodePipeline does not roll the first stage back");
        }
        if is_waited_for(&self.reading.state, &self.record) {
            return refused("a newer execution waits to enter the stage");
        }
        match freeze_of(&self.question(covered, false), facts.failed_at().unwrap_or(self.now)) {
            Ok(None) => {}
            Ok(Some(detail)) => return Wish::Refused(detail),
            Err(missing) => return Wish::Missing(missing),
        }
        match &self.context.target {
            None => Wish::Target,
            Some(Ok(Some(target))) => Wish::Granted(target.clone()),
            Some(Ok(None)) => refused("no execution has succeeded in the stage before"),
            Some(Err(gap)) => {
                Wish::Refused(format!("what succeeded last could not be read: {}", gap.as_str()))
            }
        }
    }
}

/// Whether a newer execution waits before the stage.
fn is_waited_for<E>(state: &Result<PipelineState, E>, record: &StageRun) -> bool {
    let stages = state.iter().flat_map(|state| &state.stages);
    stages.filter(|stage| stage.name == record.id.stage).any(|stage| stage.waiting)
}

/// The rollback is on record; whether it is still right is decided once more on what the stage shows now.
pub(super) fn fenced_rollback(
    environment: &Environment<'_>,
    aimed: Aimed,
    stage: StageReading,
    now: Timestamp,
) -> (State, Effect) {
    let not_made = |aimed: Aimed, detail: &str| {
        let detail = format!("right before the rollback {detail}");
        settle(environment, aimed, RollbackProgress::NotMade, &detail, now)
    };
    let Some((target, (reading, jitter))) = aimed
        .record
        .rollback
        .as_ref()
        .map(|rollback| rollback.target.clone())
        .zip(aimed.context.reading.clone())
    else {
        return finish(Conclusion::OutOfOrder);
    };
    if !environment.has_time(now, TO_CALL) {
        return not_made(aimed, "too little time was left to hear its answer");
    }
    let run = aimed.record.id.clone();
    if moved_on(&run, &reading, &aimed.decision.failed, &stage) {
        return not_made(aimed, "somebody had retried the stage");
    }
    let is_waited_for = match &stage {
        StageReading::State(state) => is_waited_for(state, &aimed.record),
        StageReading::Parallel { .. } => true,
    };
    if is_waited_for {
        return not_made(aimed, "a newer execution waited to enter the stage");
    }
    // As it was before it was closed.
    let mut before = aimed.record.clone();
    before.live.closed.retain(|id| !aimed.decision.failed.contains(id));
    let fresh = refreshed(&reading, stage);
    let again = screen(environment, &run, &aimed.job.tags, now).ok().and_then(|covered| {
        decide(&Question {
            covered,
            record: &before,
            reading: &fresh,
            examination: &aimed.context.examination,
            calendars: &aimed.context.calendars,
            buckets: &aimed.context.view.buckets,
            windows: &aimed.context.view.windows,
            controls: &aimed.context.view.controls,
            hint: &aimed.hint,
            own_claim: false,
            now,
            jitter,
            timing: environment.timing,
        })
        .ok()
    });
    let is_unchanged = again.is_some_and(|again| {
        again.decision.ruling == aimed.decision.ruling
            && is_same_failure(&aimed.decision.failed, &again.decision)
    });
    if !is_unchanged {
        return not_made(aimed, "something had changed");
    }
    (State::RollingBack(Box::new(aimed)), Effect::RollBack { run, target })
}

/// What the answer to the call means.
pub(super) fn after_rollback(
    environment: &Environment<'_>,
    aimed: Aimed,
    reply: RollbackReply,
    now: Timestamp,
) -> (State, Effect) {
    let (progress, detail) = match reply {
        RollbackReply::Started(execution) => {
            let detail = format!("CodePipeline rolls the stage back as execution {execution}");
            (RollbackProgress::Started(execution), detail)
        }
        RollbackReply::Refused(exception) => {
            (RollbackProgress::NotMade, format!("CodePipeline refused the rollback: {exception}"))
        }
        RollbackReply::NotSent => {
            (RollbackProgress::NotMade, "CodePipeline could not be reached for the rollback".to_owned())
        }
        RollbackReply::Unknown => {
            let detail = "whether CodePipeline rolls the stage back is not known; the pipeline shows it";
            (RollbackProgress::Unknown, detail.to_owned())
        }
    };
    settle(environment, aimed, progress, &detail, now)
}

/// Writes down how it went, on whatever the record is by now.
fn settle(
    environment: &Environment<'_>,
    aimed: Aimed,
    progress: RollbackProgress,
    detail: &str,
    now: Timestamp,
) -> (State, Effect) {
    let Aimed { job, context, mut record, mut decision, ended, .. } = aimed;
    let ours = record.rollback.as_mut().filter(|rollback| rollback.owner == job.owner);
    let Some(rollback) = ours else {
        return done(Outcome { ended, ..Outcome::handled(decision) });
    };
    rollback.progress = progress.clone();
    let outcome =
        if matches!(progress, RollbackProgress::Started(_)) { StepOutcome::Pass } else { StepOutcome::Stop };
    decision.rollback = Some(rollback.clone());
    decision.decided_at = now;
    let decision = decision.with_step(StepName::Rollback, outcome, detail);
    let next = Next::Finish(Box::new(Outcome { ended, ..Outcome::handled(decision.clone()) }));
    let transaction = plain(record, Some(decision.clone()));
    let purpose = Purpose::Rollback(progress, detail.to_owned());
    commit(environment, job, context, transaction, purpose, next, now)
}

/// The record moved on while the end of a rollback was being written: it is written on the newer one.
pub(super) fn settle_again(
    environment: &Environment<'_>,
    mut job: Job,
    context: Context,
    next: &Next,
    (progress, detail): (RollbackProgress, String),
    now: Timestamp,
) -> (State, Effect) {
    job.rounds += 1;
    let Next::Finish(outcome) = next else { return finish(Conclusion::OutOfOrder) };
    let (Some(record), Some(mut decision)) = (context.view.record.clone(), outcome.decision.clone()) else {
        return done((**outcome).clone());
    };
    if job.rounds > MOST_ROUNDS {
        return finish(Conclusion::Contended);
    }
    // The step that says how it went is added anew.
    decision.explanation.pop();
    let hint = Hint { key: EventKey::default(), time: now };
    let aimed = Aimed { job, context, record, decision, hint, ended: outcome.ended.clone() };
    settle(environment, aimed, progress, &detail, now)
}
