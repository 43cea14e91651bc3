//! Scenarios: fleets of pipelines that fail in scripted ways, played on the emulated world by the function itself.

pub mod expectation;
pub mod fleet;
pub mod moment;
pub mod player;
mod quantity;
pub mod scenario;
pub mod script;
#[cfg(feature = "reports")]
pub mod simulate;
