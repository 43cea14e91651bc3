//! Limits of the account that stay reached until somebody raises them or cleans up.

use crate::classify::signature::{Signature, cause};
use crate::domain::class::Class::Quota;

pub(super) const SIGNATURES: &[Signature] = &[
    cause("build-quota-zero", Quota, "the account may not run builds of this kind at all", &[r"\bcannot have more than 0 (?:active )?builds? in queue\b"]),
    cause(
        "quota-reached",
        Quota,
        "a limit of the account is reached and stays so",
        &[
            r"\b\w*(?:Limit|Quota)Exceeded(?:Exception|Fault|Error)?\b",
            r"\bmaximum (?:number|limit|size) of .*\b(?:reached|exceeded|allowed)\b|\breached (?:the|your|its) (?:maximum|limit|quota)\b",
            r"\b(?:has|have|is|was) (?:been )?(?:reached|exceeded) (?:the |your )?(?:maximum|limit|quota)\b|\b(?:reached|exceeds?|exceeded) (?:the |your )?(?:account |service |allowed |maximum |max )*(?:limit|quota)\b",
            r"\bquota\b.{0,40}\b(?:exceeded|reached)\b|\bexceeded quota\b|\b(?:service )?quota for\b",
            r"\bmore than your current .{0,40}\blimit\b|\blimit of \d+ .{0,40}\bexceeded\b|\bmax(?:imum)? .{0,40}\bper (?:account|region)\b",
            r"\bCodeStorageExceeded\w*\b|\bTooManyBuckets\b|\blimit on the number of\b|\bHandlerErrorCode: ServiceLimitExceeded\b",
        ],
    )
    .unless(&[
        r"\bbuilds? in queue\b|\b(?:rate|request|requests|pull|throughput|bandwidth|transactions?) ?(?:rate )?(?:limit|quota)|\b(?:RequestLimit|ThroughputExceeded|RateLimit|ThrottlingLimit|ConcurrentInvocationLimit)",
        r"\bconcurrent (?:builds|updates|requests|operations|deployments|calls|queries|jobs|invocations)\b|\btoo many (?:concurrent|parallel|in-flight)\b|\bsimultaneous|\bat the same time\b|\b(?:requests|queries|calls|reads|writes) per (?:second|minute|hour|\d+)|\bretry after \d|\bconcurrency limit\b|\balready has an active\b|\bin-progress\b",
        r"\b(?:time|retry|retries|attempts?|timeout)\b.{0,20}\b(?:limit )?(?:exceeded|reached)\b|\bGC overhead\b|\bheap\b",
    ]),
];
