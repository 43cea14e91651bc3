//! The world behind the engine's ports. Every call gives way once before and once after it takes effect, so that
//! handlings can interleave, and goes wrong as planned.

use std::future::{pending, poll_fn};
use std::task::Poll;

use jiff::{SignedDuration, Timestamp};

use super::codepipeline::{CodePipeline, Exception, ServiceError};
use super::faults::{CALL_TIMEOUT, Fault, Operation};
use super::rate::CallRate;
use super::world::{SharedWorld, World};
use crate::domain::budget::BucketKey;
use crate::domain::controls::Controls;
use crate::domain::ids::{ExecutionId, PipelineArn, StageRunId};
use crate::domain::pipeline::{ExecutionMode, Gap, Reading, Refusal, RetryReply, StageReading};
use crate::domain::policy::RetryMode;
use crate::domain::protocol::{Commit, CommitReply, ControlsReply, Fault as PortFault, View};
use crate::domain::rollback::RollbackReply;
use crate::domain::stage_run::after;
use crate::domain::storm::{Note, Window, WindowKey};
use crate::domain::tags::TagsReading;
use crate::domain::trigger::WakeUp;
use crate::event::wake_up_body;
use crate::names::wake_up_name;
use crate::ports::{KeptPolicy, Ledger, Pipelines, Quarantined, Schedules};

/// The longest delay that SQS takes (`SendMessage`, `DelaySeconds`).
const LONGEST_DELAY: SignedDuration = SignedDuration::from_mins(15);

