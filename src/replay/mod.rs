//! Scenarios: fleets of pipelines that fail in scripted ways, played on the emulated world by the function itself; and
//! history: what really happened to pipelines, decided about again.

pub mod backtest;
mod calendar;
#[cfg(feature = "reports")]
pub mod cases;
pub mod course;
pub mod expectation;
pub mod fleet;
pub mod history;
pub mod moment;
pub mod player;
mod quantity;
pub mod report;
pub mod scenario;
pub mod script;
#[cfg(feature = "reports")]
pub mod simulate;
mod unreadable;
mod values;
