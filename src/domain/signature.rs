//! From what CodePipeline says of a failed action to a class: signatures over error code, message and summary.
//!
//! This is as far as `evidence: state` reaches. Build logs and deployment errors are not looked at here.

use super::class::Class;
use super::pipeline::{Category, ErrorDetails};

/// A class with the signature that said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Classified {
    /// The class.
    pub class: Class,
    /// Name of the signature.
    pub signature: &'static str,
}

/// Texts of which one must occur, in lower case. All of a signature's texts come from AWS's own messages.
struct Signature {
    name: &'static str,
    class: Class,
    any_of: &'static [&'static str],
}

/// Most specific first, and what a retry cannot mend before what it can: a text that says both is not retried.
const SIGNATURES: &[Signature] = &[
    Signature { name: "account-quota-zero", class: Class::Quota, any_of: &["cannot have more than 0 "] },
    Signature {
        name: "not-authorized",
        class: Class::Permission,
        any_of: &[
            "not authorized to perform",
            "accessdenied",
            "access denied",
            "does not have permission",
            "access token might be invalid",
        ],
    },
    Signature {
        name: "resource-missing",
        class: Class::MissingResource,
        any_of: &[
            "project cannot be found",
            "resourcenotfoundexception",
            "no bucket with the name",
            "nosuchkey",
            "change set does not exist",
            "changesetnotfound",
        ],
    },
    Signature {
        name: "stack-state",
        class: Class::Configuration,
        any_of: &["rollback_complete state", "rollback_failed state", "create_failed state"],
    },
    Signature {
        name: "template-or-buildspec",
        class: Class::Configuration,
        any_of: &[
            "yaml_file_error",
            "template format error",
            "no matching artifact paths",
            "invalid buildspec",
        ],
    },
    Signature {
        name: "something-in-progress",
        class: Class::Conflict,
        any_of: &["is already deploying deployment", "_in_progress state", "cleanup_in_progress"],
    },
    Signature {
        name: "build-queue-full",
        class: Class::Capacity,
        any_of: &["builds in queue for the account"],
    },
    Signature {
        name: "throttled",
        class: Class::Throttling,
        any_of: &[
            "rate exceeded",
            "throttlingexception",
            "toomanyrequests",
            "too many requests",
            "requestlimitexceeded",
        ],
    },
    Signature {
        name: "no-capacity",
        class: Class::Capacity,
        any_of: &["insufficientinstancecapacity", "capacity was unavailable", "insufficient capacity"],
    },
    Signature {
        name: "service-fault",
        class: Class::ServiceFault,
        any_of: &[
            "serviceunavailable",
            "service unavailable",
            "internalfailure",
            "internal failure",
            "internalservererror",
            "internal server error",
        ],
    },
    Signature {
        name: "network",
        class: Class::Network,
        any_of: &[
            "connection reset",
            "connection refused",
            "temporary failure in name resolution",
            "tls handshake timeout",
            "502 bad gateway",
        ],
    },
    Signature { name: "timed-out", class: Class::Timeout, any_of: &["timed out", "timed_out"] },
];

/// Marks a message that quotes a command of the build: what follows is the user's text, not a service's.
const COMMAND_FAILED: &str = "command_execution_error";

/// The class of one failed action. Total: what nothing recognises is `unknown`.
pub fn classify(category: Category, error: &ErrorDetails) -> Classified {
    if category == Category::Approval {
        return Classified { class: Class::ApprovalRejected, signature: "approval" };
    }
    let text = format!("{}\n{}", error.message.expose(), error.summary.expose()).to_lowercase();
    if text.contains(COMMAND_FAILED) {
        return if category == Category::Test {
            Classified { class: Class::TestFailure, signature: "test-command-failed" }
        } else {
            Classified { class: Class::BuildError, signature: "build-command-failed" }
        };
    }
    let known =
        SIGNATURES.iter().find(|signature| signature.any_of.iter().any(|phrase| text.contains(phrase)));
    if let Some(Signature { name, class, .. }) = known {
        return Classified { class: *class, signature: name };
    }
    by_code(category, error.code.as_deref().unwrap_or_default())
}

/// Codes that job workers may report (CodePipeline API reference, `FailureDetails`). `JobFailed` says nothing.
fn by_code(category: Category, code: &str) -> Classified {
    let class = match code {
        "PermissionError" => Class::Permission,
        "ConfigurationError" => Class::Configuration,
        "RevisionUnavailable" => Class::MissingResource,
        "RevisionOutOfSync" => Class::Conflict,
        "SystemUnavailable" => Class::ServiceFault,
        _ if category == Category::Test => {
            return Classified { class: Class::TestFailure, signature: "test-action-failed" };
        }
        _ => {
            return Classified { class: Class::Unknown, signature: "none" };
        }
    };
    Classified { class, signature: "error-code" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text::EvidenceText;
    use proptest::prelude::*;

    fn class_of(category: Category, code: &str, message: &str) -> Class {
        let error = ErrorDetails {
            code: Some(code.into()),
            message: EvidenceText::new(message),
            summary: EvidenceText::default(),
        };
        classify(category, &error).class
    }

    #[test]
    fn messages_and_their_classes() {
        for (category, code, message, expected) in [
            (
                Category::Deploy,
                "JobFailed",
                "Rate exceeded (Service: AmazonCloudFormation)",
                Class::Throttling,
            ),
            (
                Category::Build,
                "JobFailed",
                "Cannot have more than 2 builds in queue for the account",
                Class::Capacity,
            ),
            (
                Category::Build,
                "JobFailed",
                "Cannot have more than 0 builds in queue for the account",
                Class::Quota,
            ),
            (Category::Build, "JobFailed", "Build terminated with state: FAILED", Class::Unknown),
            (Category::Test, "JobFailed", "Build terminated with state: FAILED", Class::TestFailure),
            (
                Category::Deploy,
                "JobFailed",
                "Stack shop is in UPDATE_IN_PROGRESS state and can not be updated",
                Class::Conflict,
            ),
            (
                Category::Deploy,
                "JobFailed",
                "Stack shop is in ROLLBACK_COMPLETE state and can not be updated",
                Class::Configuration,
            ),
            (Category::Source, "PermissionError", "The role may not do that", Class::Permission),
            (Category::Deploy, "SystemUnavailable", "", Class::ServiceFault),
            (Category::Approval, "JobFailed", "Rate exceeded", Class::ApprovalRejected),
        ] {
            assert_eq!(class_of(category, code, message), expected, "{message}");
        }
    }

    #[test]
    fn a_command_that_mentions_a_timeout_is_still_a_build_error() {
        let message = "COMMAND_EXECUTION_ERROR: Error while executing command: ./gradlew build -Dhttp.timeout='timed out'. Reason: exit status 1";
        assert_eq!(class_of(Category::Build, "JobFailed", message), Class::BuildError);
        assert_eq!(class_of(Category::Test, "JobFailed", message), Class::TestFailure);
    }

    #[test]
    fn a_denial_wins_over_what_would_pass() {
        let message = "User is not authorized to perform: ecr:GetDownloadUrl (rate exceeded)";
        assert_eq!(class_of(Category::Build, "JobFailed", message), Class::Permission);
    }

    proptest! {
        #[test]
        fn every_text_has_a_class(code in ".{0,20}", message in ".{0,200}") {
            class_of(Category::Build, &code, &message);
        }
    }
}
