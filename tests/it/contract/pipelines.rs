//! The contract of CodePipeline's port: what is read shows what happened. It is tried on pipelines that really run, whoever
//! runs them. What concerns retries is beside.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use codepipeline_retrier::domain::facts::{StageFacts, failure, gather, refreshed};
use codepipeline_retrier::domain::ids::{
    ActionName, ExecutionId, PipelineArn, PipelineName, StageName, StageRunId,
};
use codepipeline_retrier::domain::pipeline::{
    ActionStatus, Category, ExecutionMode, ExecutionStatus, Gap, Reading, RetryReply, StageReading,
    Transition,
};
use codepipeline_retrier::domain::policy::RetryMode;
use codepipeline_retrier::domain::tags::Tags;
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::codepipeline::{
    ActionDefinition, Outcome, PipelineDefinition, StageDefinition,
};
use codepipeline_retrier::ports::{Catalogue, Chronicle, Pipelines};

/// A CodePipeline in which pipelines can be made and run.
pub trait Running: Pipelines + Catalogue + Chronicle {
    /// Where its pipelines are.
    fn arn(&self, name: &PipelineName) -> PipelineArn;

    /// Makes a pipeline, or gives an existing one another structure.
    async fn make(&self, definition: PipelineDefinition);

    /// Starts an execution.
    async fn start(&self, pipeline: &PipelineName) -> ExecutionId;

    /// Lets the pipelines run for so long.
    async fn pass(&self, duration: SignedDuration);

    /// Lets a person act.
    async fn act(&self, act: &Act);
}

/// One test for each clause. The first argument drives a clause to its end, the second makes a CodePipeline without
/// pipelines.
macro_rules! suite {
    ($run:path, $make:path) => {
        $crate::contract::clauses! {
            $run, $make, pipelines:
            a_failure_is_shown_by_state_and_history_alike
            a_failure_is_read_with_what_a_decision_needs
            what_is_read_again_is_what_was_read
            a_closed_entry_is_shown
            a_stop_is_shown
            an_approval_is_shown_as_one
            a_parallel_pipeline_is_read_without_a_state
            tags_are_read_to_the_last
            the_tags_of_what_does_not_exist_are_a_gap
        }
        $crate::contract::clauses! {
            $run, $make, pipelines_catalogue:
            every_pipeline_is_listed_once
            the_newest_execution_comes_first_with_its_last_change
            many_executions_come_in_pages
            the_runs_of_an_execution_are_those_that_are_observed
            what_does_not_exist_is_a_gap
        }
        $crate::contract::clauses! {
            $run, $make, pipelines_chronicle:
            what_is_remembered_of_an_execution_is_how_it_stands
            the_runs_of_all_executions_come_in_pages_and_each_once
            a_retry_is_remembered_beside_the_failure_that_it_answers
            the_structure_is_the_one_in_force
            nothing_is_remembered_of_what_does_not_exist
        }
        $crate::contract::clauses! {
            $run, $make, pipelines_retries:
            a_retry_runs_the_failed_action_under_a_new_id
            what_is_read_again_right_after_a_retry_shows_it
            a_retry_of_all_actions_runs_the_others_too
            a_second_retry_at_once_is_refused
            a_stage_that_runs_or_has_succeeded_is_not_retried
            after_a_newer_execution_the_older_one_is_not_retried
            after_an_edit_the_stage_is_not_retried
            after_a_stop_the_stage_is_not_retried
            an_unknown_pipeline_is_a_gap_and_a_refusal
            a_deleted_pipeline_is_a_gap_and_a_refusal
            an_unknown_execution_is_a_gap_and_a_refusal
            an_unknown_stage_is_a_refusal
        }
    };
}
pub(crate) use suite;

/// From the start, in the pipelines here.
pub const FAILS_AT: SignedDuration = SignedDuration::from_secs(20);

pub fn name() -> PipelineName {
    PipelineName::parse("shop").unwrap()
}

pub fn stage_name() -> StageName {
    StageName::parse("Test").unwrap()
}

pub fn succeeds() -> Outcome {
    Outcome::Succeed { after: SignedDuration::from_secs(10) }
}

pub fn fails() -> Outcome {
    Outcome::fail(SignedDuration::from_secs(10), "Rate exceeded")
}

fn action(name: &str, script: impl IntoIterator<Item = Outcome>) -> ActionDefinition {
    let name = ActionName::parse(name).unwrap();
    ActionDefinition::new(name, Category::Build, "CodeBuild").with_script(script)
}

