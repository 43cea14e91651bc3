//! Services that failed on their own side.

use super::hosts::own_hosts;
use crate::classify::signature::{Signature, cause, symptom};
use crate::domain::class::Class::{ServiceFault, Unknown};
use crate::domain::evidence::Place;

pub(super) const SIGNATURES: &[Signature] = &[
    cause(
        "codebuild-fault",
        ServiceFault,
        "the build ended because of a fault in CodeBuild itself",
        &[r"\bbuild terminated with state: FAULT\b", r"\bINTERNAL_SERVICE_ERROR\b|\binternal service error: ", r"\berror while fetching runner token\b"],
    ),
    symptom("codebuild-fault-status", ServiceFault, "the build ended because of a fault in CodeBuild itself", &[])
        .codes(&["FAULT"]),
    cause(
        "endpoint-shows-another-certificate",
        ServiceFault,
        "an endpoint of AWS showed the certificate of another one of AWS",
        &[r"\bcertificate is valid for [^,\s]*\.amazonaws\.com.*\bnot [\w.-]*(?:\.amazonaws|\.dkr\.ec)"],
    ),
    cause(
        "new-role-not-known-yet",
        ServiceFault,
        "a role that was made a moment ago is not known everywhere in AWS yet",
        &[r"\brole (?:defined for the function|you specified|provided)?.*\bcannot be assumed by\b"],
    )
    .places(&[Place::StackEvent]),
    symptom(
        "handler-failed-in-silence",
        Unknown,
        "the handler of the resource failed without a word; the evidence does not tell why",
        &[r#"\breturned message: "(?:null|internal failure)?".*\bHandlerErrorCode: InternalFailure\b"#],
    ),
    cause(
        "service-internal-error",
        ServiceFault,
        "an AWS service failed on its own side",
        &[
            r"\b(?:InternalServerError|InternalServiceError|InternalServerException|InternalServiceException|ServiceInternalError|ServiceUnavailable(?:Exception|Error)?|ServiceException)\b(?:[):;,]| when calling|\s*$)",
            r"\bHandlerErrorCode: ServiceInternalError\b",
            r"\bwe encountered an internal error\b|\ban internal (?:service )?error (?:has )?occurred\b",
            r"\bservice is (?:temporarily |currently )?unavailable\b|\btemporarily unavailable\b",
            r"\bserver is currently unable to handle the request\b|\bupstream connect error or disconnect\b|\bno healthy upstream\b",
            r"\betcdserver: (?:request timed out|leader changed|no leader|too many requests)\b|\bno endpoints available for service\b|\bapiserver (?:is shutting down|not ready)\b|\bhas prevented the request from succeeding\b",
        ],
    )
    .unless(&[own_hosts!()]),
    symptom(
        "server-error",
        ServiceFault,
        "a server answered that it failed itself or cannot be reached",
        &[
            r"\b(?:50[0234]|52[0-79]|530)\b[\s:)-]{1,3}(?:internal server error|bad gateway|service (?:temporarily )?unavailable|gateway time-?out|server error|backend)",
            r"\b(?:status(?:[ _]code)?|http(?:/\d(?:\.\d)?)?(?: error| status)?(?: code)?|response(?: status)?(?: code)?|returned(?: error)?:?|error|code)[\s:=(]{1,3}(?:was |with )?(?:50[0234]|52[0-79]|530)\b|\b52[0-79] (?:overloaded|origin|web server)",
            r"\breceived unexpected HTTP status: 5\d\d\b|\bunexpected status(?: code)?.*\b5\d\d\b",
            r"\bbad gateway\b|\bgateway time-?out\b|\bservice (?:temporarily )?unavailable\b",
            r"\b(?:internal serv(?:er|ice) error|InternalServiceError\w*|internal failure|InternalFailure|InternalError|server_error)\b",
            r"\btry again (?:later|in a few)\b|\bplease (?:retry|try again)\b",
            r"\binvalid status response 416\b",
        ],
    )
    .unless(&[
        own_hosts!(),
        r"\bhealth ?checks?\b|\bsmoke ?tests?\b|\bunhealthy\b|\b5\d\d (?:out )?of \d+\b",
        r"\b(?:fix|correct|check|verify|create|delete|update|change|rename|valid)\b.*\btry again\b",
        r"\btry again\b.{0,40}\b(?:with|after (?:fix|correct))",
        r#"\breturned message: "(?:null|internal failure)?""#,
    ]),
    symptom(
        "called-service-unavailable",
        ServiceFault,
        "the service that was called says that it is not available",
        &[
            r"\bStatusCode\.UNAVAILABLE\b|\b14 UNAVAILABLE\b|\b(?:StatusRuntimeException|RpcException|RpcError|status)[\s:=(]{1,4}(?:StatusCode=\W{0,2})?UNAVAILABLE\b",
            r"\b(?:server|service|api|backend|model|cluster) (?:is |was )?(?:currently |temporarily )?(?:overloaded|over capacity|busy|in maintenance|under maintenance)\b|\boverloaded_error\b",
        ],
    )
    .unless(&[own_hosts!()]),
    symptom(
        "agent-lost",
        ServiceFault,
        "the machine or agent that ran the work was lost, not the work",
        &[
            r"\b(?:runner|agent|worker|node|executor)\b.{0,40}\b(?:received a shutdown signal|lost communication|lost connection|went offline|is offline|disconnected unexpectedly|was lost|was preempted)\b",
            r"\bstopped hearing from (?:the )?agent\b|\bagent (?:was |is |has )?disconnected\b|\bunexpected termination of the channel\b|\bRequestAbortedException\b|\bClosedChannelException\b|\bChannelClosedException\b|\bremote call (?:on \S+ )?failed\b.{0,40}\bchannel\b",
            r"\bjob failed \(system failure\)|\bwaiting for pod running\b|\btimed out waiting for (?:a |the )?(?:pod to start|runner|agent)\b",
            r"\bdaemon disappeared unexpectedly\b|\bworker process (?:has )?(?:crashed|died) unexpectedly\b",
        ],
    ),
    symptom("service-fault-code", ServiceFault, "the error code of the service says that it failed on its own side", &[])
        .codes(&["ServiceInternalError", "InternalServerError", "ServiceUnavailable", "INTERNAL_ERROR"]),
];
