//! What the engine may rely on, port by port: one suite for each, the same for every implementation. Each clause gets
//! an implementation of its own, new and empty.

#[cfg(feature = "function")]
mod budget_proofs;
pub mod calendars;
#[cfg(all(feature = "function", feature = "serve"))]
mod calendars_over_http;
#[cfg(feature = "function")]
mod dynamodb;
pub mod evidence;
mod evidence_gaps;
#[cfg(all(feature = "function", feature = "serve"))]
mod evidence_over_http;
mod ledger;
mod ledger_budgets;
mod ledger_keeping;
mod ledger_storms;
mod ledger_sweep;
pub mod messenger;
#[cfg(feature = "function")]
mod messenger_on_aws;
pub mod outbox;
#[cfg(all(feature = "function", feature = "serve"))]
mod over_http;
pub mod pipelines;
mod pipelines_catalogue;
mod pipelines_chronicle;
mod pipelines_retries;
mod schedules;
#[cfg(feature = "function")]
mod wake_ups;
mod world;

#[cfg(feature = "function")]
pub use ledger::{key, withdrawal, writing};
pub use ledger::{recording, run_number};
#[cfg(feature = "function")]
pub use ledger_storms::{failure_note, window_key};
pub use world::new as empty_world;

/// One test for each clause of a module. `run` drives a clause to its end on the implementation that `make` makes.
macro_rules! clauses {
    ($run:path, $make:path, $module:ident: $($clause:ident)+) => {
        $(
            #[test]
            fn $clause() {
                let port = $make();
                $run($crate::contract::$module::$clause(&port), &port);
            }
        )+
    };
}
pub(crate) use clauses;
