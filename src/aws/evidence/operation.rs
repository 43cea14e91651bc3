//! The last operation on a stack, as its events tell it: what failed first.
//!
//! Events come the newest first, and an operation begins with an event of the stack itself. Only the operation that the
//! action made counts: what began after the action had failed, or before it had started, is somebody else's.

use aws_sdk_cloudformation::primitives::DateTime;
use aws_sdk_cloudformation::types::{HookFailureMode, HookStatus, ResourceStatus, StackEvent};

use super::text;
use crate::domain::evidence::{Place, Text};
use crate::domain::facts::FailedAction;

/// Clocks of services may differ by so many seconds.
const SKEW: i64 = 10;
/// Failures that are kept, the earliest ones.
const MOST: usize = 5;

/// One operation, read backwards.
#[derive(Debug)]
pub(super) struct Operation {
    started: i64,
    failed: i64,
    failures: Vec<StackEvent>,
    /// The earliest event of the stack itself that says why it failed or is rolled back.
    own: Option<StackEvent>,
    /// After a beginning that may be the middle: what the rest of the same operation is known by.
    token: Option<String>,
    /// Whether its beginning, and nothing before it, is read.
    pub is_whole: bool,
}

/// A failure with the nested stack that it is about, if it is about one.
#[derive(Debug)]
pub(super) struct Failure {
    pub text: Text,
    pub nested: Option<String>,
}

impl Operation {
    /// The operation of an action, of which nothing is read yet.
    pub fn of(action: &FailedAction) -> Self {
        Self {
            started: action.started.as_second().saturating_sub(SKEW),
            failed: action.failed_at.as_second().saturating_add(SKEW),
            failures: Vec::new(),
            own: None,
            token: None,
            is_whole: false,
        }
    }

    /// Reads on, from newer events to older ones.
    pub fn read(&mut self, events: Vec<StackEvent>) {
        for event in events {
            if self.is_whole {
                return;
            }
            self.take(event);
        }
    }

    fn take(&mut self, event: StackEvent) {
        // The SDK puts 1970 where the answer has no time.
        let at = event.timestamp().map(DateTime::secs).filter(|at| *at > 0);
        if at.is_some_and(|at| at < self.started) {
            // An operation that began before the action did is not the action's.
            if self.token.is_none() {
                self.forget();
            }
            self.is_whole = true;
            return;
        }
        let of_the_same = self.token.is_none() || self.token.as_deref() == event.client_request_token();
        if !of_the_same {
            self.is_whole = true;
            return;
        }
        let status = event.resource_status().map_or("", ResourceStatus::as_str);
        if !is_of_the_stack(&event) {
            if is_failure(&event, status) {
                self.failures.push(event);
            }
            return;
        }
        match status {
            "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" | "IMPORT_IN_PROGRESS" => {
                self.begins(at);
            }
            // What could not be created may be deleted by the same operation.
            "DELETE_IN_PROGRESS" => match event.client_request_token() {
                Some(token) if at.is_none_or(|at| at <= self.failed) => self.token = Some(token.to_owned()),
                _ => self.begins(at),
            },
            _ if status.ends_with("_FAILED") || status.ends_with("ROLLBACK_IN_PROGRESS") => {
                self.own = Some(event);
            }
            _ => {}
        }
    }

    fn begins(&mut self, at: Option<i64>) {
        if at.is_some_and(|at| at > self.failed) {
            self.forget();
        } else {
            self.is_whole = true;
        }
    }

    fn forget(&mut self) {
        self.failures.clear();
        self.own = None;
    }

    /// What failed first; the stack's own reason where no resource failed.
    pub fn failures(self) -> Vec<Failure> {
        let first = self.failures.into_iter().rev().take(MOST);
        let mut failures: Vec<Failure> = first.map(|event| failure(&event)).collect();
        if failures.is_empty() {
            let own = self.own.filter(|event| event.resource_status_reason().is_some());
            failures.extend(own.map(|event| Failure { nested: None, ..failure(&event) }));
        }
        failures
    }
}

fn is_of_the_stack(event: &StackEvent) -> bool {
    let id = event.stack_id().filter(|id| !id.is_empty());
    id.is_some() && id == event.physical_resource_id()
}

/// What was given up because something else had failed is no failure of its own.
fn is_failure(event: &StackEvent, status: &str) -> bool {
    let reason = event.resource_status_reason().unwrap_or_default();
    let is_follower = matches!(*reason.split_whitespace().collect::<Vec<_>>(), ["Resource", _, "cancelled"]);
    (status.ends_with("_FAILED") && !is_follower) || has_failed_hook(event)
}

fn has_failed_hook(event: &StackEvent) -> bool {
    event.hook_status() == Some(&HookStatus::HookCompleteFailed)
        && event.hook_failure_mode() != Some(&HookFailureMode::Warn)
}

fn failure(event: &StackEvent) -> Failure {
    let (code, reason) = if has_failed_hook(event) {
        (event.hook_status().map(HookStatus::as_str), event.hook_status_reason())
    } else {
        (event.resource_status().map(ResourceStatus::as_str), event.resource_status_reason())
    };
    let is_nested = event.resource_type() == Some("AWS::CloudFormation::Stack");
    Failure {
        text: text(Place::StackEvent, code, reason.unwrap_or_default()),
        nested: event.physical_resource_id().filter(|_| is_nested).map(str::to_owned),
    }
}
