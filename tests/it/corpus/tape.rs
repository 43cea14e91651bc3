//! The ports with a tape running: what the engine asks and is answered, as it is recorded, or played back to it.

use std::collections::{BTreeSet, VecDeque};
use std::future::{Future, pending};
use std::sync::{Arc, Mutex};

use codepipeline_retrier::document::document;
use codepipeline_retrier::domain::budget::{BucketKey, Withdrawal};
use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::evidence::{Depth, Evidence};
use codepipeline_retrier::domain::facts::FailedAction;
use codepipeline_retrier::domain::freeze::CalendarReadings;
use codepipeline_retrier::domain::ids::{CalendarArn, PipelineArn, StageRunId};
use codepipeline_retrier::domain::outbox::Tidings;
use codepipeline_retrier::domain::outlet::Outlet;
use codepipeline_retrier::domain::pipeline::{ExecutionMode, Reading, RetryReply, StageReading};
use codepipeline_retrier::domain::policy::RetryMode;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, ControlsReply, Fault, View};
use codepipeline_retrier::domain::storm::{Note, Window, WindowKey};
use codepipeline_retrier::domain::tags::TagsReading;
use codepipeline_retrier::domain::trigger::WakeUp;
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::ports::{
    Bulletin, Calendars, Entry, EvidenceSource, KeptPolicy, Ledger, Messenger, Outbox, Page, PageToken, Pending,
    Pipelines, Quarantined, Schedules,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::form::Form;

/// One effect and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// The effect: an object of one member, named after it.
    pub asks: Value,
    /// The answer.
    pub answer: Value,
}

/// A tape. Every clone is the same tape.
#[derive(Debug, Clone)]
pub struct Tape {
    /// Who answers, while it is recorded.
    world: Option<SharedWorld>,
    /// What is still to be asked, while it is played back.
    ahead: Arc<Mutex<VecDeque<Exchange>>>,
    /// What has been asked and answered.
    heard: Arc<Mutex<Vec<Exchange>>>,
}

impl Tape {
    /// Records what the world answers.
    pub fn recording(world: SharedWorld) -> Self {
        Self { world: Some(world), ahead: Arc::default(), heard: Arc::default() }
    }

    /// Plays back what was recorded.
    pub fn playing(recorded: Vec<Exchange>) -> Self {
        Self { world: None, ahead: Arc::new(Mutex::new(recorded.into())), heard: Arc::default() }
    }

    /// What has been asked and answered so far. What was asked and has no answer in the recording has the answer `null`.
    pub fn heard(&self) -> Vec<Exchange> {
        self.heard.lock().unwrap().clone()
    }

    /// What was recorded and has not been asked.
    pub fn ahead(&self) -> Vec<Exchange> {
        self.ahead.lock().unwrap().iter().cloned().collect()
    }

    /// One effect: answered by the world, or out of the recording if that is what was asked there. Another question has
    /// no answer, ever.
    async fn exchange<T: Form>(&self, asks: Value, world: Option<impl Future<Output = T> + Send>) -> T {
        if let Some(world) = world {
            let answer = world.await;
            self.heard.lock().unwrap().push(Exchange { asks, answer: answer.store() });
            return answer;
        }
        let known = self.ahead.lock().unwrap().pop_front_if(|exchange| exchange.asks == asks);
        let answer = known.map_or(Value::Null, |exchange| exchange.answer);
        self.heard.lock().unwrap().push(Exchange { asks, answer: answer.clone() });
        if answer.is_null() { pending().await } else { T::load(&answer).unwrap() }
    }
}

fn withdrawal(withdrawal: &Withdrawal) -> Value {
    let Withdrawal { key, branch, now_ms, interval_ms, tolerance_ms } = withdrawal;
    json!({
        "key": key.store(), "branch": format!("{branch:?}").to_lowercase(), "now-ms": now_ms,
        "interval-ms": interval_ms, "tolerance-ms": tolerance_ms,
    })
}

fn commit(commit: &Commit) -> Value {
    let Commit { record, withdrawals, deposits, slot, controls, decision, announced, notices } = commit;
    assert!(!announced && notices.is_empty(), "nobody is told of what is recorded");
    json!({
        "record": record.store(),
        "withdrawals": withdrawals.iter().map(withdrawal).collect::<Value>(),
        "deposits": deposits.store(),
        "slot": slot.as_ref().map(|(key, slot)| {
            json!({ "key": key.store(), "expected": slot.expected, "following": slot.following })
        }),
        "controls": controls,
        "decision": decision.as_ref().map(document),
    })
}

impl Ledger for Tape {
    async fn read(
        &self,
        run: &StageRunId,
        buckets: &[BucketKey],
        windows: &[WindowKey],
    ) -> Result<View, Fault> {
        let asks = json!({ "read-ledger": {
            "run": run.store(), "buckets": buckets.to_vec().store(), "windows": windows.to_vec().store(),
        }});
        self.exchange(asks, self.world.as_ref().map(|world| Ledger::read(world, run, buckets, windows))).await
    }

