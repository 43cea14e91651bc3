//! The contract of CodePipeline's port: what is read shows what happened, and a retry is carried out or refused with the
//! reason that the engine acts upon. It is tried on pipelines that really run, whoever runs them.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use codepipeline_retrier::domain::facts::{StageFacts, failure, gather, refreshed};
use codepipeline_retrier::domain::ids::{
    ActionExecutionId, ActionName, ExecutionId, PipelineArn, PipelineName, StageName, StageRunId,
};
use codepipeline_retrier::domain::pipeline::{
    ActionStatus, Category, ExecutionMode, ExecutionStatus, Gap, Reading, Refusal, RetryReply, StageReading,
    Transition,
};
use codepipeline_retrier::domain::policy::RetryMode;
use codepipeline_retrier::emulator::codepipeline::{
    ActionDefinition, Outcome, PipelineDefinition, StageDefinition,
};
use codepipeline_retrier::ports::Pipelines;

/// A CodePipeline in which pipelines can be made and run.
pub trait Running: Pipelines {
    /// Where its pipelines are.
    fn arn(&self, name: &PipelineName) -> PipelineArn;

    /// Makes a pipeline, or gives an existing one another structure.
    async fn make(&self, definition: PipelineDefinition);

    /// Starts an execution.
    async fn start(&self, pipeline: &PipelineName) -> ExecutionId;

    /// Lets the pipelines run for so long.
    async fn pass(&self, duration: SignedDuration);

    /// Closes the entry to a stage.
    async fn close_entry(&self, pipeline: &PipelineName, stage: &StageName);
}

/// One test for each clause. The first argument runs a future, the second makes a CodePipeline without pipelines.
macro_rules! suite {
    ($run:path, $make:path) => {
        $crate::contract::ledger::suite! {
            @ $run, $make, pipelines:
            a_failure_is_shown_by_state_and_history_alike
            a_failure_is_read_with_what_a_decision_needs
            what_is_read_again_is_what_was_read
            a_retry_runs_the_failed_action_under_a_new_id
            a_retry_of_all_actions_runs_the_others_too
            a_second_retry_at_once_is_refused
            a_stage_that_runs_or_has_succeeded_is_not_retried
            after_a_newer_execution_the_older_one_is_not_retried
            after_an_edit_the_stage_is_not_retried
            a_closed_entry_is_shown
            an_approval_is_shown_as_one
            an_unknown_pipeline_is_a_gap_and_a_refusal
            an_unknown_execution_is_a_gap_and_a_refusal
            an_unknown_stage_is_a_refusal
            a_parallel_pipeline_is_read_without_a_state
        }
    };
}
pub(crate) use suite;

const FAILS_AT: SignedDuration = SignedDuration::from_secs(20);

fn name() -> PipelineName {
    PipelineName::parse("shop").unwrap()
}

fn stage_name() -> StageName {
    StageName::parse("Test").unwrap()
}

fn succeeds() -> Outcome {
    Outcome::Succeed { after: SignedDuration::from_secs(10) }
}

fn fails() -> Outcome {
    Outcome::fail(SignedDuration::from_secs(10), "Rate exceeded")
}

fn action(name: &str, script: impl IntoIterator<Item = Outcome>) -> ActionDefinition {
    let name = ActionName::parse(name).unwrap();
    ActionDefinition::new(name, Category::Build, "CodeBuild").with_script(script)
}

/// A source stage of ten seconds, then `Test`: `Lint` succeeds, `Unit` follows this script.
fn shop(script: impl IntoIterator<Item = Outcome>) -> PipelineDefinition {
    let source =
        StageDefinition::new(StageName::parse("Source").unwrap(), vec![action("Fetch", [succeeds()])]);
    let test = StageDefinition::new(stage_name(), vec![action("Lint", [succeeds()]), action("Unit", script)]);
    PipelineDefinition::new(name(), vec![source, test])
}

fn run_of<P: Running>(port: &P, execution: ExecutionId) -> StageRunId {
    StageRunId { pipeline: port.arn(&name()), execution, stage: stage_name() }
}

/// Makes the pipeline, runs it once and waits until it has failed.
async fn failed<P: Running>(port: &P, definition: PipelineDefinition) -> StageRunId {
    port.make(definition).await;
    let execution = port.start(&name()).await;
    port.pass(FAILS_AT + SignedDuration::from_secs(5)).await;
    run_of(port, execution)
}

fn facts(run: &StageRunId, reading: &Reading) -> StageFacts {
    gather(run, reading).unwrap_or_else(|unfit| panic!("{unfit:?}: {reading:#?}"))
}

async fn retry<P: Pipelines>(port: &P, run: &StageRunId) -> RetryReply {
    port.retry_stage(run, RetryMode::FailedActions).await
}

fn refused(refusal: Refusal) -> RetryReply {
    RetryReply::Refused(refusal)
}

/// The runs of an action in the history.
fn ids(reading: &Reading, action: &str) -> BTreeSet<ActionExecutionId> {
    let runs = reading.actions.as_ref().unwrap().iter();
    runs.filter(|run| run.action.as_str() == action).map(|run| run.id.clone()).collect()
}

