//! The protocol made wrong on purpose, one way at a time, by changing what passes between it and the ports. The production
//! code has no switch for any of this.

use codepipeline_retrier::domain::ids::ActionExecutionId;
use codepipeline_retrier::domain::pipeline::{PipelineState, Reading};
use codepipeline_retrier::domain::protocol::View;
use codepipeline_retrier::domain::stage_run::Timing;
use jiff::SignedDuration;

use super::Machine;

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
                last.iter_mut().for_each(|action| action.id = nobody());
                last
            });
        }
        reading
    }

    /// The state as the mutant has it.
    pub fn identify_state(&self, mut state: PipelineState) -> PipelineState {
        if self.mutant == Some(Mutant::KeyByNumber) {
            let actions = state.stages.iter_mut().flat_map(|stage| &mut stage.actions);
            actions.filter_map(|action| action.latest.as_mut()).for_each(|run| run.id = nobody());
        }
        state
    }

    /// The ledger's answer as the mutant has it: without ids, only the number of retries tells what has been answered.
    pub fn view(&self, mut view: View) -> View {
        if self.mutant == Some(Mutant::KeyByNumber) {
            for record in &mut view.record {
                record.live.answered.clear();
                record.live.closed.clear();
            }
        }
        view
    }
}
