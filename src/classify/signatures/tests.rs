//! Tests that failed, and tests that could not run.

use crate::classify::signature::{Signature, cause, symptom};
use crate::domain::class::Class::{Configuration, TestFailure, Timeout};

pub(super) const SIGNATURES: &[Signature] = &[
    cause(
        "browser-and-driver-differ",
        Configuration,
        "the browser and its driver are of different versions, or one of them is not installed",
        &[
            r"\bonly supports (?:chrome|firefox|edge|chromium|microsoft)\b|\bthis version of .{0,40}driver\b|\bexecutable doesn't exist at\b",
            r"\bdriver executable (?:must be set|does not exist)|\bneeds to be in PATH\b|\bcannot find (?:chrome|firefox) binary\b|\bno binary\b.*\b(?:chrome|firefox)",
            r"\bhost system is missing dependencies to run browsers\b|\bDevToolsActivePort file doesn't exist\b|\bno usable sandbox\b|\brunning as root without --no-sandbox\b",
            r"\bmissing X server\b|\bcypress (?:binary is missing|executable not found)\b|\bcould not find (?:chrome|expected browser)\b|\buser data directory is already in use\b",
        ],
    ),
    cause(
        "assertion-failed",
        TestFailure,
        "a test found something else than it should",
        &[
            r"\b(?:assertionerror|assertionfailed\w*|comparisonfailure|expectationfailed\w*|assertion failed|assertion `?left)\b",
            r"\bassert(?:ion)?\s.*(?:==|!=|is not|not in)|\bassert[\w.]*\(|^e\s+assert\b",
            r"\bexpect\(.*\)\.|\bexpected\b.+\b(?:but (?:got|was|found|received)|got:?|actual:?|received:?|to (?:be|equal|have|contain|match|include|throw|return|find|see))\b|\bexpected to find\b",
            r"\bgot\b.+\bwant\b|\bwant\b.+\bgot\b",
            r"\bshould (?:be|equal|return|contain|match|have)\b.+\b(?:but|was|got|found)\b",
            r"\bsnapshots? (?:failed|obsolete|did not match)\b|\bdoes not match stored snapshot\b|\bcoverage\b.*\b(?:below|does not meet|threshold|not met|less than)\b",
        ],
    )
    .unless(&[r"\bdid not find expected\b|\bshort read: expected \d+ bytes\b|\bpremature end of content-length\b"]),
    symptom(
        "test-timed-out",
        Timeout,
        "a test took longer than it may; nothing says that it found anything wrong",
        &[
            r"\btest timed out after\b|\bexceeded timeout of \d+ ?ms\b|\btimeout of \d+ ?ms exceeded\b|\btest timeout of \d+ ?ms exceeded\b",
            r"\basync callback was not invoked within\b|\basync function did not complete within\b|\btest timeout \(\d+|\bFailed: Timeout >?\s*\d+|\bpytest-timeout\b",
            r"\bTestTimedOutException\b|\btest did not complete within\b",
            r"\bhave not captured in \d+ ms\b|\bdisconnected, because no message in \d+ ms\b|\bDisconnected, reconnect failed\b",
            r"\b(?:launch|connect|newPage|browserType\.launch|goto)\b.{0,40}\btimeout \d+ ?ms exceeded\b|\btimed out after \d+ ?ms while (?:trying to connect|waiting for the (?:ws|browser))|\bnavigation timeout of \d+ ?ms\b",
            r"\btimed out receiving message from renderer\b|\btimed out waiting for (?:the )?(?:driver|browser|server|chrome|firefox)\b",
            r"\btimed out (?:after |waiting )?\d+ ?m?s\b|\bunable to (?:create|start|open|launch)\b.*\bafter \d+ ?ms\b",
            r"\bserver (?:at .* )?(?:did not|didn't) (?:respond|start) (?:in|within) (?:time|\d+)",
        ],
    ),
    cause(
        "tests-counted-as-failed",
        TestFailure,
        "the summary of the tests counts some that failed",
        &[
            r"\btests? run: ?\d+, ?failures: ?[1-9]|^tests?:\s+[1-9]\d* failed, |^(?:=+ )?[1-9]\d* failed, \d+ passed\b",
            r"^[1-9]\d* failing$|\b\d+ (?:tests?|specs?|examples?|scenarios?)(?: completed)?, [1-9]\d* (?:failed|failures?)\b",
        ],
    ),
    symptom(
        "tests-failed",
        TestFailure,
        "tests failed",
        &[
            r"\btests? run: ?\d+, ?failures: ?[1-9]|\btests? run: ?\d+, ?failures: ?\d+, ?errors: ?[1-9]|\bthere (?:are|were) test failures\b|\bthere were failing tests\b",
            r"^\s*(?:=+ )?(?:.*, )?[1-9]\d* (?:failed|failing|failures?|errors?)\b(?:,| in\b|\s*$|\s*\(|;)|\btests?:?\s+[1-9]\d* (?:failed|failures?)\b|\b\d+ (?:tests?|specs?|examples?|scenarios?|assertions?),? .{0,40}\b[1-9]\d* (?:failed|failures?|errors?)\b",
            r"\btest result: FAILED\b|^FAIL(?:ED)?\s*$|^FAILED \(\w+=|\btests? (?:suite )?failed\b|\bfailed tests?\b|^FAIL\t|\btests? (?:have|has) failed\b|\bfailures!$",
            r"\bnpm error test failed\b|\btest script failed\b|\b[1-9]\d* of \d+ (?:failed|tests failed)\b",
        ],
    )
    .unless(&[r"\berror\(s\) occurred\b"]),
];
