//! Arbitrary messages, and arbitrary answers to every kind of effect.

use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use codepipeline_retrier::domain::backoff::Jitter;
use codepipeline_retrier::domain::budget::{Bucket, BucketKey};
use codepipeline_retrier::domain::controls::{Controls, Pause};
use codepipeline_retrier::domain::evidence::Depth;
use codepipeline_retrier::domain::freeze::CalendarState;
use codepipeline_retrier::domain::glob::Glob;
use codepipeline_retrier::domain::live::Standing;
use codepipeline_retrier::domain::pipeline::{
    ActionStatus, ExecutionMode, Gap, Reading, Refusal, RetryReply, StageReading,
};
use codepipeline_retrier::domain::policy::{Mode, Policy};
use codepipeline_retrier::domain::protocol::{Fault, View};
use codepipeline_retrier::domain::scope::{Scope, Scopes};
use codepipeline_retrier::domain::screen::{Environment, Telling};
use codepipeline_retrier::domain::stage_run::{StageRun, Timing, after};
use codepipeline_retrier::domain::tags::{NO_TAGS, TagSelector, Tags, TagsReading};
use codepipeline_retrier::domain::trigger::{
    Delivery, Finding, SeenFailure, StageEvent, StageEventState, Trigger, WakeUp,
};

use crate::arbitrary::{self, at, chosen, instant, run};

/// What the product runs with, owned.
#[derive(Debug, Clone)]
pub struct Setting {
    pub policy: Option<Policy>,
    pub mode: Mode,
    /// The tags of the pipeline.
    pub tags: TagsReading,
    scopes: Scopes,
}

impl Setting {
    pub fn new(policy: Option<Policy>, mode: Mode) -> Self {
        let scopes = Scopes::alone(Scope::of(&run().pipeline));
        Self { policy, mode, tags: Ok(NO_TAGS.clone()), scopes }
    }

    pub fn environment(&self) -> Environment<'_> {
        Environment {
            evidence: Depth::State,
            policy: self.policy.as_ref(),
            standing: Standing::packaged(self.policy.as_ref().map(|policy| &policy.version)),
            mode: self.mode,
            scopes: &self.scopes,
            timing: Timing::default(),
            telling: Telling::default(),
            may_roll_back: false,
            deadline: Timestamp::MAX,
        }
    }

    /// Whether it takes the pipeline's tags to know the rule.
    pub fn asks_for_tags(&self) -> bool {
        self.policy.as_ref().is_some_and(|policy| policy.depends_on_tags(&run()))
    }

    /// The mode that the rule has here; disabled where there is no rule.
    pub fn rule_mode(&self) -> Mode {
        self.policy.as_ref().map_or(Mode::Disabled, |policy| policy.rules[0].settings.mode.max(self.mode))
    }
}

/// How a transaction is answered.
#[derive(Debug, Clone)]
pub enum Committing {
    Done,
    /// The record is another one by now.
    Moved(Option<Box<StageRun>>),
    /// Somebody has added a wait to the record that we wrote last.
    Touched,
    BucketChanged(Bucket),
    ControlsChanged,
    /// No answer; it was done all the same, or not.
    Lost {
        done: bool,
    },
    NotDone,
}

/// What the fence shows.
#[derive(Debug, Clone)]
pub enum Fenced {
    Same,
    Other(Box<Reading>),
}

/// One answer for each effect that may come next.
#[derive(Debug, Clone)]
pub struct Replies {
    pub pass: SignedDuration,
    pub view: View,
    pub tags: TagsReading,
    /// What every change calendar says.
    pub calendar: Result<CalendarState, Gap>,
    pub ledger_fault: Option<Fault>,
    /// How many pipelines failed in each window, and whether a note of ours finds its way into it.
    pub failing: u8,
    pub noted: Result<bool, Fault>,
    pub controls_conflict: Option<Result<u64, Fault>>,
    pub reading: Box<Reading>,
    /// Whether the reading is that of the first answer all the same, which the first record belongs to.
    pub as_before: bool,
    pub jitter: Jitter,
    pub commit: Committing,
    pub armed: Result<(), Fault>,
    pub fenced: Fenced,
    pub called: RetryReply,
}

/// A message, what the product runs with, and the answers, used over again when they run out.
#[derive(Debug, Clone)]
pub struct Story {
    pub setting: Setting,
    pub trigger: Trigger,
    pub delivery: Delivery,
    pub start: Timestamp,
    pub replies: Vec<Replies>,
}

/// The part of the stage's reading that is read again.
pub fn again(reading: &Reading, mode: ExecutionMode) -> StageReading {
    if mode == ExecutionMode::Parallel {
        StageReading::Parallel {
            execution: reading.execution.clone(),
            actions: reading.actions.clone(),
            entries: reading.entries.clone(),
        }
    } else {
        StageReading::State(reading.state.clone())
    }
}

fn fault() -> impl Strategy<Value = Fault> + Clone {
    select(vec![Fault::NotDone, Fault::Unknown])
}

