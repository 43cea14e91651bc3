//! What operators read: decisions, open stage runs, buckets, controls, messages that could not be understood. Nothing here
//! writes.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::bucket::{self, KeptBucket};
use super::item::{Item, PARTITION, SORT};
use super::stored::{self, KeptDecision, OPEN_SHARD};
use super::window::{self, KeptWindow};
use super::{DynamoLedger, Trouble, keys};
use crate::domain::controls::Controls;
use crate::domain::ids::StageRunId;
use crate::domain::scope::PipelineLabel;
use crate::domain::stage_run::StageRun;
use crate::ports::Quarantined;

/// Name of the index of open stage runs.
pub const OPEN_INDEX: &str = "open";

/// Most decisions that are read at once: a page of the table has one megabyte.
const LARGEST_PAGE: i32 = 500;

/// A time: since then, and before then where that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first instant.
    pub since: Timestamp,
    /// The first instant that is not in it.
    pub before: Option<Timestamp>,
}

/// Messages that could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quarantine {
    /// How many there are.
    pub total: usize,
    /// The newest of them, newest first.
    pub newest: Vec<Quarantined>,
}

/// Stage runs with a wait or a claim.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenRuns {
    /// Their records, those first whose wait or lease is over first.
    pub records: Vec<StageRun>,
    /// Those whose record a newer release wrote.
    pub newer: Vec<StageRunId>,
}