pub async fn a_failure_is_shown_by_state_and_history_alike<P: Running>(port: &P) {
    let run = failed(port, shop([fails()])).await;
    let reading = port.observe(&run).await;
    let state = reading.state.as_ref().unwrap();
    let stage = state.stages.iter().find(|stage| stage.name == run.stage).unwrap();
    let latest = stage.latest.as_ref().unwrap();
    assert_eq!((&latest.execution, latest.status), (&run.execution, ExecutionStatus::Failed));
    let shown = stage.actions.iter().find(|action| action.name.as_str() == "Unit").unwrap();
    let shown = shown.latest.as_ref().unwrap();
    let history = reading.actions.as_ref().unwrap();
    let known = history.iter().find(|of| of.id == shown.id).expect("the history knows the run");
    assert_eq!((known.action.as_str(), known.status), ("Unit", ActionStatus::Failed));
    assert_eq!((shown.status, shown.last_change), (known.status, known.last_change));
    assert_eq!(shown.error, known.error);
    assert!(history.iter().all(|of| of.execution == run.execution));
}

pub async fn a_failure_is_read_with_what_a_decision_needs<P: Running>(port: &P) {
    let run = failed(port, shop([fails()])).await;
    let facts = facts(&run, &port.observe(&run).await);
    assert_eq!((facts.status, facts.execution_status), (ExecutionStatus::Failed, ExecutionStatus::Failed));
    assert_eq!((facts.mode, facts.version), (ExecutionMode::Superseded, facts.current_version));
    assert_eq!(facts.transition, Transition::Enabled);
    assert_eq!((facts.replaced_by, facts.native_retry, facts.in_progress.len()), (None, false, 0));
    assert!(facts.earlier.is_empty());
    let [unit] = facts.failed.as_slice() else { panic!("not one failed action: {:?}", facts.failed) };
    assert_eq!(
        (unit.name.as_str(), unit.category, unit.provider.as_str()),
        ("Unit", Category::Build, "CodeBuild")
    );
    assert_eq!(unit.error.message.expose(), "Rate exceeded");
    assert_eq!(unit.failed_at.duration_since(unit.started), SignedDuration::from_secs(10));
}

pub async fn what_is_read_again_is_what_was_read<P: Running>(port: &P) {
    for mode in [ExecutionMode::Superseded, ExecutionMode::Queued, ExecutionMode::Parallel] {
        let run = failed(port, shop([fails()]).in_mode(mode)).await;
        let reading = port.observe(&run).await;
        let again = port.observe_stage(&run, mode).await;
        assert_eq!(matches!(again, StageReading::Parallel { .. }), mode == ExecutionMode::Parallel);
        assert_eq!(refreshed(&reading, again), reading, "{mode:?}");
        assert!(!failure(&run, &reading).is_empty(), "{mode:?}");
    }
}

pub async fn a_retry_runs_the_failed_action_under_a_new_id<P: Running>(port: &P) {
    let run = failed(port, shop([fails(), fails(), succeeds()])).await;
    let before = port.observe(&run).await;
    assert_eq!(retry(port, &run).await, RetryReply::Accepted);
    let during = facts(&run, &port.observe(&run).await);
    assert_eq!(
        (during.status, during.failed.len(), during.in_progress.len()),
        (ExecutionStatus::InProgress, 0, 1)
    );
    port.pass(SignedDuration::from_secs(15)).await;
    let reading = port.observe(&run).await;
    let after = facts(&run, &reading);
    assert_eq!(after.status, ExecutionStatus::Failed);
    assert!(after.failure().is_disjoint(&failure(&run, &before)));
    let earlier: Vec<_> = after.earlier.iter().map(|attempt| attempt.failed.clone()).collect();
    assert_eq!(earlier, [failure(&run, &before)]);
    assert_eq!((ids(&reading, "Unit").len(), ids(&reading, "Lint").len()), (2, 1));
}

pub async fn a_retry_of_all_actions_runs_the_others_too<P: Running>(port: &P) {
    let run = failed(port, shop([fails(), succeeds()])).await;
    assert_eq!(port.retry_stage(&run, RetryMode::AllActions).await, RetryReply::Accepted);
    port.pass(SignedDuration::from_secs(15)).await;
    let reading = port.observe(&run).await;
    assert_eq!(facts(&run, &reading).status, ExecutionStatus::Succeeded);
    assert_eq!((ids(&reading, "Unit").len(), ids(&reading, "Lint").len()), (2, 2));
}

pub async fn a_second_retry_at_once_is_refused<P: Running>(port: &P) {
    let run = failed(port, shop([fails()])).await;
    assert_eq!(retry(port, &run).await, RetryReply::Accepted);
    assert_eq!(retry(port, &run).await, refused(Refusal::NotRetryable));
    assert_eq!(ids(&port.observe(&run).await, "Unit").len(), 2, "a refused retry has no effect");
}

