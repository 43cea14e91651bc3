//! What people and circumstances do to a world: the other half of a scenario.

use jiff::{SignedDuration, Timestamp};

use super::codepipeline::{ApprovalAnswer, ApprovalVerdict, PipelineDefinition, ServiceError};
use super::faults::{Fault, Operation};
use super::world::World;
use crate::domain::controls::Pause;
use crate::domain::glob::Glob;
use crate::domain::ids::{ActionName, CalendarArn, ExecutionId, PipelineName, StageName};
use crate::domain::policy::{Mode, Policy, PolicyVersion, RetryMode};
use crate::domain::stage_run::after;
use crate::ports::KeptPolicy;

/// One act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A change starts to run through a pipeline.
    Start {
        /// The pipeline.
        pipeline: PipelineName,
    },
    /// A person presses Retry, for the execution that is in the stage.
    Retry {
        /// The pipeline.
        pipeline: PipelineName,
        /// The stage.
        stage: StageName,
        /// What to run again.
        mode: RetryMode,
    },
    /// A person stops the newest execution.
    Stop {
        /// The pipeline.
        pipeline: PipelineName,
        /// Whether running actions are let go.
        abandon: bool,
    },
    /// A person brings a stage back to the last execution that succeeded in it.
    Rollback {
        /// The pipeline.
        pipeline: PipelineName,
        /// The stage.
        stage: StageName,
    },
    /// A person answers an approval.
    Approve {
        /// The pipeline.
        pipeline: PipelineName,
        /// The stage.
        stage: StageName,
        /// The approval action.
        action: ActionName,
        /// The answer.
        verdict: ApprovalVerdict,
    },
    /// A person closes or opens the entry to a stage.
    Transition {
        /// The pipeline.
        pipeline: PipelineName,
        /// The stage.
        stage: StageName,
        /// Whether it is open from then on.
        enabled: bool,
    },
    /// A person edits a pipeline; without a new definition the old one is saved again as a new version.
    Edit {
        /// The pipeline.
        pipeline: PipelineName,
        /// What it becomes.
        definition: Option<Box<PipelineDefinition>>,
    },
    /// A person deletes a pipeline.
    Delete {
        /// The pipeline.
        pipeline: PipelineName,
    },
    /// An operator pauses the product.
    Pause {
        /// Which pipelines; all of them when absent.
        pipeline: Option<Glob>,
        /// For how long; until resumed when absent.
        lasting: Option<SignedDuration>,
        /// Why.
        reason: String,
    },
    /// An operator lifts pauses.
    Resume {
        /// Those set for exactly these pipelines; those for all when absent.
        pipeline: Option<Glob>,
    },
    /// A person closes a change calendar.
    CloseCalendar {
        /// The calendar.
        calendar: CalendarArn,
        /// For how long; until somebody opens it when absent.
        lasting: Option<SignedDuration>,
    },
    /// A person opens a change calendar.
    OpenCalendar {
        /// The calendar.
        calendar: CalendarArn,
    },
    /// A deployment brings another policy, or one that does not compile.
    Deploy {
        /// The policy.
        policy: Option<Box<Policy>>,
    },
    /// An operator pushes a policy into the ledger.
    PushPolicy {
        /// Its version.
        version: PolicyVersion,
        /// Its text.
        text: String,
    },
    /// An operator brings an earlier policy of the ledger back.
    RestorePolicy {
        /// Its number.
        number: u64,
    },
    /// A careless hand puts something else where a policy of the ledger was.
    DamagePolicy {
        /// Its number.
        number: u64,
        /// What is there from then on.
        kept: KeptPolicy,
    },
    /// A deployment brings another mode.
    SetMode(Mode),
    /// The next calls of `RetryStageExecution` are refused.
    RefuseRetry(ServiceError),
    /// Reads of CodePipeline show the present for a while longer.
    StaleReads {
        /// How long.
        lasting: SignedDuration,
    },
    /// An operation fails for a while.
    Outage {
        /// The operation.
        operation: Operation,
        /// How.
        fault: Fault,
        /// How long.
        lasting: SignedDuration,
    },
    /// The `nth` call of an operation from now on goes wrong.
    Break {
        /// The operation.
        operation: Operation,
        /// Counted from 1.
        nth: u64,
        /// How.
        fault: Fault,
    },
    /// Somebody sends the function a message of their own.
    Send {
        /// Its text.
        body: String,
    },
}

impl Act {
    /// The pipeline that a person acts on; none for what is done to the product and its surroundings.
    pub const fn pipeline(&self) -> Option<&PipelineName> {
        match self {
            Self::Start { pipeline }
            | Self::Retry { pipeline, .. }
            | Self::Stop { pipeline, .. }
            | Self::Rollback { pipeline, .. }
            | Self::Approve { pipeline, .. }
            | Self::Transition { pipeline, .. }
            | Self::Edit { pipeline, .. }
            | Self::Delete { pipeline } => Some(pipeline),
            _ => None,
        }
    }
}

/// An act that was done, and what there was before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// What.
    pub act: Act,
    /// CodePipeline's refusal of it.
    pub refusal: Option<ServiceError>,
    /// How many calls of `RetryStageExecution` there had been, of anybody.
    pub retry_calls: usize,
    /// How many executions its pipeline had had.
    pub executions: usize,
}

impl World {
    /// Lets an act happen now. An error is CodePipeline's refusal of it.
    pub fn act(&mut self, act: &Act) -> Result<(), ServiceError> {
        let executions = act.pipeline().and_then(|pipeline| self.service.list_executions(pipeline).ok());
        let (retry_calls, executions) =
            (self.service.retry_calls().len(), executions.map_or(0, |executions| executions.len()));
        let answer = self.carry_out(act);
        let refusal = answer.clone().err();
        self.deeds.push(Deed { at: self.now(), act: act.clone(), refusal, retry_calls, executions });
        answer
    }

