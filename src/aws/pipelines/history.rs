//! Entries of `ListActionExecutions` as the domain's type.

use aws_sdk_codepipeline::types::ActionExecutionDetail;

use super::state::error_details;
use super::{Unusable, have, instant, provider};
use crate::domain::ids::{ActionExecutionId, ActionName, ExecutionId, Region, StageName};
use crate::domain::pipeline::{ActionExecution, ActionStatus, Category, ErrorDetails};

/// One run of an action.
pub(super) fn action_execution(entry: &ActionExecutionDetail) -> Result<ActionExecution, Unusable> {
    let kind = have(entry.input().and_then(|input| input.action_type_id()))?;
    let category = have(Category::parse(kind.category().as_str()))?;
    Ok(ActionExecution {
        execution: ExecutionId::parse(have(entry.pipeline_execution_id())?)?,
        stage: StageName::parse(have(entry.stage_name())?)?,
        action: ActionName::parse(have(entry.action_name())?)?,
        id: ActionExecutionId::parse(have(entry.action_execution_id())?)?,
        status: have(entry.status().and_then(|status| ActionStatus::parse(status.as_str())))?,
        category,
        provider: provider(kind)?,
        region: entry.input().and_then(|input| input.region()).map(Region::parse).transpose()?,
        external_id: external_id(entry, category).map(str::to_owned),
        started: instant(have(entry.start_time())?)?,
        last_change: instant(have(entry.last_update_time())?)?,
        error: error(entry),
    })
}

/// What CodePipeline runs by itself is known by the stream of its log.
fn external_id(entry: &ActionExecutionDetail, category: Category) -> Option<&str> {
    let result = entry.output()?.execution_result()?;
    let log = result.log_stream_arn().filter(|_| category == Category::Compute);
    log.or_else(|| result.external_execution_id())
}

/// A run that is in progress, and one that never reached its provider, have no result.
fn error(entry: &ActionExecutionDetail) -> ErrorDetails {
    match entry.output().and_then(|output| output.execution_result()) {
        Some(result) => error_details(result.error_details(), result.external_execution_summary()),
        None => ErrorDetails::default(),
    }
}
