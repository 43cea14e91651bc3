//! What an error of the SDK says about its request: certainly not done, or perhaps done. The one place that knows how
//! services spell throttling and refused credentials; what a service's own exceptions mean is each adapter's business.
//!
//! An error speaks of the last attempt alone. Where the SDK sent a request several times, an earlier attempt may have
//! been done whatever the last one says; so a request that must not be done twice, or whose [`Fault::NotDone`] is
//! relied on, goes out with the SDK's retries off.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::domain::pipeline::Gap;
use crate::domain::protocol::Fault;

/// Why a request had no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause<'a> {
    /// No byte of it was sent: it could not be built or signed, or nothing could be connected to.
    NotSent,
    /// The service asks to slow down.
    Throttled,
    /// The service knows who asks, and does not allow it.
    AccessDenied,
    /// Credentials or signature are not accepted: missing, expired, not known, or a clock that is wrong.
    Credentials,
    /// The service refused for a reason of its own, with this code.
    Refused(&'a str),
    /// It may have been done: timeout, reset, failure inside the service, an answer that cannot be read.
    Unknown,
}

impl Cause<'_> {
    /// Whether the request may have been done.
    pub const fn fault(self) -> Fault {
        match self {
            Self::Unknown => Fault::Unknown,
            Self::NotSent | Self::Throttled | Self::AccessDenied | Self::Credentials | Self::Refused(_) => {
                Fault::NotDone
            }
        }
    }
}

/// Every spelling of throttling: those that the SDK itself tries again on (`THROTTLING_ERRORS` of crate aws-runtime),
/// and those that DynamoDB gives as reasons of a cancelled transaction.
const THROTTLING: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingError",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Spellings of "you may not".
const ACCESS_DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "KMSAccessDeniedException",
    "NotAuthorized",
    "NotAuthorizedException",
    "UnauthorizedException",
    "UnauthorizedOperation",
];

/// Spellings of "I do not know you", a clock that is wrong among them (common errors of AWS's API references).
const CREDENTIALS: &[&str] = &[
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// What services that once spoke the query protocol still put before a code (SQS, in the header `x-amzn-query-error`).
const NAME_SPACES: &[&str] = &["AWS.SimpleQueueService.", "KMS."];

/// Codes by which a service says that it did not hear the request out; how much of it was heard is not known.
const TIMEOUTS: &[&str] = &["RequestTimeout", "RequestTimeoutException"];

/// Whether an error code asks to slow down.
pub fn is_throttling(code: &str) -> bool {
    THROTTLING.contains(&code)
}

/// What the error says about the last attempt of its request.
pub fn cause<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Cause<'_> {
    match error {
        SdkError::ConstructionFailure(_) => Cause::NotSent,
        SdkError::DispatchFailure(failure) => {
            failure.as_connector_error().map_or(Cause::Unknown, of_connection)
        }
        SdkError::ServiceError(answer) => {
            of_answer(answer.raw().status().as_u16(), answer.err().meta().code())
        }
        // A timeout, an answer that cannot be read, and what a later SDK may add.
        _ => Cause::Unknown,
    }
}

/// [`Cause::fault`] of [`cause`].
pub fn fault<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Fault {
    cause(error).fault()
}

/// Why an answer is missing that a decision would have liked to have; nothing of what the error says.
pub fn gap<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Gap {
    match cause(error) {
        Cause::Throttled => Gap::Throttled,
        Cause::AccessDenied | Cause::Credentials => Gap::Denied,
        Cause::Refused(_) | Cause::NotSent | Cause::Unknown => Gap::Unavailable,
    }
}

fn of_answer(status: u16, code: Option<&str>) -> Cause<'_> {
    let Some(code) = code else {
        // Not the service's own way to refuse: whoever answered, the request may have gone further.
        return Cause::Unknown;
    };
    let code = NAME_SPACES.iter().find_map(|name_space| code.strip_prefix(name_space)).unwrap_or(code);
    if is_throttling(code) {
        Cause::Throttled
    } else if !(400..500).contains(&status) || TIMEOUTS.contains(&code) {
        Cause::Unknown
    } else if ACCESS_DENIED.contains(&code) {
        Cause::AccessDenied
    } else if CREDENTIALS.contains(&code) {
        Cause::Credentials
    } else {
        Cause::Refused(code)
    }
}

