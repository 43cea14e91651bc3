//! Arbitrary answers of CodePipeline about the stage: a plausible history with the state that belongs to it, then at
//! times bent in one or two places.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use codepipeline_retrier::domain::ids::{ActionExecutionId, ActionName, ExecutionId, StageName};
use codepipeline_retrier::domain::pipeline::{
    ActionDeclaration, ActionExecution, ActionStatus, Category, ChangeSet, ChangeSetPart, ErrorDetails,
    ExecutionKind, ExecutionMode, ExecutionStatus, Gap, PipelineExecution, PipelineState, PipelineStructure,
    Reading, RetryMetadata, StageDeclaration, StageEntry, Transition,
};
use codepipeline_retrier::domain::policy::RetryMode;
use codepipeline_retrier::domain::text::EvidenceText;

use super::{at, run};
use crate::history;

const NAMES: [&str; 3] = ["Prepare", "Unit", "Deploy"];
const MESSAGES: [&str; 4] =
    ["Rate exceeded", "connection reset", "is not authorized to perform", "Build terminated"];
const VERSION: u32 = 3;

/// One attempt at the stage: whether all actions run or the failed ones, and what comes of each.
#[derive(Debug, Clone)]
struct Attempt {
    all: bool,
    delay: i64,
    ends: [Option<(ActionStatus, i64, usize)>; 3],
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let status = prop_oneof![
        14 => Just(ActionStatus::Failed),
        5 => Just(ActionStatus::Succeeded),
        1 => Just(ActionStatus::InProgress),
    ];
    let message = prop_oneof![6 => Just(0_usize), 2 => Just(1), 1 => 2_usize..4];
    let end = proptest::option::weighted(0.7, (status, 1_i64..600, message));
    (any::<bool>(), 1_i64..900, [end.clone(), end.clone(), end]).prop_map(|(all, delay, ends)| Attempt {
        all,
        delay,
        ends,
    })
}

fn history(attempts: &[Attempt], categories: [Category; 3]) -> Vec<ActionExecution> {
    let mut runs: Vec<ActionExecution> = Vec::new();
    let mut now = 0;
    for (number, attempt) in attempts.iter().enumerate() {
        let mut end = now;
        for (index, name) in NAMES.iter().enumerate() {
            let action = ActionName::parse(*name).unwrap();
            let last = history::last_run(&runs, &action).map(|run| run.status);
            let runs_now =
                number == 0 || last == Some(ActionStatus::Failed) || (attempt.all && last.is_some());
            let (Some((status, took, message)), true) = (attempt.ends[index], runs_now) else { continue };
            end = end.max(now + took);
            runs.push(ActionExecution {
                execution: run().execution,
                stage: run().stage,
                id: ActionExecutionId::parse(format!("{name}-{number}")).unwrap(),
                action,
                status,
                category: categories[index],
                provider: "CodeBuild".into(),
                region: None,
                external_id: None,
                started: at(now),
                last_change: at(now + took),
                error: ErrorDetails {
                    code: Some("JobFailed".into()),
                    message: EvidenceText::new(MESSAGES[message]),
                    summary: EvidenceText::default(),
                },
            });
        }
        if runs.iter().any(|run| run.status == ActionStatus::InProgress) {
            break;
        }
        now = end + attempt.delay;
    }
    runs
}

/// Something that does not fit the rest.
#[derive(Debug, Clone, Copy)]
enum Bend {
    Unread(Index, Gap),
    AnotherRunShown(Index),
    AnotherStatusShown(Index, ActionStatus),
    RunForgotten(Index),
    RunOfAnother(Index, bool),
    RunAtAnotherTime(Index, i64),
    StageMissing(bool),
    StageStatus(ExecutionStatus),
    NothingRan,
    ActionsNotShown,
    EntriesCutOff,
}

pub fn gap() -> impl Strategy<Value = Gap> + Clone {
    select(vec![
        Gap::PipelineNotFound,
        Gap::ExecutionNotFound,
        Gap::Denied,
        Gap::Throttled,
        Gap::Unavailable,
        Gap::NotRead,
    ])
}

