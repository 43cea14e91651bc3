//! What goes wrong when somebody is told, or a stage is rolled back: SNS, EventBridge, the note that it was told, and
//! `RollbackStage`.

use serde_json::json;

use super::catalogue::{Asked, Row, SECRET, Said, common, error, own, throttled, turned_away};
use super::gateway::Answer;

pub fn rows() -> Vec<Row> {
    let mut rows = rollback();
    rows.extend(common(Asked::Pending));
    for code in ["ThrottlingException", "AccessDeniedException", "ResourceNotFoundException"] {
        rows.push(error(Asked::Pending, code, 400, Said::NotExecuted));
    }
    rows.extend(common(Asked::Told));
    for (code, status) in [
        ("ThrottlingException", 400),
        ("ProvisionedThroughputExceededException", 400),
        ("AccessDeniedException", 400),
        ("ResourceNotFoundException", 400),
        ("TransactionConflictException", 400),
    ] {
        rows.push(error(Asked::Told, code, status, Said::NotExecuted));
    }
    rows.extend(common(Asked::Publish).into_iter().map(|row| {
        // The first half names the message, so SNS has it.
        let said = if row.name.starts_with("200 with half a body") { Said::Executed } else { row.said };
        Row { said, ..row }
    }));
    let nothing = Answer::Whole(200, "", "<PublishResponse><PublishResult/></PublishResponse>".into());
    rows.push(own(
        Asked::Publish,
        "200 that names no message, after it was done",
        true,
        nothing,
        Said::Unknown,
    ));
    for (code, status) in [
        ("Throttling", 400),
        ("ThrottledException", 429),
        ("AuthorizationError", 403),
        ("NotFound", 404),
        ("InvalidParameter", 400),
        ("ParameterValueInvalid", 400),
        ("EndpointDisabled", 400),
        ("InvalidSecurity", 403),
        ("KMSAccessDenied", 400),
        ("KMSDisabled", 400),
        ("KMSThrottling", 400),
        ("InvalidClientTokenId", 403),
        ("ExpiredToken", 403),
        ("SignatureDoesNotMatch", 403),
    ] {
        rows.push(error(Asked::Publish, code, status, Said::NotExecuted));
    }
    rows.push(error(Asked::Publish, "InternalError", 500, Said::Unknown));
    rows.extend(common(Asked::Announce));
    rows.extend(turned_away(Asked::Announce));
    rows.extend(throttled(Asked::Announce));
    for code in ["ResourceNotFoundException", "OperationDisabledException", "ValidationException"] {
        rows.push(error(Asked::Announce, code, 400, Said::NotExecuted));
    }
    rows.push(error(Asked::Announce, "InternalException", 500, Said::Unknown));
    for code in
        ["InternalFailure", "ThrottlingException", "NotAuthorizedForSourceException", "MalformedDetail"]
    {
        let entry = json!({ "ErrorCode": code, "ErrorMessage": SECRET });
        let answer = json!({ "FailedEntryCount": 1, "Entries": [entry] }).to_string();
        let name = format!("200, but not the entry: {code}");
        let answer = Answer::Whole(200, "", answer);
        rows.push(own(Asked::Announce, &name, false, answer, Said::NotExecuted));
    }
    rows
}

fn rollback() -> Vec<Row> {
    let asked = Asked::Rollback;
    let mut rows = common(asked);
    rows.extend(turned_away(asked));
    rows.extend(throttled(asked));
    for code in [
        "ConflictException",
        "PipelineExecutionNotFoundException",
        "PipelineExecutionOutdatedException",
        "PipelineNotFoundException",
        "StageNotFoundException",
        "UnableToRollbackStageException",
        "ValidationException",
    ] {
        rows.push(error(asked, code, 400, Said::NotExecuted));
    }
    rows.push(error(asked, "SomethingNewException", 400, Said::Unknown));
    let nothing = Answer::Whole(200, "", "{}".into());
    rows.push(own(asked, "200 that says nothing, after it was done", true, nothing, Said::Unknown));
    rows
}