fn of_connection(error: &ConnectorError) -> Cause<'_> {
    // That hyper blames its user (`is_user`) proves nothing: a connection whose task is gone, with the request perhaps
    // written, is the user's fault too (`dispatch_gone` in hyper's `client::dispatch`).
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        // A name that does not resolve, a connection that is refused or hangs, a handshake that fails.
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>()
            && error.is_connect()
        {
            return Cause::NotSent;
        }
        // There was nothing to sign it with.
        if error.is::<CredentialsError>() {
            return Cause::Credentials;
        }
        next = error.source();
    }
    Cause::Unknown
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::metadata::ErrorMetadata;

    use super::*;

    #[test]
    fn answers_are_told_apart_by_code_and_status() {
        for (status, code, expected) in [
            (400, Some("ThrottlingException"), Cause::Throttled),
            (429, Some("TooManyRequestsException"), Cause::Throttled),
            (503, Some("SlowDown"), Cause::Throttled),
            (400, Some("AccessDeniedException"), Cause::AccessDenied),
            (403, Some("UnrecognizedClientException"), Cause::Credentials),
            (400, Some("ExpiredTokenException"), Cause::Credentials),
            (403, Some("RequestTimeTooSkewed"), Cause::Credentials),
            (400, Some("StageNotRetryableException"), Cause::Refused("StageNotRetryableException")),
            (404, None, Cause::Unknown),
            (408, Some("RequestTimeout"), Cause::Unknown),
            (408, Some("AWS.SimpleQueueService.RequestTimeout"), Cause::Unknown),
            (400, Some("AWS.SimpleQueueService.RequestThrottled"), Cause::Throttled),
            (400, Some("KMS.AccessDeniedException"), Cause::AccessDenied),
            (400, Some("AWS.SimpleQueueService.NonExistentQueue"), Cause::Refused("NonExistentQueue")),
            (500, Some("InternalServerError"), Cause::Unknown),
            (500, Some("AccessDeniedException"), Cause::Unknown),
            (503, Some("ServiceUnavailable"), Cause::Unknown),
            (502, None, Cause::Unknown),
        ] {
            let metadata = ErrorMetadata::builder();
            let metadata = if let Some(code) = code { metadata.code(code) } else { metadata };
            let response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
            let error = SdkError::service_error(metadata.build(), response);
            assert_eq!(cause(&error), expected, "{status} {code:?}");
            let certain = if expected == Cause::Unknown { Fault::Unknown } else { Fault::NotDone };
            assert_eq!(fault(&error), certain, "{status} {code:?}");
        }
    }

    #[test]
    fn what_the_sdk_calls_throttling_is_throttling() {
        for code in [
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottledException",
            "TooManyRequestsException",
            "ProvisionedThroughputExceededException",
            "TransactionInProgressException",
            "RequestLimitExceeded",
            "BandwidthLimitExceeded",
            "LimitExceededException",
            "RequestThrottled",
            "SlowDown",
            "PriorRequestNotComplete",
            "EC2ThrottledException",
        ] {
            assert!(is_throttling(code), "{code}");
        }
        assert!(!is_throttling("ConditionalCheckFailed"));
    }

    #[test]
    fn without_an_answer_only_what_was_not_sent_is_certain() {
        let io = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let response = || HttpResponse::new(StatusCode::try_from(200).unwrap(), SdkBody::empty());
        let unknown: [SdkError<ErrorMetadata, HttpResponse>; 5] = [
            SdkError::timeout_error("took too long"),
            SdkError::dispatch_failure(ConnectorError::io(io().into())),
            SdkError::dispatch_failure(ConnectorError::timeout(io().into())),
            SdkError::dispatch_failure(ConnectorError::user(io().into())),
            SdkError::response_error("not JSON", response()),
        ];
        for error in &unknown {
            assert_eq!(cause(error), Cause::Unknown, "{error:?}");
        }
        let unbuilt: SdkError<ErrorMetadata, HttpResponse> =
            SdkError::construction_failure("a field is missing");
        assert_eq!(cause(&unbuilt), Cause::NotSent);
        let missing = CredentialsError::not_loaded("no profile");
        let unsigned: SdkError<ErrorMetadata, HttpResponse> =
            SdkError::dispatch_failure(ConnectorError::other(missing.into(), None));
        assert_eq!(cause(&unsigned), Cause::Credentials);
    }
}
