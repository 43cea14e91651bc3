//! Which events are made: those that somebody listens to. To make one costs more than most of what it tells of.

use super::CodePipeline;
use super::events::State;

/// What is listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Listening {
    /// Every event.
    #[default]
    Everything,
    /// Stages that fail, and what becomes of stages that were retried: what the product's rule lets through.
    Failures,
    /// No event.
    Nothing,
}

impl Listening {
    /// Whether it hears of a stage.
    pub(super) fn hears_of_stage(self, state: State, was_retried: bool) -> bool {
        match self {
            Self::Everything => true,
            Self::Failures => state == State::Failed || was_retried,
            Self::Nothing => false,
        }
    }
}

impl CodePipeline {
    /// Makes only these events from now on.
    pub fn listen_to(&mut self, listening: Listening) {
        self.shared.listening = listening;
    }
}
