//! `list-action-executions`.

use super::{AnswerError, each, error_details, read};
use crate::domain::ids::{ActionExecutionId, ActionName, ExecutionId, Region, StageName};
use crate::domain::pipeline::{ActionExecution, ActionStatus, Category, ErrorDetails};
use crate::json::{Fault, Object};

/// Reads the answer of `aws codepipeline list-action-executions`, in its order.
///
/// The list has to be complete: who retried before is counted from it, so an answer that says there is more is an error.
pub fn action_executions(text: &str) -> Result<Vec<ActionExecution>, AnswerError> {
    read("list-action-executions", text, |answer| {
        // The API says `nextToken`; the AWS CLI, which reads all pages unless told otherwise, says `NextToken`.
        for name in ["nextToken", "NextToken"] {
            if let Some(token) = answer.member(name).optional() {
                return Err(token.fault("says that the list goes on; read all of it"));
            }
        }
        each(&answer.member("actionExecutionDetails"), action_execution)
    })
}

fn action_execution(entry: &Object<'_>) -> Result<ActionExecution, Fault> {
    let kind = entry.member("input").object()?.member("actionTypeId").object()?;
    let category = kind.member("category").one_of("category", Category::parse)?;
    Ok(ActionExecution {
        execution: entry.member("pipelineExecutionId").id(ExecutionId::parse)?,
        stage: entry.member("stageName").id(StageName::parse)?,
        action: entry.member("actionName").id(ActionName::parse)?,
        id: entry.member("actionExecutionId").id(ActionExecutionId::parse)?,
        status: entry.member("status").one_of("action status", ActionStatus::parse)?,
        category,
        provider: kind.member("provider").text()?.to_owned(),
        region: entry
            .member("input")
            .object()?
            .member("region")
            .optional()
            .map(|region| region.id(Region::parse))
            .transpose()?,
        external_id: external_id(entry, category)?,
        started: entry.member("startTime").instant_or_seconds()?,
        last_change: entry.member("lastUpdateTime").instant_or_seconds()?,
        error: error(entry)?,
    })
}

/// A run that is in progress, and one that never reached its provider, have no result. What CodePipeline runs by itself is
/// known by the stream of its log.
fn external_id(entry: &Object<'_>, category: Category) -> Result<Option<String>, Fault> {
    let Some(output) = entry.member("output").optional() else { return Ok(None) };
    let Some(result) = output.object()?.member("executionResult").optional() else { return Ok(None) };
    let result = result.object()?;
    let log = result.member("logStreamARN").optional().filter(|_| category == Category::Compute);
    let id = log.or_else(|| result.member("externalExecutionId").optional());
    id.map(|id| id.text().map(str::to_owned)).transpose()
}

fn error(entry: &Object<'_>) -> Result<ErrorDetails, Fault> {
    let Some(output) = entry.member("output").optional() else {
        return Ok(ErrorDetails::default());
    };
    match output.object()?.member("executionResult").optional() {
        Some(result) => error_details(&result.object()?, "externalExecutionSummary"),
        None => Ok(ErrorDetails::default()),
    }
}