fn status() -> impl Strategy<Value = ExecutionStatus> {
    use ExecutionStatus as S;
    let unusual =
        select(vec![S::InProgress, S::Succeeded, S::Stopping, S::Stopped, S::Cancelled, S::Superseded]);
    prop_oneof![20 => Just(S::Failed), 1 => unusual]
}

fn bend() -> impl Strategy<Value = Bend> {
    use ActionStatus as A;
    let action_status = select(vec![A::InProgress, A::Succeeded, A::Failed, A::Abandoned]);
    prop_oneof![
        2 => (any::<Index>(), gap()).prop_map(|(which, gap)| Bend::Unread(which, gap)),
        1 => any::<Index>().prop_map(Bend::AnotherRunShown),
        1 => (any::<Index>(), action_status).prop_map(|(which, status)| Bend::AnotherStatusShown(which, status)),
        1 => any::<Index>().prop_map(Bend::RunForgotten),
        1 => any::<(Index, bool)>().prop_map(|(which, stage)| Bend::RunOfAnother(which, stage)),
        1 => (any::<Index>(), -900_i64..900).prop_map(|(which, by)| Bend::RunAtAnotherTime(which, by)),
        1 => any::<bool>().prop_map(Bend::StageMissing),
        1 => status().prop_map(Bend::StageStatus),
        1 => Just(Bend::NothingRan),
        1 => Just(Bend::ActionsNotShown),
        1 => Just(Bend::EntriesCutOff),
    ]
}

fn apply(reading: &mut Reading, bend: Bend) {
    match bend {
        Bend::Unread(which, gap) => match which.index(5) {
            0 => reading.state = Err(gap),
            1 => reading.execution = Err(gap),
            2 => reading.structure = Err(gap),
            3 => reading.actions = Err(gap),
            _ => reading.entries = Err(gap),
        },
        Bend::EntriesCutOff => {
            if let Ok(entries) = &mut reading.entries {
                entries.truncate(1);
            }
        }
        Bend::StageMissing(declared) => {
            let stages = (reading.structure.as_mut().ok(), reading.state.as_mut().ok());
            match stages {
                (Some(structure), _) if declared => structure.stages.clear(),
                (_, Some(state)) => state.stages.clear(),
                _ => {}
            }
        }
        Bend::AnotherRunShown(_)
        | Bend::AnotherStatusShown(..)
        | Bend::StageStatus(_)
        | Bend::ActionsNotShown => {
            bend_state(reading, bend);
        }
        Bend::RunForgotten(_) | Bend::RunOfAnother(..) | Bend::RunAtAnotherTime(..) | Bend::NothingRan => {
            bend_history(reading, bend);
        }
    }
}

fn bend_state(reading: &mut Reading, bend: Bend) {
    let stage = reading.state.as_mut().ok().and_then(|state| state.stages.first_mut());
    let Some(stage) = stage else { return };
    match bend {
        Bend::StageStatus(status) => {
            if let Some(latest) = &mut stage.latest {
                latest.status = status;
            }
        }
        Bend::ActionsNotShown => stage.actions.clear(),
        Bend::AnotherRunShown(which) => {
            let number = which.index(stage.actions.len().max(1));
            if let Some(shown) = stage.actions.get_mut(number).and_then(|action| action.latest.as_mut()) {
                shown.id = ActionExecutionId::parse("another-run").unwrap();
            }
        }
        Bend::AnotherStatusShown(which, status) => {
            let number = which.index(stage.actions.len().max(1));
            if let Some(shown) = stage.actions.get_mut(number).and_then(|action| action.latest.as_mut()) {
                shown.status = status;
            }
        }
        _ => {}
    }
}

fn bend_history(reading: &mut Reading, bend: Bend) {
    let Ok(runs) = &mut reading.actions else { return };
    let place = |which: &Index| which.index(runs.len().max(1));
    match bend {
        Bend::NothingRan => runs.clear(),
        Bend::RunForgotten(which) if !runs.is_empty() => {
            runs.remove(place(&which));
        }
        Bend::RunOfAnother(which, stage) => {
            let place = place(&which);
            if let Some(run) = runs.get_mut(place) {
                if stage {
                    run.stage = StageName::parse("Prod").unwrap();
                } else {
                    run.execution = ExecutionId::parse("e-2").unwrap();
                }
            }
        }
        Bend::RunAtAnotherTime(which, by) => {
            let place = place(&which);
            if let Some(run) = runs.get_mut(place) {
                run.started += jiff::SignedDuration::from_secs(by);
            }
        }
        _ => {}
    }
}

