//! `GetLogEvents`, and where the log of a run is.

use serde_json::{Value, json};

use super::super::directory::LOG_STREAM;
use super::super::error::ApiError;
use super::super::request::Input;
use super::{Desk, builds};
use crate::emulator::codepipeline::{BuildPhase, Provider, ProviderRun};

/// Events of an answer where the request does not say how many (API reference, `GetLogEvents`).
const MOST: usize = 10_000;

/// Where a log is.
struct Stream<'a> {
    group: String,
    stream: &'a str,
}

/// The log of a run; none where it ended before it began one.
fn stream<'a>(run: &ProviderRun<'a>) -> Option<Stream<'a>> {
    match run.provider {
        Provider::CodeBuild => {
            let has_begun = builds::cause(run)
                .is_none_or(|build| !build.log.is_empty() || build.phase > BuildPhase::Provisioning);
            let (project, stream) = run.external_id.split_once(':').filter(|_| has_begun)?;
            Some(Stream { group: format!("/aws/codebuild/{project}"), stream })
        }
        Provider::Commands => {
            let (_, stream) = run.external_id.split_once(LOG_STREAM)?;
            Some(Stream { group: format!("/aws/codepipeline/{}", run.pipeline), stream })
        }
        Provider::CodeDeploy | Provider::CloudFormation => None,
    }
}

/// `logs` of a build. Of a log that was never begun CodeBuild writes `null`.
pub fn of_build(desk: Desk<'_>, run: &ProviderRun<'_>) -> Value {
    let arn = |group: &str, stream: &str| desk.arn("logs", &format!("log-group:{group}:log-stream:{stream}"));
    let enabled = json!({ "status": "ENABLED" });
    match stream(run) {
        Some(Stream { group, stream }) => json!({
            "groupName": group,
            "streamName": stream,
            "cloudWatchLogsArn": arn(&group, stream),
            "cloudWatchLogs": enabled,
        }),
        None => json!({ "cloudWatchLogsArn": arn("null", "null"), "cloudWatchLogs": enabled }),
    }
}

pub fn get_log_events(desk: Desk<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let invalid = |problem: &str| ApiError::new("InvalidParameterException", problem);
    let group = match (input.optional_text("logGroupName"), input.optional_text("logGroupIdentifier")) {
        (Some(name), None) => name,
        (None, Some(identifier)) => group_in(identifier),
        _ => return Err(invalid("Exactly one of logGroupName and logGroupIdentifier must be specified")),
    };
    let name = input.text("logStreamName")?;
    let project = group.strip_prefix("/aws/codebuild/").unwrap_or_default();
    let build = format!("{project}:{name}");
    let mut runs = desk.runs(Provider::CodeBuild, &build).chain(desk.runs(Provider::Commands, name));
    let run = runs.find(|run| stream(run).is_some_and(|known| known.group == group && known.stream == name));
    let run = run.ok_or_else(|| {
        ApiError::new("ResourceNotFoundException", "The specified log stream does not exist.")
    })?;
    let mut events = events(&run);
    let instant = |name: &str| input.get(name).and_then(Value::as_i64);
    let (from, to) = (instant("startTime").unwrap_or(0), instant("endTime").unwrap_or(i64::MAX));
    events.retain(|(at, _)| (from..to).contains(at));

    let most = input.whole("limit").unwrap_or(MOST);
    let (first, last) = match input.optional_text("nextToken") {
        None if input.flag("startFromHead") => (0, most.min(events.len())),
        None => (events.len().saturating_sub(most), events.len()),
        Some(token) => {
            let (way, place) =
                token.split_once('/').ok_or_else(|| invalid("The specified nextToken is invalid."))?;
            let place = place.parse::<usize>().ok().filter(|place| *place <= events.len());
            match (way, place) {
                ("f", Some(place)) => (place, place.saturating_add(most).min(events.len())),
                ("b", Some(place)) => (place.saturating_sub(most), place),
                _ => return Err(invalid("The specified nextToken is invalid.")),
            }
        }
    };
    let shown = events
        .get(first..last)
        .unwrap_or_default()
        .iter()
        .map(|(at, line)| json!({ "timestamp": at, "message": line, "ingestionTime": at }));
    Ok(json!({
        "events": shown.collect::<Vec<Value>>(),
        "nextForwardToken": format!("f/{last:056}"),
        "nextBackwardToken": format!("b/{first:056}"),
    }))
}

/// A group goes by its name and by its ARN.
fn group_in(identifier: &str) -> &str {
    let name = identifier.split_once(":log-group:").map_or(identifier, |(_, name)| name);
    name.strip_suffix(":*").unwrap_or(name)
}

/// The lines of a log, each an event with its time in milliseconds. The last ones come right before the end.
fn events(run: &ProviderRun<'_>) -> Vec<(i64, String)> {
    let log = builds::cause(run).map_or("", |build| &build.log);
    let lines: Vec<&str> = log.lines().collect();
    let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    let (start, end) = (run.started.as_millisecond(), run.changed.as_millisecond());
    let at = |number: i64| (end - count + number).max(start);
    (0..).zip(lines).map(|(number, line)| (at(number), format!("{line}\n"))).collect()
}
