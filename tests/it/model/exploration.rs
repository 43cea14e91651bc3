//! Explores a machine and says what came of it.

use std::time::Duration;

use stateright::{Checker, HasDiscoveries, Model};

use super::Machine;
use super::actions::Action;
use super::world::{Broken, Sight};

/// What an exploration has found.
#[derive(Debug)]
pub struct Explored {
    pub states: usize,
    pub depth: usize,
    pub took: Duration,
    /// What was broken, and the steps that led there.
    pub broken: Option<(Broken, Vec<Action>)>,
    /// What should have been seen and was not.
    pub unseen: Vec<Sight>,
}

/// Looks at every state.
pub fn exhaust(machine: Machine) -> Explored {
    let checker = machine.checker().threads(2).finish_when(HasDiscoveries::AnyFailures);
    explored(|| checker.spawn_dfs())
}

/// Looks for the shortest way to break anything.
pub fn shortest(machine: Machine) -> Explored {
    let checker = machine.checker().threads(1).finish_when(HasDiscoveries::AnyFailures);
    explored(|| checker.spawn_bfs())
}

#[expect(clippy::disallowed_methods, reason = "how long it took is printed")]
fn explored<C: Checker<Machine>>(spawn: impl FnOnce() -> C) -> Explored {
    let begin = std::time::Instant::now();
    let checker = spawn().join();
    let took = begin.elapsed();
    let discoveries = checker.discoveries();
    let broken = Broken::ALL.iter().find_map(|broken| {
        let path = discoveries.get(broken.as_str())?.clone();
        Some((*broken, path.into_actions()))
    });
    let wanted = checker.model().configuration.sights.iter().copied();
    Explored {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        took,
        broken,
        unseen: wanted.filter(|sight| !discoveries.contains_key(sight.as_str())).collect(),
    }
}
