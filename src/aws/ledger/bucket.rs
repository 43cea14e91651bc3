//! A budget's bucket in the table: its numbers, and everything that one transaction does to it as one update, since a
//! transaction may name an item once.
//!
//! The numbers are attributes of their own, for the table itself compares them and counts with them.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure, Update};
use jiff::{SignedDuration, Timestamp};

use super::item::{Damaged, EXPIRES, Item, PARTITION, SCHEMA, SORT};
use super::keys;
use super::layout::LAYOUT;
use crate::domain::budget::{Branch, Bucket, BucketKey, Budget, Per, Slot, Withdrawal};
use crate::domain::protocol::Commit;

/// When the bucket is full again, in milliseconds since 1970.
const FULL_AT: &str = "full-at";
/// The earliest instant that no waiter has been given, in milliseconds since 1970.
const NEXT_SLOT: &str = "next-slot";
/// Tokens in a full bucket, by the policy of the last withdrawal.
const CAPACITY: &str = "capacity";
/// Milliseconds until a token has come back, by the same policy.
const INTERVAL: &str = "interval-ms";

/// How long a bucket is kept after it is full again.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A bucket as it is on record, for people: with the policy's numbers as of the last withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBucket {
    /// Whose tokens it holds.
    pub key: BucketKey,
    /// Its state.
    pub bucket: Bucket,
    /// Tokens in a full bucket; absent where none was ever taken.
    pub capacity: Option<u32>,
    /// Milliseconds until a token has come back; absent where none was ever taken.
    pub interval_ms: Option<i64>,
}

impl KeptBucket {
    /// Tokens left now, where it is known how many there can be.
    pub fn balance(&self, now: Timestamp) -> Option<u32> {
        Some(self.budget()?.balance(self.bucket, now))
    }

    /// When the next token comes back, if nobody takes one first; none while it is full, and where that is not known.
    pub fn next_token(&self, now: Timestamp) -> Option<Timestamp> {
        self.budget()?.next_token(self.bucket, now)
    }

    /// The budget as of the last withdrawal.
    fn budget(&self) -> Option<Budget> {
        let name = self.key.budget.clone();
        Budget::try_new(name, Per::Region, self.capacity?, 1, self.interval_ms?).ok()
    }

    /// When it is full again; none when it is.
    pub fn full_at(&self, now: Timestamp) -> Option<Timestamp> {
        let full_at = Timestamp::from_millisecond(self.bucket.full_at?).ok()?;
        (full_at > now).then_some(full_at)
    }
}

/// The state of a bucket.
pub(super) fn bucket(item: &Item) -> Result<Bucket, Damaged> {
    item.check_layout()?;
    Ok(Bucket { full_at: item.integer(FULL_AT)?, next_slot: item.integer(NEXT_SLOT)? })
}

/// A bucket with all that is known of it.
pub(super) fn kept(item: &Item) -> Result<KeptBucket, Damaged> {
    let key = keys::bucket_of(&item.key().sort)
        .ok_or_else(|| item.damaged("has a sort key that names no bucket"))?;
    let capacity = (item.integer(CAPACITY)?)
        .map(|capacity| {
            u32::try_from(capacity)
                .map_err(|_| item.damaged(format!("has no number of tokens in `{CAPACITY}`")))
        })
        .transpose()?;
    Ok(KeptBucket { key, bucket: bucket(item)?, capacity, interval_ms: item.integer(INTERVAL)? })
}

/// What a transaction does to its buckets, each of them once. A rule names no budget twice, so a bucket gives one token.
pub(super) fn changes(commit: &Commit) -> BTreeMap<BucketKey, Change> {
    let mut changes: BTreeMap<BucketKey, Change> = BTreeMap::new();
    for withdrawal in &commit.withdrawals {
        changes.entry(withdrawal.key.clone()).or_default().withdrawal = Some(withdrawal.clone());
    }
    if let Some((key, slot)) = &commit.slot {
        changes.entry(key.clone()).or_default().slot = Some(*slot);
    }
    for deposit in &commit.deposits {
        let change = changes.entry(deposit.key.clone()).or_default();
        change.given_back_ms = change.given_back_ms.saturating_add(deposit.amount_ms);
    }
    changes
}

/// What a transaction does to one bucket.
#[derive(Debug, Default)]
pub(super) struct Change {
    withdrawal: Option<Withdrawal>,
    slot: Option<Slot>,
    given_back_ms: i64,
}

