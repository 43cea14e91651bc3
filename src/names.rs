//! Names made by hashing: short enough for every service that limits them, and the same wherever they are made.

use std::collections::BTreeSet;

use crate::domain::backoff::Jitter;
use crate::domain::decision::Decision;
use crate::domain::ids::{ActionExecutionId, StageRunId};
use crate::domain::notice::Occasion;
use crate::domain::trigger::WakeUp;
use crate::fingerprint::{seed, sha256_hex};

/// Name of a failure; none while nothing is known to have failed.
pub fn failure_id(run: &StageRunId, failed: &BTreeSet<ActionExecutionId>) -> Option<String> {
    (!failed.is_empty()).then(|| failure_hash(run, failed))
}

fn failure_hash(run: &StageRunId, failed: &BTreeSet<ActionExecutionId>) -> String {
    let run = run.to_string();
    let mut parts = vec!["failure", run.as_str()];
    parts.extend(failed.iter().map(ActionExecutionId::as_str));
    shortened(&sha256_hex(&parts))
}

/// The random number of a failure: whoever decides about it again finds the same delay.
pub fn jitter(run: &StageRunId, failed: &BTreeSet<ActionExecutionId>) -> Jitter {
    Jitter(seed(&failure_hash(run, failed)))
}

/// Name of a decision.
pub fn decision_id(decision: &Decision) -> String {
    let run = decision.run.to_string();
    let ruling = decision.ruling.to_string();
    let at = decision.decided_at.as_nanosecond().to_string();
    let mut parts = vec!["decision", run.as_str(), ruling.as_str(), at.as_str()];
    parts.push(if decision.shadow { "shadow" } else { "live" });
    parts.extend(decision.failed.iter().map(ActionExecutionId::as_str));
    shortened(&sha256_hex(&parts))
}

/// Name of a wake-up: a legal schedule name (EventBridge Scheduler API: 1 to 64 of `0-9 a-z A-Z - _ .`).
pub fn wake_up_name(wake_up: &WakeUp) -> String {
    shortened(&sha256_hex(&["wake-up", &wake_up.run.to_string(), &wake_up.sequence.to_string()]))
}

/// Name of what a team is told of a stage run: each occasion is told once.
pub fn notice_id(run: &StageRunId, occasion: Occasion) -> String {
    shortened(&sha256_hex(&["notice", &run.to_string(), occasion.as_str()]))
}

/// Half of the hash is more than enough against chance, and easier on the eye.
fn shortened(hex: &str) -> String {
    hex.chars().take(32).collect()
}