/// Gives way to others once.
pub(super) async fn give_way() {
    let mut has_given = false;
    poll_fn(move |context| {
        if has_given {
            return Poll::Ready(());
        }
        has_given = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What the function calls itself in the emulated service's record of calls.
const RETRIER: &str = "retrier";

impl SharedWorld {
    /// One call: what it does, and what its caller hears of it.
    pub(super) async fn call<T>(
        &self,
        operation: Operation,
        work: impl FnOnce(&mut World) -> T + Send,
        failed: impl FnOnce(Fault) -> T + Send,
    ) -> T
    where
        T: Send,
    {
        give_way().await;
        let fault = {
            let mut world = self.lock();
            world.run_hooks(operation);
            world.count_request(operation);
            let now = world.now();
            world.faults.next(operation, now)
        };
        let answer = match fault {
            None => Ok(work(&mut self.lock())),
            Some(fault) => {
                if fault.happens() {
                    work(&mut self.lock());
                }
                // Whoever reads evidence or calendars waits no longer than some seconds for them.
                let is_bounded = matches!(operation, Operation::Evidence | Operation::Calendars);
                let is_awaited = !is_bounded || !fault.hangs();
                if fault.kills() && is_awaited {
                    self.lock().kill(self.handling(), fault);
                    return pending().await;
                }
                if !is_awaited || matches!(fault, Fault::ReplyLost | Fault::LostUnsent) {
                    self.lock().pass(CALL_TIMEOUT);
                }
                Err(fault)
            }
        };
        give_way().await;
        answer.unwrap_or_else(failed)
    }
}

pub(super) fn port_fault(fault: Fault) -> PortFault {
    match fault {
        Fault::ReplyLost | Fault::LostUnsent => PortFault::Unknown,
        _ => PortFault::NotDone,
    }
}

pub(super) fn gap_of(fault: Fault) -> Gap {
    match fault {
        Fault::Denied => Gap::Denied,
        Fault::NotDone => Gap::Throttled,
        _ => Gap::Unavailable,
    }
}

impl Ledger for SharedWorld {
    async fn read(
        &self,
        run: &StageRunId,
        buckets: &[BucketKey],
        windows: &[WindowKey],
    ) -> Result<View, PortFault> {
        self.call(
            Operation::LedgerRead,
            |world| Ok(world.ledger.read(run, buckets, windows)),
            |fault| Err(port_fault(fault)),
        )
        .await
    }

    async fn commit(&self, commit: &Commit) -> Result<CommitReply, PortFault> {
        self.call(
            Operation::LedgerCommit,
            |world| Ok(world.ledger.commit(commit)),
            |fault| Err(port_fault(fault)),
        )
        .await
    }

    async fn note_failure(&self, note: &Note) -> Result<Window, PortFault> {
        self.call(
            Operation::FailureNote,
            |world| Ok(world.ledger.note_failure(note)),
            |fault| Err(port_fault(fault)),
        )
        .await
    }

    async fn write_controls(&self, controls: &Controls) -> Result<ControlsReply, PortFault> {
        self.call(
            Operation::ControlsWrite,
            |world| Ok(world.ledger.write_controls(controls)),
            |fault| Err(port_fault(fault)),
        )
        .await
    }

    async fn policy(&self, number: u64) -> Result<KeptPolicy, PortFault> {
        self.call(
            Operation::PolicyRead,
            |world| Ok(world.ledger.policy(number)),
            |fault| Err(port_fault(fault)),
        )
        .await
    }

    async fn quarantine(&self, message: &Quarantined) -> Result<(), PortFault> {
        self.call(
            Operation::Quarantine,
            |world| {
                world.ledger.quarantine(message);
                Ok(())
            },
            |fault| Err(port_fault(fault)),
        )
        .await
    }
}

impl Pipelines for SharedWorld {
    async fn observe(&self, run: &StageRunId) -> Reading {
        self.call(
            Operation::Observe,
            |world| asking(world, |asked| reading(asked, run)),
            |fault| {
                let gap = gap_of(fault);
                Reading {
                    state: Err(gap),
                    execution: Err(gap),
                    structure: Err(gap),
                    actions: Err(gap),
                    entries: Err(gap),
                }
            },
        )
        .await
    }

    async fn observe_stage(&self, run: &StageRunId, mode: ExecutionMode) -> StageReading {
        self.call(
            Operation::Fence,
            |world| asking(world, |asked| stage_reading(asked, run, mode)),
            |fault| {
                let gap = gap_of(fault);
                if mode == ExecutionMode::Parallel {
                    StageReading::Parallel { execution: Err(gap), actions: Err(gap), entries: Err(gap) }
                } else {
                    StageReading::State(Err(gap))
                }
            },
        )
        .await
    }

    async fn tags(&self, pipeline: &PipelineArn, _now: Timestamp) -> TagsReading {
        self.call(
            Operation::Tags,
            |world| asking(world, |asked| asked.call(0, |service| service.pipeline_tags(&pipeline.name))),
            |fault| Err(gap_of(fault)),
        )
        .await
    }

    async fn retry_stage(&self, run: &StageRunId, mode: RetryMode) -> RetryReply {
        self.call(
            Operation::Retry,
            |world| retry(world, run, mode),
            |fault| match fault {
                Fault::NotDone => RetryReply::NotSent,
                Fault::Denied => RetryReply::Refused(Refusal::AccessDenied),
                _ => RetryReply::Unknown,
            },
        )
        .await
    }

    async fn last_success(&self, run: &StageRunId) -> Result<Option<ExecutionId>, Gap> {
        self.call(
            Operation::RollbackTarget,
            |world| {
                let name = &run.pipeline.name;
                asking(world, |asked| asked.call(0, |service| service.last_success(name, &run.stage)))
            },
            |fault| Err(gap_of(fault)),
        )
        .await
    }

    async fn roll_back(&self, run: &StageRunId, target: &ExecutionId) -> RollbackReply {
        self.call(
            Operation::Rollback,
            |world| {
                let now = world.now();
                if !world.rate.admits(now) {
                    return RollbackReply::NotSent;
                }
                match world.service.rollback_stage(now, RETRIER, &run.pipeline.name, &run.stage, target) {
                    Ok(execution) => RollbackReply::Started(execution),
                    Err(error) => RollbackReply::Refused(error.exception.as_str()),
                }
            },
            |fault| match fault {
                Fault::NotDone => RollbackReply::NotSent,
                Fault::Denied => RollbackReply::Refused("AccessDeniedException"),
                _ => RollbackReply::Unknown,
            },
        )
        .await
    }
}

impl Schedules for SharedWorld {
    async fn arm(&self, wake_up: &WakeUp, at: Timestamp) -> Result<(), PortFault> {
        let told = self.told();
        self.call(
            Operation::Arm,
            |world| {
                // The queue is told a delay, by a clock that may be wrong; a schedule is told an instant.
                let delay = at.duration_since(told).max(SignedDuration::ZERO);
                let due = if delay <= LONGEST_DELAY { after(world.now(), delay) } else { at };
                let visible_at = due.max(world.now());
                world.queue.send_named(wake_up_name(wake_up), wake_up_body(wake_up, visible_at), visible_at);
                Ok(())
            },
            |fault| Err(port_fault(fault)),
        )
        .await
    }
}

/// CodePipeline as reads show it, one call at a time.
struct Asked<'a> {
    world: &'a World,
    rate: &'a mut CallRate,
    now: Timestamp,
}

impl Asked<'_> {
    /// One call, unless it is throttled. Each answer may be from another time.
    fn call<T>(
        &mut self,
        answer: u64,
        call: impl FnOnce(&CodePipeline) -> Result<T, ServiceError>,
    ) -> Result<T, Gap> {
        let (is_taken, now) = self.rate.admits_read(self.now);
        self.now = now;
        if !is_taken {
            return Err(Gap::Throttled);
        }
        call(self.world.shown(answer)).map_err(|error| gap(&error))
    }
}

fn asking<T>(world: &mut World, ask: impl FnOnce(&mut Asked<'_>) -> T) -> T {
    let mut rate = std::mem::take(&mut world.rate);
    let mut asked = Asked { world, rate: &mut rate, now: world.now() };
    let answer = ask(&mut asked);
    let now = asked.now;
    world.rate = rate;
    world.advance(now);
    answer
}

fn retry(world: &mut World, run: &StageRunId, mode: RetryMode) -> RetryReply {
    let now = world.now();
    if !world.rate.admits(now) {
        return RetryReply::Refused(Refusal::Throttled);
    }
    let name = &run.pipeline.name;
    let answer = world.service.retry_stage_execution(now, RETRIER, name, &run.stage, &run.execution, mode);
    match answer {
        Ok(_) => RetryReply::Accepted,
        Err(error) => error.exception.refusal().map_or(RetryReply::Unknown, RetryReply::Refused),
    }
}

pub(super) fn gap(error: &ServiceError) -> Gap {
    match error.exception {
        Exception::PipelineNotFound => Gap::PipelineNotFound,
        Exception::PipelineExecutionNotFound => Gap::ExecutionNotFound,
        Exception::AccessDenied => Gap::Denied,
        Exception::Throttling => Gap::Throttled,
        _ => Gap::Unavailable,
    }
}

fn reading(asked: &mut Asked<'_>, run: &StageRunId) -> Reading {
    let name = &run.pipeline.name;
    let execution = asked.call(0, |service| service.pipeline_execution(name, &run.execution));
    let is_parallel = execution.as_ref().is_ok_and(|execution| execution.mode == ExecutionMode::Parallel);
    Reading {
        state: if is_parallel {
            Err(Gap::NotRead)
        } else {
            asked.call(1, |service| service.pipeline_state(name))
        },
        // The function keeps structures by their version, so this costs no call.
        structure: asked.world.shown(2).pipeline_structure(name).map_err(|error| gap(&error)),
        actions: asked.call(3, |service| service.action_executions(name, &run.execution)),
        entries: if is_parallel {
            asked.call(4, |service| service.stage_entries(name, &run.stage))
        } else {
            Err(Gap::NotRead)
        },
        execution,
    }
}

fn stage_reading(asked: &mut Asked<'_>, run: &StageRunId, mode: ExecutionMode) -> StageReading {
    if mode != ExecutionMode::Parallel {
        return StageReading::State(asked.call(1, |service| service.pipeline_state(&run.pipeline.name)));
    }
    let Reading { execution, actions, entries, .. } = reading(asked, run);
    StageReading::Parallel { execution, actions, entries }
}
