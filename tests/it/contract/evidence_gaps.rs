//! The contract of the port of evidence, where something is missing: the right to ask, an answer, or anything to ask for.

use jiff::SignedDuration;

use codepipeline_retrier::domain::evidence::{Depth, Evidence, Place};
use codepipeline_retrier::domain::ids::{ActionName, Region};
use codepipeline_retrier::domain::pipeline::{Category, ChangeSet, ChangeSetPart, Gap};
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::codepipeline::{ActionDefinition, BuildCause, Cause, Outcome};
use codepipeline_retrier::emulator::evidence::Source;
use codepipeline_retrier::emulator::faults::{Fault, Operation};

use super::evidence::{
    Knowing, LASTS, build, deployment, elsewhere, failed, failing, failures, queue, texts,
};
use super::pipelines::Running;

/// One action of each provider, by name.
fn one_of_each() -> Vec<ActionDefinition> {
    let set = ChangeSet { stack: "data".into(), name: "release".into() };
    vec![
        failing("A", "CodeBuild", [Cause::Build(build("a log"))]),
        failing("B", "Commands", [Cause::Build(BuildCause::of_log("b log".into()))]),
        failing("C", "CodeDeploy", [Cause::Deployment(deployment())]),
        failing("D", "CloudFormation", [Cause::Stack(vec![queue("Rate exceeded")])]),
        failing("E", "CloudFormation", [Cause::ChangeSet("no changes".into())])
            .with_change_set(ChangeSetPart::Makes(set)),
    ]
}

pub async fn at_depth_state_nothing_is_read<P: Knowing>(port: &P) {
    let run = failed(port, one_of_each()).await;
    let failed = failures(port, &run).await;
    assert_eq!(port.gather(&run, &failed, Depth::State).await, vec![Evidence::default(); 5]);
    assert_eq!(port.world().lock().faults.count(Operation::Evidence), 0, "nobody was asked");
}

pub async fn each_run_has_its_own_in_their_order<P: Knowing>(port: &P) {
    let run = failed(port, one_of_each()).await;
    let mut failed = failures(port, &run).await;
    let places = |evidence: &[Evidence]| -> Vec<Place> {
        evidence.iter().map(|evidence| texts(evidence).last().unwrap().0).collect()
    };
    let evidence = port.gather(&run, &failed, Depth::Logs).await;
    let expected =
        [Place::BuildLog, Place::BuildLog, Place::LifecycleEvent, Place::StackEvent, Place::ChangeSet];
    assert_eq!(places(&evidence), expected);
    failed.reverse();
    let backwards = port.gather(&run, &failed, Depth::Logs).await;
    assert!(backwards.iter().eq(evidence.iter().rev()));
}

pub async fn what_nobody_knows_anything_of_has_neither_texts_nor_gaps<P: Knowing>(port: &P) {
    let action = |name: &str, category, provider: &str| {
        let script = [Outcome::fail(LASTS, "it failed")];
        ActionDefinition::new(ActionName::parse(name).unwrap(), category, provider).with_script(script)
    };
    let actions = vec![
        action("Bucket", Category::Deploy, "S3"),
        action("Function", Category::Invoke, "Lambda"),
        action("Queues", Category::Deploy, "CloudFormation"),
    ];
    let run = failed(port, actions).await;
    let failed = failures(port, &run).await;
    assert_eq!(port.gather(&run, &failed, Depth::Logs).await, vec![Evidence::default(); 3]);
    assert_eq!(port.gather(&run, &[], Depth::Logs).await, []);
}

pub async fn what_is_denied_is_a_gap<P: Knowing>(port: &P) {
    let run = failed(port, one_of_each()).await;
    let failed = failures(port, &run).await;
    port.world().lock().denied.extend(Source::ALL);
    let evidence = port.gather(&run, &failed, Depth::Logs).await;
    let operations = [
        vec!["BatchGetBuilds"],
        vec!["GetLogEvents"],
        vec!["GetDeployment", "ListDeploymentTargets"],
        vec!["DescribeStackEvents"],
        vec!["DescribeChangeSet"],
    ];
    for (evidence, operations) in evidence.iter().zip(operations) {
        let gaps: Vec<_> = operations.into_iter().map(|operation| (operation, Gap::Denied)).collect();
        assert_eq!((&evidence.texts, &evidence.gaps), (&Vec::new(), &gaps));
    }
}

pub async fn a_log_that_is_denied_leaves_the_rest<P: Knowing>(port: &P) {
    let run = failed(port, vec![failing("A", "CodeBuild", [Cause::Build(build("a log"))])]).await;
    let failed = failures(port, &run).await;
    let details = port.gather(&run, &failed, Depth::Details).await;
    port.world().lock().denied.insert(Source::Logs);
    let logs = port.gather(&run, &failed, Depth::Logs).await;
    assert_eq!(logs[0].texts, details[0].texts);
    assert_eq!(logs[0].gaps, [("GetLogEvents", Gap::Denied)]);
}

pub async fn a_run_is_asked_about_where_it_ran<P: Knowing>(port: &P) {
    let run = failed(port, one_of_each().into_iter().map(elsewhere).collect()).await;
    let mut failed = failures(port, &run).await;
    for evidence in port.gather(&run, &failed, Depth::Logs).await {
        assert!(!texts(&evidence).is_empty());
    }
    for action in &mut failed {
        action.region = Some(Region::parse("eu-west-3").unwrap());
    }
    for (action, evidence) in failed.iter().zip(port.gather(&run, &failed, Depth::Logs).await) {
        assert_eq!(evidence.texts, [], "{}", action.name);
        assert!(
            evidence.gaps.iter().all(|(_, gap)| *gap == Gap::Unavailable),
            "{}: {evidence:?}",
            action.name
        );
        assert!(!evidence.gaps.is_empty(), "{}", action.name);
    }
}

pub async fn a_run_that_its_provider_does_not_know_is_a_gap<P: Knowing>(port: &P) {
    let run = failed(port, vec![failing("A", "CodeBuild", [Cause::Build(build("a log"))])]).await;
    let mut failed = failures(port, &run).await;
    failed[0].external_id = Some("A:00000000-0000-4000-8000-000000000000".into());
    let evidence = port.gather(&run, &failed, Depth::Logs).await;
    assert_eq!(evidence, [Evidence { texts: vec![], gaps: vec![("BatchGetBuilds", Gap::Unavailable)] }]);
}

pub async fn throttling_is_a_gap<P: Knowing>(port: &P) {
    let run = failed(port, vec![failing("A", "CodeBuild", [Cause::Build(build("a log"))])]).await;
    let failed = failures(port, &run).await;
    let (operation, fault) = (Operation::Evidence, Fault::NotDone);
    port.world().act(&Act::Outage { operation, fault, lasting: SignedDuration::from_mins(5) }).await;
    let evidence = port.gather(&run, &failed, Depth::Logs).await;
    assert_eq!(evidence, [Evidence { texts: vec![], gaps: vec![("BatchGetBuilds", Gap::Throttled)] }]);
}
