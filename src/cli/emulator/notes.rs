//! What of a scenario has no effect over HTTP, since no function runs in it.

use crate::emulator::acts::Act;
use crate::emulator::faults::{Fault, Operation};
use crate::replay::scenario::Scenario;

/// The acts that have none, each once, in words.
pub(super) fn without_effect(scenario: &Scenario) -> Vec<&'static str> {
    let timeline = scenario.timeline.iter().map(|(_, act)| of_act(act));
    let hooks =
        (scenario.hooks.iter()).flat_map(|(operation, _, act)| [of_operation(*operation), of_act(act)]);
    let mut words: Vec<&str> = timeline.chain(hooks).flatten().collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn of_act(act: &Act) -> Option<&'static str> {
    match act {
        Act::Pause { .. } => Some("`pause`"),
        Act::Resume { .. } => Some("`resume`"),
        Act::Deploy { .. } => Some("`deploy`"),
        Act::SetMode(_) => Some("`mode`"),
        Act::Send { .. } => Some("`send`"),
        Act::Outage { operation, fault, .. } | Act::Break { operation, fault, .. } => {
            of_operation(*operation).or(of_fault(*fault))
        }
        _ => None,
    }
}

const fn of_fault(fault: Fault) -> Option<&'static str> {
    match fault {
        fault if fault.kills() => Some("crashes of the function"),
        _ => None,
    }
}

const fn of_operation(operation: Operation) -> Option<&'static str> {
    match operation {
        Operation::Tags
        | Operation::Observe
        | Operation::Evidence
        | Operation::Calendars
        | Operation::Retry => None,
        Operation::Fence => Some("faults and acts at a `fence`, which is a reading like any other here"),
        _ => Some("faults of ledger and queue"),
    }
}
