//! A commit as one transaction of the table, and what the reasons mean for which it was cancelled.

use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem,
};
use jiff::Timestamp;

use super::item::{Damaged, Item, PARTITION, SORT};
use super::keys::Key;
use super::outbox::{notice_item, to_be_told};
use super::{bucket, keys, stored};
use crate::aws::certainty::is_throttling;
use crate::domain::budget::{Bucket, BucketKey};
use crate::domain::ids::StageRunId;
use crate::domain::protocol::{Commit, CommitReply};
use crate::domain::scope::Scope;

/// What an item of a transaction is about.
#[derive(Debug)]
enum Part {
    Record,
    Controls,
    Bucket(BucketKey),
    /// Something new, under no condition.
    Added,
}

/// A transaction, in the order in which failed conditions are reported: record, controls, buckets.
#[derive(Debug)]
pub(super) struct Transaction {
    parts: Vec<Part>,
    items: Vec<TransactWriteItem>,
}

/// A condition on one item.
pub(super) struct Condition {
    pub(super) expression: &'static str,
    pub(super) names: Vec<(&'static str, &'static str)>,
    pub(super) value: Option<(&'static str, AttributeValue)>,
}

impl Condition {
    /// The item has this number in that attribute, which counts its writes; 0 means that there is no item.
    pub(super) fn counts(attribute: &'static str, number: u64) -> Self {
        let (expression, name, value) = if number == 0 {
            ("attribute_not_exists(#pk)", ("#pk", PARTITION), None)
        } else {
            let number = AttributeValue::N(number.to_string());
            ("#count = :count", ("#count", attribute), Some((":count", number)))
        };
        Self { expression, names: vec![name], value }
    }

    /// The item is the one before the write of that number. None is before the write of number 0: it is refused, whatever
    /// the item is.
    pub(super) fn precedes(attribute: &'static str, number: u64) -> Self {
        number.checked_sub(1).map_or_else(
            || Self {
                expression: "attribute_exists(#pk) AND attribute_not_exists(#pk)",
                names: vec![("#pk", PARTITION)],
                value: None,
            },
            |before| Self::counts(attribute, before),
        )
    }

    /// Its names, to be collected into what the SDK wants.
    pub(super) fn names<C: FromIterator<(String, String)>>(&self) -> C {
        self.names.iter().map(|(placeholder, name)| ((*placeholder).to_owned(), (*name).to_owned())).collect()
    }

    /// Its values, likewise. Where there are none, the table wants none, rather than an empty list.
    pub(super) fn values<C: FromIterator<(String, AttributeValue)>>(&self) -> Option<C> {
        let (placeholder, value) = self.value.as_ref()?;
        Some(std::iter::once(((*placeholder).to_owned(), value.clone())).collect())
    }
}

/// What a cancelled transaction means.
#[derive(Debug)]
pub(super) enum Cancelled {
    /// A condition failed.
    Reply(CommitReply),
    /// Somebody else wrote one of the items at the same moment.
    Contended,
    /// The table is busy.
    Throttled,
    /// It can never be done as it is, for this reason.
    Refused(String),
    /// A condition failed on an item that cannot be read.
    Damaged(Damaged),
}

impl Transaction {
    /// The transaction; none where the SDK finds a required part missing, which cannot be.
    pub(super) fn of(commit: &Commit, table: &str, home: Option<&Scope>, now: Timestamp) -> Option<Self> {
        let mut transaction = Self { parts: Vec::new(), items: Vec::new() };
        let before = Condition::precedes(stored::REVISION, commit.record.revision);
        transaction.put(Part::Record, stored::record_item(&commit.record, now), Some(before), table)?;
        if let Some(version) = commit.controls {
            transaction.check_controls(version, table)?;
        }
        for (key, change) in bucket::changes(commit) {
            let update = change.update(&key, now).of_table(table).build().ok()?;
            transaction.add(Part::Bucket(key), TransactWriteItem::builder().update(update).build());
        }
        if let Some(decision) = &commit.decision {
            let item = stored::decision_item(decision, home, now);
            let item = if commit.announced { to_be_told(item, decision.decided_at) } else { item };
            transaction.put(Part::Added, item, None, table)?;
        }
        for notice in &commit.notices {
            transaction.put(Part::Added, notice_item(notice, now), None, table)?;
        }
        Some(transaction)
    }

    pub(super) fn items(&self) -> Vec<TransactWriteItem> {
        self.items.clone()
    }

    fn add(&mut self, part: Part, item: TransactWriteItem) {
        self.parts.push(part);
        self.items.push(item);
    }

    fn put(&mut self, part: Part, item: Item, condition: Option<Condition>, table: &str) -> Option<()> {
        let put = conditional_put(item, condition, table)?;
        self.add(part, TransactWriteItem::builder().put(put).build());
        Some(())
    }

    fn check_controls(&mut self, version: u64, table: &str) -> Option<()> {
        let Key { partition, sort } = keys::controls();
        let condition = Condition::counts(stored::VERSION, version);
        let check = ConditionCheck::builder()
            .table_name(table)
            .key(PARTITION, AttributeValue::S(partition))
            .key(SORT, AttributeValue::S(sort))
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(condition.names()))
            .set_expression_attribute_values(condition.values())
            .build()
            .ok()?;
        self.add(Part::Controls, TransactWriteItem::builder().condition_check(check).build());
        Some(())
    }

    /// What the reasons say, one for each item in the order of the items.
    pub(super) fn cancelled(&self, run: &StageRunId, reasons: &[CancellationReason]) -> Cancelled {
        let codes = || reasons.iter().filter_map(CancellationReason::code);
        if reasons.len() == self.parts.len() {
            let failed = self.parts.iter().zip(reasons);
            let failed = failed.filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"));
            for (part, reason) in failed {
                match reply(part, run, reason) {
                    Ok(Some(reply)) => return Cancelled::Reply(reply),
                    Ok(None) => {}
                    Err(damaged) => return Cancelled::Damaged(damaged),
                }
            }
        }
        if codes().any(|code| code == "TransactionConflict") {
            Cancelled::Contended
        } else if codes().any(is_throttling) {
            Cancelled::Throttled
        } else {
            let refused = codes().find(|code| *code != "None").unwrap_or("no reason");
            Cancelled::Refused(refused.to_owned())
        }
    }
}

/// The write of one item as a part of a transaction; none where the SDK finds a required part missing, which cannot be.
pub(super) fn conditional_put(item: Item, condition: Option<Condition>, table: &str) -> Option<Put> {
    let mut put = Put::builder()
        .table_name(table)
        .set_item(Some(item.attributes().collect()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    if let Some(condition) = condition {
        put = (put.condition_expression(condition.expression))
            .set_expression_attribute_names(Some(condition.names()))
            .set_expression_attribute_values(condition.values());
    }
    put.build().ok()
}

fn reply(part: &Part, run: &StageRunId, reason: &CancellationReason) -> Result<Option<CommitReply>, Damaged> {
    let item = reason.item().filter(|item| !item.is_empty()).map(Item::of);
    Ok(match part {
        Part::Record => {
            let current = item.map(|item| stored::record(&item, run)).transpose()?;
            Some(CommitReply::Conflict(current.map(Box::new)))
        }
        Part::Controls => Some(CommitReply::ControlsChanged),
        Part::Bucket(key) => {
            let bucket = item.map_or(Ok(Bucket::default()), |item| bucket::bucket(&item))?;
            Some(CommitReply::BucketChanged(Box::new(key.clone()), bucket))
        }
        Part::Added => None,
    })
}
