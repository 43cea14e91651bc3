//! Answers of `GetPipeline` as the domain's type: the part of a structure that a decision needs.

use aws_sdk_codepipeline::operation::get_pipeline::GetPipelineOutput;
use aws_sdk_codepipeline::types;

use super::state::mode;
use super::{Unusable, count, have, optional, provider};
use crate::domain::ids::{ActionName, PipelineName, StageName};
use crate::domain::pipeline::{
    ActionDeclaration, Category, ChangeSet, ChangeSetPart, PipelineStructure, StageDeclaration,
};
use crate::domain::policy::RetryMode;

/// The structure.
pub(super) fn pipeline_structure(answer: &GetPipelineOutput) -> Result<PipelineStructure, Unusable> {
    let pipeline = have(answer.pipeline())?;
    Ok(PipelineStructure {
        name: PipelineName::parse(pipeline.name())?,
        version: count(have(pipeline.version())?)?,
        mode: mode(pipeline.execution_mode())?,
        stages: all(pipeline.stages(), stage)?,
    })
}

/// Every entry of a list that is never empty. The SDK makes an empty one of a list that is not there.
fn all<T, U>(entries: &[T], read: fn(&T) -> Result<U, Unusable>) -> Result<Vec<U>, Unusable> {
    if entries.is_empty() {
        return Err(Unusable);
    }
    entries.iter().map(read).collect()
}

fn stage(stage: &types::StageDeclaration) -> Result<StageDeclaration, Unusable> {
    Ok(StageDeclaration {
        name: StageName::parse(stage.name())?,
        native_retry: optional(stage.on_failure(), native_retry)?.flatten(),
        actions: all(stage.actions(), action)?,
    })
}

/// The stage's own retry. Where nothing says which, it is taken for one of failed actions; AWS names no default, and
/// whether there is such a retry matters more than which.
fn native_retry(on_failure: &types::FailureConditions) -> Result<Option<RetryMode>, Unusable> {
    let configuration = on_failure.retry_configuration();
    let retries = match on_failure.result() {
        Some(types::Result::Retry) => true,
        Some(types::Result::Rollback | types::Result::Fail | types::Result::Skip) => false,
        Some(_) => return Err(Unusable),
        // Nothing else has a use for the configuration, and to expect a retry that does not come costs a short wait.
        None => configuration.is_some(),
    };
    if !retries {
        return Ok(None);
    }
    match configuration.and_then(types::RetryConfiguration::retry_mode) {
        None | Some(types::StageRetryMode::FailedActions) => Ok(Some(RetryMode::FailedActions)),
        Some(types::StageRetryMode::AllActions) => Ok(Some(RetryMode::AllActions)),
        Some(_) => Err(Unusable),
    }
}

fn action(action: &types::ActionDeclaration) -> Result<ActionDeclaration, Unusable> {
    let kind = have(action.action_type_id())?;
    Ok(ActionDeclaration {
        name: ActionName::parse(action.name())?,
        category: have(Category::parse(kind.category().as_str()))?,
        provider: provider(kind)?,
        run_order: match action.run_order() {
            // The default (API reference, `ActionDeclaration`).
            None => 1,
            Some(order) => count(order)?,
        },
        change_set: match kind.provider() {
            "CloudFormation" => change_set(action)?,
            _ => None,
        },
    })
}

fn change_set(action: &types::ActionDeclaration) -> Result<Option<ChangeSetPart>, Unusable> {
    let configured = |key: &str| action.configuration().and_then(|configuration| configuration.get(key));
    let part = match configured("ActionMode").map(String::as_str) {
        Some("CHANGE_SET_REPLACE") => ChangeSetPart::Makes,
        Some("CHANGE_SET_EXECUTE") => ChangeSetPart::Executes,
        _ => return Ok(None),
    };
    let stack = have(configured("StackName"))?.clone();
    Ok(Some(part(ChangeSet { stack, name: have(configured("ChangeSetName"))?.clone() })))
}
