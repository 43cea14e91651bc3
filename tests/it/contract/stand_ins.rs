//! The parts of the emulator behind the ports, each by itself, with no more than a lock and a clock around them. `World`
//! takes their place where it implements the ports.

mod ledger {
    use std::sync::Mutex;

    use codepipeline_retrier::domain::budget::BucketKey;
    use codepipeline_retrier::domain::controls::Controls;
    use codepipeline_retrier::domain::ids::StageRunId;
    use codepipeline_retrier::domain::protocol::{Commit, CommitReply, ControlsReply, Fault, View};
    use codepipeline_retrier::emulator::ledger::MemoryLedger;
    use codepipeline_retrier::names::decision_id;
    use codepipeline_retrier::ports::{Ledger, Quarantined};

    use crate::contract::ledger::Inspected;

    #[derive(Debug, Default)]
    struct LockedLedger(Mutex<MemoryLedger>);

    impl Ledger for LockedLedger {
        async fn read(&self, run: &StageRunId, buckets: &[BucketKey]) -> Result<View, Fault> {
            Ok(self.0.lock().unwrap().read(run, buckets))
        }

        async fn commit(&self, commit: &Commit) -> Result<CommitReply, Fault> {
            Ok(self.0.lock().unwrap().commit(commit))
        }

        async fn write_controls(&self, controls: &Controls) -> Result<ControlsReply, Fault> {
            Ok(self.0.lock().unwrap().write_controls(controls))
        }

        async fn quarantine(&self, message: &Quarantined) -> Result<(), Fault> {
            self.0.lock().unwrap().quarantine(message);
            Ok(())
        }
    }

    impl Inspected for LockedLedger {
        async fn decision_ids(&self, run: &StageRunId) -> Vec<String> {
            let ledger = self.0.lock().unwrap();
            ledger.decisions().iter().filter(|decision| decision.run == *run).map(decision_id).collect()
        }

        async fn quarantined(&self) -> Vec<Quarantined> {
            self.0.lock().unwrap().quarantined().cloned().collect()
        }
    }

    crate::contract::ledger::suite!(crate::immediate::run, LockedLedger::default);
}

mod schedules {
    use std::sync::Mutex;

    use jiff::Timestamp;

    use codepipeline_retrier::domain::protocol::Fault;
    use codepipeline_retrier::domain::trigger::WakeUp;
    use codepipeline_retrier::emulator::queue::Queue;
    use codepipeline_retrier::event::wake_up_body;
    use codepipeline_retrier::names::wake_up_name;
    use codepipeline_retrier::ports::Schedules;

    use crate::arbitrary::at;
    use crate::contract::schedules::Delivering;

    /// A queue, the wake-ups that were armed, and the present.
    #[derive(Debug)]
    struct QueuedWakeUps(Mutex<(Queue, Vec<WakeUp>, Timestamp)>);

    fn new() -> QueuedWakeUps {
        QueuedWakeUps(Mutex::new((Queue::default(), Vec::new(), at(0))))
    }

    impl Schedules for QueuedWakeUps {
        async fn arm(&self, wake_up: &WakeUp, at: Timestamp) -> Result<(), Fault> {
            let (queue, armed, now) = &mut *self.0.lock().unwrap();
            queue.send_named(wake_up_name(wake_up), wake_up_body(wake_up), at.max(*now));
            armed.push(wake_up.clone());
            Ok(())
        }
    }

    impl Delivering for QueuedWakeUps {
        async fn deliver_until(&self, until: Timestamp, mut keep: impl FnMut(Timestamp, &WakeUp) -> bool) {
            let (queue, armed, now) = &mut *self.0.lock().unwrap();
            while let Some(due) = queue.next_due().filter(|due| *due <= until) {
                *now = due.max(*now);
                let Some(message) = queue.receive(*now) else { continue };
                let wake_up = armed.iter().find(|wake_up| wake_up_body(wake_up) == message.body).unwrap();
                if keep(*now, wake_up) {
                    queue.delete(message.id);
                }
            }
            *now = until.max(*now);
        }
    }

    crate::contract::schedules::suite!(crate::immediate::run, new);
}

mod pipelines {
    use std::sync::Mutex;

    use jiff::{SignedDuration, Timestamp};

