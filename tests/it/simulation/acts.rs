//! What people and circumstances do, drawn when it happens, so that it may fall between any two calls.

use codepipeline_retrier::domain::glob::Glob;
use codepipeline_retrier::domain::ids::{ActionName, PipelineName, StageName};
use codepipeline_retrier::domain::pipeline::ExecutionMode;
use codepipeline_retrier::domain::policy::{Mode, RetryMode};
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::codepipeline::{
    ApprovalVerdict, Exception, PipelineDefinition, ServiceError,
};
use codepipeline_retrier::emulator::faults::{Fault, Operation};
use jiff::SignedDuration;

use super::setting;
use crate::rig::fleet::STAGES;
use crate::rig::random::Random;

/// A change starts to run through one of the pipelines.
pub fn start(random: &mut Random, pipelines: &[PipelineDefinition]) -> Act {
    Act::Start { pipeline: random.pick(pipelines).name.clone() }
}

/// What a person does.
pub fn person(random: &mut Random, pipelines: &[PipelineDefinition]) -> Act {
    let definition = random.pick(pipelines);
    let pipeline = definition.name.clone();
    let stage = StageName::parse(*random.pick(&STAGES)).unwrap();
    match random.below(24) {
        0..=6 => Act::Start { pipeline },
        7..=10 => {
            let mode = *random.pick(&[RetryMode::FailedActions, RetryMode::AllActions]);
            Act::Retry { pipeline, stage, mode }
        }
        11 => Act::Stop { pipeline, abandon: random.happens(5_000) },
        12 => Act::Rollback { pipeline, stage },
        13 => Act::Edit { pipeline, definition: None },
        // A PARALLEL pipeline has no state that would show whether the entry to a stage is open.
        14..=16 if definition.mode == ExecutionMode::Parallel => Act::Start { pipeline },
        14 => Act::Transition { pipeline, stage, enabled: false },
        15 | 16 => Act::Transition { pipeline, stage, enabled: true },
        17 | 18 => {
            let verdict = *random.pick(&[ApprovalVerdict::Approved, ApprovalVerdict::Rejected]);
            let action = ActionName::parse("Approve").unwrap();
            Act::Approve { pipeline, stage, action, verdict }
        }
        19 if definition.name.as_str() != "web-0" => Act::Delete { pipeline },
        19 | 20 => {
            let lasting = random.happens(5_000).then(|| SignedDuration::from_secs(random.between(10, 7_200)));
            Act::Pause { pipeline: some_or_all(random, &pipeline), lasting, reason: "a look".into() }
        }
        21 | 22 => Act::Resume { pipeline: some_or_all(random, &pipeline) },
        _ => Act::Send { body: "what is this".into() },
    }
}

/// What a person does to a stage that is about to be retried.
pub fn interference(random: &mut Random, definition: &PipelineDefinition, stage: &StageName) -> Act {
    let (pipeline, stage) = (definition.name.clone(), stage.clone());
    match random.below(8) {
        0..=2 => {
            let mode = *random.pick(&[RetryMode::FailedActions, RetryMode::AllActions]);
            Act::Retry { pipeline, stage, mode }
        }
        3 | 4 if definition.mode != ExecutionMode::Parallel => {
            Act::Transition { pipeline, stage, enabled: false }
        }
        _ => person(random, std::slice::from_ref(definition)),
    }
}

fn some_or_all(random: &mut Random, pipeline: &PipelineName) -> Option<Glob> {
    random.happens(5_000).then(|| Glob::new(pipeline.as_str()))
}

/// A deployment brings another policy or mode.
pub fn deployment(random: &mut Random) -> Act {
    match random.below(8) {
        0 => Act::Deploy { policy: None },
        1 => Act::SetMode(Mode::Shadow),
        2 | 3 => Act::SetMode(Mode::Active),
        _ => Act::Deploy { policy: Some(Box::new(setting::policy(random).clone())) },
    }
}

/// Something goes wrong with one of the next calls, or with all of one kind for a while.
pub fn trouble(random: &mut Random) -> Act {
    const REFUSALS: [Exception; 4] = [
        Exception::Conflict,
        Exception::Throttling,
        Exception::ConcurrentPipelineExecutionsLimitExceeded,
        Exception::StageNotRetryable,
    ];
    const FAULTS: [Fault; 7] = [
        Fault::CrashBefore,
        Fault::CrashAfter,
        Fault::HangBefore,
        Fault::HangAfter,
        Fault::NotDone,
        Fault::ReplyLost,
        Fault::LostUnsent,
    ];
    const OPERATIONS: [Operation; 23] = [
        Operation::LedgerRead,
        Operation::LedgerCommit,
        Operation::LedgerCommit,
        Operation::ControlsWrite,
        Operation::Observe,
        Operation::Fence,
        Operation::Retry,
        Operation::Retry,
        Operation::Retry,
        Operation::Arm,
        Operation::SweepRead,
        Operation::SweepWrite,
        Operation::Overdue,
        Operation::Catalogue,
        Operation::Tick,
        Operation::RollbackTarget,
        Operation::Rollback,
        Operation::Rollback,
        Operation::OutboxRead,
        Operation::OutboxWrite,
        Operation::Publish,
        Operation::Announce,
        Operation::Remind,
    ];
    let operation = *random.pick(&OPERATIONS);
    match random.below(10) {
        0..=1 => Act::RefuseRetry(ServiceError::new(*random.pick(&REFUSALS), "as planned")),
        2 => {
            let fault = *random.pick(&[Fault::NotDone, Fault::LostUnsent]);
            let lasting = SignedDuration::from_secs(random.between(5, 200));
            Act::Outage { operation, fault, lasting }
        }
        _ => Act::Break { operation, nth: 1 + random.below(2), fault: *random.pick(&FAULTS) },
    }
}
