//! Deployments of CodeDeploy: their error, and what the failing lifecycle event of the first failed targets says.

use aws_sdk_codedeploy::types::{
    CloudFormationTarget, DeploymentTarget, EcsTarget, ErrorCode, InstanceTarget, LambdaTarget,
    LifecycleErrorCode, LifecycleEvent, LifecycleEventStatus, TargetFilterName, TargetStatus,
};

use super::effort::Missing;
use super::{Asking, from, text};
use crate::domain::evidence::{Evidence, Place, Text};

/// Targets that are looked at; the others failed likewise.
const MOST_TARGETS: usize = 5;

/// What there is about a deployment. What failed on a target says more than that it was too many of them.
pub(super) async fn of_deployment(asking: Asking<'_>, id: &str) -> Evidence {
    let (targets, deployment) =
        tokio::join!(Box::pin(of_targets(asking, id)), Box::pin(error_of(asking, id)));
    let (targets, deployment) = (from(targets), from(deployment.map(|text| text.into_iter().collect())));
    Evidence {
        texts: deployment.texts.into_iter().chain(targets.texts).collect(),
        gaps: deployment.gaps.into_iter().chain(targets.gaps).collect(),
    }
}

async fn error_of(asking: Asking<'_>, id: &str) -> Result<Option<Text>, Missing> {
    let request = asking.services.codedeploy().get_deployment().deployment_id(id).send();
    let answer = asking.effort.ask("GetDeployment", request).await?;
    let error = answer.deployment_info().and_then(|deployment| deployment.error_information());
    Ok(error.map(|error| {
        let code = error.code().map(ErrorCode::as_str);
        text(Place::Deployment, code, error.message().unwrap_or_default())
    }))
}

async fn of_targets(asking: Asking<'_>, id: &str) -> Result<Vec<Text>, Missing> {
    let failed = vec![TargetStatus::Failed.as_str().to_owned()];
    let request = asking
        .services
        .codedeploy()
        .list_deployment_targets()
        .deployment_id(id)
        .target_filters(TargetFilterName::TargetStatus, failed)
        .send();
    let mut ids = asking.effort.ask("ListDeploymentTargets", request).await?.target_ids.unwrap_or_default();
    ids.truncate(MOST_TARGETS);
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let codedeploy = asking.services.codedeploy();
    let request =
        codedeploy.batch_get_deployment_targets().deployment_id(id).set_target_ids(Some(ids)).send();
    let answer = asking.effort.ask("BatchGetDeploymentTargets", request).await?;
    let mut texts = Vec::new();
    for target in answer.deployment_targets().iter().take(MOST_TARGETS) {
        let failed = lifecycle_of(target).iter().find(|event| has_failed(event));
        let text = failed.map(diagnostics);
        // Targets fail alike, and once is enough.
        texts.extend(text.filter(|text| !texts.contains(text)));
    }
    Ok(texts)
}

fn lifecycle_of(target: &DeploymentTarget) -> &[LifecycleEvent] {
    let events = (target.instance_target().map(InstanceTarget::lifecycle_events))
        .or_else(|| target.ecs_target().map(EcsTarget::lifecycle_events))
        .or_else(|| target.lambda_target().map(LambdaTarget::lifecycle_events))
        .or_else(|| target.cloud_formation_target().map(CloudFormationTarget::lifecycle_events));
    events.unwrap_or_default()
}

fn has_failed(event: &LifecycleEvent) -> bool {
    event.status() == Some(&LifecycleEventStatus::Failed)
}

fn diagnostics(event: &LifecycleEvent) -> Text {
    let name = event.lifecycle_event_name().unwrap_or_default();
    let said = event.diagnostics();
    let code = said.and_then(|said| said.error_code()).map(LifecycleErrorCode::as_str);
    let message = said.and_then(|said| said.message()).unwrap_or_default();
    let log = said.and_then(|said| said.log_tail()).unwrap_or_default();
    text(Place::LifecycleEvent, code, format!("{name}: {message}\n{log}").trim_end())
}
