//! The contract of the port of evidence: what providers know of a failed run is told, the plainest first, no more than was
//! asked for; what cannot be had is a gap. It is tried on pipelines of a world that really fail; the implementation reads
//! that world, itself or over HTTP. What goes wrong on the way is beside.

use jiff::SignedDuration;

use codepipeline_retrier::domain::evidence::{Depth, Evidence, Place};
use codepipeline_retrier::domain::facts::{FailedAction, gather};
use codepipeline_retrier::domain::ids::{ActionName, PipelineName, Region, StageName, StageRunId};
use codepipeline_retrier::domain::pipeline::{Category, ChangeSet, ChangeSetPart};
use codepipeline_retrier::emulator::codepipeline::{
    ActionDefinition, BuildCause, BuildPhase, BuildStatus, Cause, DeploymentCause, LifecycleCause,
    LifecycleCode, NESTED_STACK, Outcome, PipelineDefinition, ResourceCause, ResourceStatus, StageDefinition,
};
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::ports::{EvidenceSource, Pipelines};

use super::pipelines::Running;

/// Who reads evidence of a world.
pub trait Knowing: EvidenceSource {
    /// The world that it reads.
    fn world(&self) -> &SharedWorld;
}

impl Knowing for SharedWorld {
    fn world(&self) -> &SharedWorld {
        self
    }
}

/// One test for each clause. The first argument drives a clause to its end, the second makes an implementation over a world
/// without pipelines.
macro_rules! suite {
    ($run:path, $make:path) => {
        $crate::contract::clauses! {
            $run, $make, evidence:
            a_build_is_told_by_its_status_and_its_first_failed_phase
            a_build_is_told_by_how_it_ended
            a_phase_that_says_nothing_is_named
            the_end_of_a_log_is_read_where_logs_are_asked_for
            commands_leave_a_log_and_nothing_else
            a_deployment_is_told_with_its_lifecycle_event
            what_failed_in_a_nested_stack_comes_before_what_failed_for_it
            only_the_operation_of_the_run_counts
            why_a_change_set_could_not_be_made_is_told
        }
        $crate::contract::clauses! {
            $run, $make, evidence_gaps:
            at_depth_state_nothing_is_read
            each_run_has_its_own_in_their_order
            what_nobody_knows_anything_of_has_neither_texts_nor_gaps
            what_is_denied_is_a_gap
            a_log_that_is_denied_leaves_the_rest
            a_run_is_asked_about_where_it_ran
            a_run_that_its_provider_does_not_know_is_a_gap
            throttling_is_a_gap
        }
    };
}
pub(crate) use suite;

pub const LASTS: SignedDuration = SignedDuration::from_mins(2);

/// An action that fails for a reason each time that it runs.
pub fn failing(name: &str, provider: &str, causes: impl IntoIterator<Item = Cause>) -> ActionDefinition {
    let category = match provider {
        "CodeBuild" => Category::Build,
        "Commands" => Category::Compute,
        _ => Category::Deploy,
    };
    let script = causes.into_iter().map(|cause| Outcome::fail(LASTS, "it failed").because(cause));
    ActionDefinition::new(ActionName::parse(name).unwrap(), category, provider).with_script(script)
}

/// A world whose pipeline `shop` has failed in its only stage.
pub async fn failed<P: Knowing>(port: &P, actions: Vec<ActionDefinition>) -> StageRunId {
    let (name, stage) = (PipelineName::parse("shop").unwrap(), StageName::parse("Deploy").unwrap());
    let stages = vec![StageDefinition::new(stage.clone(), actions)];
    port.world().make(PipelineDefinition::new(name.clone(), stages)).await;
    fail_again(port, &name, &stage).await
}

async fn fail_again<P: Knowing>(port: &P, name: &PipelineName, stage: &StageName) -> StageRunId {
    let world = port.world();
    let execution = world.start(name).await;
    world.pass(LASTS + SignedDuration::from_secs(5)).await;
    StageRunId { pipeline: world.arn(name), execution, stage: stage.clone() }
}

/// The failed runs, by name of their action.
pub async fn failures<P: Knowing>(port: &P, run: &StageRunId) -> Vec<FailedAction> {
    gather(run, &port.world().observe(run).await).unwrap().failed
}

