//! What the engine may rely on, port by port: one suite for each, the same for every implementation. Each clause gets
//! an implementation of its own, new and empty.

mod ledger;
mod ledger_budgets;
mod pipelines;
mod schedules;
mod stand_ins;
