//! What tells that something failed, and nothing of why. Anything else in the evidence says more.

use crate::classify::signature::{Signature, wrapper};
use crate::domain::class::Class::{
    BuildError, Configuration, Conflict, MissingResource, Permission, Quota, ServiceFault, TestFailure,
    Timeout, Unknown,
};
use crate::domain::evidence::Place;
use crate::domain::pipeline::Category;

pub(super) const SIGNATURES: &[Signature] = &[
    wrapper(
        "build-timed-out",
        Timeout,
        "the build took longer than its project allows",
        &[r"\bbuild terminated with state: TIMED_OUT\b", r"\bbuild (?:has )?timed out\b|\bBUILD_TIMED_OUT\b"],
    ),
    wrapper("build-timed-out-status", Timeout, "the build took longer than its project allows", &[])
        .codes(&["TIMED_OUT", "BUILD_TIMED_OUT"]),
    wrapper(
        "test-command-failed",
        TestFailure,
        "a command of a test action failed",
        &[
            r"\bCOMMAND_EXECUTION_ERROR\b",
            r"\bwhile executing command:",
            r"\bbuild terminated with state: FAILED\b",
        ],
    )
    .categories(&[Category::Test]),
    wrapper(
        "build-command-failed",
        BuildError,
        "a command of the build failed",
        &[r"\bCOMMAND_EXECUTION_ERROR\b", r"\bwhile executing command:"],
    )
    .categories(&[Category::Build, Category::Compute]),
    wrapper(
        "command-failed",
        Unknown,
        "a command failed, and nothing says why",
        &[
            r"\bCOMMAND_EXECUTION_ERROR\b",
            r"\bwhile executing command:",
            r"\bexit(?:ed)?(?: with)?(?: (?:status|code))?:? [1-9]\d*\b",
            r"\bELIFECYCLE\b|\bdid not complete successfully\b|\bnon-zero\b",
        ],
    ),
    wrapper(
        "build-failed",
        Unknown,
        "the build failed, and nothing says why",
        &[r"\bbuild terminated with state: FAILED\b"],
    ),
    wrapper(
        "cloudformation-handler-exists",
        Configuration,
        "the handler of the resource says that there is one already",
        &[],
    )
    .places(&[Place::StackEvent])
    .codes(&["AlreadyExists"]),
    wrapper("handler-denied", Permission, "the handler of the resource was denied", &[]).codes(&[
        "AccessDenied",
        "AccessDeniedException",
        "InvalidCredentials",
        "UnauthorizedTaggingOperation",
        "IAM_ROLE_MISSING",
        "IAM_ROLE_PERMISSIONS",
    ]),
    wrapper("handler-not-found", MissingResource, "the handler of the resource did not find it", &[])
        .codes(&["NotFound", "ResourceNotFoundException", "NoSuchKey", "NoSuchBucket", "REVISION_MISSING"]),
    wrapper("handler-limit", Quota, "a limit is reached, as the error code says", &[]).codes(&[
        "ServiceLimitExceeded",
        "LimitExceededException",
        "RESOURCE_LIMIT_EXCEEDED",
        "OVER_MAX_INSTANCES",
    ]),
    wrapper("handler-conflict", Conflict, "something else holds the resource, as the error code says", &[])
        .codes(&["ResourceConflict", "ConcurrentModificationException"]),
    wrapper("bad-request-code", Configuration, "the error code says that the request itself is wrong", &[])
        .codes(&[
            "YAML_FILE_ERROR",
            "ValidationError",
            "ValidationException",
            "InvalidParameterValue",
            "InvalidParameterException",
            "NotUpdatable",
            "NO_INSTANCES",
            "ALARM_ACTIVE",
        ]),
    wrapper("deployment-timed-out", Timeout, "the deployment took longer than it may", &[])
        .providers(&["CodeDeploy"])
        .codes(&["TIMEOUT"]),
    // Codes that job workers may report (CodePipeline API reference, `FailureDetails`). `JobFailed` says nothing.
    wrapper("permission-error-code", Permission, "the error code says so", &[]).codes(&["PermissionError"]),
    wrapper("configuration-error-code", Configuration, "the error code says so", &[])
        .codes(&["ConfigurationError"]),
    wrapper(
        "revision-unavailable-code",
        MissingResource,
        "the error code says that the revision is gone",
        &[],
    )
    .codes(&["RevisionUnavailable"]),
    wrapper(
        "revision-out-of-sync-code",
        Conflict,
        "the error code says that the revision has changed meanwhile",
        &[],
    )
    .codes(&["RevisionOutOfSync"]),
    wrapper("system-unavailable-code", ServiceFault, "the error code says so", &[])
        .codes(&["SystemUnavailable"]),
];
