//! Services and registries that ask to slow down.

use crate::classify::signature::{Signature, cause, symptom};
use crate::domain::class::Class::Throttling;

pub(super) const SIGNATURES: &[Signature] = &[
    cause(
        "image-pull-rate-limit",
        Throttling,
        "the image registry allows only so many pulls in some hours, and its count starts again by itself",
        &[r"\btoomanyrequests\b", r"\bpull rate limit\b", r"\breached your (?:unauthenticated )?pull rate"],
    ),
    cause(
        "code-host-rate-limit",
        Throttling,
        "the code host allows only so many requests in an hour, and its count starts again by itself",
        &[r"\bAPI rate limit exceeded\b", r"\bsecondary rate limit\b", r"\babuse detection mechanism\b"],
    ),
    cause(
        "codedeploy-throttled",
        Throttling,
        "CodeDeploy got more requests than it takes from one role",
        &[r"\bmore requests were made than are permitted\b|\bexceeded the request limit for\b"],
    ),
    symptom("codedeploy-throttled-code", Throttling, "CodeDeploy says that it was throttled", &[])
        .providers(&["CodeDeploy"])
        .codes(&["THROTTLED"]),
    cause(
        "ecs-throttled",
        Throttling,
        "ECS slows the service down and goes on by itself",
        &[r"\boperations are being throttled\b"],
    ),
    cause(
        "aws-throttled",
        Throttling,
        "an AWS service got more requests than it takes at a time",
        &[
            r"\brate exceeded\b",
            r"\brequest limit exceeded\b",
            r"\breduce your request rate\b",
            r"\brequest was throttled\b|\brequests? (?:has|have|was|were) (?:been )?throttled\b|\bthrottled by (?:the )?(?:service|aws)\b",
            concat!(
                r"(?:\berror code: |\()?\b(?:Throttling(?:Exception|Error)?|Throttled(?:Exception)?|RequestThrottled(?:Exception)?",
                r"|TooManyRequestsException|RequestLimitExceeded|ProvisionedThroughputExceededException",
                r"|EC2ThrottledException|BandwidthLimitExceeded)\b(?:[):;,\x22]| when calling| - |\s*$)"
            ),
            r"\bSlowDown\b(?:[):;,]| when calling)",
            r"\bHandlerErrorCode: Throttling\b",
        ],
    )
    .unless(&[r"\b(?:class|catch|import|extends|cannot find|undefined|undeclared|unresolved)\b"]),
    symptom("aws-throttled-code", Throttling, "the error code of the service says that it was throttled", &[]).codes(&[
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "ProvisionedThroughputExceededException",
        "SlowDown",
    ]),
    cause(
        "too-many-at-once",
        Throttling,
        "a service does only so many of these at a time, and one ends sooner or later",
        &[
            r"\btoo many (?:concurrent|simultaneous|parallel|in-flight|pending) \w+|\b(?:created|updated|deleted|run|running|modified)\b.{0,20}\b(?:simultaneously|at the same time)\b",
            r"\b(?:maximum|limit|too many)\b.{0,30}\bin-progress\b|\bTooMany\w+InProgress\b",
            r"\b(?:maximum|limit)\b.{0,20}\bconcurrent (?:builds|updates|requests|operations|deployments|calls|queries|jobs|invocations)\b|\bConcurrentInvocationLimitExceeded\b|\bTooManyUpdates\b",
        ],
    ),
    cause(
        "public-mirror-blocks",
        Throttling,
        "a mirror that anybody may read refuses this address for now, which is how it slows down a busy one",
        &[r"\b403\b.{0,40}\bforbidden\b|\bforbidden\b.{0,40}\b403\b"],
    )
    .beside(&[r"\b(?:repo\.maven\.apache\.org|repo1\.maven\.org)\b"])
    // A repository by another name, which forbids for reasons of its own.
    .without(&[r"\bfrom/to (?:[abd-z0-9]|c[^e])"]),
    cause(
        "too-many-requests",
        Throttling,
        "a server answered 429, which asks to come back later",
        &[
            r"\b429\b[\s:)-]*too many requests\b",
            r"\bstatus(?:[ _]?code)?[\s:=(of]{1,6}429\b",
            r"\b(?:http(?:/\d(?:\.\d)?)?|response|error|code)[ :]{1,2}(?:e?429)\b",
            r"\bE429\b|\bHTTP/\d(?:\.\d)?\S* 429\b",
            r"\b429 client error\b|\breturned (?:an? )?(?:error:? )?429\b",
        ],
    ),
    symptom(
        "told-to-slow-down",
        Throttling,
        "something asked to slow down",
        &[
            r"\b(?:requests|queries|calls|reads|writes) per (?:second|minute|hour|\d+).{0,60}\b(?:exceeded|retry|reached|wait)\b|\b(?:exceeded|reached)\b.{0,60}\b(?:requests|queries|calls|reads|writes) per (?:second|minute|hour)\b|\bretry[ -]after:? \d+",
            r"\bWait\(n=\d+\) would exceed context deadline\b|\bclient rate limiter Wait returned an error\b",
            r"\btoo many requests\b", r"\brate limit(?:ed| exceeded| reached)\b", r"\bthrottl(?:ed|ing) (?:by|error|exception)\b"],
    ),
];