/// Fails for a cause, and reads.
async fn told<P: Knowing>(port: &P, provider: &str, cause: Cause, depth: Depth) -> Evidence {
    let run = failed(port, vec![failing("Only", provider, [cause])]).await;
    read(port, &run, depth).await
}

async fn read<P: Knowing>(port: &P, run: &StageRunId, depth: Depth) -> Evidence {
    let failed = failures(port, run).await;
    let mut evidence = port.gather(run, &failed, depth).await;
    assert_eq!(evidence.len(), 1, "one failed run, {} evidences", evidence.len());
    evidence.pop().unwrap()
}

/// The texts as they can be compared.
pub fn texts(evidence: &Evidence) -> Vec<(Place, Option<&str>, &str)> {
    assert_eq!(evidence.gaps, [], "nothing was to be missing");
    evidence.texts.iter().map(|text| (text.place, text.code.as_deref(), text.text.expose())).collect()
}

pub fn build(log: &str) -> BuildCause {
    BuildCause {
        status: BuildStatus::Failed,
        phase: BuildPhase::Build,
        code: Some("COMMAND_EXECUTION_ERROR".into()),
        message: "Error while executing command: npm ci. Reason: exit status 1".into(),
        log: log.into(),
    }
}

const NPM: &str = "BUILD: Error while executing command: npm ci. Reason: exit status 1";

pub async fn a_build_is_told_by_its_status_and_its_first_failed_phase<P: Knowing>(port: &P) {
    let evidence = told(port, "CodeBuild", Cause::Build(build("some log")), Depth::Details).await;
    let expected =
        [(Place::BuildPhase, Some("FAILED"), ""), (Place::BuildPhase, Some("COMMAND_EXECUTION_ERROR"), NPM)];
    assert_eq!(texts(&evidence), expected);
}

pub async fn a_build_is_told_by_how_it_ended<P: Knowing>(port: &P) {
    for status in BuildStatus::ALL {
        let cause = BuildCause { status, phase: BuildPhase::Provisioning, ..build("") };
        let evidence = told(port, "CodeBuild", Cause::Build(cause), Depth::Logs).await;
        let told = texts(&evidence);
        assert_eq!(told[0], (Place::BuildPhase, Some(status.as_str()), ""));
        assert!(told[1].2.starts_with("PROVISIONING: "), "{}", told[1].2);
        assert_eq!(told.len(), 2, "there is no log yet");
    }
}

pub async fn a_phase_that_says_nothing_is_named<P: Knowing>(port: &P) {
    let evidence =
        told(port, "CodeBuild", Cause::Build(BuildCause::of_log(String::new())), Depth::Logs).await;
    let expected =
        [(Place::BuildPhase, Some("FAILED"), ""), (Place::BuildPhase, Some("FAILED"), "BUILD: FAILED")];
    assert_eq!(texts(&evidence), expected);
}

pub async fn the_end_of_a_log_is_read_where_logs_are_asked_for<P: Knowing>(port: &P) {
    let lines: Vec<String> = (1..=250).map(|number| format!("line {number} <&> \"é\"")).collect();
    let cause = Cause::Build(build(&lines.join("\n")));
    let evidence = told(port, "CodeBuild", cause.clone(), Depth::Logs).await;
    let tail = lines[50..].join("\n");
    let expected = [
        (Place::BuildPhase, Some("FAILED"), ""),
        (Place::BuildPhase, Some("COMMAND_EXECUTION_ERROR"), NPM),
        (Place::BuildLog, None, tail.as_str()),
    ];
    assert_eq!(texts(&evidence), expected);
    let evidence = told(port, "CodeBuild", cause, Depth::Details).await;
    assert_eq!(texts(&evidence), expected[..2]);
}

pub async fn commands_leave_a_log_and_nothing_else<P: Knowing>(port: &P) {
    let cause = || Cause::Build(BuildCause::of_log("one\n\ntwo".into()));
    let evidence = told(port, "Commands", cause(), Depth::Logs).await;
    assert_eq!(texts(&evidence), [(Place::BuildLog, None, "one\n\ntwo")]);
    let evidence = told(port, "Commands", cause(), Depth::Details).await;
    assert_eq!(texts(&evidence), []);
}

