//! The contract of CodePipeline's port as far as retries go: one is carried out, and shows, or is refused with the reason
//! that the engine acts upon.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use codepipeline_retrier::domain::facts::{Unfit, failure, gather, moved_on};
use codepipeline_retrier::domain::ids::{
    ActionExecutionId, ExecutionId, PipelineName, StageName, StageRunId,
};
use codepipeline_retrier::domain::pipeline::{
    ExecutionMode, ExecutionStatus, Gap, Reading, Refusal, RetryReply, StageReading,
};
use codepipeline_retrier::domain::policy::RetryMode;
use codepipeline_retrier::emulator::acts::Act;

use super::pipelines::{
    Running, facts, failed, fails, name, retry, run_of, shop, started, succeeds, with_approval,
};

fn refused(refusal: Refusal) -> RetryReply {
    RetryReply::Refused(refusal)
}

/// The runs of an action in the history.
fn ids(reading: &Reading, action: &str) -> BTreeSet<ActionExecutionId> {
    let runs = reading.actions.as_ref().unwrap().iter();
    runs.filter(|run| run.action.as_str() == action).map(|run| run.id.clone()).collect()
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

/// The last look before a call tells that somebody else was faster, and that nobody was.
pub async fn what_is_read_again_right_after_a_retry_shows_it<P: Running>(port: &P) {
    for mode in [ExecutionMode::Superseded, ExecutionMode::Queued, ExecutionMode::Parallel] {
        let run = failed(port, shop([fails()]).in_mode(mode)).await;
        let reading = port.observe(&run).await;
        let failed = failure(&run, &reading);
        let before = port.observe_stage(&run, mode).await;
        assert!(!moved_on(&run, &reading, &failed, &before), "{mode:?}");
        assert_eq!(retry(port, &run).await, RetryReply::Accepted, "{mode:?}");
        let during = port.observe_stage(&run, mode).await;
        assert!(moved_on(&run, &reading, &failed, &during), "{mode:?}: {during:#?}");
        port.pass(SignedDuration::from_secs(15)).await;
        let after = port.observe_stage(&run, mode).await;
        assert!(moved_on(&run, &reading, &failed, &after), "{mode:?}: {after:#?}");
    }
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
    let execution = started(port, shop([succeeds()])).await;
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

pub async fn after_a_stop_the_stage_is_not_retried<P: Running>(port: &P) {
    // The approval keeps the execution alive after the failure, so that there is something to stop.
    let run = failed(port, with_approval(shop([fails()]))).await;
    port.act(&Act::Stop { pipeline: name(), abandon: true }).await;
    let facts = facts(&run, &port.observe(&run).await);
    assert_eq!(facts.execution_status, ExecutionStatus::Stopped);
    assert_eq!(retry(port, &run).await, refused(Refusal::NotRetryable));
}

/// Nothing is left to read or to retry.
async fn is_gone<P: Running>(port: &P, run: &StageRunId) {
    let reading = port.observe(run).await;
    assert_eq!(reading.structure, Err(Gap::PipelineNotFound));
    assert_eq!(reading.execution, Err(Gap::PipelineNotFound));
    assert_eq!(gather(run, &reading), Err(Unfit::PipelineGone));
    let again = port.observe_stage(run, ExecutionMode::Superseded).await;
    assert_eq!(again, StageReading::State(Err(Gap::PipelineNotFound)));
    assert_eq!(retry(port, run).await, refused(Refusal::PipelineNotFound));
}

pub async fn an_unknown_pipeline_is_a_gap_and_a_refusal<P: Running>(port: &P) {
    let run = failed(port, shop([fails()])).await;
    let pipeline = port.arn(&PipelineName::parse("no-such-pipeline").unwrap());
    is_gone(port, &StageRunId { pipeline, ..run }).await;
}

pub async fn a_deleted_pipeline_is_a_gap_and_a_refusal<P: Running>(port: &P) {
    let run = failed(port, shop([fails()])).await;
    port.act(&Act::Delete { pipeline: name() }).await;
    is_gone(port, &run).await;
}

pub async fn an_unknown_execution_is_a_gap_and_a_refusal<P: Running>(port: &P) {
    for mode in [ExecutionMode::Superseded, ExecutionMode::Parallel] {
        let run = failed(port, shop([fails()]).in_mode(mode)).await;
        let execution = ExecutionId::parse("00000000-0000-4000-8000-000000000000").unwrap();
        let run = StageRunId { execution, ..run };
        let reading = port.observe(&run).await;
        assert_eq!(reading.execution, Err(Gap::ExecutionNotFound));
        assert_eq!(gather(&run, &reading), Err(Unfit::ExecutionGone));
        assert_eq!(failure(&run, &reading), BTreeSet::new());
        assert!(matches!(retry(port, &run).await, RetryReply::Refused(_)));
    }
}

pub async fn an_unknown_stage_is_a_refusal<P: Running>(port: &P) {
    let run = failed(port, shop([fails()])).await;
    let run = StageRunId { stage: StageName::parse("Missing").unwrap(), ..run };
    assert_eq!(gather(&run, &port.observe(&run).await), Err(Unfit::StageGone));
    assert_eq!(retry(port, &run).await, refused(Refusal::StageNotFound));
}
