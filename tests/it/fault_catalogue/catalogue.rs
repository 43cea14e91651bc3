//! What a row is, and the faults that befall every service alike.

use serde_json::{Value, json};

use super::gateway::{Answer, Own};

/// Who is asked, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// DynamoDB: the read before every decision.
    Read,
    /// DynamoDB: a transaction.
    Commit,
    /// DynamoDB: one item under its condition.
    Put,
    /// CodePipeline: the state of a pipeline.
    State,
    /// CodePipeline: the retry.
    Retry,
    /// CodePipeline: the rollback.
    Rollback,
    /// DynamoDB: what waits to be told.
    Pending,
    /// DynamoDB: what was told is noted.
    Told,
    /// SNS: a message to a team.
    Publish,
    /// EventBridge: a decision, to programs.
    Announce,
    /// SQS: a wake-up that is due soon.
    Send,
    /// Scheduler: one that is not.
    Schedule,
}

impl Asked {
    /// The service by its name in a signature, and the operation.
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Read => ("dynamodb", "BatchGetItem"),
            Self::Commit => ("dynamodb", "TransactWriteItems"),
            Self::Put => ("dynamodb", "PutItem"),
            Self::State => ("codepipeline", "GetPipelineState"),
            Self::Retry => ("codepipeline", "RetryStageExecution"),
            Self::Rollback => ("codepipeline", "RollbackStage"),
            Self::Pending => ("dynamodb", "Query"),
            Self::Told => ("dynamodb", "UpdateItem"),
            Self::Publish => ("sns", "Publish"),
            Self::Announce => ("events", "PutEvents"),
            Self::Send => ("sqs", "SendMessage"),
            Self::Schedule => ("scheduler", "CreateSchedule"),
        }
    }

    /// Whether it tells somebody, or looks what is to be told, or notes that it was.
    pub const fn is_telling(self) -> bool {
        matches!(self, Self::Pending | Self::Told | Self::Publish | Self::Announce)
    }

    /// Whether it changes nothing.
    pub const fn is_a_read(self) -> bool {
        matches!(self, Self::Read | Self::State | Self::Pending)
    }
}

/// What must be said of a request that a fault befell for good. A read is never in doubt: nothing of it could be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    Executed,
    NotExecuted,
    Unknown,
}

/// How the fault is made.
#[derive(Debug, Clone)]
pub enum Made {
    /// By rules of microburst, one after the other.
    Burst(Vec<Value>),
    /// By the gateway: what microburst has no word for.
    Own(Own),
    /// Nothing listens where the service should be.
    Nobody,
}

/// One fault of one operation.
#[derive(Debug, Clone)]
pub struct Row {
    pub asked: Asked,
    pub name: String,
    pub made: Made,
    /// Whether the server carries the request out.
    pub executed: bool,
    pub said: Said,
    /// Whether each attempt takes seconds.
    pub is_slow: bool,
}

/// A word that every message of an error contains, and no log may.
pub const SECRET: &str = "hunter2-AKIASECRET";

/// An error by its code, as the service spells errors.
pub fn error(asked: Asked, code: &str, status: u16, said: Said) -> Row {
    let fault = json!({ "error": { "code": code, "status": status, "message": format!("no, {SECRET}") } });
    burst(asked, &format!("{code} {status}"), fault, false, said)
}

pub fn burst(asked: Asked, name: &str, fault: Value, executed: bool, said: Said) -> Row {
    Row { asked, name: name.to_owned(), made: Made::Burst(vec![fault]), executed, said, is_slow: false }
}

/// The answer of the first request is lost after it was done, and every further one is refused: the refusal says nothing
/// about the first.
fn lost_and_then(asked: Asked, code: &str) -> Row {
    let lost = json!({ "times": 1, "response": { "abort_bytes": 0 } });
    let refused = json!({ "error": { "code": code, "status": 400, "message": SECRET } });
    let made = Made::Burst(vec![lost, refused]);
    Row {
        made,
        executed: true,
        ..error(asked, &format!("lost after it was done, and then {code}"), 400, Said::Unknown)
    }
}

pub fn own(asked: Asked, name: &str, after: bool, answer: Answer, said: Said) -> Row {
    let made = Made::Own(Own { after, answer });
    Row { asked, name: name.to_owned(), made, executed: after, said, is_slow: false }
}

/// An error whose code is in a header alone, in the body alone under another name, or with a name space around it.
pub fn spelled(asked: Asked, name: &str, status: u16, header: &'static str, body: &Value, said: Said) -> Row {
    own(asked, name, false, Answer::Whole(status, header, body.to_string()), said)
}

