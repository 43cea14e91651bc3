//! What the providers of a world know of failed runs, behind the port: the causes that scripts give, as texts.

use std::future::Future;

use super::codepipeline::{
    BuildCause, Cause, DeploymentCause, LifecycleCause, Provider, ProviderRun, ResourceCause,
};
use super::faults::Operation;
use super::ports::gap_of;
use super::world::{SharedWorld, World};
use crate::domain::evidence::{Depth, Evidence, Place, Text};
use crate::domain::facts::FailedAction;
use crate::domain::ids::StageRunId;
use crate::domain::pipeline::Gap;
use crate::domain::text::EvidenceText;
use crate::ports::EvidenceSource;

/// Lines at the end of a log that are read.
const LINES: usize = 200;
/// Failed resources of a stack that are read, the earliest ones, and nested stacks that are looked into.
const RESOURCES: usize = 5;
const NESTED: usize = 2;

/// Somebody who can be asked about failed runs, or about freezes. Access to each may be denied, for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// CodeBuild.
    Builds,
    /// CloudWatch Logs.
    Logs,
    /// CodeDeploy.
    Deployments,
    /// CloudFormation.
    Stacks,
    /// Change calendars of Systems Manager.
    Calendars,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 5] = [Self::Builds, Self::Logs, Self::Deployments, Self::Stacks, Self::Calendars];

    /// The name used in scenarios.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Builds => "builds",
            Self::Logs => "logs",
            Self::Deployments => "deployments",
            Self::Stacks => "stacks",
            Self::Calendars => "calendars",
        }
    }
}

impl EvidenceSource for SharedWorld {
    /// One call for all of it, and none where there is nobody to ask. A call that hangs is given up after
    /// [`super::faults::CALL_TIMEOUT`].
    fn gather(
        &self,
        run: &StageRunId,
        failed: &[FailedAction],
        depth: Depth,
    ) -> impl Future<Output = Vec<Evidence>> + Send {
        let asked: Vec<Option<&'static str>> =
            failed.iter().map(|action| first_operation(action, depth)).collect();
        async move {
            if asked.iter().all(Option::is_none) {
                return vec![Evidence::default(); failed.len()];
            }
            self.call(
                Operation::Evidence,
                |world| failed.iter().map(|action| known(world, run, action, depth)).collect(),
                |fault| {
                    let missing = |operation: Option<&'static str>| Evidence {
                        texts: Vec::new(),
                        gaps: operation.map(|operation| (operation, gap_of(fault))).into_iter().collect(),
                    };
                    asked.iter().copied().map(missing).collect()
                },
            )
            .await
        }
    }
}

/// The operation that is asked first about a run; none where nobody is asked.
fn first_operation(action: &FailedAction, depth: Depth) -> Option<&'static str> {
    let id = action.external_id.as_deref()?;
    match Provider::of(&action.provider)? {
        _ if depth == Depth::State => None,
        Provider::CodeBuild => Some("BatchGetBuilds"),
        Provider::Commands => (depth == Depth::Logs).then_some("GetLogEvents"),
        Provider::CodeDeploy => Some("GetDeployment"),
        Provider::CloudFormation if id.contains(":changeSet/") => Some("DescribeChangeSet"),
        Provider::CloudFormation => Some("DescribeStackEvents"),
    }
}

/// What is known of one run. Runs are found where they ran, and by what the caller says that the provider calls them.
fn known(world: &World, run: &StageRunId, action: &FailedAction, depth: Depth) -> Evidence {
    let Some(operation) = first_operation(action, depth) else { return Evidence::default() };
    let region = action.region.as_ref().unwrap_or(&world.place.region);
    let known = world
        .service
        .provider_run(&run.pipeline.name, &action.id)
        .filter(|known| known.region == region && action.external_id.as_deref() == Some(known.external_id));
    let Some(known) = known else { return missing(operation, Gap::Unavailable) };
    match known.provider {
        Provider::CodeBuild => of_build(world, &known, depth),
        Provider::Commands => {
            let log = build_of(&known).map_or("", |build| &build.log);
            of_log(world, log)
        }
        Provider::CodeDeploy if world.denied.contains(&Source::Deployments) => Evidence {
            texts: Vec::new(),
            gaps: vec![("GetDeployment", Gap::Denied), ("ListDeploymentTargets", Gap::Denied)],
        },
        Provider::CloudFormation if world.denied.contains(&Source::Stacks) => missing(operation, Gap::Denied),
        // A change set that nobody could say anything of was never there.
        Provider::CloudFormation if known.cause.is_none() && operation == "DescribeChangeSet" => {
            missing(operation, Gap::Unavailable)
        }
        Provider::CodeDeploy | Provider::CloudFormation => {
            let texts = known.cause.map(of_cause).unwrap_or_default();
            Evidence { texts, gaps: Vec::new() }
        }
    }
}

