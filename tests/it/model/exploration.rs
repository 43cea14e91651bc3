//! Explores a machine and says what came of it.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use stateright::{Checker, CheckerBuilder, HasDiscoveries, Model};

use crate::figure;

use super::Machine;
use super::actions::Action;
use super::world::{Broken, Sight, World};

/// What an exploration has found.
#[derive(Debug)]
pub struct Explored {
    pub states: usize,
    pub depth: usize,
    pub took: Duration,
    /// What was broken, and the steps that led there.
    pub broken: Option<(Broken, Vec<Action>)>,
    /// What was seen.
    pub seen: BTreeSet<Sight>,
}

/// Looks at every state.
pub fn exhaust(machine: Machine) -> Explored {
    let threads = usize::try_from(figure::number("RETRIER_MODEL_THREADS", 2)).unwrap();
    explored(machine.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures))
}

/// The shortest way to break something, found breadth first. The checker keeps the last way that it finds, not the first.
pub fn shortest(machine: &Machine, broken: Broken) -> Option<Vec<Action>> {
    let mut seen = BTreeSet::new();
    let mut steps: Vec<(usize, Action)> = Vec::new();
    let mut pending: VecDeque<(World, Option<usize>)> =
        machine.init_states().into_iter().map(|world| (world, None)).collect();
    let mut actions = Vec::new();
    while let Some((world, step)) = pending.pop_front() {
        machine.actions(&world, &mut actions);
        for action in actions.drain(..) {
            let Some(next) = machine.next_state(&world, action) else { continue };
            if next.broken == Some(broken) {
                return Some(way(&steps, step, action));
            }
            if seen.insert(fingerprint(&next)) {
                steps.push((step.unwrap_or(usize::MAX), action));
                pending.push_back((next, Some(steps.len() - 1)));
            }
        }
    }
    None
}

/// The actions up to a step, and one more.
fn way(steps: &[(usize, Action)], last: Option<usize>, action: Action) -> Vec<Action> {
    let mut way = vec![action];
    let mut next = last;
    while let Some((before, action)) = next.and_then(|step| steps.get(step)) {
        way.push(*action);
        next = Some(*before);
    }
    way.reverse();
    way
}

fn fingerprint(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

#[expect(clippy::disallowed_methods, reason = "how long it took is printed")]
fn explored(checker: CheckerBuilder<Machine>) -> Explored {
    let begin = std::time::Instant::now();
    let checker = checker.spawn_dfs().join();
    let took = begin.elapsed();
    let discoveries = checker.discoveries();
    let broken = Broken::ALL.iter().find_map(|broken| {
        let path = discoveries.get(broken.as_str())?.clone();
        Some((*broken, path.into_actions()))
    });
    Explored {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        took,
        broken,
        seen: (Sight::ALL.iter().copied()).filter(|sight| discoveries.contains_key(sight.as_str())).collect(),
    }
}
