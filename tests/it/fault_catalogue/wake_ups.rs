//! What SQS and EventBridge Scheduler do wrong.

use super::catalogue::{Asked, Row, Said, common, error, throttled};

pub fn rows() -> Vec<Row> {
    let mut rows = common(Asked::Send);
    for (code, status) in [
        ("RequestThrottled", 403),
        ("ThrottlingException", 400),
        ("AccessDeniedException", 403),
        ("QueueDoesNotExist", 400),
        ("InvalidAddress", 404),
        ("InvalidSecurity", 403),
        ("UnsupportedOperation", 400),
        ("KmsDisabled", 400),
        ("KmsInvalidState", 400),
        ("KmsNotFound", 400),
        ("KmsOptInRequired", 403),
        ("KmsThrottled", 400),
        ("KmsAccessDenied", 400),
        ("KmsInvalidKeyUsage", 400),
        ("ExpiredTokenException", 403),
        ("RequestExpired", 400),
    ] {
        rows.push(error(Asked::Send, code, status, Said::NotExecuted));
    }
    rows.extend(common(Asked::Schedule));
    rows.extend(throttled(Asked::Schedule));
    for (code, status) in [
        ("ThrottlingException", 429),
        ("AccessDeniedException", 403),
        ("ResourceNotFoundException", 404),
        ("ServiceQuotaExceededException", 402),
        ("ValidationException", 400),
        ("UnrecognizedClientException", 403),
        ("ExpiredTokenException", 403),
        ("SignatureDoesNotMatch", 403),
    ] {
        rows.push(error(Asked::Schedule, code, status, Said::NotExecuted));
    }
    rows
}