    use codepipeline_retrier::domain::ids::{ExecutionId, PipelineArn, PipelineName, StageName, StageRunId};
    use codepipeline_retrier::domain::pipeline::{ExecutionMode, Gap, Reading, RetryReply, StageReading};
    use codepipeline_retrier::domain::policy::RetryMode;
    use codepipeline_retrier::emulator::codepipeline::{
        CodePipeline, Exception, PipelineDefinition, ServiceError, Switches,
    };
    use codepipeline_retrier::ports::Pipelines;

    use crate::arbitrary::{at, run};
    use crate::contract::pipelines::Running;

    /// The service, and the present.
    #[derive(Debug)]
    struct ClockedPipelines(Mutex<(CodePipeline, Timestamp)>);

    fn new() -> ClockedPipelines {
        let PipelineArn { partition, region, account, .. } = run().pipeline;
        let service = CodePipeline::new(partition, account, region, Switches::default());
        ClockedPipelines(Mutex::new((service, at(0))))
    }

    fn or_gap<T>(answer: Result<T, ServiceError>) -> Result<T, Gap> {
        answer.map_err(|error| match error.exception {
            Exception::PipelineNotFound => Gap::PipelineNotFound,
            Exception::PipelineExecutionNotFound => Gap::ExecutionNotFound,
            Exception::AccessDenied => Gap::Denied,
            Exception::Throttling => Gap::Throttled,
            _ => Gap::Unavailable,
        })
    }

    impl Pipelines for ClockedPipelines {
        async fn observe(&self, run: &StageRunId) -> Reading {
            let (service, _) = &*self.0.lock().unwrap();
            let name = &run.pipeline.name;
            let execution = or_gap(service.pipeline_execution(name, &run.execution));
            let parallel = execution.as_ref().is_ok_and(|of| of.mode == ExecutionMode::Parallel);
            Reading {
                state: if parallel { Err(Gap::NotRead) } else { or_gap(service.pipeline_state(name)) },
                structure: or_gap(service.pipeline_structure(name)),
                actions: or_gap(service.action_executions(name, &run.execution)),
                entries: if parallel {
                    or_gap(service.stage_entries(name, &run.stage))
                } else {
                    Err(Gap::NotRead)
                },
                execution,
            }
        }

        async fn observe_stage(&self, run: &StageRunId, mode: ExecutionMode) -> StageReading {
            let (service, _) = &*self.0.lock().unwrap();
            let name = &run.pipeline.name;
            if mode != ExecutionMode::Parallel {
                return StageReading::State(or_gap(service.pipeline_state(name)));
            }
            StageReading::Parallel {
                execution: or_gap(service.pipeline_execution(name, &run.execution)),
                actions: or_gap(service.action_executions(name, &run.execution)),
                entries: or_gap(service.stage_entries(name, &run.stage)),
            }
        }

        async fn retry_stage(&self, run: &StageRunId, mode: RetryMode) -> RetryReply {
            let (service, now) = &mut *self.0.lock().unwrap();
            let (name, stage) = (&run.pipeline.name, &run.stage);
            match service.retry_stage_execution(*now, "retrier", name, stage, &run.execution, mode) {
                Ok(_) => RetryReply::Accepted,
                Err(error) => error.exception.refusal().map_or(RetryReply::Unknown, RetryReply::Refused),
            }
        }
    }

    impl Running for ClockedPipelines {
        fn arn(&self, name: &PipelineName) -> PipelineArn {
            PipelineArn { name: name.clone(), ..run().pipeline }
        }

        async fn make(&self, definition: PipelineDefinition) {
            let (service, now) = &mut *self.0.lock().unwrap();
            if service.list_pipelines().contains(&definition.name) {
                service.update_pipeline(*now, definition).unwrap();
            } else {
                service.create_pipeline(*now, definition).unwrap();
            }
        }

        async fn start(&self, pipeline: &PipelineName) -> ExecutionId {
            let (service, now) = &mut *self.0.lock().unwrap();
            service.start_pipeline_execution(*now, pipeline).unwrap()
        }

        async fn pass(&self, duration: SignedDuration) {
            let (service, now) = &mut *self.0.lock().unwrap();
            *now += duration;
            service.advance(*now);
        }

        async fn close_entry(&self, pipeline: &PipelineName, stage: &StageName) {
            let (service, now) = &mut *self.0.lock().unwrap();
            service.disable_stage_transition(*now, pipeline, stage, "investigating").unwrap();
        }
    }

    crate::contract::pipelines::suite!(crate::immediate::run, new);
}
