//! What happens while a scenario is played, for whoever watches.

use jiff::Timestamp;
use serde_json::Value;

use crate::emulator::acts::Act;
use crate::emulator::codepipeline::ServiceError;
use crate::function::Handled;

/// Something that happened, for whoever watches.
#[derive(Debug, Clone)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
}

/// The kinds of things that happen.
#[derive(Debug, Clone)]
pub enum Happening {
    /// A person or a circumstance acted; CodePipeline may have refused it.
    Acted(Act, Result<(), ServiceError>),
    /// CodePipeline emitted an event.
    Event(Value),
    /// The function handled a message.
    Handled(Box<Handled>),
    /// The function died over a message.
    Died,
}
