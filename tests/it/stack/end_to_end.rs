//! The deployed product from a failed stage to its end: CodePipeline's events over EventBridge and the queue to the real
//! binary, decisions in DynamoDB, wake-ups through the queue, and a retry that runs.

use aws_sdk_codepipeline::types::PipelineExecutionStatus;

use super::product::Product;

const POLICY: &str = "\
version: 1
defaults:
  backoff: { initial: 3s, factor: 2, max: 1m, jitter: none }
  max-retries: 3
rules:
  - name: everything
    match: { pipeline: '*' }
";

#[test]
fn failures_are_handled_from_the_event_to_the_end() {
    let product = Product::deployed(POLICY, &[]);
    for pipeline in ["flaky", "twice", "approval", "compile"] {
        product.start(pipeline);
    }
    let is_waiting = || {
        let request = product.pipelines.get_pipeline_state().name("approval");
        let state = product.runtime.block_on(request.send()).unwrap();
        let release = &state.stage_states()[1].action_states()[0];
        release.latest_execution().is_some_and(|run| run.token().is_some())
    };
    product.wait_for("the approval waits", "approval", is_waiting);
    product.reject("approval");

    let succeeded = |pipeline: &str| product.status(pipeline) == PipelineExecutionStatus::Succeeded;
    product.wait_for("a flaky stage is retried", "flaky", || succeeded("flaky"));
    assert_eq!((product.runs("flaky", "Stack"), product.runs("flaky", "Checkout")), (2, 1));
    product.wait_for("a second retry is made", "twice", || succeeded("twice"));
    assert_eq!(product.runs("twice", "Stack"), 3);

    let ends_with =
        |pipeline: &str, ruling: &str| product.rulings(pipeline).last().is_some_and(|last| last == ruling);
    product.wait_for("left to people", "approval", || ends_with("approval", "ignore/approval-rejected"));
    product.wait_for("left to people", "compile", || ends_with("compile", "give-up/not-retryable"));
    assert_eq!((product.runs("approval", "Manager"), product.runs("compile", "Compile")), (1, 1));

    product.operator(&["pause", "--reason", "release day"]);
    product.start("paused");
    product.wait_for("nothing is done while paused", "paused", || ends_with("paused", "wait/paused"));
    assert_eq!(product.runs("paused", "Stack"), 1);
    product.operator(&["resume"]);
    product.wait_for("it goes on after the pause", "paused", || succeeded("paused"));

    for (pipeline, retries) in [("flaky", 1), ("twice", 2), ("approval", 0), ("compile", 0), ("paused", 1)] {
        let decisions = product.decisions(pipeline);
        let made = decisions.iter().filter(|decision| decision.verdict == "retry").count();
        // A claim is on record, and that it was issued.
        assert_eq!(made, 2 * retries, "{pipeline}: {:?}", product.rulings(pipeline));
        let shown = product.operator(&["history", pipeline, "--format", "json"]);
        assert_eq!(shown.lines().count(), decisions.len(), "{pipeline}");
    }
    assert!(product.operator(&["status"]).contains("paused: no"));
    product.deployment.delete();
    let tables = product.deployment.aws(&["dynamodb", "list-tables"]);
    assert_eq!(tables["TableNames"].as_array().unwrap().len(), 0);
}
