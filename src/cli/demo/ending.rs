//! How a failed pipeline ended, and by whose doing. What was decided about it is not looked at.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::{ExecutionId, PipelineName};
use crate::domain::pipeline::{ExecutionKind, ExecutionStatus};
use crate::emulator::world::World;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub end: End,
    /// Between the failure and the end, for a failed execution that went green.
    took: SignedDuration,
}

/// The ways to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The failed execution went green after a retry of the product's.
    Recovered,
    /// The failed execution went green without the product.
    Green,
    /// Another execution went green after it.
    NewerGreen,
    /// A rollback brought the stage back.
    RolledBack,
    /// It is not green.
    Stands(ExecutionStatus),
    /// There is no such pipeline any more.
    Gone,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.end {
            End::Recovered | End::Green => {
                let seconds = self.took.as_secs();
                return write!(f, "green, {}m{:02}s after it failed", seconds / 60, seconds % 60);
            }
            End::NewerGreen => "green by a newer execution",
            End::RolledBack => "rolled back",
            End::Stands(ExecutionStatus::Failed) => "failed, for a person",
            End::Stands(ExecutionStatus::InProgress) => "still running",
            End::Stands(ExecutionStatus::Stopping) => "being stopped by a person",
            End::Stands(ExecutionStatus::Stopped) => "stopped by a person",
            End::Stands(ExecutionStatus::Cancelled) => "cancelled by an edit",
            End::Stands(ExecutionStatus::Superseded) => "superseded",
            End::Stands(ExecutionStatus::Skipped) => "skipped",
            End::Stands(ExecutionStatus::Succeeded) => "green",
            End::Gone => "gone",
        })
    }
}

/// How the execution that failed last ended, and the pipeline with it.
pub(super) fn ended(
    world: &World,
    name: &PipelineName,
    failed: &ExecutionId,
    failed_at: Timestamp,
    is_retried: bool,
) -> Ended {
    let executions = world.service.list_executions(name).unwrap_or_default();
    let took = |since: Timestamp| since.duration_since(failed_at);
    let without_time = |end| Ended { end, took: SignedDuration::ZERO };
    let Some(newest) = executions.first() else { return without_time(End::Gone) };
    let is_green = newest.status == ExecutionStatus::Succeeded;
    if is_green && newest.kind == ExecutionKind::Rollback {
        return without_time(End::RolledBack);
    }
    let itself = executions.iter().find(|execution| execution.id == *failed);
    match itself.filter(|execution| execution.status == ExecutionStatus::Succeeded) {
        Some(itself) => {
            let end = if is_retried { End::Recovered } else { End::Green };
            Ended { end, took: took(itself.last_change) }
        }
        None if is_green => without_time(End::NewerGreen),
        None => without_time(End::Stands(newest.status)),
    }
}

/// What all of it comes to. `left` says how many failed ones were left to people by a decision.
pub(super) fn sentence(ends: &[End], left: usize, retries: usize) -> String {
    let failed = ends.len();
    let recovered = ends.iter().filter(|end| **end == End::Recovered).count();
    let pipelines = if failed == 1 { "pipeline" } else { "pipelines" };
    let themselves = if recovered == 1 || failed == 1 { "itself" } else { "themselves" };
    let after = match retries {
        0 => String::new(),
        1 => format!(", after {}", times(1)),
        _ => format!(", after {} in all", times(retries)),
    };
    let others = match (left, failed - recovered) {
        (0, _) => String::new(),
        (1, 1) if failed == 1 => "; it was left to people, for a reason".to_owned(),
        (1, 1) => "; the other was left to people, for a reason".to_owned(),
        (left, rest) if left == rest && recovered == 0 => {
            "; all were left to people, each for a reason".to_owned()
        }
        (left, rest) if left == rest => "; the others were left to people, each for a reason".to_owned(),
        (1, _) => "; 1 was left to people, for a reason".to_owned(),
        (left, _) => format!("; {left} were left to people, each for a reason"),
    };
    format!("{recovered} of {failed} failed {pipelines} went green by {themselves}{after}{others}.")
}

/// So many retries, in words.
pub(super) fn times(count: usize) -> String {
    if count == 1 { "1 retry".to_owned() } else { format!("{count} retries") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_says_what_is_so_and_no_more() {
        const FAILED: End = End::Stands(ExecutionStatus::Failed);
        for (ends, left, retries, expected) in [
            (&[End::Recovered][..], 0, 1, "1 of 1 failed pipeline went green by itself, after 1 retry."),
            (
                &[FAILED],
                1,
                0,
                "0 of 1 failed pipeline went green by itself; it was left to people, for a reason.",
            ),
            (&[End::NewerGreen], 0, 0, "0 of 1 failed pipeline went green by itself."),
            (
                &[End::Recovered, FAILED],
                1,
                3,
                "1 of 2 failed pipelines went green by itself, after 3 retries in all; the other was left to \
                 people, for a reason.",
            ),
            (
                &[End::Recovered, End::Recovered, FAILED, FAILED],
                2,
                2,
                "2 of 4 failed pipelines went green by themselves, after 2 retries in all; the others were left \
                 to people, each for a reason.",
            ),
            (
                &[FAILED, FAILED],
                2,
                0,
                "0 of 2 failed pipelines went green by themselves; all were left to people, each for a reason.",
            ),
            (
                &[End::RolledBack, FAILED, FAILED],
                2,
                0,
                "0 of 3 failed pipelines went green by themselves; 2 were left to people, each for a reason.",
            ),
            (
                &[End::Stands(ExecutionStatus::Stopped), FAILED, End::Gone],
                1,
                0,
                "0 of 3 failed pipelines went green by themselves; 1 was left to people, for a reason.",
            ),
            (&[FAILED], 0, 0, "0 of 1 failed pipeline went green by itself."),
        ] {
            assert_eq!(sentence(ends, left, retries), expected);
        }
    }

    #[test]
    fn every_way_has_its_words() {
        let shown = |end| Ended { end, took: SignedDuration::from_secs(125) }.to_string();
        assert_eq!(shown(End::Recovered), "green, 2m05s after it failed");
        assert_eq!(shown(End::RolledBack), "rolled back");
        assert_eq!(shown(End::Stands(ExecutionStatus::InProgress)), "still running");
        assert_eq!(shown(End::Stands(ExecutionStatus::Stopped)), "stopped by a person");
    }
}