impl DynamoLedger {
    /// A pipeline's decisions since then, newest first, at most so many, and no more than these are read. In the table's own
    /// account and Region it goes by its name, elsewhere by its ARN.
    pub async fn decisions(
        &self,
        pipeline: impl Into<PipelineLabel>,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<KeptDecision>, Trouble> {
        self.decisions_where(pipeline, Span { since, before: None }, limit, |_| true).await
    }

    /// A pipeline's decisions of that time, newest first: those that are wanted, at most so many. The others are read and
    /// passed over.
    pub async fn decisions_where(
        &self,
        pipeline: impl Into<PipelineLabel>,
        span: Span,
        limit: usize,
        wanted: impl Fn(&KeptDecision) -> bool,
    ) -> Result<Vec<KeptDecision>, Trouble> {
        let now = (self.clock)();
        if span.before.is_some_and(|before| before <= span.since) {
            return Ok(Vec::new());
        }
        // A sort key begins with its instant and goes on, so that it comes after that instant alone.
        let before = keys::instant(span.before.unwrap_or(Timestamp::MAX));
        let page = i32::try_from(limit).unwrap_or(i32::MAX).clamp(1, LARGEST_PAGE);
        let query = self
            .partition(keys::decisions(&pipeline.into()))
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :since AND :before")
            .expression_attribute_names("#sk", SORT)
            .expression_attribute_values(":since", AttributeValue::S(keys::instant(span.since)))
            .expression_attribute_values(":before", AttributeValue::S(before))
            .scan_index_forward(false)
            .limit(page);
        let mut decisions = Vec::new();
        self.pages(query, |item| {
            if decisions.len() < limit && !item.is_expired(now)? {
                decisions.extend(Some(stored::decision(&item)?).filter(&wanted));
            }
            Ok(decisions.len() < limit)
        })
        .await?;
        Ok(decisions)
    }

    /// The stage runs with a wait or a claim, those first whose wait or lease is over first. Read anew from their own
    /// items, since an index may be a moment behind. Those that a newer release wrote are left out.
    pub async fn open_runs(&self) -> Result<Vec<StageRun>, Trouble> {
        Ok(self.open_runs_where(|_| true).await?.records)
    }

    /// Those of [`Self::open_runs`] that are wanted; the records of the others are not read. What a newer release wrote is
    /// named, since it is open for all that is known.
    pub async fn open_runs_where(&self, wanted: impl Fn(&StageRunId) -> bool) -> Result<OpenRuns, Trouble> {
        let mut runs = BTreeSet::new();
        for shard in keys::open_shards() {
            let query = self
                .query()
                .index_name(OPEN_INDEX)
                .key_condition_expression("#shard = :shard")
                .expression_attribute_names("#shard", OPEN_SHARD)
                .expression_attribute_values(":shard", AttributeValue::S(shard));
            self.pages(query, |item| {
                let run = keys::run_of(&item.key().partition);
                runs.insert(run.ok_or_else(|| item.damaged("is in the index of stage runs, and is none"))?);
                Ok(true)
            })
            .await?;
        }
        runs.retain(&wanted);
        let found = self.get(runs.iter().map(keys::record).collect()).await?;
        let records = runs.iter().filter_map(|run| Some((run, found.get(&keys::record(run))?)));
        let mut open = OpenRuns::default();
        for (run, item) in records {
            match stored::record(item, run) {
                Ok(record) if due(&record).is_some() => open.records.push(record),
                Ok(_) => {}
                Err(damaged) if damaged.is_newer => open.newer.push(run.clone()),
                Err(damaged) => return Err(damaged.into()),
            }
        }
        open.records.sort_by_key(due);
        Ok(open)
    }

    /// Every bucket that was ever taken from and has not been full for a month.
    pub async fn buckets(&self) -> Result<Vec<KeptBucket>, Trouble> {
        let mut buckets = Vec::new();
        let query = self.partition(keys::BUCKETS).consistent_read(true);
        self.pages(query, |item| {
            buckets.push(bucket::kept(&item)?);
            Ok(true)
        })
        .await?;
        Ok(buckets)
    }

    /// The newest windows in which a failure was noted, newest first, at most so many.
    pub async fn windows(&self, limit: usize) -> Result<Vec<KeptWindow>, Trouble> {
        let query = (self.partition(keys::STORM).consistent_read(true))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX).max(1));
        let mut windows = Vec::new();
        self.pages(query, |item| {
            windows.push(window::kept(&item)?);
            Ok(windows.len() < limit)
        })
        .await?;
        Ok(windows)
    }

    /// The controls in force.
    pub async fn controls(&self) -> Result<Controls, Trouble> {
        let found = self.get(BTreeSet::from([keys::controls()])).await?;
        Ok(found.values().next().map_or(Ok(Controls::default()), stored::controls)?)
    }

    /// The newest messages that could not be understood, at most so many. Reads all of them: they lie by fingerprint, so
    /// that one message is one note.
    pub async fn quarantined(&self, limit: usize) -> Result<Quarantine, Trouble> {
        let now = (self.clock)();
        let mut newest = Vec::new();
        self.pages(self.partition(keys::QUARANTINE).consistent_read(true), |item| {
            if !item.is_expired(now)? {
                newest.push(stored::note(&item)?);
            }
            Ok(true)
        })
        .await?;
        newest.sort_by(|a: &Quarantined, b| b.at.cmp(&a.at).then_with(|| a.fingerprint.cmp(&b.fingerprint)));
        let total = newest.len();
        newest.truncate(limit);
        Ok(Quarantine { total, newest })
    }

    pub(super) fn query(&self) -> QueryFluentBuilder {
        self.dynamodb().query().table_name(&self.table)
    }

    pub(super) fn partition(&self, partition: impl Into<String>) -> QueryFluentBuilder {
        self.query()
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PARTITION)
            .expression_attribute_values(":pk", AttributeValue::S(partition.into()))
    }

    /// Hands over item by item, until there are no more or no more are wanted.
    pub(super) async fn pages(
        &self,
        query: QueryFluentBuilder,
        mut take: impl FnMut(Item) -> Result<bool, Trouble>,
    ) -> Result<(), Trouble> {
        let mut start = None;
        loop {
            let page = query.clone().set_exclusive_start_key(start).send().await;
            let page = page.map_err(|error| Trouble::of("Query", &error))?;
            for item in page.items() {
                if !take(Item::of(item))? {
                    return Ok(());
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(());
            }
        }
    }
}

/// When the first of wait and claim is over; none when there is neither.
fn due(record: &StageRun) -> Option<Timestamp> {
    let wait = record.wait.as_ref().map(|wait| wait.wake_at);
    let claim = record.claim.as_ref().map(|claim| claim.lease_until);
    wait.into_iter().chain(claim).min()
}
