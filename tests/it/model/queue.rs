//! Messages: events of the pipelines, wake-ups, and what the sweep finds.

use std::collections::BTreeSet;

use codepipeline_retrier::domain::ids::StageRunId;
use codepipeline_retrier::domain::trigger::{
    EventKey, Finding, SeenFailure, StageEvent, StageEventState, Trigger, WakeUp,
};

use super::stage::action_execution;
use super::time::{Second, instant};

/// What a message is about. Numbers are places: of the stage run among the model's, of the attempt in its stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    Failed {
        run: usize,
        attempt: usize,
        at: Second,
        retried: Second,
    },
    Ended {
        run: usize,
        attempt: usize,
        at: Second,
        retried: Second,
        is_stopped: bool,
    },
    WakeUp {
        run: usize,
        sequence: u64,
    },
    /// What the sweep found: a failure, or that something is overdue. Not a message of the queue: if its handler dies, the
    /// next sweep finds it anew.
    Found {
        run: usize,
        failure: Option<(usize, Second)>,
    },
}

/// A message that nobody has in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Message {
    pub subject: Subject,
    /// Not handed out before that.
    pub due: Second,
    /// Whether it was handed out before.
    pub again: bool,
}

impl Subject {
    pub fn run(self) -> usize {
        match self {
            Self::Failed { run, .. }
            | Self::Ended { run, .. }
            | Self::WakeUp { run, .. }
            | Self::Found { run, .. } => run,
        }
    }

    pub fn is_found(self) -> bool {
        matches!(self, Self::Found { .. })
    }

    pub fn trigger(self, runs: &[StageRunId]) -> Trigger {
        let run = runs[self.run()].clone();
        let event = |state, attempt: usize, at, retried: Second| {
            let last_retry = if attempt == 0 { String::new() } else { instant(retried).to_string() };
            let key = EventKey { attempt: (attempt + 1).to_string(), last_retry };
            Trigger::StageEvent(StageEvent { run: run.clone(), state, time: instant(at), key })
        };
        match self {
            Self::Failed { attempt, at, retried, .. } => event(StageEventState::Failed, attempt, at, retried),
            Self::Ended { attempt, at, retried, is_stopped, .. } => {
                let state = if is_stopped { StageEventState::Stopped } else { StageEventState::Succeeded };
                event(state, attempt, at, retried)
            }
            Self::WakeUp { sequence, .. } => Trigger::WakeUp(WakeUp { run, sequence }),
            Self::Found { failure, .. } => {
                let seen = |(attempt, at)| SeenFailure {
                    failed: BTreeSet::from([action_execution(attempt)]),
                    failed_at: instant(at),
                };
                Trigger::Sweep(Finding { run, failure: failure.map(seen) })
            }
        }
    }
}
