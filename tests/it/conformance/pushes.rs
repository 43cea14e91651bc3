//! Policies that people push, bring back and withdraw: by what they have just seen, or by what is not so any more.

use proptest::prelude::*;

use super::exchange::{Book, Push, Pushed, Request};
use super::scene::{Scene, policies, runs, texts};

/// What somebody does.
#[derive(Debug, Clone)]
pub struct Pushing {
    what: What,
    wrong: Option<Wrong>,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Text(usize),
    /// One of those that there are.
    Restore(u64),
    Withdraw,
}

/// What is not as it was seen.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    /// The number is taken.
    Number,
    /// The controls were written since.
    Late,
    /// The controls are not there yet.
    Early,
}

impl Pushing {
    pub fn any() -> impl Strategy<Value = Self> {
        let what = prop_oneof![
            1 => (0_usize..4).prop_map(What::Text),
            1 => (0_u64..4).prop_map(What::Restore),
            1 => Just(What::Withdraw),
        ];
        let wrong = prop_oneof![Just(Wrong::Number), Just(Wrong::Late), Just(Wrong::Early)];
        (what, proptest::option::weighted(0.25, wrong)).prop_map(|(what, wrong)| Self { what, wrong })
    }

    pub fn request<B: Book>(&self, scene: &Scene<B>) -> Request {
        let version = scene.view(&runs()[0]).controls.version;
        let next = scene.pushed + 1;
        let what = match self.what {
            What::Text(number) => Pushed::Text(policies()[number].version.clone(), texts()[number].clone()),
            What::Restore(which) => Pushed::Restored(1 + which % scene.pushed.max(1)),
            What::Withdraw => Pushed::Packaged,
        };
        let (number, seen) = match self.wrong {
            None => (next, version),
            // Where there is none yet, it is right.
            Some(Wrong::Number) => (scene.pushed.max(1), version),
            Some(Wrong::Late) => (next, version.saturating_sub(1)),
            Some(Wrong::Early) => (next, version + 1),
        };
        Request::Push(Push { what, number, seen, at: scene.now })
    }
}