    fn carry_out(&mut self, act: &Act) -> Result<(), ServiceError> {
        let now = self.now();
        match act {
            Act::Start { pipeline } => self.service.start_pipeline_execution(now, pipeline).map(|_| ()),
            Act::Retry { pipeline, stage, mode } => {
                let execution = self.execution_in(pipeline, stage)?;
                let mode = *mode;
                self.service
                    .retry_stage_execution(now, "person", pipeline, stage, &execution, mode)
                    .map(|_| ())
            }
            Act::Stop { pipeline, abandon } => {
                let newest = self.newest_execution(pipeline)?;
                let reason = Some("stopped by a person");
                self.service.stop_pipeline_execution(now, pipeline, &newest, *abandon, reason).map(|_| ())
            }
            Act::Rollback { pipeline, stage } => {
                let target = self.last_success(pipeline, stage)?;
                self.service.rollback_stage(now, "person", pipeline, stage, &target).map(|_| ())
            }
            Act::Approve { pipeline, stage, action, verdict } => {
                let answer = ApprovalAnswer { verdict: *verdict, summary: "by a person".into(), token: None };
                self.service.put_approval_result(now, pipeline, stage, action, answer).map(|_| ())
            }
            Act::Transition { pipeline, stage, enabled: true } => {
                self.service.enable_stage_transition(now, pipeline, stage)
            }
            Act::Transition { pipeline, stage, enabled: false } => {
                self.service.disable_stage_transition(now, pipeline, stage, "closed by a person")
            }
            Act::Edit { pipeline, definition } => {
                let definition = match definition {
                    Some(definition) => (**definition).clone(),
                    None => self.service.definition(pipeline, None)?.1.clone(),
                };
                self.service.update_pipeline(now, definition).map(|_| ())
            }
            Act::Delete { pipeline } => {
                self.service.delete_pipeline(now, pipeline);
                Ok(())
            }
            act => {
                self.set_up(act, now);
                Ok(())
            }
        }
    }

    /// The acts that are not addressed to CodePipeline, and that nobody can refuse.
    fn set_up(&mut self, act: &Act, now: Timestamp) {
        let later = |lasting: SignedDuration| after(now, lasting);
        match act {
            Act::Pause { pipeline, lasting, reason } => {
                let pause =
                    Pause { pipeline: pipeline.clone(), until: lasting.map(later), reason: reason.clone() };
                let next = self.ledger.controls().pause(pause);
                self.ledger.write_controls(&next);
            }
            Act::Resume { pipeline } => {
                let next = self.ledger.controls().resume(pipeline.as_ref());
                self.ledger.write_controls(&next);
            }
            Act::CloseCalendar { calendar, lasting } => {
                self.calendars.close(calendar.clone(), lasting.map(later));
            }
            Act::OpenCalendar { calendar } => self.calendars.open(calendar),
            Act::Deploy { policy } => self.deployed.policy = policy.as_deref().cloned(),
            Act::PushPolicy { version, text } => {
                self.ledger.push_policy(version.clone(), text.clone(), "an operator", now);
            }
            Act::RestorePolicy { number } => {
                self.ledger.restore_policy(*number, "an operator", now);
            }
            Act::DamagePolicy { number, kept } => self.ledger.damage_policy(*number, kept.clone()),
            Act::SetMode(mode) => self.deployed.mode = *mode,
            Act::RefuseRetry(refusal) => self.service.refuse_next_retry(refusal.clone()),
            Act::StaleReads { lasting } => self.show_the_present_until(later(*lasting)),
            Act::Outage { operation, fault, lasting } => {
                self.faults.plan_outage(*operation, now, later(*lasting), *fault);
            }
            Act::Break { operation, nth, fault } => {
                let nth = self.faults.count(*operation) + nth;
                self.faults.plan(*operation, nth, *fault);
            }
            Act::Send { body } => self.queue.send(body.clone(), now),
            _ => {}
        }
    }

    fn execution_in(&self, pipeline: &PipelineName, stage: &StageName) -> Result<ExecutionId, ServiceError> {
        let state = self.service.pipeline_state(pipeline)?;
        let latest =
            state.stages.into_iter().find(|known| known.name == *stage).and_then(|known| known.latest);
        match latest {
            Some(latest) => Ok(latest.execution),
            None => self.newest_execution(pipeline),
        }
    }

    fn newest_execution(&self, pipeline: &PipelineName) -> Result<ExecutionId, ServiceError> {
        let newest = self.service.list_executions(pipeline)?.into_iter().next();
        newest.map(|execution| execution.id).ok_or_else(|| nothing_to_act_on(pipeline))
    }

    fn last_success(&self, pipeline: &PipelineName, stage: &StageName) -> Result<ExecutionId, ServiceError> {
        use crate::domain::pipeline::ActionStatus;
        let executions = self.service.list_executions(pipeline)?;
        for execution in executions {
            let runs = self.service.action_executions(pipeline, &execution.id)?;
            let mut in_stage = runs.iter().filter(|run| run.stage == *stage).peekable();
            if in_stage.peek().is_some() && in_stage.all(|run| run.status == ActionStatus::Succeeded) {
                return Ok(execution.id);
            }
        }
        Err(nothing_to_act_on(pipeline))
    }
}

fn nothing_to_act_on(pipeline: &PipelineName) -> ServiceError {
    ServiceError::new(
        super::codepipeline::Exception::PipelineExecutionNotFound,
        format!("pipeline `{pipeline}` has no execution to act on"),
    )
}
