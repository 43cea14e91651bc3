//! `GetDeployment`, `ListDeploymentTargets`, `BatchGetDeploymentTargets`. A deployment has one target.

use serde_json::{Map, Value, json};

use super::super::error::ApiError;
use super::super::request::Input;
use super::super::shown::epoch_seconds;
use super::Desk;
use crate::domain::pipeline::ActionStatus;
use crate::emulator::codepipeline::{
    Cause, DeploymentCause, LifecycleCause, Provider, ProviderRun, steady_uuid,
};

/// The lifecycle events of a target, in order (CodeDeploy User Guide, *`AppSpec` 'hooks' section*).
const ON_INSTANCE: [&str; 7] = [
    "ApplicationStop",
    "DownloadBundle",
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "ApplicationStart",
    "ValidateService",
];
const ON_ECS: [&str; 7] = [
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AfterAllowTraffic",
];
/// Most targets that one request may name (API reference, `BatchGetDeploymentTargets`).
const MOST_TARGETS: usize = 25;

/// The deployment that a request names.
fn deployment<'a>(desk: Desk<'a>, input: Input<'_>) -> Result<ProviderRun<'a>, ApiError> {
    let id = input.text("deploymentId")?;
    if id.is_empty() {
        return Err(ApiError::new("DeploymentIdRequiredException", "The deployment ID must be specified"));
    }
    let is_one =
        |rest: &str| rest.len() == 9 && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if !id.strip_prefix("d-").is_some_and(is_one) {
        return Err(ApiError::new(
            "InvalidDeploymentIdException",
            format!("Specified DeploymentId is not in the valid format: {id}"),
        ));
    }
    desk.runs(Provider::CodeDeploy, id).next().ok_or_else(|| {
        let message = format!("The deployment {id} could not be found");
        ApiError::new("DeploymentDoesNotExistException", message)
    })
}

fn cause<'a>(run: &ProviderRun<'a>) -> Option<&'a DeploymentCause> {
    match run.cause {
        Some(Cause::Deployment(deployment)) => Some(deployment),
        _ => None,
    }
}

const fn status(run: &ProviderRun<'_>) -> &'static str {
    match run.status {
        ActionStatus::Succeeded => "Succeeded",
        ActionStatus::Failed => "Failed",
        ActionStatus::InProgress | ActionStatus::Abandoned => "InProgress",
    }
}

fn is_ecs(run: &ProviderRun<'_>) -> bool {
    run.provider_name == "CodeDeployToECS"
}

pub fn get_deployment(desk: Desk<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let run = deployment(desk, input)?;
    let mut info = Map::from_iter([
        ("applicationName".to_owned(), json!(run.pipeline.as_str())),
        ("deploymentGroupName".to_owned(), json!(run.action.as_str())),
        ("deploymentId".to_owned(), json!(run.external_id)),
        ("status".to_owned(), json!(status(&run))),
        ("createTime".to_owned(), epoch_seconds(run.started)),
        ("startTime".to_owned(), epoch_seconds(run.started)),
        ("creator".to_owned(), json!("user")),
        ("computePlatform".to_owned(), json!(if is_ecs(&run) { "ECS" } else { "Server" })),
    ]);
    if matches!(run.status, ActionStatus::Failed | ActionStatus::Succeeded) {
        info.insert("completeTime".to_owned(), epoch_seconds(run.changed));
    }
    if let Some(DeploymentCause { code, message, .. }) = cause(&run) {
        info.insert("errorInformation".to_owned(), json!({ "code": code, "message": message }));
    }
    Ok(json!({ "deploymentInfo": info }))
}

/// An instance, or a task set; each deployment has one of its own.
fn target_id(run: &ProviderRun<'_>) -> String {
    let uuid = steady_uuid(&[run.external_id]).replace('-', "");
    if is_ecs(run) {
        return format!("{}:{}", run.pipeline, run.action);
    }
    format!("i-0{}", uuid.get(..16).unwrap_or_default())
}

pub fn list_deployment_targets(desk: Desk<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let run = deployment(desk, input)?;
    if input.get("nextToken").is_some() {
        return Err(ApiError::new("InvalidNextTokenException", "The next token is not valid"));
    }
    let filters = input.structure("targetFilters");
    let allowed = filters.map(|filters| filters.texts("TargetStatus")).filter(|values| !values.is_empty());
    let is_asked = allowed.is_none_or(|values| values.contains(&status(&run)));
    let ids: Vec<String> = is_asked.then(|| target_id(&run)).into_iter().collect();
    Ok(json!({ "targetIds": ids }))
}

pub fn batch_get_deployment_targets(desk: Desk<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let run = deployment(desk, input)?;
    let (asked, known) = (input.texts("targetIds"), target_id(&run));
    if asked.is_empty() {
        return Err(ApiError::new(
            "DeploymentTargetIdRequiredException",
            "A deployment target ID was not provided",
        ));
    }
    if asked.len() > MOST_TARGETS {
        let message = format!("At most {MOST_TARGETS} targets can be asked for");
        return Err(ApiError::new("DeploymentTargetListSizeExceededException", message));
    }
    if let Some(other) = asked.iter().find(|id| **id != known) {
        let message = format!("The deployment target {other} does not exist");
        return Err(ApiError::new("DeploymentTargetDoesNotExistException", message));
    }
    let (kind, member) =
        if is_ecs(&run) { ("ECSTarget", "ecsTarget") } else { ("InstanceTarget", "instanceTarget") };
    let target = json!({
        "deploymentId": run.external_id,
        "targetId": known,
        "targetArn": desk.arn("codedeploy", &format!("target/{}/{known}", run.action)),
        "status": status(&run),
        "lastUpdatedAt": epoch_seconds(run.changed),
        "lifecycleEvents": lifecycle(&run),
    });
    Ok(json!({ "deploymentTargets": [{ "deploymentTargetType": kind, member: target }] }))
}

/// The events up to the one that failed, and those that were left out for it. Without one that failed nothing is known.
fn lifecycle(run: &ProviderRun<'_>) -> Vec<Value> {
    let Some(failed) = cause(run).and_then(|deployment| deployment.event.as_ref()) else { return Vec::new() };
    let usual = if is_ecs(run) { ON_ECS } else { ON_INSTANCE };
    let Some(place) = usual.iter().position(|name| *name == failed.name) else {
        return vec![failed_event(run, failed)];
    };
    let event = |(number, name): (usize, &&str)| match number.cmp(&place) {
        std::cmp::Ordering::Less => json!({ "lifecycleEventName": name, "status": "Succeeded" }),
        std::cmp::Ordering::Equal => failed_event(run, failed),
        std::cmp::Ordering::Greater => json!({ "lifecycleEventName": name, "status": "Skipped" }),
    };
    usual.iter().enumerate().map(event).collect()
}

fn failed_event(run: &ProviderRun<'_>, failed: &LifecycleCause) -> Value {
    let LifecycleCause { name, code, script, message, log } = failed;
    json!({
        "lifecycleEventName": name,
        "status": "Failed",
        "startTime": epoch_seconds(run.started),
        "endTime": epoch_seconds(run.changed),
        "diagnostics": {
            "errorCode": code.as_str(), "scriptName": script, "message": message, "logTail": log,
        },
    })
}