/// What may befall any request: the network, proxies on the way, and a service that fails inside.
pub fn common(asked: Asked) -> Vec<Row> {
    let unknown = |name: &str, after, answer| own(asked, name, after, answer, Said::Unknown);
    let html = format!("<html><body>{SECRET}</body></html>");
    let failure = json!({ "__type": "InternalFailure", "message": SECRET }).to_string();
    let slow = |row: Row| Row { is_slow: true, ..row };
    let half = json!({ "response": { "truncate_frac": 0.5 } });
    vec![
        Row {
            made: Made::Nobody,
            name: "nobody listens".to_owned(),
            ..error(asked, "", 0, Said::NotExecuted)
        },
        error(asked, "InternalServerError", 500, Said::Unknown),
        error(asked, "InternalFailure", 500, Said::Unknown),
        error(asked, "ServiceUnavailable", 503, Said::Unknown),
        error(asked, "RequestTimeout", 408, Said::Unknown),
        error(asked, "RequestTimeoutException", 400, Said::Unknown),
        unknown("500 without a body", false, Answer::Whole(500, "", String::new())),
        unknown("502 in HTML", false, Answer::Whole(502, "content-type: text/html\r\n", html.clone())),
        unknown("503 without a body", false, Answer::Whole(503, "", String::new())),
        unknown(
            "504 in HTML, after it was done",
            true,
            Answer::Whole(504, "content-type: text/html\r\n", html.clone()),
        ),
        unknown("403 in HTML", false, Answer::Whole(403, "content-type: text/html\r\n", html.clone())),
        unknown("400 without a code", false, Answer::Whole(400, "", format!("{{\"message\":\"{SECRET}\"}}"))),
        unknown("InternalFailure 500, after it was done", true, Answer::Whole(500, "", failure)),
        unknown("closed without an answer, before it was done", false, Answer::Close),
        unknown("closed without an answer, after it was done", true, Answer::Close),
        unknown("closed in the middle of the head, after it was done", true, Answer::HalfAHead),
        burst(asked, "reset before it was done", json!({ "reset": true }), false, Said::Unknown),
        burst(
            asked,
            "reset after it was done",
            json!({ "response": { "abort_bytes": 0 } }),
            true,
            Said::Unknown,
        ),
        slow(burst(
            asked,
            "timeout before it was done",
            json!({ "timeout_ms": 30_000 }),
            false,
            Said::Unknown,
        )),
        slow(unknown("timeout after it was done", true, Answer::Silence)),
        slow(unknown("an answer without end, after it was done", true, Answer::Drip)),
        unknown("200 in HTML, after it was done", true, Answer::Whole(200, "", html)),
        burst(asked, "200 with half a body, after it was done", half, true, Said::Unknown),
        lost_and_then(asked, "ThrottlingException"),
        lost_and_then(asked, "AccessDeniedException"),
    ]
}

/// Credentials that are not accepted, a clock that is wrong, and what is not allowed.
pub fn turned_away(asked: Asked) -> Vec<Row> {
    let codes = [
        ("AccessDeniedException", 400),
        ("ExpiredTokenException", 400),
        ("UnrecognizedClientException", 400),
        ("InvalidSignatureException", 403),
        ("RequestExpired", 400),
        ("RequestInTheFuture", 403),
        ("RequestTimeTooSkewed", 403),
        ("SignatureDoesNotMatch", 403),
        ("IncompleteSignature", 400),
        ("MissingAuthenticationTokenException", 403),
    ];
    let mut rows: Vec<Row> =
        codes.into_iter().map(|(code, status)| error(asked, code, status, Said::NotExecuted)).collect();
    let message =
        format!("Signature expired: 20261122T101340Z is now earlier than 20261122T102000Z {SECRET}");
    let fault =
        json!({ "error": { "code": "InvalidSignatureException", "status": 400, "message": message } });
    rows.push(burst(asked, "Signature expired", fault, false, Said::NotExecuted));
    rows
}

/// Throttling in every spelling that a service of AWS has.
pub fn throttled(asked: Asked) -> Vec<Row> {
    let spellings = [
        ("ThrottlingException", 400),
        ("Throttling", 400),
        ("ThrottledException", 429),
        ("RequestThrottled", 400),
        ("RequestThrottledException", 400),
        ("TooManyRequestsException", 429),
        ("RequestLimitExceeded", 503),
        ("BandwidthLimitExceeded", 400),
        ("LimitExceededException", 400),
        ("PriorRequestNotComplete", 400),
        ("ProvisionedThroughputExceededException", 400),
        ("TransactionInProgressException", 400),
        ("SlowDown", 503),
        ("EC2ThrottledException", 503),
    ];
    spellings.into_iter().map(|(code, status)| error(asked, code, status, Said::NotExecuted)).collect()
}

/// Every row.
pub fn all() -> Vec<Row> {
    let mut rows = super::dynamodb::rows();
    rows.extend(super::codepipeline::rows());
    rows.extend(super::wake_ups::rows());
    rows.extend(super::telling::rows());
    rows
}
