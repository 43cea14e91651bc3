//! Why a run fails, from the scenario file to the script: one cause at most, of a kind that its provider knows.

use super::document::{BuildDocument, DeploymentDocument, FailDocument, LifecycleDocument, ResourceDocument};
use crate::emulator::codepipeline::{
    BuildCause, BuildPhase, BuildStatus, Cause, DeploymentCause, LifecycleCause, LifecycleCode, NESTED_STACK,
    Outcome, Provider, ResourceCause, ResourceStatus,
};
use crate::replay::values::{Built, named};

/// A run that fails, of an action of this provider.
pub(super) fn failure(document: FailDocument, provider: &str) -> Built<Outcome> {
    let FailDocument { after, code, message, summary, build: of_build, deployment, resources, change_set } =
        document;
    let mut causes: Vec<Built<Cause>> = Vec::new();
    causes.extend(of_build.map(|document| build(document).map(Cause::Build)));
    causes.extend(deployment.map(|document| self::deployment(document).map(Cause::Deployment)));
    causes.extend(resources.map(|list| all_of(list).map(Cause::Stack)));
    causes.extend(change_set.map(|reason| Ok(Cause::ChangeSet(reason))));
    if causes.len() > 1 {
        return Err("a run fails for one of `build`, `deployment`, `resources` and `change-set`".into());
    }
    let cause = causes.pop().transpose()?;
    if let Some(cause) = cause.as_ref().filter(|cause| !cause.fits(Provider::of(provider))) {
        return Err(misfit(cause, provider));
    }
    Ok(Outcome::Fail {
        after: after.0,
        code: code.unwrap_or_else(|| "JobFailed".into()),
        message,
        summary,
        cause: cause.map(Box::new),
    })
}

fn misfit(cause: &Cause, provider: &str) -> String {
    let (key, who) = match cause {
        Cause::Build(_) if Provider::of(provider) == Some(Provider::Commands) => {
            return "a run of `Commands` leaves a `log` and no more of a `build`".into();
        }
        Cause::Build(_) => ("build", "`CodeBuild` and `Commands`"),
        Cause::Deployment(_) => ("deployment", "`CodeDeploy` and `CodeDeployToECS`"),
        Cause::Stack(_) => ("resources", "`CloudFormation`"),
        Cause::ChangeSet(_) => ("change-set", "`CloudFormation`"),
    };
    format!("`{key}` is for {who}, not for `{provider}`")
}

fn build(document: BuildDocument) -> Built<BuildCause> {
    let BuildDocument { status, phase, code, message, log } = document;
    let status = status.as_deref().unwrap_or("FAILED");
    let phase = phase.as_deref().unwrap_or("BUILD");
    Ok(BuildCause {
        status: named(status, "build status", &BuildStatus::ALL, BuildStatus::as_str)?,
        phase: named(phase, "build phase", &BuildPhase::ALL, BuildPhase::as_str)?,
        code,
        message,
        log,
    })
}

fn deployment(document: DeploymentDocument) -> Built<DeploymentCause> {
    let DeploymentDocument { code, message, event } = document;
    Ok(DeploymentCause { code, message, event: event.map(lifecycle).transpose()? })
}

fn lifecycle(document: LifecycleDocument) -> Built<LifecycleCause> {
    let LifecycleDocument { name, code, script, message, log } = document;
    let code = code.as_deref().unwrap_or("ScriptFailed");
    let code = named(code, "lifecycle error", &LifecycleCode::ALL, LifecycleCode::as_str)?;
    Ok(LifecycleCause { name, code, script, message, log })
}

fn all_of(list: Vec<ResourceDocument>) -> Built<Vec<ResourceCause>> {
    list.into_iter().map(resource).collect()
}

fn resource(document: ResourceDocument) -> Built<ResourceCause> {
    let ResourceDocument { name, resource_type, status, reason, nested } = document;
    let status = status.as_deref().unwrap_or("CREATE_FAILED");
    let kind = match (resource_type, nested.is_empty()) {
        (Some(kind), true) => kind,
        (None, true) => return Err(format!("resource `{name}` needs a `type`")),
        (None, false) => NESTED_STACK.into(),
        (Some(kind), false) if kind == NESTED_STACK => kind,
        (Some(kind), false) => {
            return Err(format!("resource `{name}` of type `{kind}` has nothing nested in it"));
        }
    };
    Ok(ResourceCause {
        resource: name,
        kind,
        status: named(status, "status of a failed resource", &ResourceStatus::ALL, ResourceStatus::as_str)?,
        reason,
        nested: all_of(nested)?,
    })
}
