//! `DescribeChangeSet`.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::request::Input;
use super::Desk;
use crate::emulator::codepipeline::ChangeSetState;

/// A change set goes by its ARN, or by its name and its stack's name or ARN. One that was executed is gone.
pub fn describe_change_set(desk: Desk<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let asked = input.text("ChangeSetName")?;
    let stack = input.optional_text("StackName");
    if stack.is_none() && !asked.starts_with("arn:") {
        return Err(ApiError::validation(
            "StackName must be specified if ChangeSetName is not specified as an ARN.",
        ));
    }
    let known = desk.service().change_sets().find(|(region, set, known)| {
        let of_stack =
            |stack: &str| stack == set.stack || stack == desk.service().stack_arn(region, &set.stack);
        let is_it = known.arn.as_deref() == Some(asked) || (set.name == asked && stack.is_some());
        region.as_str() == desk.region && is_it && stack.is_none_or(of_stack)
    });
    let missing = || ApiError {
        name: "ChangeSetNotFound",
        message: format!("ChangeSet [{asked}] does not exist"),
        status: 404,
    };
    let (region, set, known) = known.ok_or_else(missing)?;
    let (status, execution, reason) = match &known.state {
        ChangeSetState::Made => ("CREATE_COMPLETE", "AVAILABLE", None),
        ChangeSetState::Failed(reason) => ("FAILED", "UNAVAILABLE", Some(reason)),
        ChangeSetState::Gone => return Err(missing()),
    };
    Ok(json!({
        "ChangeSetName": set.name,
        "ChangeSetId": known.arn,
        "StackId": desk.service().stack_arn(region, &set.stack),
        "StackName": set.stack,
        "Status": status,
        "StatusReason": reason,
        "ExecutionStatus": execution,
        "Changes": [],
    }))
}
