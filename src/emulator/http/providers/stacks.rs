//! `DescribeStackEvents`. Each run that went to work on a stack is one update of it, which is rolled back if it fails.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::page::page_of;
use super::super::request::Input;
use super::Desk;
use crate::domain::pipeline::ActionStatus;
use crate::domain::stage_run::after;
use crate::emulator::codepipeline::{Cause, NESTED_STACK, Provider, ProviderRun, ResourceCause, steady_uuid};

/// Events of a page.
const MOST: usize = 100;

/// A stack, by its own.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stack {
    name: String,
    arn: String,
}

/// An event before its time is known.
#[derive(Debug)]
struct Draft<'a> {
    stack: Stack,
    logical: &'a str,
    physical: String,
    kind: &'a str,
    status: String,
    reason: Option<String>,
}

/// An event.
struct Event<'a> {
    draft: Draft<'a>,
    at: Timestamp,
    id: String,
    token: &'a str,
}

pub fn describe_stack_events(desk: Desk<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let asked = input.text("StackName")?;
    let name = asked.split_once(":stack/").map_or(asked, |(_, rest)| rest.split('/').next().unwrap_or(rest));
    let ancestors = name.match_indices('-').filter_map(|(end, _)| name.get(..end));
    let ancestors = ancestors.chain([name]);
    let mut runs: Vec<ProviderRun<'_>> =
        ancestors.flat_map(|name| desk.runs(Provider::CloudFormation, name)).collect();
    runs.sort_by_key(|run| (run.started, run.id));
    let mut is_known = false;
    let mut events: Vec<Event<'_>> = Vec::new();
    for run in &runs {
        let root = root_of(desk, run);
        is_known |= root.name == asked || root.arn == asked;
        events.extend(events_of(run, &root).into_iter().filter(|event| {
            let stack = &event.draft.stack;
            stack.name == asked || stack.arn == asked
        }));
    }
    if !is_known && events.is_empty() {
        return Err(ApiError::validation(format!("Stack [{asked}] does not exist")));
    }
    events.sort_by_key(|event| event.at);
    events.reverse();
    let token = input.optional_text("NextToken");
    let page = page_of(token, &["DescribeStackEvents", asked], MOST, events, |event| event.id.as_str())?;
    let shown: Vec<Value> = page.entries.iter().map(shown).collect();
    Ok(json!({ "StackEvents": shown, "NextToken": page.next_token }))
}

fn root_of(desk: Desk<'_>, run: &ProviderRun<'_>) -> Stack {
    Stack { name: run.stack.to_owned(), arn: desk.service().stack_arn(run.region, run.stack) }
}

/// What a run did to its stack and to the stacks nested in it, in order. One that failed for no reason that the stack
/// knows of never began.
fn events_of<'a>(run: &ProviderRun<'a>, root: &Stack) -> Vec<Event<'a>> {
    let mut drafts = Vec::new();
    // What makes a change set has the change set's id, and leaves the stack alone.
    let is_change_set = run.external_id != root.arn;
    match (run.status, run.cause) {
        _ if is_change_set => {}
        (ActionStatus::Failed, Some(Cause::Stack(resources))) => {
            drafts.push(own(root, run.stack, "UPDATE_IN_PROGRESS", Some("User Initiated".to_owned())));
            all_of(root, resources, &mut drafts);
            let reason = failed_names(resources);
            drafts.push(own(root, run.stack, "UPDATE_ROLLBACK_IN_PROGRESS", Some(reason)));
            drafts.push(own(root, run.stack, "UPDATE_ROLLBACK_COMPLETE", None));
        }
        (ActionStatus::Failed, _) => {}
        (status, _) => {
            drafts.push(own(root, run.stack, "UPDATE_IN_PROGRESS", Some("User Initiated".to_owned())));
            if status == ActionStatus::Succeeded {
                drafts.push(own(root, run.stack, "UPDATE_COMPLETE", None));
            }
        }
    }
    let steps = i32::try_from(drafts.len().saturating_sub(1)).unwrap_or(i32::MAX).max(1);
    let whole = run.changed.duration_since(run.started);
    let event = |(number, draft): (i32, Draft<'a>)| Event {
        draft,
        at: after(run.started, whole * number / steps),
        id: steady_uuid(&[run.id.as_str(), &number.to_string()]),
        token: run.id.as_str(),
    };
    (0..).zip(drafts).map(event).collect()
}

/// An event of a stack about itself.
fn own<'a>(stack: &Stack, logical: &'a str, status: &str, reason: Option<String>) -> Draft<'a> {
    Draft {
        stack: stack.clone(),
        logical,
        physical: stack.arn.clone(),
        kind: NESTED_STACK,
        status: status.to_owned(),
        reason,
    }
}

fn all_of<'a>(stack: &Stack, resources: &'a [ResourceCause], drafts: &mut Vec<Draft<'a>>) {
    for cause in resources {
        let ResourceCause { resource, kind, status, reason, nested } = cause;
        let operation = status.as_str().trim_end_matches("_FAILED");
        let below = nested_in(stack, resource);
        let physical = if kind == NESTED_STACK { below.arn.clone() } else { String::new() };
        let about = |status: String, reason: Option<String>| Draft {
            stack: stack.clone(),
            logical: resource,
            physical: physical.clone(),
            kind,
            status,
            reason,
        };
        drafts.push(about(format!("{operation}_IN_PROGRESS"), None));
        if !nested.is_empty() {
            drafts.push(own(&below, resource, &format!("{operation}_IN_PROGRESS"), None));
            all_of(&below, nested, drafts);
            drafts.push(own(&below, resource, &format!("{operation}_FAILED"), Some(failed_names(nested))));
        }
        drafts.push(about(
            status.as_str().to_owned(),
            Some(reason.clone()).filter(|reason| !reason.is_empty()),
        ));
    }
}

/// A nested stack is called after its parent and its resource.
fn nested_in(parent: &Stack, resource: &str) -> Stack {
    let mark = steady_uuid(&[&parent.arn, resource]);
    let end = mark.rsplit('-').next().unwrap_or_default().to_ascii_uppercase();
    let name = format!("{}-{resource}-{end}", parent.name);
    let head = parent.arn.split(":stack/").next().unwrap_or_default();
    Stack { arn: format!("{head}:stack/{name}/{mark}"), name }
}

fn failed_names(resources: &[ResourceCause]) -> String {
    let names: Vec<&str> = resources.iter().map(|resource| resource.resource.as_str()).collect();
    format!("The following resource(s) failed: [{}].", names.join(", "))
}

fn shown(event: &Event<'_>) -> Value {
    let Event { draft, at, id, token } = event;
    json!({
        "StackId": draft.stack.arn,
        "EventId": id,
        "StackName": draft.stack.name,
        "LogicalResourceId": draft.logical,
        "PhysicalResourceId": draft.physical,
        "ResourceType": draft.kind,
        "Timestamp": format!("{at:.3}"),
        "ResourceStatus": draft.status,
        "ResourceStatusReason": draft.reason,
        "ClientRequestToken": token,
    })
}
