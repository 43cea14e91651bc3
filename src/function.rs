//! What one invocation of the function does: text in, every message handled, a response out.
//!
//! No runtime and no clock of its own: whoever invokes it brings the text, the present, and the ports.

mod policies;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::document::document;
use crate::domain::decision::Decision;
use crate::domain::evidence::Depth;
use crate::domain::policy::Mode;
use crate::domain::protocol::{Conclusion, Outcome};
use crate::domain::scope::Scopes;
use crate::domain::screen::{Environment, Telling};
use crate::domain::stage_run::{Owner, Timing, after};
use crate::domain::sweep::Tick;
use crate::domain::trigger::{Delivery, Trigger};
use crate::engine::{Engine, Noticed, Report, Sweeper, Teller, Told};
use crate::event::{Ignored, Invocation, Malformed, Message, Record, read};
use crate::ports::{
    Calendars, Catalogue, EvidenceSource, Ledger, Messenger, Outbox, Pipelines, Quarantined, Rounds,
    Schedules, Ticks,
};

use policies::AtWork;
pub use policies::{InvalidPolicy, Policies, PolicyNews};

/// The function with all that it works with.
#[derive(Debug, Clone)]
pub struct Function<L, P, S, E, K, M> {
    /// What effects go out through.
    pub engine: Engine<L, P, S, E, K>,
    /// Those who carry outside what is told.
    pub messenger: M,
    /// What is told to others.
    pub telling: Telling,
    /// Whether a stage may be rolled back where its rule asks for it.
    pub may_roll_back: bool,
    /// The packaged policy, and those of the ledger.
    pub policies: Policies,
    /// The deployment's mode.
    pub mode: Mode,
    /// The accounts and Regions that it works for.
    pub scopes: Scopes,
    /// How deep the deployment allows to look at what failed.
    pub evidence: Depth,
    /// How long things may take.
    pub timing: Timing,
    /// Most requests to CodePipeline a second that a sweep makes, on average.
    pub sweep_rate: u32,
}

/// What must be left of the invocation for a note of a malformed message to be kept.
const TO_NOTE: SignedDuration = SignedDuration::from_secs(5);
/// How often a message is handled anew since the policy has moved, before it goes back to its queue.
const MOST_POLICIES: u32 = 4;

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handled {
    /// It set the product to work.
    Worked(Box<Outcome>),
    /// It was time to sweep.
    Swept(Box<Report>),
    /// It was time to look whether there is something to tell.
    Reminded,
    /// It is no concern of the product.
    Ignored(Ignored),
    /// It could not be understood; a note of it is kept.
    Malformed(Malformed),
    /// It could not be understood, and no note of it could be kept, or there was no time for it: it comes again.
    MalformedUnrecorded(Malformed),
}

impl Handled {
    /// Whether the message may be deleted from its queue.
    pub const fn is_acknowledged(&self) -> bool {
        match self {
            Self::Worked(outcome) => outcome.conclusion.is_acknowledged(),
            Self::Swept(report) => report.is_acknowledged(),
            Self::Reminded | Self::Ignored(_) | Self::Malformed(_) => true,
            Self::MalformedUnrecorded(_) => false,
        }
    }

    /// What was decided, if anything.
    pub const fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Worked(outcome) => outcome.decision.as_ref(),
            Self::Swept(_)
            | Self::Reminded
            | Self::Ignored(_)
            | Self::Malformed(_)
            | Self::MalformedUnrecorded(_) => None,
        }
    }

    /// The answer to a message that was handed over directly.
    fn response(&self) -> Result<Value, NotHandled> {
        match self {
            Self::Worked(outcome) if !outcome.conclusion.is_acknowledged() => {
                Err(NotHandled(outcome.conclusion.as_str()))
            }
            Self::Worked(outcome) => Ok(outcome
                .decision
                .as_ref()
                .map_or_else(|| json!({ "conclusion": outcome.conclusion.as_str() }), document)),
            Self::Swept(report) if !report.is_acknowledged() => Err(NotHandled(report.end.as_str())),
            Self::Swept(report) => Ok(json!({
                "conclusion": "swept", "end": report.end.as_str(), "round": report.round,
                "pipelines": report.pipelines, "findings": report.findings, "overdue": report.overdue,
                "lagging": report.lagging, "unlisted": report.unlisted.len(),
            })),
            Self::Reminded => Ok(json!({ "conclusion": "reminded" })),
            Self::Ignored(ignored) => Ok(json!({
                "schema": 1, "verdict": "ignore", "reason": "not-a-failure", "final": true,
                "explanation": [{ "step": "trigger", "outcome": "stop", "detail": ignored.detail }],
            })),
            Self::Malformed(malformed) => Ok(json!({
                "conclusion": "malformed", "problem": malformed.problem, "fingerprint": malformed.fingerprint,
            })),
            Self::MalformedUnrecorded(_) => Err(NotHandled("ledger-unavailable")),
        }
    }
}

