//! What DynamoDB does wrong.

use serde_json::{Value, json};

use super::catalogue::{Asked, Row, SECRET, Said, burst, common, error, spelled, throttled, turned_away};

pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for asked in [Asked::Read, Asked::Commit, Asked::Put] {
        rows.extend(common(asked));
        for (code, status) in [
            ("ThrottlingException", 400),
            ("ProvisionedThroughputExceededException", 400),
            ("RequestLimitExceeded", 400),
            ("AccessDeniedException", 400),
            ("ExpiredTokenException", 400),
            ("ResourceNotFoundException", 400),
            ("ValidationException", 400),
        ] {
            rows.push(error(asked, code, status, Said::NotExecuted));
        }
    }
    rows.extend(throttled(Asked::Commit));
    rows.extend(turned_away(Asked::Commit));
    rows.extend(transactions());
    for code in [
        "ItemCollectionSizeLimitExceededException",
        "ReplicatedWriteConflictException",
        "TransactionConflictException",
    ] {
        rows.push(error(Asked::Put, code, 400, Said::NotExecuted));
    }
    rows
}

fn transactions() -> Vec<Row> {
    let asked = Asked::Commit;
    // A transaction of the record and the decision.
    let lists: [(&str, &[&str]); 9] = [
        ("TransactionConflict", &["TransactionConflict", "None"]),
        ("TransactionConflict on both", &["TransactionConflict", "TransactionConflict"]),
        ("ItemCollectionSizeLimitExceeded", &["None", "ItemCollectionSizeLimitExceeded"]),
        ("ProvisionedThroughputExceeded", &["ProvisionedThroughputExceeded", "None"]),
        ("ThrottlingError", &["None", "ThrottlingError"]),
        ("ValidationError", &["ValidationError", "None"]),
        ("AccessDenied", &["AccessDenied", "None"]),
        ("mixed", &["ThrottlingError", "TransactionConflict"]),
        ("a reason without a name", &["None", "None"]),
    ];
    let mut rows: Vec<Row> = lists
        .into_iter()
        .map(|(name, codes)| {
            let reasons: Vec<Value> = codes
                .iter()
                .map(|code| json!({ "Code": code, "Message": format!("because {SECRET}") }))
                .collect();
            cancelled(&format!("TransactionCanceledException, {name}"), &reasons)
        })
        .collect();
    rows.extend([
        cancelled("TransactionCanceledException without reasons", &[]),
        error(asked, "TransactionConflictException", 400, Said::NotExecuted),
        error(asked, "IdempotentParameterMismatchException", 400, Said::NotExecuted),
        error(asked, "KMSAccessDeniedException", 400, Said::NotExecuted),
        spelled(
            asked,
            "throttling by header alone",
            400,
            "x-amzn-errortype: ThrottlingException:http://internal.amazon.com/\r\n",
            &json!({ "message": SECRET }),
            Said::NotExecuted,
        ),
        spelled(
            asked,
            "throttling by body, with its name space",
            400,
            "",
            &json!({ "__type": "com.amazon.coral.availability#ThrottlingException", "Message": SECRET }),
            Said::NotExecuted,
        ),
        spelled(
            asked,
            "throttling by a body without a type but with a code",
            429,
            "",
            &json!({ "code": "TooManyRequestsException", "message": SECRET }),
            Said::NotExecuted,
        ),
    ]);
    rows
}

fn cancelled(name: &str, reasons: &[Value]) -> Row {
    let fields = json!({ "CancellationReasons": reasons });
    let code = "TransactionCanceledException";
    let message = format!("Transaction cancelled, {SECRET}");
    let fault = json!({ "error": { "code": code, "status": 400, "message": message, "fields": fields } });
    burst(Asked::Commit, name, fault, false, Said::NotExecuted)
}