fn missing(operation: &'static str, gap: Gap) -> Evidence {
    Evidence { texts: Vec::new(), gaps: vec![(operation, gap)] }
}

fn build_of<'a>(run: &ProviderRun<'a>) -> Option<&'a BuildCause> {
    match run.cause {
        Some(Cause::Build(build)) => Some(build),
        _ => None,
    }
}

fn of_build(world: &World, run: &ProviderRun<'_>, depth: Depth) -> Evidence {
    if world.denied.contains(&Source::Builds) {
        return missing("BatchGetBuilds", Gap::Denied);
    }
    let build = build_of(run);
    let status = build.map_or("FAILED", |build| build.status.as_str());
    let mut texts = vec![text(Place::BuildPhase, Some(status), String::new())];
    if let Some(build) = build {
        let phase = build.phase.as_str();
        texts.push(if build.code.is_none() && build.message.is_empty() {
            text(Place::BuildPhase, Some(status), format!("{phase}: {status}"))
        } else {
            text(Place::BuildPhase, build.code.as_deref(), format!("{phase}: {}", build.message))
        });
    }
    let mut evidence = Evidence { texts, gaps: Vec::new() };
    if depth == Depth::Logs {
        let log = of_log(world, build.map_or("", |build| &build.log));
        evidence.texts.extend(log.texts);
        evidence.gaps.extend(log.gaps);
    }
    evidence
}

/// The last lines of a log, if it has any.
fn of_log(world: &World, log: &str) -> Evidence {
    if world.denied.contains(&Source::Logs) {
        return missing("GetLogEvents", Gap::Denied);
    }
    let lines: Vec<&str> = log.lines().collect();
    let lines = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default();
    let tail = lines.join("\n");
    let tail = tail.trim_matches('\n');
    let texts = (!tail.is_empty()).then(|| Text {
        place: Place::BuildLog,
        code: None,
        text: EvidenceText::tail(tail),
    });
    Evidence { texts: texts.into_iter().collect(), gaps: Vec::new() }
}

fn of_cause(cause: &Cause) -> Vec<Text> {
    match cause {
        Cause::Build(_) => Vec::new(),
        Cause::Deployment(deployment) => of_deployment(deployment),
        Cause::Stack(resources) => of_resources(resources),
        Cause::ChangeSet(reason) => vec![text(Place::ChangeSet, Some("FAILED"), reason.clone())],
    }
}

fn of_deployment(deployment: &DeploymentCause) -> Vec<Text> {
    let error = text(Place::Deployment, Some(&deployment.code), deployment.message.clone());
    std::iter::once(error).chain(deployment.event.as_ref().map(of_event)).collect()
}

fn of_event(event: &LifecycleCause) -> Text {
    let LifecycleCause { name, code, message, log, .. } = event;
    let said = format!("{name}: {message}\n{log}");
    text(Place::LifecycleEvent, Some(code.as_str()), said.trim_end().to_owned())
}

/// What failed in nested stacks comes before what failed for it.
fn of_resources(resources: &[ResourceCause]) -> Vec<Text> {
    let first = || resources.iter().take(RESOURCES);
    let below = first().filter(|resource| !resource.nested.is_empty()).take(NESTED);
    let own = first()
        .map(|resource| text(Place::StackEvent, Some(resource.status.as_str()), resource.reason.clone()));
    below.flat_map(|resource| of_resources(&resource.nested)).chain(own).collect()
}

fn text(place: Place, code: Option<&str>, text: String) -> Text {
    Text { place, code: code.map(str::to_owned), text: EvidenceText::new(text) }
}