pub fn deployment() -> DeploymentCause {
    DeploymentCause {
        code: "HEALTH_CONSTRAINTS".into(),
        message: "The overall deployment failed".into(),
        event: Some(LifecycleCause {
            name: "ApplicationStart".into(),
            code: LifecycleCode::ScriptFailed,
            script: "start.sh".into(),
            message: "Script at specified location failed with exit code 1".into(),
            log: "port 80 is taken".into(),
        }),
    }
}

pub async fn a_deployment_is_told_with_its_lifecycle_event<P: Knowing>(port: &P) {
    let error = (Place::Deployment, Some("HEALTH_CONSTRAINTS"), "The overall deployment failed");
    let said = "ApplicationStart: Script at specified location failed with exit code 1\nport 80 is taken";
    for provider in ["CodeDeploy", "CodeDeployToECS"] {
        let evidence = told(port, provider, Cause::Deployment(deployment()), Depth::Details).await;
        assert_eq!(texts(&evidence), [error, (Place::LifecycleEvent, Some("ScriptFailed"), said)]);
        let cause = DeploymentCause { event: None, ..deployment() };
        let evidence = told(port, provider, Cause::Deployment(cause), Depth::Logs).await;
        assert_eq!(texts(&evidence), [error]);
    }
}

pub fn queue(reason: &str) -> ResourceCause {
    ResourceCause {
        resource: "Jobs".into(),
        kind: "AWS::SQS::Queue".into(),
        status: ResourceStatus::CreateFailed,
        reason: reason.into(),
        nested: Vec::new(),
    }
}

fn nested(reason: &str, nested: Vec<ResourceCause>) -> ResourceCause {
    ResourceCause {
        resource: "Data".into(),
        kind: NESTED_STACK.into(),
        status: ResourceStatus::UpdateFailed,
        reason: reason.into(),
        nested,
    }
}

pub async fn what_failed_in_a_nested_stack_comes_before_what_failed_for_it<P: Knowing>(port: &P) {
    let inner = nested("inner", vec![queue("Rate exceeded")]);
    let cause = Cause::Stack(vec![queue("first"), nested("outer", vec![inner])]);
    let evidence = told(port, "CloudFormation", cause, Depth::Details).await;
    let expected = [
        (Place::StackEvent, Some("CREATE_FAILED"), "Rate exceeded"),
        (Place::StackEvent, Some("UPDATE_FAILED"), "inner"),
        (Place::StackEvent, Some("CREATE_FAILED"), "first"),
        (Place::StackEvent, Some("UPDATE_FAILED"), "outer"),
    ];
    assert_eq!(texts(&evidence), expected);
}

pub async fn only_the_operation_of_the_run_counts<P: Knowing>(port: &P) {
    let causes = ["earlier", "present", "later"].map(|reason| Cause::Stack(vec![queue(reason)]));
    failed(port, vec![failing("Only", "CloudFormation", causes)]).await;
    port.world().pass(SignedDuration::from_mins(1)).await;
    let (name, stage) = (PipelineName::parse("shop").unwrap(), StageName::parse("Deploy").unwrap());
    let run = fail_again(port, &name, &stage).await;
    let present = failures(port, &run).await;
    port.world().pass(SignedDuration::from_mins(1)).await;
    fail_again(port, &name, &stage).await;
    let evidence = port.gather(&run, &present, Depth::Details).await;
    assert_eq!(texts(&evidence[0]), [(Place::StackEvent, Some("CREATE_FAILED"), "present")]);
}

pub async fn why_a_change_set_could_not_be_made_is_told<P: Knowing>(port: &P) {
    let reason = "Template error: unresolved resource dependency";
    let set = ChangeSet { stack: "shop-queues".into(), name: "release".into() };
    let action = failing("Prepare", "CloudFormation", [Cause::ChangeSet(reason.into())]);
    let run = failed(port, vec![action.with_change_set(ChangeSetPart::Makes(set))]).await;
    let evidence = read(port, &run, Depth::Details).await;
    assert_eq!(texts(&evidence), [(Place::ChangeSet, Some("FAILED"), reason)]);
}

/// The same action in another Region than its pipeline.
pub fn elsewhere(mut action: ActionDefinition) -> ActionDefinition {
    action.region = Some(Region::parse("us-west-2").unwrap());
    action
}
