//! The files that `retrier explain` is given, read and checked against each other. What they mean is not judged here.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::Explain;
use super::aws::Source;
use super::reading::Given;
use crate::answers::{self, AnswerError};
use crate::cli::CliError;
use crate::domain::ids::StageRunId;
use crate::domain::trigger::{StageEvent, StageEventState, Trigger};
use crate::event::{self, Invocation, Message};
use crate::json::shown::shown as harmless;

/// The largest file that is read, in bytes. A pipeline's whole action history is a few million.
const LARGEST: u64 = 64 * 1024 * 1024;

/// The event, which has to be of a failed stage.
pub(super) fn event(path: &Path) -> Result<StageEvent, CliError> {
    let text = text(path)?;
    let name = shown(path);
    let no_failure = |what: &str| {
        CliError::usage(format!("`{name}` is not about a failed stage: {what}")).with_hint(
            "`--event` takes one EventBridge event of type `CodePipeline Stage Execution State Change` in state \
             `FAILED`; the function answers most others with `ignore/not-a-failure`",
        )
    };
    let message = match event::read(&text) {
        Invocation::Single(message) => message,
        Invocation::Batch(_) => {
            return Err(no_failure("a batch of the queue")
                .with_hint("`--event` takes a single event, such as the `body` of one of the records"));
        }
    };
    match message {
        Message::Trigger(Trigger::StageEvent(event)) => match event.state {
            StageEventState::Failed => Ok(event),
            StageEventState::Succeeded => Err(no_failure("a stage that succeeded after a retry")),
            StageEventState::Resumed => Err(no_failure("a stage that is being retried")),
            StageEventState::Stopped => Err(no_failure("a stage that somebody stopped after a retry")),
            StageEventState::Canceled => Err(no_failure("a stage that an edit cancelled after a retry")),
        },
        Message::Trigger(Trigger::WakeUp(_)) => Err(no_failure("a wake-up of the product's own")),
        Message::Trigger(Trigger::Sweep(_)) => Err(no_failure("something that a sweep found")),
        Message::Sweep(_) => Err(no_failure("a tick of the product's own sweep")),
        Message::Outbox => Err(no_failure("a reminder of the product's own")),
        Message::Ignored(ignored) => Err(no_failure(&ignored.detail)),
        Message::Malformed(malformed) => Err(CliError::usage(format!(
            "cannot read the event `{name}`: {}",
            malformed.problem
        ))
        .with_hint(
            "`--event` takes an event as EventBridge delivers it, with `detail-type`, `source` and `detail`",
        )),
    }
}

/// CodePipeline's answers, as far as they are given.
pub(super) fn given(arguments: &Explain, run: &StageRunId) -> Result<Given, CliError> {
    let Explain { state, actions, execution, pipeline, tags, .. } = arguments;
    let given = Given {
        state: answer(state.as_deref(), Source::State, run, answers::pipeline_state)?,
        actions: answer(actions.as_deref(), Source::Actions, run, answers::action_executions)?,
        execution: answer(execution.as_deref(), Source::Execution, run, answers::pipeline_execution)?,
        tags: (!tags.is_empty()).then(|| tags.iter().cloned().collect()),
        structure: answer(pipeline.as_deref(), Source::Pipeline, run, answers::pipeline_structure)?,
    };
    if let (Some(path), Some(actions)) = (actions, &given.actions)
        && actions.iter().all(|action| action.execution != run.execution)
    {
        let message = format!("`{}` holds nothing of execution {}", shown(path), run.execution);
        return Err(hinted(CliError::usage(message), Source::Actions, run));
    }
    Ok(given)
}

fn answer<T>(
    path: Option<&Path>,
    source: Source,
    run: &StageRunId,
    read: fn(&str) -> Result<T, AnswerError>,
) -> Result<Option<T>, CliError> {
    let Some(path) = path else {
        return Ok(None);
    };
    let text = text(path).map_err(|error| hinted(error, source, run))?;
    let answer = read(&text).map_err(|error| {
        let message = format!("cannot use `{}` as the {error}", shown(path));
        hinted(CliError::usage(message), source, run)
    })?;
    if let Some((told, expected)) = another_subject(&text, source, run) {
        let message = format!("`{}` is about `{told}`, and the event about `{expected}`", shown(path));
        return Err(hinted(CliError::usage(message), source, run));
    }
    Ok(Some(answer))
}

/// What an answer says it is about, where that is not the pipeline or execution in question, and what it should be.
fn another_subject<'a>(text: &str, source: Source, run: &'a StageRunId) -> Option<(String, &'a str)> {
    let (pointer, expected) = match source {
        Source::State => ("/pipelineName", run.pipeline.name.as_str()),
        Source::Pipeline => ("/pipeline/name", run.pipeline.name.as_str()),
        Source::Execution => ("/pipelineExecution/pipelineExecutionId", run.execution.as_str()),
        // A list of many executions' actions is welcome.
        Source::Actions => return None,
    };
    let document: serde_json::Value = serde_json::from_str(text).ok()?;
    let told = document.pointer(pointer)?.as_str()?;
    (told != expected).then(|| (harmless(told), expected))
}

fn hinted(error: CliError, source: Source, run: &StageRunId) -> CliError {
    error.with_hint(format!("`{}` takes what this prints:\n{}", source.flag(), source.command(run)))
}

fn text(path: &Path) -> Result<String, CliError> {
    let bytes = if is_standard_input(path) {
        read(io::stdin().lock())
            .map_err(|error| CliError::usage(format!("cannot read standard input: {error}")))?
    } else {
        File::open(path).and_then(read).map_err(|error| CliError::unreadable(path, &error))?
    };
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST {
        let limit = LARGEST / 1024 / 1024;
        return Err(CliError::usage(format!("`{}` is larger than {limit} MiB", shown(path))));
    }
    String::from_utf8(bytes).map_err(|_| CliError::usage(format!("`{}` is not text in UTF-8", shown(path))))
}

/// All of it, or enough to see that it is too large.
fn read(input: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Refuses arguments that would read standard input twice: who comes second finds nothing.
pub(super) fn one_from_standard_input(arguments: &Explain) -> Result<(), CliError> {
    let Explain { event, state, actions, execution, pipeline, policy, .. } = arguments;
    let files = [
        event.as_ref(),
        state.as_ref(),
        actions.as_ref(),
        execution.as_ref(),
        pipeline.as_ref(),
        Some(policy),
    ];
    if files.into_iter().flatten().filter(|path| is_standard_input(path)).count() > 1 {
        return Err(CliError::usage("only one file can be read from standard input"));
    }
    Ok(())
}

/// Whether a file's name stands for standard input.
fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

fn shown(path: &Path) -> String {
    if is_standard_input(path) { "<stdin>".to_owned() } else { path.display().to_string() }
}