/// What came of an invocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// Each message, in order.
    pub handled: Vec<Handled>,
    /// What became known of policies meanwhile.
    pub news: Vec<PolicyNews>,
    /// What handling them met with.
    pub noticed: Noticed,
    /// What was told outside.
    pub told: Told,
    /// What the function returns: a decision, or the batch items to deliver again. An error where a message was handed
    /// over directly and must come again: returning anything else would tell its sender that it is done with.
    pub body: Result<Value, NotHandled>,
}

/// What an invocation brings with it beside what became of its messages.
#[derive(Debug, Default)]
struct Besides {
    news: Vec<PolicyNews>,
    told: Told,
    noticed: Noticed,
}

/// Why a message that was handed over directly must come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message must be delivered again: {0}")]
pub struct NotHandled(pub &'static str);

impl<L, P, S, E, K, M> Function<L, P, S, E, K, M>
where
    L: Ledger + Rounds + Outbox,
    P: Pipelines + Catalogue,
    S: Schedules + Ticks,
    E: EvidenceSource,
    K: Calendars,
    M: Messenger,
{
    /// Handles all that the text holds, one message after the other. `invocation` names this invocation and must never
    /// have been used before; it is cut off at `deadline`, and what cannot be brought to its end by then is not begun.
    pub async fn invoke(
        &self,
        text: &str,
        invocation: &str,
        deadline: Timestamp,
        clock: &(impl Fn() -> Timestamp + Sync),
    ) -> Response {
        let mut besides = Besides::default();
        match read(text) {
            Invocation::Single(message) => {
                let owner = Owner(invocation.to_owned());
                let handled =
                    self.handle(message, Delivery::Again, owner, deadline, clock, &mut besides).await;
                let Besides { news, told, noticed } = besides;
                Response { body: handled.response(), handled: vec![handled], news, told, noticed }
            }
            Invocation::Batch(records) => {
                let mut all = Vec::with_capacity(records.len());
                let mut failures = Vec::new();
                for (index, record) in records.into_iter().enumerate() {
                    let owner = Owner(format!("{invocation}/{index}"));
                    let Record { message_id, message, delivery } = record;
                    let handled = self.handle(message, delivery, owner, deadline, clock, &mut besides).await;
                    if !handled.is_acknowledged() {
                        failures.push(json!({ "itemIdentifier": message_id }));
                    }
                    all.push(handled);
                }
                let Besides { news, told, noticed } = besides;
                Response {
                    handled: all,
                    news,
                    told,
                    noticed,
                    body: Ok(json!({ "batchItemFailures": failures })),
                }
            }
        }
    }

    async fn handle(
        &self,
        message: Message,
        delivery: Delivery,
        owner: Owner,
        deadline: Timestamp,
        clock: &(impl Fn() -> Timestamp + Sync),
        besides: &mut Besides,
    ) -> Handled {
        let teller = Teller { outbox: &self.engine.ledger, messenger: &self.messenger, clock, deadline };
        match message {
            Message::Sweep(tick) => {
                if self.telling != Telling::default() {
                    besides.told.add(teller.go_through().await);
                }
                let report = self.sweep(tick, &owner, deadline, clock, besides).await;
                for outcome in &report.outcomes {
                    besides.told.add(teller.tell(&outcome.tidings).await);
                }
                Handled::Swept(Box::new(report))
            }
            Message::Outbox => {
                besides.told.add(teller.go_through().await);
                teller.remind().await;
                Handled::Reminded
            }
            Message::Trigger(trigger) => {
                let outcome = self.work(trigger, delivery, owner, deadline, clock, besides).await;
                besides.told.add(teller.tell(&outcome.tidings).await);
                Handled::Worked(Box::new(outcome))
            }
            Message::Ignored(ignored) => Handled::Ignored(ignored),
            // A batch may hold thousands of them.
            Message::Malformed(malformed) if after(clock(), TO_NOTE) > deadline => {
                Handled::MalformedUnrecorded(malformed)
            }
            Message::Malformed(malformed) => {
                let note = Quarantined {
                    fingerprint: malformed.fingerprint.clone(),
                    length: malformed.length,
                    problem: malformed.problem.clone(),
                    at: clock(),
                };
                match self.engine.ledger.quarantine(&note).await {
                    Ok(()) => Handled::Malformed(malformed),
                    Err(_) => Handled::MalformedUnrecorded(malformed),
                }
            }
        }
    }

    /// Works on the sweep by the policy that is in force when it begins, and not at all without it. Should that move
    /// meanwhile, what is found is left to the next round.
    async fn sweep(
        &self,
        tick: Tick,
        owner: &Owner,
        deadline: Timestamp,
        clock: &(impl Fn() -> Timestamp + Sync),
        besides: &mut Besides,
    ) -> Report {
        let ledger = &self.engine.ledger;
        let sweeper = Sweeper { engine: &self.engine, rate: self.sweep_rate };
        let mut at_work = self.policies.begin(ledger, clock(), &mut besides.news).await;
        let mut round = 0;
        loop {
            let environment = self.environment(&at_work, deadline);
            // Boxed, since it holds the handling of a finding within the reading of a list.
            let report = Box::pin(sweeper.slice(&environment, tick, owner, clock)).await;
            besides.noticed.add(&report.noticed);
            round += 1;
            let Some(source) = report.source.clone().filter(|_| round < MOST_POLICIES) else { return report };
            let Ok(changed) = self.policies.change_to(source, ledger, clock(), &mut besides.news).await
            else {
                return report;
            };
            at_work = changed;
        }
    }

    fn environment<'a>(&'a self, at_work: &'a AtWork, deadline: Timestamp) -> Environment<'a> {
        Environment {
            policy: at_work.policy(),
            standing: at_work.standing(&self.policies),
            mode: self.mode,
            scopes: &self.scopes,
            evidence: self.evidence,
            timing: self.timing,
            telling: self.telling,
            may_roll_back: self.may_roll_back,
            deadline,
        }
    }

    /// Handles a message by the policy that is in force: by the one at hand, until the ledger names another one.
    async fn work(
        &self,
        trigger: Trigger,
        mut delivery: Delivery,
        owner: Owner,
        deadline: Timestamp,
        clock: &(impl Fn() -> Timestamp + Sync),
        besides: &mut Besides,
    ) -> Outcome {
        let ledger = &self.engine.ledger;
        let mut at_work = self.policies.begin(ledger, clock(), &mut besides.news).await;
        for round in 0..MOST_POLICIES {
            let environment = self.environment(&at_work, deadline);
            let owner = if round == 0 { owner.clone() } else { Owner(format!("{}+{round}", owner.0)) };
            let trigger = trigger.clone();
            let noticed = &mut besides.noticed;
            let handling =
                self.engine.handle_noticing(&environment, trigger, delivery, owner, clock, noticed);
            let outcome = handling.await;
            let Some(source) = outcome.source else { return outcome };
            at_work = match self.policies.change_to(source, ledger, clock(), &mut besides.news).await {
                Ok(at_work) => at_work,
                Err(_) => return Outcome::without_decision(Conclusion::LedgerUnavailable),
            };
            // It may have written before it found that the policy had moved.
            delivery = Delivery::Again;
        }
        Outcome::without_decision(Conclusion::PolicyMoved)
    }
}
