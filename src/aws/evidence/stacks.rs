//! Stacks of CloudFormation: what failed first in the operation of the action, down through nested stacks; and why a
//! change set could not be made.

use aws_sdk_cloudformation::types::{ChangeSetStatus, ExecutionStatus};

use super::effort::Missing;
use super::operation::{Failure, Operation};
use super::subject::is_stack;
use super::{Asking, from, text};
use crate::aws::together::{Work, together};
use crate::domain::evidence::{Evidence, Place};
use crate::domain::facts::FailedAction;
use crate::domain::pipeline::Gap;

/// Levels of nested stacks below the action's own.
const LEVELS: u32 = 3;
/// Nested stacks that are looked into, of one stack.
const NESTED: usize = 2;
/// Most pages of one stack's events, a hundred each.
const PAGES: u32 = 10;

/// What failed first in the action's operation on a stack.
pub(super) async fn of_stack(asking: Asking<'_>, id: &str, action: &FailedAction) -> Evidence {
    of_level(asking, id.to_owned(), action, LEVELS).await
}

/// Why a change set could not be made; if it could, what failed when it was carried out.
pub(super) async fn of_change_set(asking: Asking<'_>, id: &str, action: &FailedAction) -> Evidence {
    let request = asking.services.cloudformation().describe_change_set().change_set_name(id).send();
    let answer = match asking.effort.ask("DescribeChangeSet", Box::pin(request)).await {
        Ok(answer) => answer,
        Err(missing) => return from(Err(missing)),
    };
    let status = answer.status();
    if status == Some(&ChangeSetStatus::Failed) {
        let reason = answer.status_reason().unwrap_or_default();
        let code = status.map(ChangeSetStatus::as_str);
        return from(Ok(vec![text(Place::ChangeSet, code, reason)]));
    }
    let was_carried_out = answer.execution_status() == Some(&ExecutionStatus::ExecuteFailed);
    match answer.stack_id().filter(|id| was_carried_out && is_stack(id)) {
        Some(stack) => of_stack(asking, stack, action).await,
        None => Evidence::default(),
    }
}

/// A failure of a nested stack comes after what failed in it.
fn of_level<'a>(asking: Asking<'a>, id: String, action: &'a FailedAction, levels: u32) -> Work<'a, Evidence> {
    Box::pin(async move {
        let (failures, missing) = failures_of(asking, &id, action).await;
        let nested = failures.iter().filter_map(|failure| failure.nested.clone());
        let nested = nested.filter(|nested| levels > 0 && *nested != id && is_stack(nested)).take(NESTED);
        let below = nested.map(|nested| of_level(asking, nested, action, levels.saturating_sub(1)));
        let below = together(below.collect()).await;
        let mut evidence = Evidence::default();
        for found in below {
            evidence.texts.extend(found.texts);
            evidence.gaps.extend(found.gaps);
        }
        evidence.texts.extend(failures.into_iter().map(|failure| failure.text));
        evidence.gaps.extend(missing);
        evidence
    })
}

/// The failures of the whole operation, or none: of an operation that is not read to its beginning the failures that are
/// known may be those of its rollback, which say something else than what failed first.
async fn failures_of(asking: Asking<'_>, id: &str, action: &FailedAction) -> (Vec<Failure>, Option<Missing>) {
    let mut operation = Operation::of(action);
    let mut token = None;
    for _ in 0..PAGES {
        let cloudformation = asking.services.cloudformation();
        let request = cloudformation.describe_stack_events().stack_name(id).set_next_token(token).send();
        match asking.effort.ask("DescribeStackEvents", Box::pin(request)).await {
            Ok(answer) => {
                operation.read(answer.stack_events.unwrap_or_default());
                token = answer.next_token.filter(|token| !token.is_empty());
            }
            Err(missing) => return (Vec::new(), Some(missing)),
        }
        if operation.is_whole || token.is_none() {
            return (operation.failures(), None);
        }
    }
    (Vec::new(), Some(("DescribeStackEvents", Gap::NotRead)))
}