impl Change {
    /// The update that does all of it, under all of its conditions.
    pub(super) fn update(&self, key: &BucketKey, now: Timestamp) -> Expression {
        let mut expression = Expression::default();
        let layout = expression.value("layout", LAYOUT);
        expression.set(SCHEMA, &format!("if_not_exists({}, {layout})", Expression::name_of(SCHEMA)));
        if let Some(withdrawal) = &self.withdrawal {
            self.take(withdrawal, &mut expression);
        } else if self.given_back_ms != 0 {
            // A bucket that was never written is full; it stays so.
            let (none, back) = (expression.value("none", 0), expression.value("back", self.given_back_ms));
            let full_at = Expression::name_of(FULL_AT);
            expression.set(FULL_AT, &format!("if_not_exists({full_at}, {none}) - {back}"));
        }
        if let Some(slot) = self.slot {
            let following = expression.value("following", slot.following);
            expression.set(NEXT_SLOT, &following);
            let next_slot = Expression::name_of(NEXT_SLOT);
            let condition = match slot.expected {
                Some(expected) => format!("{next_slot} = {}", expression.value("expected", expected)),
                None => format!("attribute_not_exists({next_slot})"),
            };
            expression.conditions.push(condition);
        }
        if self.withdrawal.is_none() {
            // An empty bucket has been taken from, and lasts longer than anyone waits for it.
            let expires = expression.value("expires", expiry(now.as_millisecond()));
            expression.set(EXPIRES, &format!("if_not_exists({}, {expires})", Expression::name_of(EXPIRES)));
        }
        let keys::Key { partition, sort } = keys::bucket(key);
        expression.key = [(PARTITION, partition), (SORT, sort)];
        expression
    }

    /// Takes a token by the branch that was chosen, less what comes back at the same time.
    fn take(&self, withdrawal: &Withdrawal, expression: &mut Expression) {
        let Withdrawal { branch, now_ms, interval_ms, tolerance_ms, .. } = *withdrawal;
        let full_at = Expression::name_of(FULL_AT);
        let present = expression.value("present", now_ms);
        match branch {
            Branch::Idle => {
                let next = expression.value("next", now_ms.saturating_add(interval_ms - self.given_back_ms));
                expression.set(FULL_AT, &next);
                let condition = format!("(attribute_not_exists({full_at}) OR {full_at} <= {present})");
                expression.conditions.push(condition);
            }
            Branch::Busy => {
                let price = expression.value("price", interval_ms - self.given_back_ms);
                expression.set(FULL_AT, &format!("{full_at} + {price}"));
                let latest = expression.value("latest", now_ms.saturating_add(tolerance_ms));
                expression.conditions.push(format!("{full_at} > {present} AND {full_at} <= {latest}"));
            }
        }
        let capacity = expression.value("capacity", tolerance_ms / interval_ms.max(1) + 1);
        expression.set(CAPACITY, &capacity);
        let interval = expression.value("interval", interval_ms);
        expression.set(INTERVAL, &interval);
        // By either branch it is full by then at the latest.
        let full_by = now_ms.saturating_add(tolerance_ms).saturating_add(interval_ms);
        let expires = expression.value("expires", expiry(full_by));
        expression.set(EXPIRES, &expires);
    }
}

fn expiry(full_by_ms: i64) -> i64 {
    (full_by_ms / 1_000 + 1).saturating_add(KEPT.as_secs())
}

/// An update in the table's own language, with a placeholder for every name and value.
#[derive(Debug, Default)]
pub(super) struct Expression {
    key: [(&'static str, String); 2],
    sets: Vec<String>,
    conditions: Vec<String>,
    names: BTreeMap<String, String>,
    values: BTreeMap<String, i64>,
}

impl Expression {
    fn name_of(attribute: &str) -> String {
        format!("#{}", attribute.replace('-', "_"))
    }

    fn set(&mut self, attribute: &str, to: &str) {
        self.sets.push(format!("{} = {to}", Self::name_of(attribute)));
        self.names.insert(Self::name_of(attribute), attribute.to_owned());
    }

    fn value(&mut self, name: &str, value: i64) -> String {
        let placeholder = format!(":{name}");
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// As a part of a transaction on this table.
    pub(super) fn of_table(self, table: &str) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        let number = |value: i64| AttributeValue::N(value.to_string());
        let update = Update::builder()
            .table_name(table)
            .update_expression(format!("SET {}", self.sets.join(", ")))
            .set_condition_expression((!self.conditions.is_empty()).then(|| self.conditions.join(" AND ")))
            .set_expression_attribute_names(Some(self.names.into_iter().collect()))
            .set_expression_attribute_values(Some(
                self.values.into_iter().map(|(name, value)| (name, number(value))).collect(),
            ))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        self.key.into_iter().fold(update, |update, (name, text)| update.key(name, AttributeValue::S(text)))
    }
}
