//! The world behind the engine's ports. Every call gives way once before and once after it takes effect, so that
//! handlings can interleave, and goes wrong as planned.

use std::future::{pending, poll_fn};
use std::task::Poll;

use jiff::Timestamp;

use super::codepipeline::{CodePipeline, Exception, ServiceError};
use super::faults::{CALL_TIMEOUT, Fault, Operation};
use super::world::{SharedWorld, World};
use crate::domain::budget::BucketKey;
use crate::domain::controls::Controls;
use crate::domain::ids::StageRunId;
use crate::domain::pipeline::{
    ExecutionMode, Gap, PipelineExecution, Reading, Refusal, RetryReply, StageReading,
};
use crate::domain::policy::RetryMode;
use crate::domain::protocol::{Commit, CommitReply, ControlsReply, Fault as PortFault, View};
use crate::domain::trigger::WakeUp;
use crate::event::wake_up_body;
use crate::names::wake_up_name;
use crate::ports::{Ledger, Pipelines, Quarantined, Schedules};

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
                if fault.kills() {
                    self.lock().kill(self.handling());
                    return pending().await;
                }
                if matches!(fault, Fault::ReplyLost | Fault::LostUnsent) {
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
        Fault::NotDone | Fault::Denied | Fault::CrashBefore | Fault::CrashAfter => PortFault::NotDone,
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
    async fn read(&self, run: &StageRunId, buckets: &[BucketKey]) -> Result<View, PortFault> {
        self.call(
            Operation::LedgerRead,
            |world| Ok(world.ledger.read(run, buckets)),
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

    async fn write_controls(&self, controls: &Controls) -> Result<ControlsReply, PortFault> {
        self.call(
            Operation::ControlsWrite,
            |world| Ok(world.ledger.write_controls(controls)),
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
            |world| reading(world.shown(), run),
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
            |world| stage_reading(world.shown(), run, mode),
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
}

impl Schedules for SharedWorld {
    async fn arm(&self, wake_up: &WakeUp, at: Timestamp) -> Result<(), PortFault> {
        self.call(
            Operation::Arm,
            |world| {
                let visible_at = at.max(world.now());
                world.queue.send_named(wake_up_name(wake_up), wake_up_body(wake_up, visible_at), visible_at);
                Ok(())
            },
            |fault| Err(port_fault(fault)),
        )
        .await
    }
}

fn retry(world: &mut World, run: &StageRunId, mode: RetryMode) -> RetryReply {
    let now = world.now();
    let name = &run.pipeline.name;
    let answer = world.service.retry_stage_execution(now, "retrier", name, &run.stage, &run.execution, mode);
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

fn execution_of(service: &CodePipeline, run: &StageRunId) -> Result<PipelineExecution, Gap> {
    service.pipeline_execution(&run.pipeline.name, &run.execution).map_err(|error| gap(&error))
}

fn reading(service: &CodePipeline, run: &StageRunId) -> Reading {
    let name = &run.pipeline.name;
    let execution = execution_of(service, run);
    let is_parallel = execution.as_ref().is_ok_and(|execution| execution.mode == ExecutionMode::Parallel);
    Reading {
        state: if is_parallel {
            Err(Gap::NotRead)
        } else {
            service.pipeline_state(name).map_err(|error| gap(&error))
        },
        structure: service.pipeline_structure(name).map_err(|error| gap(&error)),
        actions: service.action_executions(name, &run.execution).map_err(|error| gap(&error)),
        entries: if is_parallel {
            service.stage_entries(name, &run.stage).map_err(|error| gap(&error))
        } else {
            Err(Gap::NotRead)
        },
        execution,
    }
}

fn stage_reading(service: &CodePipeline, run: &StageRunId, mode: ExecutionMode) -> StageReading {
    if mode != ExecutionMode::Parallel {
        return StageReading::State(service.pipeline_state(&run.pipeline.name).map_err(|error| gap(&error)));
    }
    let Reading { execution, actions, entries, .. } = reading(service, run);
    StageReading::Parallel { execution, actions, entries }
}
