//! The writes: one item under a condition, or a transaction; and what each answer means.

use aws_sdk_dynamodb::config::{Builder, retry::RetryConfig};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::attempts::{Attempt, persist};
use super::item::{Damaged, EXPIRES, Item, PARTITION};
use super::sweep::{sweep_item, sweep_of};
use super::transaction::{Cancelled, Condition, Transaction};
use super::{DynamoLedger, Trouble, stored};
use crate::aws::certainty::{Cause, cause};
use crate::domain::controls::Controls;
use crate::domain::protocol::{Commit, CommitReply, ControlsReply, Fault};
use crate::domain::sweep::Sweep;
use crate::ports::{Quarantined, SweepReply};

const PUT: &str = "PutItem";
pub(super) const TRANSACT: &str = "TransactWriteItems";

pub(super) type End<T> = Result<T, (Fault, Trouble)>;

/// How a conditional write of one item ended.
pub(super) enum Written {
    Done,
    /// The condition failed on this item; none where there is no item.
    Refused(Option<Item>),
}

impl DynamoLedger {
    pub(super) async fn write_commit(&self, commit: &Commit) -> End<CommitReply> {
        let Commit { record, withdrawals, deposits, slot, controls, decision, notices, .. } = commit;
        let alone = withdrawals.is_empty()
            && deposits.is_empty()
            && slot.is_none()
            && controls.is_none()
            && decision.is_none()
            && notices.is_empty();
        if !alone {
            return self.transact(commit).await;
        }
        // Half the price of a transaction of one.
        let before = Condition::precedes(stored::REVISION, record.revision);
        self.put(stored::record_item(record, (self.clock)()), &before, |written| match written {
            Written::Done => Ok(CommitReply::Done),
            Written::Refused(item) => {
                let current = item.map(|item| stored::record(&item, &record.id)).transpose()?;
                Ok(CommitReply::Conflict(current.map(Box::new)))
            }
        })
        .await
    }

    pub(super) async fn replace_controls(&self, controls: &Controls) -> End<ControlsReply> {
        let before = Condition::precedes(stored::VERSION, controls.version);
        self.put(stored::controls_item(controls), &before, |written| match written {
            Written::Done => Ok(ControlsReply::Done),
            Written::Refused(item) => {
                let current = item.map_or(Ok(Controls::default()), |item| stored::controls(&item))?;
                Ok(ControlsReply::Conflict(current))
            }
        })
        .await
    }

    pub(super) async fn replace_sweep(&self, sweep: &Sweep) -> End<SweepReply> {
        let before = Condition::precedes(stored::VERSION, sweep.version);
        self.put(sweep_item(sweep), &before, |written| match written {
            Written::Done => Ok(SweepReply::Done),
            Written::Refused(item) => {
                let current = item.map_or(Ok(Sweep::default()), |item| sweep_of(&item))?;
                // Sent twice, done once.
                Ok(if current == *sweep { SweepReply::Done } else { SweepReply::Conflict })
            }
        })
        .await
    }

    pub(super) async fn note(&self, message: &Quarantined) -> End<()> {
        let now = (self.clock)();
        let absent = Condition {
            expression: "attribute_not_exists(#pk) OR #expires <= :now",
            names: vec![("#pk", PARTITION), ("#expires", EXPIRES)],
            value: Some((":now", AttributeValue::N(now.as_second().to_string()))),
        };
        // A note that is there already is the same note.
        self.put(stored::note_item(message, now), &absent, |_| Ok(())).await
    }

    /// Writes one item under a condition; `reply` says what the end of it means.
    pub(super) async fn put<T>(
        &self,
        item: Item,
        condition: &Condition,
        reply: impl Fn(Written) -> Result<T, Damaged> + Send + Sync,
    ) -> End<T> {
        let put = (self.dynamodb().put_item())
            .table_name(&self.table)
            .set_item(Some(item.attributes().collect()))
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(condition.names()))
            .set_expression_attribute_values(condition.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let reply = &reply;
        persist(|_| {
            let put = put.clone().customize().config_override(once());
            async move {
                let written = match put.send().await {
                    Ok(_) => Written::Done,
                    Err(error) => match error.as_service_error() {
                        Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                            Written::Refused(failed.item().filter(|item| !item.is_empty()).map(Item::of))
                        }
                        _ => return unanswered(PUT, &error),
                    },
                };
                match reply(written) {
                    Ok(reply) => Attempt::Answered(reply),
                    Err(damaged) => Attempt::Refused(damaged.into()),
                }
            }
        })
        .await
    }

    async fn transact(&self, commit: &Commit) -> End<CommitReply> {
        let (home, now) = (self.home.as_ref(), (self.clock)());
        let Some(transaction) = Transaction::of(commit, &self.table, home, now) else {
            return Err((Fault::NotDone, Trouble::NotSent));
        };
        let transaction = &transaction;
        persist(|token| {
            let request = (self.dynamodb().transact_write_items())
                .set_transact_items(Some(transaction.items()))
                .client_request_token(token)
                .customize()
                .config_override(once());
            async move {
                match request.send().await {
                    Ok(_) => Attempt::Answered(CommitReply::Done),
                    Err(error) => cancelled(&error, transaction, commit),
                }
            }
        })
        .await
    }
}

/// One attempt: the doubt of a second one is kept here, not in the SDK.
pub(super) fn once() -> Builder {
    let mut config = Builder::new();
    config.set_retry_config(Some(RetryConfig::disabled()));
    config
}

fn cancelled(
    error: &SdkError<TransactWriteItemsError, HttpResponse>,
    transaction: &Transaction,
    commit: &Commit,
) -> Attempt<CommitReply> {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
    else {
        return unanswered(TRANSACT, error);
    };
    match transaction.cancelled(&commit.record.id, cancelled.cancellation_reasons()) {
        Cancelled::Reply(reply) => Attempt::Answered(reply),
        Cancelled::Contended => Attempt::Contended(Trouble::Contended),
        Cancelled::Throttled => Attempt::Contended(Trouble::Throttled(TRANSACT)),
        Cancelled::Refused(code) => Attempt::Refused(Trouble::Refused(TRANSACT, code)),
        Cancelled::Damaged(damaged) => Attempt::Refused(damaged.into()),
    }
}

/// Errors that do not come from the request's own conditions.
pub(super) fn unanswered<T, E: ProvideErrorMetadata>(
    operation: &'static str,
    error: &SdkError<E, HttpResponse>,
) -> Attempt<T> {
    let trouble = Trouble::of(operation, error);
    match cause(error) {
        Cause::Unknown => Attempt::Unheard(trouble),
        Cause::Refused("TransactionConflictException" | "ReplicatedWriteConflictException") => {
            Attempt::Contended(Trouble::Contended)
        }
        Cause::Throttled | Cause::NotSent => Attempt::Busy(trouble),
        Cause::AccessDenied | Cause::Credentials | Cause::Refused(_) => Attempt::Refused(trouble),
    }
}