    async fn note_failure(&self, note: &Note) -> Result<Window, Fault> {
        let Note { key, pipeline, at, failures } = note;
        let asks = json!({ "note-failure": {
            "window": key.store(), "pipeline": pipeline.store(), "at": at.store(), "failures": failures,
        }});
        self.exchange(asks, self.world.as_ref().map(|world| Ledger::note_failure(world, note))).await
    }

    async fn policy(&self, number: u64) -> Result<KeptPolicy, Fault> {
        let asks = json!({ "read-policy": number });
        self.exchange(asks, self.world.as_ref().map(|world| Ledger::policy(world, number))).await
    }

    async fn commit(&self, transaction: &Commit) -> Result<CommitReply, Fault> {
        let asks = json!({ "commit": commit(transaction) });
        self.exchange(asks, self.world.as_ref().map(|world| Ledger::commit(world, transaction))).await
    }

    async fn write_controls(&self, controls: &Controls) -> Result<ControlsReply, Fault> {
        let asks = json!({ "write-controls": controls.store() });
        self.exchange(asks, self.world.as_ref().map(|world| Ledger::write_controls(world, controls))).await
    }

    async fn quarantine(&self, message: &Quarantined) -> Result<(), Fault> {
        let Quarantined { fingerprint, length, problem, at } = message;
        let asks = json!({ "quarantine": {
            "fingerprint": fingerprint, "length": length, "problem": problem, "at": at.store(),
        }});
        self.exchange(asks, self.world.as_ref().map(|world| Ledger::quarantine(world, message))).await
    }
}

impl Pipelines for Tape {
    async fn observe(&self, run: &StageRunId) -> Reading {
        let asks = json!({ "observe": run.store() });
        self.exchange(asks, self.world.as_ref().map(|world| Pipelines::observe(world, run))).await
    }

    async fn observe_stage(&self, run: &StageRunId, mode: ExecutionMode) -> StageReading {
        let asks = json!({ "fence": { "run": run.store(), "mode": mode.store() } });
        self.exchange(asks, self.world.as_ref().map(|world| Pipelines::observe_stage(world, run, mode))).await
    }

    async fn tags(&self, pipeline: &PipelineArn, now: Timestamp) -> TagsReading {
        let asks = json!({ "read-tags": pipeline.to_string() });
        self.exchange(asks, self.world.as_ref().map(|world| Pipelines::tags(world, pipeline, now))).await
    }

    async fn retry_stage(&self, run: &StageRunId, mode: RetryMode) -> RetryReply {
        let asks = json!({ "call": { "run": run.store(), "mode": mode.store() } });
        self.exchange(asks, self.world.as_ref().map(|world| Pipelines::retry_stage(world, run, mode))).await
    }
}

/// What providers say has no place on record: what is recorded goes by what CodePipeline says.
impl EvidenceSource for Tape {
    async fn gather(&self, _: &StageRunId, failed: &[FailedAction], _: Depth) -> Vec<Evidence> {
        vec![Evidence::default(); failed.len()]
    }
}

impl Calendars for Tape {
    async fn states(&self, calendars: &BTreeSet<CalendarArn>, now: Timestamp) -> CalendarReadings {
        let asks = json!({ "read-calendars": calendars.store() });
        self.exchange(asks, self.world.as_ref().map(|world| Calendars::states(world, calendars, now))).await
    }
}

/// Nobody is told of what is recorded.
const UNTOLD: &str = "nothing was to be told";

impl Outbox for Tape {
    fn entry(&self, _: &Tidings) -> Entry {
        panic!("{UNTOLD}")
    }

    async fn pending(&self, _: Timestamp, _: Option<&PageToken>) -> Result<Page<Pending>, Fault> {
        panic!("{UNTOLD}")
    }

    async fn take(&self, _: &Pending, _: Timestamp) -> Result<bool, Fault> {
        panic!("{UNTOLD}")
    }

    async fn told(&self, _: &[Entry], _: Timestamp) -> Result<(), Fault> {
        panic!("{UNTOLD}")
    }

    async fn outlet(&self) -> Result<Outlet, Fault> {
        panic!("{UNTOLD}")
    }

    async fn write_outlet(&self, _: &Outlet) -> Result<bool, Fault> {
        panic!("{UNTOLD}")
    }
}

impl Messenger for Tape {
    async fn publish(&self, _: &Bulletin) -> Result<(), Fault> {
        panic!("{UNTOLD}")
    }

    async fn announce(&self, _: &[&str]) -> Result<Vec<bool>, Fault> {
        panic!("{UNTOLD}")
    }

    async fn remind(&self, _: SignedDuration) -> Result<(), Fault> {
        panic!("{UNTOLD}")
    }
}

impl Schedules for Tape {
    async fn arm(&self, wake_up: &WakeUp, at: Timestamp) -> Result<(), Fault> {
        let asks = json!({ "arm": {
            "run": wake_up.run.store(), "sequence": wake_up.sequence, "at": at.store(),
        }});
        self.exchange(asks, self.world.as_ref().map(|world| Schedules::arm(world, wake_up, at))).await
    }
}
