//! The sweep as it goes on: rounds that begin, advance and end by the production rules, written by whoever has seen the
//! progress as it is, and by some who have not.

use jiff::SignedDuration;
use proptest::prelude::*;

use codepipeline_retrier::domain::scope::PipelineLabel;
use codepipeline_retrier::domain::stage_run::{Owner, after};
use codepipeline_retrier::domain::sweep::{Sweep, Tick, Turn};

use super::exchange::{Book, Reply, Request};
use super::scene::Scene;

/// What somebody does about it.
#[derive(Debug, Clone, Copy)]
pub enum Round {
    Look,
    Write {
        what: Step,
        wrong: Option<Wrong>,
    },
    /// What was written last comes again.
    Again,
}

#[derive(Debug, Clone, Copy)]
pub enum Step {
    Tick { owner: u8, goes_on: bool },
    Done { pipeline: u8, lags: bool },
    Complete,
    Leave,
}

/// What is wrong with a write.
#[derive(Debug, Clone, Copy)]
pub enum Wrong {
    /// Somebody has written that version.
    Late,
    /// The version is the one after the next.
    Early,
    /// The version of what has never been written.
    Never,
}

impl Round {
    pub fn any() -> impl Strategy<Value = Self> {
        let step = prop_oneof![
            3 => (0_u8..2, any::<bool>()).prop_map(|(owner, goes_on)| Step::Tick { owner, goes_on }),
            3 => (0_u8..3, any::<bool>()).prop_map(|(pipeline, lags)| Step::Done { pipeline, lags }),
            1 => Just(Step::Complete),
            1 => Just(Step::Leave),
        ];
        let wrong = prop_oneof![Just(Wrong::Late), Just(Wrong::Early), Just(Wrong::Never)];
        prop_oneof![
            1 => Just(Self::Look),
            5 => (step, proptest::option::weighted(0.3, wrong)).prop_map(|(what, wrong)| Self::Write { what, wrong }),
            1 => Just(Self::Again),
        ]
    }

    /// What is asked of the ledger, if anything.
    pub fn request<B: Book>(self, scene: &Scene<B>) -> Option<Request> {
        let (what, wrong) = match self {
            Self::Look => return Some(Request::Sweep),
            Self::Again => return scene.swept.clone().map(Request::WriteSweep),
            Self::Write { what, wrong } => (what, wrong),
        };
        let Reply::Sweep(present) = scene.book.clone().answer(&Request::Sweep) else { return None };
        let version = present.version;
        let mut next = what.after(*present, scene)?;
        next.version = match wrong {
            None => version + 1,
            Some(Wrong::Late) => version,
            Some(Wrong::Early) => version + 2,
            Some(Wrong::Never) => 0,
        };
        Some(Request::WriteSweep(next))
    }
}

impl Step {
    fn after<B>(self, mut sweep: Sweep, scene: &Scene<B>) -> Option<Sweep> {
        let now = scene.now;
        match self {
            Self::Tick { owner, goes_on } => {
                let every = SignedDuration::from_mins(5);
                let tick =
                    if goes_on { Tick::Continue { round: sweep.round } } else { Tick::Scheduled { every } };
                let owner = Owner(format!("sweeper-{owner}"));
                return match sweep.turn(tick, &owner, now, after(now, SignedDuration::from_secs(60))) {
                    Turn::Work(next) => Some(*next),
                    Turn::Busy(_) | Turn::Nothing => None,
                };
            }
            Self::Done { pipeline, lags } => {
                let name = ["shop", "web", "web.b"][usize::from(pipeline)];
                sweep.done(&PipelineLabel::parse(name).unwrap(), lags.then_some(now));
            }
            Self::Complete => sweep.complete(now),
            Self::Leave => sweep.lease = None,
        }
        Some(sweep)
    }
}
