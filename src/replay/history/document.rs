//! The history file: a line of JSON that says whose history it is, then a line for each pipeline.
//!
//! A line is written when its pipeline is read to the end, so a file that was cut off holds whole pipelines and at most
//! one broken line, which is left out. Names and times are in it, and the class of what failed; no text of a build, log or
//! message ever is.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Course, ExecutionHistory, History, Passage, PipelineHistory};
use crate::domain::class::Class;
use crate::domain::evidence::{Classified, Depth, Examination, Examined};
use crate::domain::ids::{ActionExecutionId, ActionName, ExecutionId, PipelineName, StageName};
use crate::domain::pipeline::{
    ActionDeclaration, ActionExecution, ActionStatus, Category, ChangeSet, ChangeSetPart, ErrorDetails,
    ExecutionKind, ExecutionMode, ExecutionStatus, PipelineStructure, StageDeclaration,
};
use crate::domain::policy::RetryMode;
use crate::domain::scope::Scope;
use crate::domain::stage_run::after;
use crate::domain::tags::Tags;

/// The format that is written, and the one that is read.
const SCHEMA: u32 = 1;

/// Whose history it is, of which time, and how it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Where the pipelines are.
    pub scope: Scope,
    /// Executions that started before that were not read.
    pub since: Timestamp,
    /// When it was read.
    pub until: Timestamp,
    /// How deep it was looked at what failed.
    pub depth: Depth,
    /// By which classifiers of a policy, beside the built-in signatures: a fingerprint of them, empty for none.
    pub classifiers: String,
}

