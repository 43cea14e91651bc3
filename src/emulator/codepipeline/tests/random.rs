//! Random operations on a small fleet: what holds whatever people do.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::{ApprovalAnswer, ApprovalVerdict};
use super::*;

#[derive(Debug, Clone)]
enum Step {
    Start,
    Wait(i64),
    Retry { stage: usize, execution: usize, all: bool },
    Stop { execution: usize, abandon: bool },
    Answer { approve: bool },
    Close { stage: usize },
    Open { stage: usize },
    RollBack { stage: usize, execution: usize },
    Edit { mode: usize },
    Delete,
}

const STAGES: [&str; 3] = ["Source", "Test", "Prod"];
const MODES: [ExecutionMode; 3] = [ExecutionMode::Superseded, ExecutionMode::Queued, ExecutionMode::Parallel];

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    // Mostly the stage that fails, and the executions that are not long gone.
    let stage = || prop_oneof![1 => Just(0_usize), 5 => Just(1), 2 => Just(2)];
    let execution = || 0..3_usize;
    let step = prop_oneof![
        16 => Just(Step::Start),
        32 => (0_i64..20).prop_map(Step::Wait),
        30 => (stage(), execution(), any::<bool>())
            .prop_map(|(stage, execution, all)| Step::Retry { stage, execution, all }),
        5 => (execution(), any::<bool>())
            .prop_map(|(execution, abandon)| Step::Stop { execution, abandon }),
        8 => proptest::bool::weighted(0.8).prop_map(|approve| Step::Answer { approve }),
        2 => stage().prop_map(|stage| Step::Close { stage }),
        6 => stage().prop_map(|stage| Step::Open { stage }),
        4 => (stage(), 0..6_usize)
            .prop_map(|(stage, execution)| Step::RollBack { stage, execution }),
        2 => (0..3_usize).prop_map(|mode| Step::Edit { mode }),
        1 => Just(Step::Delete),
    ];
    proptest::collection::vec((0..3_usize, step), 1..100)
}

fn switches() -> impl Strategy<Value = Switches> {
    (any::<[bool; 6]>(), 0_i64..5).prop_map(|([siblings, fires, first, time, edit, resets], delay)| {
        Switches {
            fail_with_siblings_running: siblings,
            native_fires: fires,
            native_retry_delay: SignedDuration::from_secs(delay),
            native_emits_failed_first: first,
            native_sets_last_retry_time: time,
            edit_fails_running: edit,
            metadata_resets: resets,
            concurrency_limit: 4,
            ..Switches::default()
        }
    })
}

/// One pipeline of each mode, with everything that can go wrong.
fn definition(number: usize, mode: ExecutionMode) -> PipelineDefinition {
    let script = [fails(3), succeeds(5), fails(0), Outcome::Hang, succeeds(2), fails(7)];
    let mut source = stage("Source", [action("Fetch", [succeeds(1), fails(1), succeeds(0)])]);
    let slow = action("Slow", [succeeds(6)]);
    let mut test = stage("Test", [action("Flaky", script), slow]);
    let gate = approval("Sign");
    let deploy = action("Deploy", [succeeds(4), fails(4)]).in_order(2);
    let mut prod = stage("Prod", [gate, deploy]);
    source.native_retry = (number == 0).then_some(RetryMode::AllActions);
    test.native_retry = (number == 1).then_some(RetryMode::FailedActions);
    prod.on_failure_rollback = true;
    let mut definition = pipeline([source, test, prod]).in_mode(mode);
    definition.name = pipeline_name(&format!("p{number}"));
    definition
}

struct Fleet {
    service: CodePipeline,
    now: Timestamp,
    started: BTreeMap<usize, Vec<ExecutionId>>,
}

impl Fleet {
    fn new(switches: Switches) -> Self {
        let mut bench = Bench::with(switches, definition(0, MODES[0]));
        for (number, mode) in MODES.into_iter().enumerate().skip(1) {
            let definition = definition(number, mode);
            bench.service.create_pipeline(bench.now, definition).unwrap();
        }
        Self { service: bench.service, now: bench.now, started: BTreeMap::new() }
    }

    fn execution(&self, number: usize, back: usize) -> Option<ExecutionId> {
        self.started.get(&number)?.iter().rev().nth(back).cloned()
    }

    /// Whether a retry could be accepted: the stage is Failed, with a failed action.
    ///
    /// In PARALLEL mode only the actions can tell.
    fn may_be_retried(&mut self, name: &PipelineName, stage: &str, id: &ExecutionId) -> bool {
        self.service.advance(self.now);
        let Ok(runs) = self.service.action_executions(name, id) else {
            return false;
        };
        let mut last = BTreeMap::new();
        for run in runs.iter().rev().filter(|run| run.stage.as_str() == stage) {
            last.insert(run.action.clone(), run.status);
        }
        let has_failed = last.values().any(|status| *status == ActionStatus::Failed);
        let execution = self.service.pipeline_execution(name, id).unwrap();
        if execution.mode == ExecutionMode::Parallel {
            return has_failed;
        }
        let answer = self.service.pipeline_state(name).unwrap();
        let mut stages = answer.stages.into_iter();
        let latest = stages.find(|state| state.name.as_str() == stage).unwrap().latest;
        has_failed
            && latest
                .is_some_and(|latest| latest.execution == *id && latest.status == ExecutionStatus::Failed)
    }