fn setting() -> impl Strategy<Value = Setting> {
    let mode = || prop_oneof![36 => Just(Mode::Active), 3 => Just(Mode::Shadow), 1 => Just(Mode::Disabled)];
    let weighted = proptest::bool::weighted;
    let chances = (weighted(0.95), weighted(0.1), weighted(0.2));
    (mode().prop_flat_map(arbitrary::policy), mode(), chances).prop_map(
        |(mut policy, mode, (compiles, asks_for_tags, has_freeze))| {
            if has_freeze {
                policy.rules[0].settings.freezes.push(arbitrary::releases());
            }
            if asks_for_tags {
                let wanted = [("team".to_owned(), vec![Glob::new("web*")])];
                policy.rules[0].selector.tags = TagSelector(wanted.into());
            }
            Setting::new(compiles.then_some(policy), mode)
        },
    )
}

/// An event of the last ten minutes.
fn event(now: Timestamp) -> impl Strategy<Value = StageEvent> {
    use StageEventState as S;
    let state = prop_oneof![
        12 => Just(S::Failed), 1 => select(vec![S::Succeeded, S::Resumed, S::Stopped, S::Canceled])
    ];
    (state, 0_i64..600, arbitrary::key()).prop_map(move |(state, ago, key)| StageEvent {
        run: run(),
        state,
        time: after(now, SignedDuration::from_secs(-ago)),
        key,
    })
}

/// What kind of message a story is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Event,
    /// The wake-up of what is on record, or an event where nothing is waited for.
    WakeUp,
    /// The same, and whoever had the claim has been gone for long.
    Overdue,
    /// A wake-up with any number.
    AnyNumber,
    /// What a sweep finds.
    Finding,
}

/// What a sweep may find of a stage run that shows this: some of its failed runs, or that something is overdue.
fn finding(reading: &Reading, picks: &[Index]) -> Finding {
    let runs = reading.actions.as_deref().unwrap_or_default();
    let failed: Vec<_> = runs.iter().filter(|of| of.status == ActionStatus::Failed).collect();
    let seen: Vec<_> = picks.iter().filter_map(|pick| chosen(*pick, &failed)).collect();
    let failure = seen
        .iter()
        .map(|of| of.last_change)
        .max()
        .map(|failed_at| SeenFailure { failed: seen.iter().map(|of| of.id.clone()).collect(), failed_at });
    Finding { run: run(), failure }
}

/// Brings the first record about that the kind of message asks for, and the message that belongs to it.
fn trigger(
    kind: Kind,
    event: StageEvent,
    number: u64,
    record: Option<&mut StageRun>,
    now: Timestamp,
) -> Trigger {
    let wake_up = |sequence| Trigger::WakeUp(WakeUp { run: run(), sequence });
    let Some(record) = record.filter(|_| kind != Kind::Event) else {
        return if kind == Kind::AnyNumber { wake_up(number) } else { Trigger::StageEvent(event) };
    };
    if let (Kind::Overdue, Some(claim)) = (kind, &mut record.claim) {
        claim.lease_until = after(now, SignedDuration::from_mins(-10));
        record.wait = None;
        return wake_up(claim.sequence);
    }
    match (&record.wait, &record.claim) {
        _ if kind == Kind::AnyNumber => wake_up(number),
        (Some(wait), _) => wake_up(wait.sequence),
        (None, Some(claim)) => wake_up(claim.sequence),
        (None, None) => Trigger::StageEvent(event),
    }
}

fn committing(records: BoxedStrategy<StageRun>) -> impl Strategy<Value = Committing> {
    prop_oneof![
        12 => Just(Committing::Done),
        1 => proptest::option::weighted(0.8, records.prop_map(Box::new)).prop_map(Committing::Moved),
        1 => Just(Committing::Touched),
        1 => arbitrary::bucket().prop_map(Committing::BucketChanged),
        1 => Just(Committing::ControlsChanged),
        1 => any::<bool>().prop_map(|done| Committing::Lost { done }),
        1 => Just(Committing::NotDone),
    ]
}

fn called() -> impl Strategy<Value = RetryReply> {
    let refusal = select(vec![
        Refusal::NotRetryable,
        Refusal::NotLatestExecution,
        Refusal::PipelineNotFound,
        Refusal::AccessDenied,
        Refusal::Conflict,
        Refusal::Throttled,
        Refusal::ConcurrencyLimit,
    ]);
    prop_oneof![
        2 => Just(RetryReply::Accepted),
        3 => refusal.prop_map(RetryReply::Refused),
        1 => Just(RetryReply::NotSent),
        2 => Just(RetryReply::Unknown),
    ]
}

fn controls(setting: &Setting) -> impl Strategy<Value = Controls> + use<> {
    let activated = setting.policy.as_ref().map(|policy| (policy.version.clone(), setting.mode));
    let pause = proptest::option::weighted(0.08, proptest::option::of(instant()));
    (0_u64..3, proptest::bool::weighted(0.9), pause).prop_map(move |(version, active, pause)| Controls {
        version,
        pauses: Vec::from_iter(pause.map(|until| Pause { pipeline: None, until, reason: "holiday".into() })),
        activated: activated.clone().filter(|_| active),
        ..Controls::default()
    })
}