/// A source stage of ten seconds, then `Test`: `Lint` succeeds, `Unit` follows this script.
pub fn shop(script: impl IntoIterator<Item = Outcome>) -> PipelineDefinition {
    let source =
        StageDefinition::new(StageName::parse("Source").unwrap(), vec![action("Fetch", [succeeds()])]);
    let test = StageDefinition::new(stage_name(), vec![action("Lint", [succeeds()]), action("Unit", script)]);
    PipelineDefinition::new(name(), vec![source, test])
}

/// The same with an approval beside the other actions of the last stage.
pub fn with_approval(mut definition: PipelineDefinition) -> PipelineDefinition {
    let go = ActionDefinition::new(ActionName::parse("Go").unwrap(), Category::Approval, "Manual");
    definition.stages.last_mut().unwrap().actions.push(go);
    definition
}

pub fn run_of<P: Running>(port: &P, execution: ExecutionId) -> StageRunId {
    StageRunId { pipeline: port.arn(&name()), execution, stage: stage_name() }
}

/// Makes the pipeline and starts it.
pub async fn started<P: Running>(port: &P, definition: PipelineDefinition) -> ExecutionId {
    port.make(definition).await;
    port.start(&name()).await
}

/// Makes the pipeline, runs it once and waits until it has failed.
pub async fn failed<P: Running>(port: &P, definition: PipelineDefinition) -> StageRunId {
    let execution = started(port, definition).await;
    port.pass(FAILS_AT + SignedDuration::from_secs(5)).await;
    run_of(port, execution)
}

pub fn facts(run: &StageRunId, reading: &Reading) -> StageFacts {
    gather(run, reading).unwrap_or_else(|unfit| panic!("{unfit:?}: {reading:#?}"))
}

pub async fn retry<P: Pipelines>(port: &P, run: &StageRunId) -> RetryReply {
    port.retry_stage(run, RetryMode::FailedActions).await
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

/// More than a page, whatever a page is: no list may be cut.
pub async fn tags_are_read_to_the_last<P: Running>(port: &P) {
    let mut definition = shop([fails()]);
    definition.tags = (0..150).map(|number| (format!("key-{number}"), format!("Value {number}"))).collect();
    let (tags, other) = (definition.tags.clone(), PipelineName::parse("other").unwrap());
    port.make(definition.clone()).await;
    port.make(PipelineDefinition { name: other.clone(), tags: Tags::new(), ..definition }).await;
    let now = Timestamp::UNIX_EPOCH;
    assert_eq!(port.tags(&port.arn(&name()), now).await, Ok(tags));
    assert_eq!(port.tags(&port.arn(&other), now).await, Ok(Tags::new()));
}

pub async fn the_tags_of_what_does_not_exist_are_a_gap<P: Running>(port: &P) {
    let now = Timestamp::UNIX_EPOCH;
    assert_eq!(port.tags(&port.arn(&name()), now).await, Err(Gap::PipelineNotFound));
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

pub async fn a_closed_entry_is_shown<P: Running>(port: &P) {
    let run = failed(port, shop([fails()])).await;
    for (enabled, shown) in [(false, Transition::Disabled), (true, Transition::Enabled)] {
        port.act(&Act::Transition { pipeline: name(), stage: stage_name(), enabled }).await;
        assert_eq!(facts(&run, &port.observe(&run).await).transition, shown);
    }
}

pub async fn a_stop_is_shown<P: Running>(port: &P) {
    for abandon in [false, true] {
        let execution = started(port, shop([succeeds()])).await;
        port.pass(FAILS_AT - SignedDuration::from_secs(5)).await;
        port.act(&Act::Stop { pipeline: name(), abandon }).await;
        port.pass(SignedDuration::from_secs(10)).await;
        let run = run_of(port, execution);
        let facts = facts(&run, &port.observe(&run).await);
        assert_eq!(facts.execution_status, ExecutionStatus::Stopped, "abandoned: {abandon}");
        assert_eq!((facts.failed.len(), facts.in_progress.len()), (0, 0), "abandoned: {abandon}");
    }
}

pub async fn an_approval_is_shown_as_one<P: Running>(port: &P) {
    let run = failed(port, with_approval(shop([fails()]))).await;
    let waiting = facts(&run, &port.observe(&run).await);
    assert_eq!(waiting.in_progress.iter().map(ActionName::as_str).collect::<Vec<_>>(), ["Go"]);
    // Nobody answers for seven days.
    port.pass(SignedDuration::from_hours(7 * 24)).await;
    let expired = facts(&run, &port.observe(&run).await);
    let categories: Vec<_> =
        expired.failed.iter().map(|action| (action.name.as_str(), action.category)).collect();
    assert_eq!(categories, [("Go", Category::Approval), ("Unit", Category::Build)]);
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
