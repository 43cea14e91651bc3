//! The thin driver: carries out the protocol's effects through the ports and feeds the answers back.
//!
//! It decides nothing. One call handles one message.

mod noticed;
mod paced;
mod reading;
mod report;
mod sweeper;
mod teller;

pub use noticed::{Conflict, Noticed};
pub use report::{Report, SliceEnd};
pub use sweeper::Sweeper;
pub use teller::{Teller, Told};

use jiff::Timestamp;

use crate::classify::examine;
use crate::domain::facts::failure;
use crate::domain::protocol::{Answer, Conclusion, Effect, Input, Outcome, State, step};
use crate::domain::screen::Environment;
use crate::domain::stage_run::Owner;
use crate::domain::trigger::{Delivery, Trigger};
use crate::names;
use crate::ports::{Calendars, EvidenceSource, Ledger, Pipelines, Schedules};
use noticed::Asked;

/// The ports that effects go out through.
#[derive(Debug, Clone)]
pub struct Engine<L, P, S, E, K> {
    /// The durable record.
    pub ledger: L,
    /// CodePipeline.
    pub pipelines: P,
    /// Wake-ups.
    pub schedules: S,
    /// Those who carry actions out.
    pub evidence: E,
    /// Change calendars.
    pub calendars: K,
}

/// A message cannot need more effects than this; the protocol's own limits are far below.
const MOST_EFFECTS: usize = 500;

impl<L: Ledger, P: Pipelines, S: Schedules, E: EvidenceSource, K: Calendars> Engine<L, P, S, E, K> {
    /// Handles one message to its end. `owner` must never have been used before; `clock` reads the present.
    pub async fn handle(
        &self,
        environment: &Environment<'_>,
        trigger: Trigger,
        delivery: Delivery,
        owner: Owner,
        clock: &(impl Fn() -> Timestamp + Sync),
    ) -> Outcome {
        self.handle_noticing(environment, trigger, delivery, owner, clock, &mut Noticed::default()).await
    }

    /// The same, and notes what it meets with on its way.
    pub async fn handle_noticing(
        &self,
        environment: &Environment<'_>,
        trigger: Trigger,
        delivery: Delivery,
        owner: Owner,
        clock: &(impl Fn() -> Timestamp + Sync),
        noticed: &mut Noticed,
    ) -> Outcome {
        let mut state = State::Idle;
        let mut answer = Answer::Begin { trigger, delivery, owner };
        let mut now = clock();
        let mut tidings = Vec::new();
        for _ in 0..MOST_EFFECTS {
            let (next, effect) = step(environment, state, Input { now, answer });
            state = next;
            let asked = Asked::of(&effect);
            answer = match effect {
                Effect::Finish(outcome) => return Outcome { tidings, ..*outcome },
                Effect::Commit(commit) => {
                    let reply = self.ledger.commit(&commit).await;
                    if reply.as_ref().is_ok_and(|reply| commit.is_done(reply)) {
                        tidings.extend(commit.tidings());
                    }
                    Answer::Committed(reply)
                }
                effect => self.carry_out(environment, effect, now).await,
            };
            let answered = clock();
            noticed.note(environment, &asked, &answer, answered.duration_since(now), answered);
            now = answered;
        }
        Outcome { tidings, ..Outcome::without_decision(Conclusion::Contended) }
    }

    async fn carry_out(&self, environment: &Environment<'_>, effect: Effect, now: Timestamp) -> Answer {
        match effect {
            Effect::ReadTags { pipeline } => Answer::Tags(self.pipelines.tags(&pipeline, now).await),
            Effect::ReadLedger { run, buckets, windows } => {
                Answer::Ledger(self.ledger.read(&run, &buckets, &windows).await.map(Box::new))
            }
            Effect::NoteFailure(note) => Answer::Noted(self.ledger.note_failure(&note).await),
            Effect::WriteControls(controls) => {
                Answer::ControlsWritten(self.ledger.write_controls(&controls).await)
            }
            Effect::Observe { run } => {
                let reading = self.pipelines.observe(&run).await;
                let jitter = names::jitter(&run, &failure(&run, &reading));
                Answer::Observed { reading: Box::new(reading), jitter }
            }
            Effect::Examine { run, failed, depth, excerpts } => {
                let evidence = self.evidence.gather(&run, &failed, depth).await;
                let classifiers = environment.policy.map_or(&[][..], |policy| &policy.classifiers);
                Answer::Examined(examine(classifiers, &run, &failed, &evidence, excerpts))
            }
            Effect::ReadCalendars { calendars } => {
                Answer::Calendars(self.calendars.states(&calendars, now).await)
            }
            Effect::Arm { wake_up, at } => Answer::Armed(self.schedules.arm(&wake_up, at).await),
            Effect::Fence { run, mode } => {
                Answer::Fenced(Box::new(self.pipelines.observe_stage(&run, mode).await))
            }
            Effect::FindTarget { run } => Answer::Target(self.pipelines.last_success(&run).await),
            Effect::RollBack { run, target } => {
                Answer::RolledBack(self.pipelines.roll_back(&run, &target).await)
            }
            Effect::Call { run, mode } => Answer::Called(self.pipelines.retry_stage(&run, mode).await),
            // The caller returns on the one and carries out the other; an answer to it ends the handling all the same.
            Effect::Finish(_) | Effect::Commit(_) => Answer::Armed(Ok(())),
        }
    }
}
