//! Policies that were pushed: one item for each push and rollback, never changed and never deleted, and the pointer to one
//! of them in the controls. Both are written in one transaction, so that every number was in force once.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use jiff::Timestamp;

use super::attempts::{Attempt, persist};
use super::item::{Damaged, Item, PARTITION, SCHEMA, SORT};
use super::record::instant;
use super::transaction::{Condition, conditional_put};
use super::write::{TRANSACT, once, unanswered};
use super::{DynamoLedger, Trouble, keys, stored};
use crate::aws::certainty::is_throttling;
use crate::domain::controls::Controls;
use crate::domain::policy::PolicyVersion;
use crate::domain::protocol::Fault;
use crate::ports::KeptPolicy;

const VERSION: &str = "policy-version";
const TEXT: &str = "text";
const AT: &str = "at";
const BY: &str = "by";
const REASON: &str = "reason";
const RESTORES: &str = "restores";
const REPLACES: &str = "replaces";

/// A push or rollback as it is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyEntry {
    /// Its number, from 1.
    pub number: u64,
    /// When it was.
    pub at: Timestamp,
    /// Who did it.
    pub by: String,
    /// Why, in that person's words.
    pub reason: Option<String>,
    /// The version of the text; none where it went back to the packaged policy.
    pub version: Option<PolicyVersion>,
    /// The number that it brought back.
    pub restores: Option<u64>,
    /// The number that was in force until then; none for the packaged policy.
    pub replaces: Option<u64>,
    /// The policy's text; none in lists, and where it went back to the packaged policy.
    pub text: Option<String>,
}

/// How a push ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushReply {
    /// It is on record, and in force.
    Done,
    /// Something is on record under that number already, or the controls have changed. Nothing was written.
    Conflict,
}

fn item(entry: &PolicyEntry) -> Item {
    let PolicyEntry { number, at, by, reason, version, restores, replaces, text } = entry;
    let mut item = Item::new(&keys::policy(*number)).text(AT, at.to_string()).text(BY, by);
    for (name, value) in [
        (REASON, reason.as_ref()),
        (VERSION, version.as_ref().map(|PolicyVersion(version)| version)),
        (TEXT, text.as_ref()),
    ] {
        if let Some(value) = value {
            item = item.text(name, value);
        }
    }
    for (name, value) in [(RESTORES, restores), (REPLACES, replaces)] {
        if let Some(value) = value {
            item = item.number(name, value);
        }
    }
    item
}

fn entry(item: &Item) -> Result<PolicyEntry, Damaged> {
    item.check_layout()?;
    let number = keys::policy_of(&item.key().sort)
        .ok_or_else(|| item.damaged("has a sort key that is no number of a policy"))?;
    let another = |name: &str| match item.integer(name)? {
        None => Ok(None),
        Some(number) => u64::try_from(number)
            .map(Some)
            .map_err(|_| item.damaged(format!("has a number that is out of range in `{name}`"))),
    };
    Ok(PolicyEntry {
        number,
        at: instant(item.string(AT)?).ok_or_else(|| item.damaged(format!("has no instant in `{AT}`")))?,
        by: item.string(BY)?.to_owned(),
        reason: item.optional_string(REASON)?.map(str::to_owned),
        version: item.optional_string(VERSION)?.map(|version| PolicyVersion(version.to_owned())),
        restores: another(RESTORES)?,
        replaces: another(REPLACES)?,
        text: item.optional_string(TEXT)?.map(str::to_owned),
    })
}

/// What the function needs of it.
fn kept(item: &Item) -> KeptPolicy {
    match entry(item).map(|entry| (entry.version, entry.text)) {
        Ok((Some(version), Some(text))) => KeptPolicy::Text { version, text },
        Ok((None, None)) => KeptPolicy::Packaged,
        Ok(_) => KeptPolicy::Unreadable(item.damaged("has a version or a text, and not both").to_string()),
        Err(damaged) => KeptPolicy::Unreadable(damaged.to_string()),
    }
}