fn replies(setting: &Setting, keys: Vec<BucketKey>) -> impl Strategy<Value = Replies> + use<> {
    let controls = controls(setting).boxed();
    let pass = select(vec![0_i64, 0, 0, 1, 1, 5, 5, 30, 30, 700]).prop_map(SignedDuration::from_secs);
    let often = |fault: BoxedStrategy<Fault>| proptest::option::weighted(0.04, fault);
    prop_oneof![1 => arbitrary::reading(), 2 => arbitrary::plain_reading()].prop_flat_map(move |reading| {
        let bucket = keys.first().cloned();
        let record = arbitrary::record(&reading, 0.25, bucket).boxed();
        let stored = proptest::option::weighted(0.6, record.clone());
        let buckets = vec(arbitrary::bucket(), keys.len());
        let keys = keys.clone();
        let view = (controls.clone(), stored, buckets).prop_map(move |(controls, record, buckets)| View {
            controls,
            record,
            buckets: keys.iter().cloned().zip(buckets).collect(),
            ..View::default()
        });
        let controls_conflict =
            proptest::option::weighted(0.1, prop_oneof![(0_u64..5).prop_map(Ok), fault().prop_map(Err)]);
        let fenced = prop_oneof![
            5 => Just(Fenced::Same),
            1 => arbitrary::reading().prop_map(|reading| Fenced::Other(Box::new(reading))),
        ];
        let noted = prop_oneof![9 => any::<bool>().prop_map(Ok), 1 => fault().prop_map(Err)];
        let storm = (select(vec![0_u8, 0, 0, 0, 0, 0, 3, 19, 22]), noted);
        let tags = prop_oneof![
            8 => Just(Ok(Tags::from([("team".to_owned(), "web-shop".to_owned())]))),
            1 => Just(Ok(Tags::new())),
            1 => select(vec![Gap::Denied, Gap::PipelineNotFound]).prop_map(Err),
        ];
        let armed = prop_oneof![9 => Just(Ok(())), 1 => fault().prop_map(Err)];
        let known = (tags, arbitrary::calendar());
        let faults =
            (often(fault().boxed()), controls_conflict, armed, known, proptest::bool::weighted(0.85));
        (pass.clone(), view, faults, storm, any::<u64>(), committing(record), fenced, called()).prop_map(
            move |(pass, view, faults, storm, jitter, commit, fenced, called)| {
                let (failing, noted) = storm;
                let (ledger_fault, controls_conflict, armed, (tags, calendar), as_before) = faults;
                let (reading, jitter) = (Box::new(reading.clone()), Jitter(jitter));
                Replies {
                    pass,
                    view,
                    tags,
                    calendar,
                    ledger_fault,
                    failing,
                    noted,
                    controls_conflict,
                    reading,
                    as_before,
                    jitter,
                    commit,
                    armed,
                    fenced,
                    called,
                }
            },
        )
    })
}

/// Anything that can happen to one message.
pub fn story() -> impl Strategy<Value = Story> {
    let delivery = select(vec![Delivery::First, Delivery::Again]);
    setting()
        .prop_flat_map(|setting| {
            let rules = setting.policy.iter().flat_map(|policy| &policy.rules);
            let keys: Vec<BucketKey> = rules
                .flat_map(|rule| {
                    let shadow = setting.rule_mode() == Mode::Shadow;
                    rule.settings.budgets.iter().map(move |budget| budget.key(&run(), shadow))
                })
                .collect();
            let replies = vec(replies(&setting, keys), 1..6);
            (Just(setting), replies)
        })
        .prop_flat_map(move |(setting, replies)| {
            let runs = replies.first().and_then(|first| first.reading.actions.as_deref().ok());
            let ended = runs.unwrap_or_default().iter().map(|of| of.last_change).max().unwrap_or(at(0));
            let start = (0_i64..40).prop_map(move |minutes| after(ended, SignedDuration::from_mins(minutes)));
            (Just(setting), Just(replies), start)
        })
        .prop_flat_map(move |(setting, replies, start)| {
            let kind = prop_oneof![
                6 => Just(Kind::Event), 2 => Just(Kind::WakeUp), 4 => Just(Kind::Overdue), 1 => Just(Kind::AnyNumber),
                5 => Just(Kind::Finding)
            ];
            let picks = vec(any::<Index>(), 0..3);
            (Just((setting, replies, start)), kind, event(start), delivery.clone(), (0_u64..5, picks))
        })
        .prop_map(|((setting, mut replies, start), kind, event, delivery, (number, picks))| {
            if let (Kind::Finding, Some(first)) = (kind, replies.first()) {
                let trigger = Trigger::Sweep(finding(&first.reading, &picks));
                return Story { setting, trigger, delivery, start, replies };
            }
            let record = replies.first_mut().and_then(|first| first.view.record.as_mut());
            let trigger = trigger(kind, event, number, record, start);
            Story { setting, trigger, delivery, start, replies }
        })
}
