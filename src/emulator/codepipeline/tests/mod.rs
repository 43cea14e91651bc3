//! How the service behaves, rule by rule, with both sides of every switch.

mod approval;
mod changes;
mod conditions;
mod edit;
mod events;
mod failure;
mod fleets;
mod modes;
mod native;
mod random;
mod refusals;
mod retry;
mod rollback;
mod stop;
mod transition;

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::{AccountId, ActionName, ExecutionId, Partition, PipelineName, Region, StageName};
use crate::domain::pipeline::{
    ActionExecution, ActionRun, ActionStatus, Category, ExecutionMode, ExecutionStatus, StageState,
};
use crate::domain::policy::RetryMode;

use super::{
    ActionDefinition, CodePipeline, Exception, Outcome, PipelineDefinition, ServiceError, StageDefinition,
    Switches,
};

fn pipeline_name(name: &str) -> PipelineName {
    PipelineName::parse(name).unwrap()
}

fn stage_name(name: &str) -> StageName {
    StageName::parse(name).unwrap()
}

fn action_name(name: &str) -> ActionName {
    ActionName::parse(name).unwrap()
}

fn succeeds(seconds: i64) -> Outcome {
    Outcome::Succeed { after: SignedDuration::from_secs(seconds) }
}

fn fails(seconds: i64) -> Outcome {
    Outcome::Fail {
        after: SignedDuration::from_secs(seconds),
        code: "JobFailed".to_owned(),
        message: "connection reset".to_owned(),
        summary: "Build terminated with state: FAILED".to_owned(),
        cause: None,
    }
}

fn action<const N: usize>(name: &str, script: [Outcome; N]) -> ActionDefinition {
    ActionDefinition::new(action_name(name), Category::Build, "CodeBuild").with_script(script)
}

fn approval(name: &str) -> ActionDefinition {
    ActionDefinition::new(action_name(name), Category::Approval, "Manual")
}

fn stage<const N: usize>(name: &str, actions: [ActionDefinition; N]) -> StageDefinition {
    StageDefinition::new(stage_name(name), actions.into())
}

fn pipeline<const N: usize>(stages: [StageDefinition; N]) -> PipelineDefinition {
    PipelineDefinition::new(pipeline_name("shop"), stages.into())
}

/// Source and Test take 10 seconds each, Prod takes 10 after them; Test's action has this script.
fn three_stages<const N: usize>(script: [Outcome; N]) -> PipelineDefinition {
    pipeline([
        stage("Source", [action("Fetch", [succeeds(10)])]),
        stage("Test", [action("Browser", script)]),
        stage("Prod", [action("Deploy", [succeeds(10)])]),
    ])
}

/// A service with one pipeline, and a clock.
struct Bench {
    service: CodePipeline,
    now: Timestamp,
    name: PipelineName,
}

impl Bench {
    fn new(definition: PipelineDefinition) -> Self {
        Self::with(Switches::default(), definition)
    }

    fn with(switches: Switches, definition: PipelineDefinition) -> Self {
        let now = "2026-03-02T09:00:00.750Z".parse().unwrap();
        let mut service = CodePipeline::new(
            Partition::parse("aws").unwrap(),
            AccountId::parse("111122223333").unwrap(),
            Region::parse("eu-central-1").unwrap(),
            switches,
        );
        let name = definition.name.clone();
        service.create_pipeline(now, definition).unwrap();
        Self { service, now, name }
    }

    fn start(&mut self) -> ExecutionId {
        self.service.start_pipeline_execution(self.now, &self.name).unwrap()
    }

    fn wait(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        self.service.advance(self.now);
    }

    /// Starts an execution and lets it run for a while.
    fn start_and_wait(&mut self, seconds: i64) -> ExecutionId {
        let id = self.start();
        self.wait(seconds);
        id
    }

    fn try_retry(
        &mut self,
        stage: &str,
        id: &ExecutionId,
        mode: RetryMode,
    ) -> Result<ExecutionId, ServiceError> {
        let stage = stage_name(stage);
        self.service.retry_stage_execution(self.now, "person", &self.name, &stage, id, mode)
    }

    fn retry(&mut self, stage: &str, id: &ExecutionId) {
        let answer = self.try_retry(stage, id, RetryMode::FailedActions);
        assert_eq!(answer.as_ref(), Ok(id), "a retry keeps the execution");
    }

    fn refused(&mut self, stage: &str, id: &ExecutionId) -> Exception {
        let answer = self.try_retry(stage, id, RetryMode::FailedActions);
        answer.unwrap_err().exception
    }

    fn status(&self, id: &ExecutionId) -> ExecutionStatus {
        let execution = self.service.pipeline_execution(&self.name, id);
        execution.unwrap().status
    }

    fn stage(&self, name: &str) -> StageState {
        let state = self.service.pipeline_state(&self.name).unwrap();
        let mut stages = state.stages.into_iter();
        stages.find(|stage| stage.name.as_str() == name).unwrap()
    }

    fn stage_status(&self, name: &str) -> Option<ExecutionStatus> {
        self.stage(name).latest.map(|latest| latest.status)
    }

    fn in_stage(&self, name: &str) -> Option<ExecutionId> {
        self.stage(name).latest.map(|latest| latest.execution)
    }

    fn action(&self, stage: &str, action: &str) -> Option<ActionRun> {
        let mut actions = self.stage(stage).actions.into_iter();
        let found = actions.find(|state| state.name.as_str() == action);
        found.unwrap().latest
    }

    /// The runs of an action for an execution, oldest first.
    fn runs(&self, id: &ExecutionId, action: &str) -> Vec<ActionExecution> {
        let runs = self.service.action_executions(&self.name, id).unwrap();
        let runs = runs.into_iter().rev();
        runs.filter(|run| run.action.as_str() == action).collect()
    }

    fn run_statuses(&self, id: &ExecutionId, action: &str) -> Vec<ActionStatus> {
        let runs = self.runs(id, action);
        runs.into_iter().map(|run| run.status).collect()
    }

    /// The events since the last call, in short: `Stage Test FAILED`.
    fn events(&mut self) -> Vec<String> {
        let events = self.service.drain_events();
        let text = |event: &serde_json::Value, pointer: &str| {
            let value = event.pointer(pointer).and_then(|value| value.as_str());
            value.map(str::to_owned)
        };
        let in_short = |(_, event): (Timestamp, serde_json::Value)| {
            let kind = text(&event, "/detail-type")?;
            let kind = kind.split(' ').nth(1)?.to_owned();
            let name = text(&event, "/detail/action").or(text(&event, "/detail/stage"));
            let words = [Some(kind), name, text(&event, "/detail/state")];
            Some(words.into_iter().flatten().collect::<Vec<_>>().join(" "))
        };
        events.into_iter().filter_map(in_short).collect()
    }

    /// The last stage event's detail.
    fn last_stage_event(&mut self) -> serde_json::Value {
        let events = self.service.drain_events();
        let details = events.into_iter().map(|(_, event)| event["detail"].clone());
        let mut stages = details.filter(|detail| detail.get("action").is_none());
        stages.rfind(|detail| detail.get("stage").is_some()).unwrap()
    }
}
