//! A role, a user or a token lacks a right.

use crate::classify::signature::{Signature, cause, symptom};
use crate::domain::class::Class::{Configuration, Permission};

pub(super) const SIGNATURES: &[Signature] = &[
    cause(
        "not-authorized",
        Permission,
        "AWS says that the role may not do that",
        &[
            r"\bnot authorized to perform\b|\bis not authorized\b|\bnot authorized to (?:assume|access)\b",
            r"\b(?:AccessDenied(?:Exception)?|UnauthorizedOperation|UnauthorizedAccess|AuthorizationError(?:Exception)?|OptInRequired)\b",
            r"\baccess (?:was |is )?denied\b|\bexplicit deny\b",
            r"\b(?:does|do|did) ?n[o']t have (?:the |any |sufficient |required |enough )*permissions?\b|\bno longer has permission\b|\binsufficient (?:permissions?|privileges|access)\b|\bmissing (?:the )?(?:required )?permissions?\b",
            r"\b(?:cannot|could not|unable to|failed to) assume (?:the )?role\b|\bHandlerErrorCode: (?:AccessDenied|InvalidCredentials)\b",
            r"\bnot have the permissions required\b|\bAWS was not able to validate the provided access credentials\b",
        ],
    ),
    cause(
        "credentials-refused",
        Permission,
        "the credentials are wrong, revoked or not accepted",
        &[
            r"\b(?:UnrecognizedClientException|InvalidClientTokenId|SignatureDoesNotMatch|InvalidAccessKeyId|AuthFailure|IncompleteSignature)\b|\bsecurity token included in the request is invalid\b",
            r"\baccess token might be invalid\b|\bbad credentials\b|\binvalid (?:credentials|username or (?:password|token)|api key|token|authentication)\b|\bcredentials (?:are |is )?(?:invalid|incorrect|rejected)\b",
            r"\bpermission denied \(publickey|\bcould not read (?:username|password)\b|\bauthentication (?:failed|required|failure)\b|\bhost key verification failed\b|\bterminal prompts disabled\b",
            r"\bno basic auth credentials\b|\brequested access to the resource is denied\b|\bpull access denied\b|\binsufficient_scope\b|\bunauthorized: ",
            r"\b(?:ENEEDAUTH|E401|E403|EOTP)\b|\bneed auth\b|\byou (?:must be|are not) logged in\b|\bplease (?:log ?in|run .{0,20}login)\b",
            r"\bserver has asked for the client to provide credentials\b|\bis forbidden: user\b|\b401 unauthorized\b|\b401 client error\b",
            r"\bstatus(?: code)?[:=( ]+401\b|\bHTTP (?:basic: )?access denied\b",
        ],
    )
    .unless(&[r"\bproxy authentication\b"]),
    cause(
        "credentials-missing",
        Configuration,
        "no credentials were configured",
        &[r"\bunable to locate credentials\b|\bno credentials? (?:provider|found|source)|\bcould not (?:load|find) (?:default )?credentials\b|\bmissing credentials\b|\bno valid credential sources\b|\bNoCredentials\w*"],
    )
    .unless(&[r"\btoken included in the request is expired\b"]),
    symptom(
        "forbidden",
        Permission,
        "a server refused the request",
        &[
            r"\b403\b[\s:)-]{1,3}forbidden\b|\bforbidden\b.{0,40}\b403\b|\bstatus(?:[ _]code)?[\s:=(]{1,3}403\b|\berror: 403\b|\b403 client error\b",
            r"\bpermission denied\b|\bEACCES\b|\bEPERM\b|\boperation not permitted\b|\bunauthorized\b|\bforbidden\b",
        ],
    ),
];