    fn apply(&mut self, number: usize, step: &Step) {
        let name = pipeline_name(&format!("p{number}"));
        let now = self.now;
        match step {
            Step::Start => {
                if let Ok(id) = self.service.start_pipeline_execution(now, &name) {
                    self.started.entry(number).or_default().push(id);
                }
            }
            Step::Wait(seconds) => {
                self.now += SignedDuration::from_secs(*seconds);
                while let Some(due) = self.service.next_due().filter(|due| *due <= self.now) {
                    self.service.advance(due);
                    self.check();
                }
            }
            Step::Retry { stage, execution, all } => {
                let Some(id) = self.execution(number, *execution) else {
                    return;
                };
                let (text, stage) = (STAGES[*stage], stage_name(STAGES[*stage]));
                let mode = RetryMode::ALL[usize::from(*all)];
                let expected = self.may_be_retried(&name, text, &id);
                let answer = self.service.retry_stage_execution(now, "person", &name, &stage, &id, mode);
                assert!(expected || answer.is_err(), "retried {text} of {id}");
            }
            Step::Stop { execution, abandon } => {
                let Some(id) = self.execution(number, *execution) else {
                    return;
                };
                let _ = self.service.stop_pipeline_execution(now, &name, &id, *abandon, None);
            }
            Step::Answer { approve } => {
                let verdict = if *approve { ApprovalVerdict::Approved } else { ApprovalVerdict::Rejected };
                let answer = ApprovalAnswer { verdict, summary: String::new(), token: None };
                let (stage, action) = (stage_name("Prod"), action_name("Sign"));
                let _ = self.service.put_approval_result(now, &name, &stage, &action, answer);
            }
            Step::Close { stage } => {
                let stage = stage_name(STAGES[*stage]);
                let _ = self.service.disable_stage_transition(now, &name, &stage, "hold");
            }
            Step::Open { stage } => {
                let stage = stage_name(STAGES[*stage]);
                let _ = self.service.enable_stage_transition(now, &name, &stage);
            }
            Step::RollBack { stage, execution } => {
                let Some(id) = self.execution(number, *execution) else {
                    return;
                };
                let stage = stage_name(STAGES[*stage]);
                let _ = self.service.rollback_stage(now, "person", &name, &stage, &id);
            }
            Step::Edit { mode } => {
                let definition = definition(number, MODES[*mode]);
                let _ = self.service.update_pipeline(now, definition);
            }
            Step::Delete => {
                self.service.delete_pipeline(now, &name);
                self.started.remove(&number);
                let definition = definition(number, MODES[number]);
                self.service.create_pipeline(now, definition).unwrap();
            }
        }
    }

    /// No two executions run actions in one stage, but for PARALLEL ones; no run shares its id; none is retried twice.
    fn check(&self) {
        let mut answered = BTreeSet::new();
        for id in self.service.retry_calls().iter().flat_map(|call| &call.answered) {
            assert!(answered.insert(id), "{id} was retried twice");
        }
        let mut ids = BTreeSet::new();
        for name in self.service.list_pipelines() {
            let mut inside: BTreeMap<StageName, BTreeSet<ExecutionId>> = BTreeMap::new();
            for summary in self.service.list_executions(&name).unwrap() {
                let runs = self.service.action_executions(&name, &summary.id).unwrap();
                for run in runs {
                    assert!(ids.insert(run.id.clone()), "{} twice", run.id);
                    let alone = summary.mode != ExecutionMode::Parallel;
                    if alone && run.status == ActionStatus::InProgress {
                        inside.entry(run.stage).or_default().insert(run.execution);
                    }
                }
            }
            for (stage, executions) in inside {
                assert_eq!(executions.len(), 1, "{name} {stage}: {executions:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stages_are_shared_as_the_mode_says_and_only_failures_are_retried(
        switches in switches(),
        steps in steps(),
    ) {
        let mut fleet = Fleet::new(switches);
        for (number, step) in &steps {
            fleet.apply(*number, step);
            fleet.check();
        }
    }

    #[test]
    fn the_same_calls_give_the_same_events_byte_for_byte(
        switches in switches(),
        steps in steps(),
    ) {
        let told = |switches: Switches| {
            let mut fleet = Fleet::new(switches);
            for (number, step) in &steps {
                fleet.apply(*number, step);
            }
            let events = fleet.service.drain_events().into_iter();
            events.map(|(_, event)| event.to_string()).collect::<Vec<_>>()
        };
        prop_assert_eq!(told(switches.clone()), told(switches));
    }
}
