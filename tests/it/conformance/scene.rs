//! Stage runs that share budgets, policies that come and go, and handlings of messages, each as far as it has come: the
//! production protocol asks the ledger, and what it asks is what ledgers are compared by.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::OnceLock;

use jiff::Timestamp;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use codepipeline_retrier::domain::budget::BucketKey;
use codepipeline_retrier::domain::evidence::Depth;
use codepipeline_retrier::domain::facts::failure;
use codepipeline_retrier::domain::ids::{ExecutionId, PipelineName, StageRunId};
use codepipeline_retrier::domain::live::{Source, Standing};
use codepipeline_retrier::domain::pipeline::{ExecutionMode, Reading, StageReading};
use codepipeline_retrier::domain::policy::{Mode, Policy};
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, Effect, State, View};
use codepipeline_retrier::domain::scope::{Scope, Scopes};
use codepipeline_retrier::domain::screen::{Environment, Telling};
use codepipeline_retrier::domain::stage_run::{StageRun, Timing};
use codepipeline_retrier::domain::storm::WindowKey;
use codepipeline_retrier::domain::sweep::Sweep;
use codepipeline_retrier::domain::trigger::{Trigger, WakeUp};
use codepipeline_retrier::policy_file;
use codepipeline_retrier::ports::SweepReply;

use super::exchange::{Book, Reply, Request, right_answers};
use crate::arbitrary;

/// When every sequence begins: after the first failures of the readings.
pub const START: Timestamp = Timestamp::constant(1_795_002_000, 0);

/// Two of one pipeline, and one of another.
pub fn runs() -> [StageRunId; 3] {
    let run = |pipeline: &str, execution: &str| {
        let mut run = arbitrary::run();
        run.pipeline.name = PipelineName::parse(pipeline).unwrap();
        run.execution = ExecutionId::parse(execution).unwrap();
        run
    };
    [run("shop", "e-1"), run("shop", "e-7"), run("web", "e-8")]
}

/// The same budgets with other sizes, prices and places: what one gave, another gets back.
const BUDGETS: [&str; 4] = [
    "region: { capacity: 2, refill: 6/h }\n  own: { capacity: 1, refill: 12/h, per: pipeline }",
    "region: { capacity: 3, refill: 60/h }\n  own: { capacity: 2, refill: 2/h, per: stage }",
    "region: { capacity: 1, refill: 1/m }\n  own: { capacity: 4, refill: 60/d, per: region }",
    "region: { capacity: 2, refill: 7/h }\n  own: { capacity: 3, refill: 11/h, per: pipeline }",
];

/// What is a storm: two pipelines, as there are; three, of which one is none of ours; and a few more.
const STORMS: [&str; 4] = [
    "{ failures: 2, within: 1h, spread: 1m }",
    "{ failures: 3, within: 5m, spread: 2m }",
    "{ failures: 4, within: 1h, spread: 10m }",
    "{ failures: 2, within: 1m, spread: 1m }",
];

/// The texts of the policies. The last is in shadow mode.
pub fn texts() -> &'static [String] {
    static TEXTS: OnceLock<Vec<String>> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let text = |(number, (budgets, storm)): (usize, (&&str, &&str))| {
            let mode = if number + 1 == BUDGETS.len() { "shadow" } else { "active" };
            let initial = if number == 1 { "5m" } else { "0s" };
            format!(
                "version: 1\nstorm: {storm}\ndefaults:\n  mode: {mode}\n  retry-on: any\n  max-retries: 6\n  give-up-after: 7d\n  \
                 parallel: independent\n  budgets: [region, own]\n  \
                 backoff: {{ initial: {initial}, max: 30m, jitter: none }}\nbudgets:\n  {budgets}\n\
                 rules:\n  - name: all\n    match: {{ pipeline: '*' }}\n"
            )
        };
        BUDGETS.iter().zip(&STORMS).enumerate().map(text).collect()
    })
}

/// The policies.
pub fn policies() -> &'static [Policy] {
    static POLICIES: OnceLock<Vec<Policy>> = OnceLock::new();
    let policy = |text: &String| policy_file::load("policy", text).policy.unwrap();
    POLICIES.get_or_init(|| texts().iter().map(policy).collect())
}

/// Every bucket that there can be.
pub fn bucket_keys() -> &'static [BucketKey] {
    static KEYS: OnceLock<Vec<BucketKey>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let budgets = policies().iter().flat_map(|policy| &policy.rules[0].settings.budgets);
        let of_runs = budgets.flat_map(|budget| {
            runs().into_iter().flat_map(|run| [false, true].map(|shadow| budget.key(&run, shadow)))
        });
        of_runs.collect::<BTreeSet<_>>().into_iter().collect()
    })
}

/// Answers of CodePipeline: mostly plain failures.
fn readings() -> &'static [Reading] {
    static READINGS: OnceLock<Vec<Reading>> = OnceLock::new();
    READINGS.get_or_init(|| {
        let mut runner = TestRunner::deterministic();
        let mut draw =
            |strategy: &dyn Strategy<Value = Reading, Tree = _>| strategy.new_tree(&mut runner).unwrap();
        let (plain, odd) = (arbitrary::plain_reading().boxed(), arbitrary::reading().boxed());
        let mut readings: Vec<Reading> = Vec::new();
        while readings.len() < 60 {
            let reading = draw(&plain).current();
            if !failure(&arbitrary::run(), &reading).is_empty() {
                readings.push(reading);
            }
        }
        readings.extend((0..20).map(|_| draw(&odd).current()));
        readings
    })
}

