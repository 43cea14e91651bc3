//! What CodePipeline does wrong.

use serde_json::json;

use super::catalogue::{Asked, Row, SECRET, Said, common, error, own, spelled, throttled, turned_away};
use super::gateway::Answer;

pub fn rows() -> Vec<Row> {
    let mut rows = common(Asked::State);
    for (code, status) in [
        ("ThrottlingException", 400),
        ("AccessDeniedException", 400),
        ("ExpiredTokenException", 400),
        ("ValidationException", 400),
    ] {
        rows.push(error(Asked::State, code, status, Said::NotExecuted));
    }
    let asked = Asked::Retry;
    rows.extend(common(asked));
    rows.extend(turned_away(asked));
    rows.extend(throttled(asked));
    for code in [
        "ConflictException",
        "ConcurrentPipelineExecutionsLimitExceededException",
        "StageNotRetryableException",
        "NotLatestPipelineExecutionException",
        "StageNotFoundException",
        "PipelineNotFoundException",
        "ValidationException",
    ] {
        rows.push(error(asked, code, 400, Said::NotExecuted));
    }
    // A code that CodePipeline does not declare says nothing that can be relied on.
    rows.push(error(asked, "SomethingNewException", 400, Said::Unknown));
    let another = json!({ "pipelineExecutionId": "another" }).to_string();
    rows.extend([
        own(
            asked,
            "200 about another execution, after it was done",
            true,
            Answer::Whole(200, "", another),
            Said::Unknown,
        ),
        own(
            asked,
            "200 that says nothing, after it was done",
            true,
            Answer::Whole(200, "", "{}".into()),
            Said::Unknown,
        ),
        spelled(
            asked,
            "a refusal by header alone",
            400,
            "x-amzn-errortype: StageNotRetryableException\r\n",
            &json!({ "message": SECRET }),
            Said::NotExecuted,
        ),
        spelled(
            asked,
            "throttling with its name space",
            429,
            "",
            &json!({ "__type": "com.amazonaws.codepipeline#ThrottlingException", "message": SECRET }),
            Said::NotExecuted,
        ),
    ]);
    rows
}
