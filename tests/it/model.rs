//! Every state that the protocol can get into, within bounds: the production transition function among workers that die,
//! messages that come twice, late or never, answers that are lost or stale, and people who act at any moment.

mod account;
mod actions;
mod configuration;
mod configurations;
mod effects;
mod exploration;
mod found;
mod moves;
mod mutants;
mod properties;
mod queue;
mod shared;
mod stage;
mod sweep;
mod tests;
mod time;
mod world;

use configuration::{Configuration, Installation};
use mutants::Mutant;
use stateright::{Model, Property};

use actions::Action;
use world::{Seen, World};

/// A configuration with everything that its steps need.
#[derive(Debug)]
struct Machine {
    configuration: Configuration,
    installation: Installation,
    mutant: Option<Mutant>,
}

impl Machine {
    fn new(configuration: Configuration, mutant: Option<Mutant>) -> Self {
        let installation = Installation::new(&configuration, mutant);
        Self { configuration, installation, mutant }
    }
}

impl Model for Machine {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let stages = (0..self.configuration.runs).map(|_| shared::Shared::new(stage::Stage::failed()));
        let queue = (0..self.configuration.runs).map(|run| queue::Message {
            subject: queue::Subject::Failed { run, attempt: 0, at: 1, retried: 0 },
            due: 1,
            again: false,
        });
        vec![World {
            now: 1,
            ledger: shared::Shared::new(self.installation.ledger()),
            stages: stages.collect(),
            queue: queue.collect(),
            handlings: Vec::new(),
            workers: Vec::new(),
            requests: Vec::new(),
            left: self.configuration.left,
            tokens: Vec::new(),
            swept: 0,
            broken: None,
            seen: Seen::default(),
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.possible(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        self.follow(world, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