/// Why a file is no history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidHistory {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for InvalidHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl std::error::Error for InvalidHistory {}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct HeaderDocument {
    history: u32,
    scope: String,
    since: String,
    until: String,
    evidence: String,
    #[serde(default)]
    classifiers: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PipelineDocument {
    pipeline: String,
    version: u32,
    mode: String,
    stages: Vec<StageDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
    /// Status, start, length, and for each stage its place among `passed`, its entry after the start, and its length; all
    /// in seconds.
    quiet: Vec<Vec<i64>>,
    /// Names of stages that quiet executions went through.
    passed: Vec<String>,
    eventful: Vec<ExecutionDocument>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct StageDocument {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    native_retry: Option<String>,
    actions: Vec<ActionDocument>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ActionDocument {
    name: String,
    category: String,
    provider: String,
    run_order: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    makes_change_set: Option<[String; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    executes_change_set: Option<[String; 2]>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ExecutionDocument {
    id: String,
    status: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    rollback: bool,
    started: i64,
    changed: i64,
    runs: Vec<RunDocument>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RunDocument {
    stage: String,
    action: String,
    id: String,
    status: String,
    category: String,
    provider: String,
    started: i64,
    changed: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The first line of a file, with its end of line.
pub fn write_header(header: &Header) -> String {
    line(&HeaderDocument {
        history: SCHEMA,
        scope: header.scope.to_string(),
        since: header.since.to_string(),
        until: header.until.to_string(),
        evidence: header.depth.as_str().to_owned(),
        classifiers: header.classifiers.clone(),
    })
}

/// The line of a pipeline, with its end of line.
pub fn write_pipeline(pipeline: &PipelineHistory) -> String {
    let PipelineStructure { name, version, mode, stages } = &pipeline.structure;
    let mut passed: Vec<StageName> = stages.iter().map(|stage| stage.name.clone()).collect();
    let (mut quiet, mut eventful) = (Vec::new(), Vec::new());
    for execution in &pipeline.executions {
        match &execution.course {
            // Whatever is unusual about it is told in full.
            Course::Quiet(passages) if execution.kind == ExecutionKind::Standard => {
                quiet.push(quiet_row(execution, passages, &mut passed));
            }
            Course::Quiet(_) => eventful.push(execution_document(execution, &[], &Examination::new())),
            Course::Eventful { runs, examination } => {
                eventful.push(execution_document(execution, runs, examination));
            }
        }
    }
    line(&PipelineDocument {
        pipeline: name.to_string(),
        version: *version,
        mode: mode.as_str().to_owned(),
        stages: stages.iter().map(stage_document).collect(),
        tags: pipeline.tags.clone(),
        quiet,
        passed: passed.iter().map(ToString::to_string).collect(),
        eventful,
    })
}

fn line(document: &impl Serialize) -> String {
    // Neither maps with other keys than text nor anything else that JSON has no word for is in there.
    let mut text = serde_json::to_string(document).unwrap_or_default();
    text.push('\n');
    text
}

fn quiet_row(execution: &ExecutionHistory, passages: &[Passage], passed: &mut Vec<StageName>) -> Vec<i64> {
    let start = execution.started.as_second();
    let mut row = vec![status_number(execution.status), start, execution.last_change.as_second() - start];
    for passage in passages {
        let known = passed.iter().position(|stage| *stage == passage.stage);
        let place = known.unwrap_or_else(|| {
            passed.push(passage.stage.clone());
            passed.len() - 1
        });
        row.push(i64::try_from(place).unwrap_or_default());
        row.push(passage.entered.as_second() - start);
        row.push(passage.left.as_second() - passage.entered.as_second());
    }
    row
}

const STATUSES: [ExecutionStatus; 8] = [
    ExecutionStatus::Succeeded,
    ExecutionStatus::InProgress,
    ExecutionStatus::Failed,
    ExecutionStatus::Stopping,
    ExecutionStatus::Stopped,
    ExecutionStatus::Cancelled,
    ExecutionStatus::Superseded,
    ExecutionStatus::Skipped,
];

fn status_number(status: ExecutionStatus) -> i64 {
    let place = STATUSES.iter().position(|known| *known == status);
    place.and_then(|place| i64::try_from(place).ok()).unwrap_or_default()
}

fn stage_document(stage: &StageDeclaration) -> StageDocument {
    let action = |action: &ActionDeclaration| {
        let (mut makes, mut executes) = (None, None);
        match &action.change_set {
            Some(ChangeSetPart::Makes(set)) => makes = Some([set.stack.clone(), set.name.clone()]),
            Some(ChangeSetPart::Executes(set)) => executes = Some([set.stack.clone(), set.name.clone()]),
            None => {}
        }
        ActionDocument {
            name: action.name.to_string(),
            category: action.category.as_str().to_owned(),
            provider: action.provider.clone(),
            run_order: action.run_order,
            makes_change_set: makes,
            executes_change_set: executes,
        }
    };
    StageDocument {
        name: stage.name.to_string(),
        native_retry: stage.native_retry.map(|mode| mode.as_str().to_owned()),
        actions: stage.actions.iter().map(action).collect(),
    }
}

fn execution_document(
    execution: &ExecutionHistory,
    runs: &[ActionExecution],
    examination: &Examination,
) -> ExecutionDocument {
    let run = |run: &ActionExecution| {
        let classified = examination.get(&run.id).map(|examined| &examined.classified);
        RunDocument {
            stage: run.stage.to_string(),
            action: run.action.to_string(),
            id: run.id.to_string(),
            status: run.status.as_str().to_owned(),
            category: run.category.as_str().to_owned(),
            provider: run.provider.clone(),
            started: run.started.as_millisecond(),
            changed: run.last_change.as_millisecond(),
            class: classified.map(|classified| classified.class.as_str().to_owned()),
            signature: classified.map(|classified| classified.signature.clone()),
            reason: classified.map(|classified| classified.reason.clone()),
        }
    };
    ExecutionDocument {
        id: execution.id.to_string(),
        status: execution.status.as_str().to_owned(),
        rollback: execution.kind == ExecutionKind::Rollback,
        started: execution.started.as_millisecond(),
        changed: execution.last_change.as_millisecond(),
        runs: runs.iter().map(run).collect(),
    }
}

/// The first line of a file alone.
pub fn read_header(text: &str) -> Result<Header, InvalidHistory> {
    let first = text.lines().next().unwrap_or_default();
    let refused = |problem: String| InvalidHistory { line: 1, problem };
    let document: HeaderDocument = serde_json::from_str(first).map_err(|_| {
        refused("this is no history; `retrier backtest --history FILE` writes one".to_owned())
    })?;
    if document.history != SCHEMA {
        let problem =
            format!("this is a history of format {}, and this release reads {SCHEMA}", document.history);
        return Err(refused(problem));
    }
    let time = |text: &str| text.parse().map_err(|_| refused(format!("`{text}` is no time")));
    Ok(Header {
        scope: Scope::parse(&document.scope).map_err(|invalid| refused(invalid.to_string()))?,
        since: time(&document.since)?,
        until: time(&document.until)?,
        depth: Depth::parse(&document.evidence)
            .ok_or_else(|| refused(format!("`{}` is no depth of evidence", document.evidence)))?,
        classifiers: document.classifiers,
    })
}

/// Reads a file. A last line without its end was cut off when it was written, and is left out.
pub fn read(text: &str) -> Result<History, InvalidHistory> {
    let header = read_header(text)?;
    let mut pipelines = Vec::new();
    for (index, line) in text.split_inclusive('\n').enumerate().skip(1) {
        let Some(line) = line.strip_suffix('\n') else { break };
        if line.is_empty() {
            continue;
        }
        let refused = |problem: String| InvalidHistory { line: index + 1, problem };
        let document: PipelineDocument = serde_json::from_str(line)
            .map_err(|error| refused(format!("this is no pipeline of a history: {error}")))?;
        pipelines.push(pipeline(document).map_err(refused)?);
    }
    Ok(History { header, pipelines })
}

fn pipeline(document: PipelineDocument) -> Result<PipelineHistory, String> {
    let stages = document.stages.into_iter().map(stage).collect::<Result<_, String>>()?;
    let modes = [ExecutionMode::Superseded, ExecutionMode::Queued, ExecutionMode::Parallel];
    let mode = modes.into_iter().find(|mode| mode.as_str() == document.mode);
    let name = PipelineName::parse(document.pipeline).map_err(String::from)?;
    let passed: Vec<StageName> = document
        .passed
        .into_iter()
        .map(|name| StageName::parse(name).map_err(String::from))
        .collect::<Result<_, _>>()?;
    let quiet = document.quiet.iter().enumerate().map(|(number, row)| quiet(number, row, &passed));
    let mut executions = quiet.collect::<Result<Vec<_>, String>>()?;
    for told in document.eventful {
        executions.push(execution(told)?);
    }
    executions.sort_by_key(|execution| execution.started);
    Ok(PipelineHistory {
        structure: PipelineStructure {
            name,
            version: document.version,
            mode: mode.ok_or_else(|| format!("`{}` is no execution mode", document.mode))?,
            stages,
        },
        tags: document.tags,
        executions,
    })
}

fn stage(document: StageDocument) -> Result<StageDeclaration, String> {
    let action = |action: ActionDocument| -> Result<ActionDeclaration, String> {
        let set = |[stack, name]: [String; 2]| ChangeSet { stack, name };
        Ok(ActionDeclaration {
            name: ActionName::parse(action.name).map_err(String::from)?,
            category: category(&action.category)?,
            provider: action.provider,
            run_order: action.run_order,
            change_set: (action.makes_change_set.map(|of| ChangeSetPart::Makes(set(of))))
                .or(action.executes_change_set.map(|of| ChangeSetPart::Executes(set(of)))),
        })
    };
    let mode = |name: String| RetryMode::parse(&name).ok_or_else(|| format!("`{name}` is no retry mode"));
    Ok(StageDeclaration {
        name: StageName::parse(document.name).map_err(String::from)?,
        native_retry: document.native_retry.map(mode).transpose()?,
        actions: document.actions.into_iter().map(action).collect::<Result<_, _>>()?,
    })
}

fn category(name: &str) -> Result<Category, String> {
    Category::parse(name).ok_or_else(|| format!("`{name}` is no category of actions"))
}

/// An execution without events has no id in the file, since nothing is ever said of it alone.
fn quiet(number: usize, row: &[i64], passed: &[StageName]) -> Result<ExecutionHistory, String> {
    let broken = || format!("quiet execution {} is broken", number + 1);
    let [status, start, length, rest @ ..] = row else { return Err(broken()) };
    let status = usize::try_from(*status).ok().and_then(|place| STATUSES.get(place)).ok_or_else(broken)?;
    let started = Timestamp::from_second(*start).map_err(|_| broken())?;
    let passage = |values: &[i64]| {
        let [place, entered, length] = values else { return Err(broken()) };
        let stage = usize::try_from(*place).ok().and_then(|place| passed.get(place)).ok_or_else(broken)?;
        let entered = after(started, SignedDuration::from_secs(*entered));
        let left = after(entered, SignedDuration::from_secs(*length));
        Ok(Passage { stage: stage.clone(), entered, left })
    };
    Ok(ExecutionHistory {
        id: ExecutionId::parse(format!("quiet-{}", number + 1)).map_err(String::from)?,
        status: *status,
        kind: ExecutionKind::Standard,
        started,
        last_change: after(started, SignedDuration::from_secs(*length)),
        course: Course::Quiet(rest.chunks(3).map(passage).collect::<Result<_, _>>()?),
    })
}

fn execution(document: ExecutionDocument) -> Result<ExecutionHistory, String> {
    let id = ExecutionId::parse(document.id).map_err(String::from)?;
    let mut examination = Examination::new();
    let mut runs = Vec::with_capacity(document.runs.len());
    for told in document.runs {
        let run = ActionExecution {
            execution: id.clone(),
            stage: StageName::parse(told.stage).map_err(String::from)?,
            action: ActionName::parse(told.action).map_err(String::from)?,
            id: ActionExecutionId::parse(told.id).map_err(String::from)?,
            status: ActionStatus::parse(&told.status)
                .ok_or_else(|| format!("`{}` is no status of an action", told.status))?,
            category: category(&told.category)?,
            provider: told.provider,
            region: None,
            external_id: None,
            started: instant(told.started)?,
            last_change: instant(told.changed)?,
            error: ErrorDetails::default(),
        };
        if let Some(class) = told.class {
            let class = Class::parse(&class).ok_or_else(|| format!("`{class}` is no class"))?;
            let classified = Classified {
                class,
                signature: told.signature.unwrap_or_default(),
                reason: told.reason.unwrap_or_default(),
                found: None,
            };
            examination.insert(run.id.clone(), Examined { classified, gaps: Vec::new(), excerpt: None });
        }
        runs.push(run);
    }
    Ok(ExecutionHistory {
        status: ExecutionStatus::parse(&document.status)
            .ok_or_else(|| format!("`{}` is no status of an execution", document.status))?,
        kind: if document.rollback { ExecutionKind::Rollback } else { ExecutionKind::Standard },
        started: instant(document.started)?,
        last_change: instant(document.changed)?,
        course: Course::of(runs, examination),
        id,
    })
}

fn instant(milliseconds: i64) -> Result<Timestamp, String> {
    Timestamp::from_millisecond(milliseconds).map_err(|_| format!("{milliseconds} is no time"))
}