/// One of the readings, as if it were about this stage run.
pub fn reading(number: usize, run: &StageRunId) -> Reading {
    let all = readings();
    let mut reading = all[number % all.len()].clone();
    let execution = |of: &mut ExecutionId| {
        if *of == arbitrary::run().execution {
            *of = run.execution.clone();
        }
    };
    if let Ok(actions) = &mut reading.actions {
        for action in actions {
            execution(&mut action.execution);
        }
    }
    if let Ok(entries) = &mut reading.entries {
        for entry in entries {
            execution(&mut entry.execution);
        }
    }
    if let Ok(structure) = &mut reading.structure {
        structure.name = run.pipeline.name.clone();
    }
    if let Ok(state) = &mut reading.state {
        state
            .stages
            .iter_mut()
            .filter_map(|stage| stage.latest.as_mut())
            .for_each(|of| execution(&mut of.execution));
    }
    reading
}

/// The part of a reading that is read again.
pub fn again(reading: Reading, mode: ExecutionMode) -> StageReading {
    if mode == ExecutionMode::Parallel {
        let Reading { execution, actions, entries, .. } = reading;
        StageReading::Parallel { execution, actions, entries }
    } else {
        StageReading::State(reading.state)
    }
}

/// The policies of a process, by their numbers in [`policies`].
#[derive(Debug, Clone)]
pub struct WorksBy {
    pub packaged: usize,
    /// The one at work, and what it was chosen by.
    pub policy: usize,
    pub source: Source,
}

impl WorksBy {
    /// That of a process that has just begun.
    pub const fn packaged(number: usize) -> Self {
        Self { packaged: number, policy: number, source: Source::Packaged }
    }

    /// The same, by that source.
    pub fn moved(&self, source: Source) -> Self {
        let policy = match &source {
            Source::Packaged | Source::PackagedOver(_) => self.packaged,
            Source::Pushed(pushed) => {
                policies().iter().position(|policy| policy.version == pushed.version).unwrap()
            }
        };
        Self { policy, source, ..*self }
    }
}

/// A message in somebody's hands, and what is to be done next.
#[derive(Clone)]
pub struct Handling {
    pub trigger: Trigger,
    pub works_by: WorksBy,
    pub reading: usize,
    pub state: State,
    pub effect: Effect,
}

impl fmt::Debug for Handling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.trigger.run(), self.effect)
    }
}

/// All of it.
#[derive(Debug, Clone)]
pub struct Scene<B> {
    pub book: B,
    pub now: Timestamp,
    /// The policy of whoever takes a message up.
    pub works_by: WorksBy,
    pub handlings: Vec<Handling>,
    /// How many there have been.
    pub begun: u32,
    pub wake_ups: Vec<WakeUp>,
    /// Transactions, some of which come again.
    pub sent: Vec<Commit>,
    /// Records as they once were.
    pub past: Vec<StageRun>,
    /// Windows in which something was noted.
    pub windows: BTreeSet<WindowKey>,
    /// The last progress of the sweep that was written.
    pub swept: Option<Sweep>,
    /// How many policies were pushed.
    pub pushed: u64,
    /// Whether a handling has just come to a pushed policy.
    pub is_moved_to_a_push: bool,
    /// What the last operation asked of the ledger, and every answer that is right.
    pub exchange: Option<(Request, Vec<Reply>)>,
}

impl<B: Book> Scene<B> {
    pub fn new() -> Self {
        Self {
            book: B::default(),
            now: START,
            works_by: WorksBy::packaged(0),
            handlings: Vec::new(),
            begun: 0,
            wake_ups: Vec::new(),
            sent: Vec::new(),
            past: Vec::new(),
            windows: BTreeSet::new(),
            swept: None,
            pushed: 0,
            is_moved_to_a_push: false,
            exchange: None,
        }
    }

    /// Asks the ledger; the first answer is the one that whoever asked goes on with.
    pub fn ask(&mut self, request: Request) -> Reply {
        let answers = right_answers(&mut self.book, &request);
        let answer = answers[0].clone();
        match (&request, &answer) {
            (Request::Commit(commit), _) => {
                self.sent.push((**commit).clone());
                if answer == Reply::Commit(CommitReply::Done) {
                    self.past.push(commit.record.clone());
                }
            }
            (Request::NoteFailure(note), _) => drop(self.windows.insert(note.key)),
            (Request::WriteSweep(sweep), Reply::SweepWritten(SweepReply::Done)) => {
                self.swept = Some(sweep.clone());
            }
            (Request::Push(_), Reply::Pushed(Some(number))) => self.pushed = *number,
            _ => {}
        }
        self.exchange = Some((request, answers));
        answer
    }

    /// What is on record, asked by nobody.
    pub fn view(&self, run: &StageRunId) -> View {
        let request =
            Request::Read { run: run.clone(), buckets: bucket_keys().to_vec(), windows: Vec::new() };
        match self.book.clone().answer(&request).normal() {
            Reply::Read(view) => *view,
            other => panic!("to a read: {other:?}"),
        }
    }
}

/// What a handling runs with.
pub fn environment(works_by: &WorksBy) -> Environment<'_> {
    static SCOPES: OnceLock<Scopes> = OnceLock::new();
    let scopes = SCOPES.get_or_init(|| Scopes::alone(Scope::of(&arbitrary::run().pipeline)));
    let policy = &policies()[works_by.policy];
    let packaged = Some(&policies()[works_by.packaged].version);
    Environment {
        evidence: Depth::State,
        policy: Some(policy),
        standing: Standing { packaged, source: &works_by.source, is_fallback: false },
        mode: Mode::Active,
        scopes,
        timing: Timing::default(),
        telling: Telling::default(),
        may_roll_back: false,
        deadline: Timestamp::MAX,
    }
}
