//! The protocol made wrong on purpose, one way at a time, by changing what passes between it and the ports. The production
//! code has no switch for any of this.

use codepipeline_retrier::domain::ids::ActionExecutionId;
use codepipeline_retrier::domain::pipeline::{PipelineState, Reading};
use codepipeline_retrier::domain::protocol::View;
use codepipeline_retrier::domain::stage_run::Timing;
use jiff::SignedDuration;

use super::Machine;
use super::configuration::{Act, Configuration};
use super::configurations::{BASE, NOTHING};
use super::world::{Broken, Left};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutant {
    /// The fence is answered with what was read before the claim.
    NoFence,
    /// A failure has no identity but that it is the stage's failure: what tells failures apart are retry numbers.
    KeyByNumber,
    /// The lease ends while its owner may live.
    ShortLease,
    /// A claim of unknown end is judged while its request may still take effect.
    EarlyReconcile,
    /// The SDK sends a call without an answer once more.
    AutomaticResend,
    /// There is no sweep, and an event is lost.
    NoSweep,
    /// What is not known to have happened counts as not having happened.
    RefundOnUnknown,
    /// A take-over is committed whatever the controls say.
    NoPauseCheck,
    /// A wake-up is obeyed whatever its number.
    StaleWakeUpObeyed,
}

const ANOTHER_RETRY: &[Act] = &[Act::Retry];

impl Mutant {
    pub const ALL: [Self; 9] = [
        Self::NoFence,
        Self::KeyByNumber,
        Self::ShortLease,
        Self::EarlyReconcile,
        Self::AutomaticResend,
        Self::NoSweep,
        Self::RefundOnUnknown,
        Self::NoPauseCheck,
        Self::StaleWakeUpObeyed,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoFence => "no fence",
            Self::KeyByNumber => "key by retry number",
            Self::ShortLease => "short lease",
            Self::EarlyReconcile => "early reconcile",
            Self::AutomaticResend => "automatic resend",
            Self::NoSweep => "no sweep",
            Self::RefundOnUnknown => "refund on unknown",
            Self::NoPauseCheck => "take-over without pause check",
            Self::StaleWakeUpObeyed => "stale wake-up obeyed",
        }
    }

    /// What it breaks.
    pub const fn breaks(self) -> Broken {
        match self {
            Self::NoFence => Broken::AfterPerson,
            Self::KeyByNumber | Self::ShortLease | Self::AutomaticResend => Broken::WrongFailure,
            Self::EarlyReconcile => Broken::RepeatedBlindly,
            Self::NoSweep => Broken::Forgotten,
            Self::RefundOnUnknown => Broken::Unpaid,
            Self::NoPauseCheck => Broken::AfterPause,
            Self::StaleWakeUpObeyed => Broken::StaleObeyed,
        }
    }

    /// The least that must go wrong for it to show. Without the mutant, nothing breaks there.
    pub fn where_it_shows(self) -> Configuration {
        let base = Configuration { name: self.as_str(), ..BASE };
        let with = |left: Left| Configuration { left, ..base.clone() };
        match self {
            Self::NoFence => Configuration { acts: ANOTHER_RETRY, ..with(Left { acts: 1, ..NOTHING }) },
            Self::KeyByNumber => with(Left { crashes: 1, ..NOTHING }),
            Self::ShortLease => with(Left { crashes: 1, duplicates: 1, ..NOTHING }),
            Self::EarlyReconcile | Self::AutomaticResend | Self::RefundOnUnknown => {
                with(Left { faults: 1, ..NOTHING })
            }
            Self::NoSweep => Configuration { sweep: false, ..with(Left { losses: 1, ..NOTHING }) },
            Self::NoPauseCheck => {
                Configuration { acts: &[Act::Pause], ..with(Left { crashes: 1, acts: 1, ..NOTHING }) }
            }
            Self::StaleWakeUpObeyed => {
                let left = Left { acts: 1, ..NOTHING };
                Configuration { acts: ANOTHER_RETRY, backoff: 60, ..with(left) }
            }
        }
    }

    pub fn timing(self, timing: Timing) -> Timing {
        match self {
            Self::ShortLease => Timing { lease: SignedDuration::from_secs(60), ..timing },
            Self::EarlyReconcile => Timing { settle_window: SignedDuration::ZERO, ..timing },
            _ => timing,
        }
    }
}

/// What stands in for every action execution id where ids identify nothing.
fn nobody() -> ActionExecutionId {
    ActionExecutionId::parse("attempt-0").unwrap()
}

impl Machine {
    /// The reading as the mutant has it.
    pub fn identify(&self, mut reading: Reading) -> Reading {
        if self.mutant == Some(Mutant::KeyByNumber) {
            reading.state = reading.state.map(|state| self.identify_state(state));
            reading.actions = reading.actions.map(|mut actions| {
                let mut last: Vec<_> = actions.pop().into_iter().collect();
                for action in &mut last {
                    action.id = nobody();
                }
                last
            });
        }
        reading
    }

    /// The state as the mutant has it.
    pub fn identify_state(&self, mut state: PipelineState) -> PipelineState {
        if self.mutant == Some(Mutant::KeyByNumber) {
            let actions = state.stages.iter_mut().flat_map(|stage| &mut stage.actions);
            for run in actions.filter_map(|action| action.latest.as_mut()) {
                run.id = nobody();
            }
        }
        state
    }

    /// The ledger's answer as the mutant has it: without ids, only the number of retries tells what has been answered.
    pub fn view(&self, mut view: View) -> View {
        if let (Some(Mutant::KeyByNumber), Some(record)) = (self.mutant, &mut view.record) {
            record.live.answered.clear();
            record.live.closed.clear();
        }
        view
    }
}
