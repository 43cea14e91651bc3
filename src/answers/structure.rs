//! `get-pipeline`.

use super::{AnswerError, each, execution_mode, optional_text, read};
use crate::domain::ids::{ActionName, PipelineName, StageName};
use crate::domain::pipeline::{
    ActionDeclaration, Category, ChangeSet, ChangeSetPart, PipelineStructure, StageDeclaration,
};
use crate::domain::policy::RetryMode;
use crate::json::{Fault, Object};

/// Reads the answer of `aws codepipeline get-pipeline`. An absent `executionMode` is SUPERSEDED, as the API reference
/// says.
///
/// For a stage that retries by itself, an absent `retryMode` is taken for `FAILED_ACTIONS`; AWS names no default, and
/// whether there is such a retry matters more than which.
pub fn pipeline_structure(text: &str) -> Result<PipelineStructure, AnswerError> {
    read("get-pipeline", text, |answer| {
        let pipeline = answer.member("pipeline").object()?;
        Ok(PipelineStructure {
            name: pipeline.member("name").id(PipelineName::parse)?,
            version: pipeline.member("version").count()?,
            mode: execution_mode(&pipeline)?,
            stages: each(&pipeline.member("stages"), stage)?,
        })
    })
}

fn stage(stage: &Object<'_>) -> Result<StageDeclaration, Fault> {
    Ok(StageDeclaration {
        name: stage.member("name").id(StageName::parse)?,
        native_retry: native_retry(stage)?,
        actions: each(&stage.member("actions"), action)?,
    })
}

/// The stage's own retry, of which `onFailure` tells.
fn native_retry(stage: &Object<'_>) -> Result<Option<RetryMode>, Fault> {
    let Some(on_failure) = stage.member("onFailure").optional() else {
        return Ok(None);
    };
    let on_failure = on_failure.object()?;
    let configuration = on_failure.member("retryConfiguration").optional();
    let retries = match on_failure.member("result").optional() {
        Some(result) => result.one_of("result", |name| match name {
            "RETRY" => Some(true),
            "ROLLBACK" | "FAIL" | "SKIP" => Some(false),
            _ => None,
        })?,
        // Nothing else has a use for the configuration, and to expect a retry that does not come costs a short wait.
        None => configuration.is_some(),
    };
    if !retries {
        return Ok(None);
    }
    let mode = match configuration {
        Some(configuration) => configuration.object()?.member("retryMode").optional(),
        None => None,
    };
    match mode {
        Some(mode) => mode.one_of("retry mode", RetryMode::parse).map(Some),
        None => Ok(Some(RetryMode::FailedActions)),
    }
}

fn action(action: &Object<'_>) -> Result<ActionDeclaration, Fault> {
    let kind = action.member("actionTypeId").object()?;
    let provider = kind.member("provider").text()?;
    Ok(ActionDeclaration {
        name: action.member("name").id(ActionName::parse)?,
        category: kind.member("category").one_of("category", Category::parse)?,
        provider: provider.to_owned(),
        run_order: match action.member("runOrder").optional() {
            // The default (API reference, `ActionDeclaration`).
            None => 1,
            Some(order) => order.count()?,
        },
        change_set: match provider {
            "CloudFormation" => change_set(action)?,
            _ => None,
        },
    })
}

fn change_set(action: &Object<'_>) -> Result<Option<ChangeSetPart>, Fault> {
    let Some(configuration) = action.member("configuration").optional() else {
        return Ok(None);
    };
    let configuration = configuration.object()?;
    let part = match optional_text(configuration.member("ActionMode"))? {
        Some("CHANGE_SET_REPLACE") => ChangeSetPart::Makes,
        Some("CHANGE_SET_EXECUTE") => ChangeSetPart::Executes,
        _ => return Ok(None),
    };
    let text = |name| configuration.member(name).text().map(str::to_owned);
    Ok(Some(part(ChangeSet { stack: text("StackName")?, name: text("ChangeSetName")? })))
}
