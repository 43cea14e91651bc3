//! Builds of CodeBuild: how they ended, their first failed phase, and the end of their log.

use std::collections::BTreeSet;

use aws_sdk_codebuild::types::{
    Build, BuildPhase, CloudWatchLogsConfig, LogsConfigStatusType, LogsLocation, StatusType,
};

use super::effort::Missing;
use super::subject::LogStream;
use super::{Asking, Found, logs, text};
use crate::aws::together::{Work, together};
use crate::domain::evidence::{Depth, Evidence, Place, Text};
use crate::domain::pipeline::Gap;

/// Most builds that one request may name.
pub(super) const MOST: usize = 100;
/// Most contexts of a phase that are kept.
const MOST_CONTEXTS: usize = 10;

/// What there is about builds, each with the place of its run.
pub(super) async fn of_builds(asking: Asking<'_>, builds: &[(usize, &str)]) -> Found {
    let ids: BTreeSet<String> = builds.iter().map(|(_, id)| (*id).to_owned()).collect();
    let ids = Some(ids.into_iter().collect());
    let request = asking.services.codebuild().batch_get_builds().set_ids(ids).send();
    let known = asking.effort.ask("BatchGetBuilds", request).await.map(|answer| answer.builds);
    let known = known.map(Option::unwrap_or_default);
    let each = builds.iter().map(|(place, id)| {
        let build = match &known {
            Ok(known) => known
                .iter()
                .find(|build| build.id() == Some(*id))
                // One of another account, or one that is no longer kept.
                .ok_or(("BatchGetBuilds", Gap::Unavailable)),
            Err(missing) => Err(*missing),
        };
        let work: Work<'_, _> = Box::pin(async move { (*place, of_build(asking, build).await) });
        work
    });
    together(each.collect()).await
}

async fn of_build(asking: Asking<'_>, build: Result<&Build, Missing>) -> Evidence {
    let build = match build {
        Ok(build) => build,
        Err(missing) => return super::from(Err(missing)),
    };
    let mut evidence = Evidence { texts: of_phases(build), gaps: Vec::new() };
    if asking.depth >= Depth::Logs {
        match log_of(build.logs()) {
            Ok(Some(log)) => match logs::tail(asking, log).await {
                Ok(text) => evidence.texts.extend(text),
                Err(missing) => evidence.gaps.push(missing),
            },
            Ok(None) => {}
            Err(missing) => evidence.gaps.push(missing),
        }
    }
    evidence
}

/// The build's status, and what its first failed phase says. Phases after it may have succeeded all the same.
fn of_phases(build: &Build) -> Vec<Text> {
    let status = build.build_status().filter(|status| is_failure(status));
    let status = status.map(|status| text(Place::BuildPhase, Some(status.as_str()), ""));
    let phase = build.phases().iter().find(|phase| phase.phase_status().is_some_and(is_failure));
    status.into_iter().chain(phase.into_iter().flat_map(of_phase)).collect()
}

fn is_failure(status: &StatusType) -> bool {
    !matches!(status, StatusType::Succeeded | StatusType::InProgress)
}

fn of_phase(phase: &BuildPhase) -> Vec<Text> {
    let name = phase.phase_type().map_or("", |phase| phase.as_str());
    let said = phase.contexts().iter().filter_map(|context| {
        let code = context.status_code().filter(|code| !code.is_empty());
        let message = context.message().unwrap_or_default();
        let says_something = code.is_some() || !message.is_empty();
        says_something.then(|| text(Place::BuildPhase, code, format!("{name}: {message}")))
    });
    let mut texts: Vec<Text> = said.take(MOST_CONTEXTS).collect();
    if texts.is_empty() {
        let status = phase.phase_status().map_or("", StatusType::as_str);
        texts.push(text(Place::BuildPhase, Some(status), format!("{name}: {status}")));
    }
    texts
}

/// Where the build's log is; nowhere, if it ended before it began one.
fn log_of(logs: Option<&LogsLocation>) -> Result<Option<LogStream<'_>>, Missing> {
    let Some(logs) = logs else { return Ok(None) };
    let is_off = |status: &LogsConfigStatusType| *status == LogsConfigStatusType::Disabled;
    if logs.cloud_watch_logs().map(CloudWatchLogsConfig::status).is_some_and(is_off) {
        return Err(("GetLogEvents", Gap::NotRead));
    }
    let named = LogStream::named(logs.group_name(), logs.stream_name());
    Ok(named.or_else(|| logs.cloud_watch_logs_arn().and_then(LogStream::of_arn)))
}