pub async fn a_stage_that_runs_or_has_succeeded_is_not_retried<P: Running>(port: &P) {
    port.make(shop([succeeds()])).await;
    let execution = port.start(&name()).await;
    let run = run_of(port, execution);
    for (seconds, status) in [(15, ExecutionStatus::InProgress), (15, ExecutionStatus::Succeeded)] {
        port.pass(SignedDuration::from_secs(seconds)).await;
        assert_eq!(facts(&run, &port.observe(&run).await).status, status);
        assert_eq!(retry(port, &run).await, refused(Refusal::NotRetryable));
    }
}

pub async fn after_a_newer_execution_the_older_one_is_not_retried<P: Running>(port: &P) {
    let older = failed(port, shop([fails()])).await;
    let newer = port.start(&name()).await;
    port.pass(SignedDuration::from_secs(15)).await;
    assert_eq!(facts(&older, &port.observe(&older).await).replaced_by, Some(newer.clone()));
    assert_eq!(retry(port, &older).await, refused(Refusal::NotLatestExecution));
    let newer = run_of(port, newer);
    assert_eq!(facts(&newer, &port.observe(&newer).await).replaced_by, None);
}

pub async fn after_an_edit_the_stage_is_not_retried<P: Running>(port: &P) {
    let run = failed(port, shop([fails()])).await;
    port.make(shop([succeeds()])).await;
    let facts = facts(&run, &port.observe(&run).await);
    assert_eq!(facts.current_version, facts.version + 1);
    assert_eq!(retry(port, &run).await, refused(Refusal::NotRetryable));
}

pub async fn a_closed_entry_is_shown<P: Running>(port: &P) {
    let run = failed(port, shop([fails()])).await;
    port.close_entry(&name(), &stage_name()).await;
    assert_eq!(facts(&run, &port.observe(&run).await).transition, Transition::Disabled);
}

pub async fn an_approval_is_shown_as_one<P: Running>(port: &P) {
    let mut definition = shop([fails()]);
    let go = ActionDefinition::new(ActionName::parse("Go").unwrap(), Category::Approval, "Manual");
    definition.stages[1].actions.push(go);
    let run = failed(port, definition).await;
    let waiting = facts(&run, &port.observe(&run).await);
    assert_eq!(waiting.in_progress.iter().map(ActionName::as_str).collect::<Vec<_>>(), ["Go"]);
    // Nobody answers for seven days.
    port.pass(SignedDuration::from_hours(7 * 24)).await;
    let expired = facts(&run, &port.observe(&run).await);
    let categories: Vec<_> =
        expired.failed.iter().map(|action| (action.name.as_str(), action.category)).collect();
    assert_eq!(categories, [("Go", Category::Approval), ("Unit", Category::Build)]);
}

pub async fn an_unknown_pipeline_is_a_gap_and_a_refusal<P: Running>(port: &P) {
    let run = failed(port, shop([fails()])).await;
    let pipeline = port.arn(&PipelineName::parse("no-such-pipeline").unwrap());
    let run = StageRunId { pipeline, ..run };
    let reading = port.observe(&run).await;
    assert_eq!(reading.structure, Err(Gap::PipelineNotFound));
    assert_eq!(reading.execution, Err(Gap::PipelineNotFound));
    assert_eq!(retry(port, &run).await, refused(Refusal::PipelineNotFound));
}

pub async fn an_unknown_execution_is_a_gap_and_a_refusal<P: Running>(port: &P) {
    let run = failed(port, shop([fails()])).await;
    let execution = ExecutionId::parse("00000000-0000-4000-8000-000000000000").unwrap();
    let run = StageRunId { execution, ..run };
    assert_eq!(port.observe(&run).await.execution, Err(Gap::ExecutionNotFound));
    assert!(matches!(retry(port, &run).await, RetryReply::Refused(_)));
}

pub async fn an_unknown_stage_is_a_refusal<P: Running>(port: &P) {
    let run = failed(port, shop([fails()])).await;
    let run = StageRunId { stage: StageName::parse("Missing").unwrap(), ..run };
    assert!(gather(&run, &port.observe(&run).await).is_err());
    assert_eq!(retry(port, &run).await, refused(Refusal::StageNotFound));
}

pub async fn a_parallel_pipeline_is_read_without_a_state<P: Running>(port: &P) {
    let older = failed(port, shop([fails()]).in_mode(ExecutionMode::Parallel)).await;
    let reading = port.observe(&older).await;
    assert_eq!(reading.state, Err(Gap::NotRead));
    let alone = facts(&older, &reading);
    assert_eq!((alone.mode, alone.status), (ExecutionMode::Parallel, ExecutionStatus::Failed));
    assert_eq!((alone.replaced_by, alone.failed.len()), (None, 1));

    let newer = port.start(&name()).await;
    port.pass(SignedDuration::from_secs(15)).await;
    let reading = port.observe(&older).await;
    let entered: BTreeSet<_> =
        reading.entries.as_ref().unwrap().iter().map(|of| of.execution.clone()).collect();
    assert_eq!(entered, BTreeSet::from([older.execution.clone(), newer.clone()]));
    assert_eq!(facts(&older, &reading).replaced_by, Some(newer));
    assert_eq!(retry(port, &older).await, RetryReply::Accepted);
}
