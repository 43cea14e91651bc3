//! One integration binary.

// `cfg(test)` tells the linter that helpers outside test functions are tests too.
#[cfg(test)]
mod answers;
#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod backtest;
#[cfg(test)]
#[cfg(feature = "function")]
mod change_calendars;
#[cfg(test)]
mod claims;
#[cfg(test)]
mod classify;
#[cfg(test)]
mod cli;
#[cfg(test)]
#[cfg(feature = "function")]
mod codepipeline;
#[cfg(test)]
mod command;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod crash_matrix;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod demo;
#[cfg(test)]
#[cfg(feature = "serve")]
mod emulator_http;
#[cfg(test)]
mod events;
#[cfg(test)]
#[cfg(feature = "function")]
mod evidence_sources;
#[cfg(test)]
mod explain;
#[cfg(test)]
#[cfg(all(feature = "function", feature = "serve"))]
mod fault_catalogue;
#[cfg(test)]
mod figure;
#[cfg(test)]
mod fleets;
#[cfg(test)]
mod forged;
#[cfg(test)]
mod function;
#[cfg(test)]
mod history;
#[cfg(test)]
mod interleaving;
#[cfg(test)]
mod kill_switch;
#[cfg(test)]
#[cfg(all(feature = "function", feature = "serve"))]
mod lambda;
#[cfg(test)]
#[cfg(all(feature = "function", feature = "serve"))]
mod later;
#[cfg(test)]
#[cfg(feature = "function")]
mod ledger_table;
#[cfg(test)]
mod live_policy;
#[cfg(test)]
#[cfg(feature = "function")]
mod messenger;
#[cfg(test)]
#[cfg(feature = "aws")]
mod metrics;
#[cfg(test)]
#[cfg(feature = "function")]
mod ministack;
#[cfg(test)]
mod model;
#[cfg(test)]
#[cfg(feature = "aws")]
mod operator;
#[cfg(test)]
#[cfg(feature = "reports")]
mod page;
#[cfg(test)]
mod people_first;
#[cfg(test)]
#[cfg(feature = "reports")]
mod policy_cases;
#[cfg(test)]
mod policy_file;
#[cfg(test)]
mod policy_file_hostile;
#[cfg(test)]
mod policy_file_ten_mistakes;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod report;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod scenario_document;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod secrets;
#[cfg(test)]
#[cfg(feature = "reports")]
mod simulate;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod soak;
#[cfg(test)]
#[cfg(feature = "aws")]
mod stack;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod sweep;
#[cfg(test)]
#[cfg(feature = "function")]
mod tables;
#[cfg(test)]
mod teller;
#[cfg(test)]
mod telling;
#[cfg(test)]
mod tidy;
#[cfg(test)]
#[cfg(feature = "function")]
mod upgrade;
#[cfg(test)]
mod waiters;
#[cfg(test)]
#[cfg(feature = "function")]
mod wake_ups;