fn entries(replaced: bool) -> Vec<StageEntry> {
    let entry = |id: &str, seconds| StageEntry {
        execution: ExecutionId::parse(id).unwrap(),
        started: at(seconds - 60),
        entered: at(seconds),
    };
    let mut entries = vec![entry("e-0", -900), entry("e-1", 0)];
    entries.extend(replaced.then(|| entry("e-2", 30)));
    entries
}

/// Everything that is read about the stage, odd things included.
pub fn reading() -> impl Strategy<Value = Reading> {
    reading_with(0.04, 0.33)
}

/// The same without contradictions and anybody's act: what most failures look like.
pub fn plain_reading() -> impl Strategy<Value = Reading> {
    reading_with(0.0, 0.0)
}

fn reading_with(odd: f64, bent: f64) -> impl Strategy<Value = Reading> {
    let mode = prop_oneof![
        3 => Just(ExecutionMode::Superseded), 1 => Just(ExecutionMode::Queued), 2 => Just(ExecutionMode::Parallel)
    ];
    let rarely = || proptest::bool::weighted(odd);
    let retries = proptest::option::weighted(0.3, (0_u32..2, 0_u32..3));
    let bends = (proptest::bool::weighted(bent), vec(bend(), 1..3));
    let oddities =
        (rarely(), rarely(), rarely(), rarely(), rarely(), proptest::bool::weighted(0.2), any::<bool>());
    (mode, vec(attempt(), 1..4), status(), retries, oddities, bends).prop_map(
        |(mode, attempts, status, retries, oddities, bends)| {
            let (approval, rollback, edited, closed, replaced, native, pair) = oddities;
            let last = if approval { Category::Approval } else { Category::Deploy };
            let categories = [Category::Build, Category::Test, last];
            let runs = history(&attempts, categories);
            let parallel = mode == ExecutionMode::Parallel;
            let names = NAMES.map(|name| ActionName::parse(name).unwrap());
            let version = if edited { VERSION + 1 } else { VERSION };
            let mut stage = history::stage_state(&run().stage, &run().execution, &names, &runs);
            stage.transition = if closed { Transition::Disabled } else { Transition::Enabled };
            stage.retries = retries.map(|(automatic, manual)| RetryMetadata { automatic, manual });
            if let (Some(latest), true) = (&mut stage.latest, replaced) {
                latest.execution = ExecutionId::parse("e-2").unwrap();
            }
            let kind = if rollback { ExecutionKind::Rollback } else { ExecutionKind::Standard };
            let set = || ChangeSet { stack: "shop".into(), name: "set".into() };
            let parts = [Some(ChangeSetPart::Makes(set())), None, Some(ChangeSetPart::Executes(set()))];
            let declare = |(index, name): (usize, &ActionName)| ActionDeclaration {
                name: name.clone(),
                category: categories[index],
                provider: "CodeBuild".into(),
                run_order: 1,
                change_set: parts[index].clone().filter(|_| pair),
            };
            let structure = PipelineStructure {
                name: run().pipeline.name,
                version,
                mode,
                stages: vec![StageDeclaration {
                    name: run().stage,
                    native_retry: native.then_some(RetryMode::FailedActions),
                    actions: names.iter().enumerate().map(declare).collect(),
                }],
            };
            let state = PipelineState { version, stages: vec![stage] };
            let mut reading = Reading {
                state: if parallel { Err(Gap::NotRead) } else { Ok(state) },
                execution: Ok(PipelineExecution { status, kind, version: VERSION, mode }),
                structure: Ok(structure),
                actions: Ok(runs),
                entries: if parallel { Ok(entries(replaced)) } else { Err(Gap::NotRead) },
            };
            let (bent, bends) = bends;
            for bend in bends.into_iter().filter(|_| bent) {
                apply(&mut reading, bend);
            }
            reading
        },
    )
}