impl DynamoLedger {
    /// What is kept under the number of a push or rollback.
    pub(super) async fn kept_policy(&self, number: u64) -> Result<KeptPolicy, Trouble> {
        let found = self.get(BTreeSet::from([keys::policy(number)])).await?;
        let absent = || KeptPolicy::Unreadable(format!("policy {number} is not in the table"));
        Ok(found.values().next().map_or_else(absent, kept))
    }

    /// A push or rollback with its text; none where there is nothing under that number.
    pub async fn policy_entry(&self, number: u64) -> Result<Option<PolicyEntry>, Trouble> {
        let found = self.get(BTreeSet::from([keys::policy(number)])).await?;
        Ok(found.values().next().map(entry).transpose()?)
    }

    /// The newest pushes and rollbacks, newest first, at most so many, without their texts. One that cannot be read is told
    /// with its number, if it has one.
    pub async fn policy_entries(
        &self,
        limit: usize,
    ) -> Result<Vec<Result<PolicyEntry, (Option<u64>, Damaged)>>, Trouble> {
        let mut entries = Vec::new();
        let names = [("#sk", SORT), ("#schema", SCHEMA), ("#version", VERSION), ("#at", AT), ("#by", BY)];
        let more = [("#reason", REASON), ("#restores", RESTORES), ("#replaces", REPLACES)];
        let query = (self.partition(keys::POLICIES).consistent_read(true).scan_index_forward(false))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX).max(1))
            .projection_expression("#pk, #sk, #schema, #version, #at, #by, #reason, #restores, #replaces")
            .expression_attribute_names("#pk", PARTITION);
        let query = (names.into_iter().chain(more))
            .fold(query, |query, (placeholder, name)| query.expression_attribute_names(placeholder, name));
        self.pages(query, |item| {
            if entries.len() < limit {
                let number = keys::policy_of(&item.key().sort);
                entries.push(entry(&item).map_err(|damaged| (number, damaged)));
            }
            Ok(entries.len() < limit)
        })
        .await?;
        Ok(entries)
    }

    /// Keeps a push or rollback, and points the controls to it, if nothing has its number and the controls are those
    /// before these: all of it, or nothing.
    pub async fn push_policy(&self, entry: &PolicyEntry, controls: &Controls) -> Result<PushReply, Fault> {
        self.heard(self.write_push(entry, controls).await)
    }

    async fn write_push(
        &self,
        entry: &PolicyEntry,
        controls: &Controls,
    ) -> Result<PushReply, (Fault, Trouble)> {
        let fresh = Condition::counts(VERSION, 0);
        let before = Condition::precedes(stored::VERSION, controls.version);
        let puts = [(item(entry), fresh), (stored::controls_item(controls), before)];
        let items: Option<Vec<_>> = puts
            .into_iter()
            .map(|(item, condition)| {
                let put = conditional_put(item, Some(condition), &self.table)?;
                Some(TransactWriteItem::builder().put(put).build())
            })
            .collect();
        let Some(items) = items else { return Err((Fault::NotDone, Trouble::NotSent)) };
        let items = &items;
        persist(|token| {
            let request = (self.dynamodb().transact_write_items())
                .set_transact_items(Some(items.clone()))
                .client_request_token(token)
                .customize()
                .config_override(once());
            async move {
                match request.send().await {
                    Ok(_) => Attempt::Answered(PushReply::Done),
                    Err(error) => cancelled(&error),
                }
            }
        })
        .await
    }
}

fn cancelled(error: &SdkError<TransactWriteItemsError, HttpResponse>) -> Attempt<PushReply> {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
    else {
        return unanswered(TRANSACT, error);
    };
    let codes = || cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    if codes().any(|code| code == "ConditionalCheckFailed") {
        Attempt::Answered(PushReply::Conflict)
    } else if codes().any(|code| code == "TransactionConflict") {
        Attempt::Contended(Trouble::Contended)
    } else if codes().any(is_throttling) {
        Attempt::Contended(Trouble::Throttled(TRANSACT))
    } else {
        let code = codes().find(|code| *code != "None").unwrap_or("no reason");
        Attempt::Refused(Trouble::Refused(TRANSACT, code.to_owned()))
    }
}
