//! `BatchGetBuilds`.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::super::error::ApiError;
use super::super::request::Input;
use super::super::shown::epoch_seconds;
use super::{Desk, logs};
use crate::domain::pipeline::ActionStatus;
use crate::emulator::codepipeline::{BuildCause, BuildPhase, Cause, Provider, ProviderRun};

#[expect(clippy::unnecessary_wraps, reason = "operations are functions of one type")]
pub fn batch_get_builds(desk: Desk<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let asked = input.texts("ids");
    let (mut builds, mut missing) = (Vec::new(), Vec::new());
    for id in asked {
        match desk.runs(Provider::CodeBuild, id_in(id)).next() {
            Some(run) => builds.push(build(desk, &run)),
            None => missing.push(id),
        }
    }
    Ok(json!({ "builds": builds, "buildsNotFound": missing }))
}

/// A build goes by its id and by its ARN, which ends with it.
fn id_in(text: &str) -> &str {
    text.split_once(":build/").map_or(text, |(_, id)| id)
}

/// What is known of a failed build; none of one that did not fail.
pub fn cause<'a>(run: &ProviderRun<'a>) -> Option<&'a BuildCause> {
    match run.cause {
        Some(Cause::Build(build)) => Some(build),
        _ => None,
    }
}

fn build(desk: Desk<'_>, run: &ProviderRun<'_>) -> Value {
    let cause = cause(run);
    let has_ended = matches!(run.status, ActionStatus::Failed | ActionStatus::Succeeded);
    let status = match run.status {
        ActionStatus::Succeeded => "SUCCEEDED",
        ActionStatus::Failed => cause.map_or("FAILED", |build| build.status.as_str()),
        ActionStatus::InProgress | ActionStatus::Abandoned => "IN_PROGRESS",
    };
    let mut shown = Map::from_iter([
        ("id".to_owned(), json!(run.external_id)),
        ("arn".to_owned(), json!(desk.arn("codebuild", &format!("build/{}", run.external_id)))),
        ("startTime".to_owned(), epoch_seconds(run.started)),
        ("currentPhase".to_owned(), json!(if has_ended { "COMPLETED" } else { "BUILD" })),
        ("buildStatus".to_owned(), json!(status)),
        ("projectName".to_owned(), json!(run.action.as_str())),
        ("initiator".to_owned(), json!(format!("codepipeline/{}", run.pipeline))),
        ("buildComplete".to_owned(), json!(has_ended)),
        ("logs".to_owned(), logs::of_build(desk, run)),
    ]);
    if has_ended {
        shown.insert("endTime".to_owned(), epoch_seconds(run.changed));
        shown.insert("phases".to_owned(), json!(phases(run, cause)));
    }
    Value::Object(shown)
}

/// The phases of a build that has ended. After BUILD the next two run even if it failed; of a build that failed for a
/// reason that nobody knows there is no failed phase.
fn phases(run: &ProviderRun<'_>, cause: Option<&BuildCause>) -> Vec<Value> {
    let failed = cause.map(|build| build.phase);
    let runs = |phase: &BuildPhase| match failed {
        None => run.status == ActionStatus::Succeeded || *phase == BuildPhase::Submitted,
        Some(BuildPhase::Build) => true,
        Some(failed) => *phase <= failed || *phase == BuildPhase::Finalizing,
    };
    let names: Vec<BuildPhase> = BuildPhase::ALL.into_iter().filter(runs).collect();
    let last = i32::try_from(names.len()).unwrap_or(i32::MAX).max(1);
    let whole = run.changed.duration_since(run.started);
    let at = |number: i32| crate::domain::stage_run::after(run.started, share(whole, number, last));
    let mut shown: Vec<Value> = (0..)
        .zip(names)
        .map(|(number, phase)| {
            let status = match cause {
                Some(build) if build.phase == phase => build.status.as_str(),
                _ => "SUCCEEDED",
            };
            let contexts = cause.filter(|build| build.phase == phase).map_or_else(Vec::new, contexts);
            phase_of(phase.as_str(), status, (at(number), at(number + 1)), &contexts)
        })
        .collect();
    shown.push(json!({ "phaseType": "COMPLETED", "startTime": epoch_seconds(run.changed) }));
    shown
}

fn share(whole: SignedDuration, number: i32, of: i32) -> SignedDuration {
    whole * number / of
}

fn phase_of(name: &str, status: &str, between: (Timestamp, Timestamp), contexts: &[Value]) -> Value {
    let (start, end) = between;
    json!({
        "phaseType": name,
        "phaseStatus": status,
        "startTime": epoch_seconds(start),
        "endTime": epoch_seconds(end),
        "durationInSeconds": end.duration_since(start).as_secs(),
        "contexts": contexts,
    })
}

fn contexts(build: &BuildCause) -> Vec<Value> {
    if build.code.is_none() && build.message.is_empty() {
        return Vec::new();
    }
    vec![json!({ "statusCode": build.code.as_deref().unwrap_or_default(), "message": build.message })]
}
