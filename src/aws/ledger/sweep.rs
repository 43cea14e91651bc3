//! The sweep's progress as one item, exactly, and what is overdue from the index. As with records, members that this
//! release does not know stay as they are.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::item::{BODY, Damaged, Item};
use super::layout::{LAYOUT, LEDGER_SCHEMA};
use super::listing::OPEN_INDEX;
use super::record::{instant, optional};
use super::stored::{OPEN_SHARD, OPEN_UNTIL, VERSION};
use super::whole::{self, Known};
use super::{DynamoLedger, Trouble, keys};
use crate::domain::ids::{PipelineName, StageRunId};
use crate::domain::scope::{PipelineLabel, Scope};
use crate::domain::stage_run::Owner;
use crate::domain::sweep::{Completed, Lease, Round, Sweep};
use crate::domain::unread::Unread;
use crate::ports::{Page, PageToken};

/// Overdue stage runs that are read of one partition of the index.
const MOST_OVERDUE: i32 = 250;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SweepDocument {
    version: u64,
    round: u64,
    #[serde(deserialize_with = "Option::deserialize")]
    watermark: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    under_way: Option<RoundDocument>,
    #[serde(deserialize_with = "Option::deserialize")]
    completed: Option<CompletedDocument>,
    lagging: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    unlisted: BTreeMap<String, String>,
    #[serde(deserialize_with = "Option::deserialize")]
    lease: Option<LeaseDocument>,
    every_seconds: i64,
}

impl Known for SweepDocument {
    const MEMBERS: &'static [&'static str] = &[
        "version",
        "round",
        "watermark",
        "under-way",
        "completed",
        "lagging",
        "unlisted",
        "lease",
        "every-seconds",
    ];
}

/// The oldest layout that says all of it. The first knows no other accounts and Regions.
fn layout(sweep: &Sweep) -> i64 {
    let is_abroad = sweep.under_way.as_ref().is_some_and(|round| round.spoke.is_some())
        || !sweep.unlisted.is_empty()
        || sweep.lagging.keys().any(|label| matches!(label, PipelineLabel::Elsewhere(_)));
    if is_abroad || !sweep.unread.is_empty() { LEDGER_SCHEMA } else { LAYOUT }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RoundDocument {
    began: String,
    since: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spoke: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    cursor: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct CompletedDocument {
    began: String,
    ended: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct LeaseDocument {
    owner: String,
    until: String,
}

impl SweepDocument {
    fn of(sweep: &Sweep) -> Self {
        let Sweep {
            version,
            round,
            watermark,
            under_way,
            completed,
            lagging,
            unlisted,
            lease,
            every,
            unread: _,
        } = sweep;
        Self {
            version: *version,
            round: *round,
            watermark: watermark.as_ref().map(Timestamp::to_string),
            under_way: under_way.as_ref().map(|round| RoundDocument {
                began: round.began.to_string(),
                since: round.since.to_string(),
                spoke: round.spoke.as_ref().map(Scope::to_string),
                cursor: round.cursor.as_ref().map(PipelineName::to_string),
            }),
            completed: completed.map(|Completed { began, ended }| CompletedDocument {
                began: began.to_string(),
                ended: ended.to_string(),
            }),
            lagging: lagging.iter().map(|(label, since)| (label.to_string(), since.to_string())).collect(),
            unlisted: unlisted.iter().map(|(spoke, since)| (spoke.to_string(), since.to_string())).collect(),
            lease: lease.as_ref().map(|lease| LeaseDocument {
                owner: lease.owner.to_string(),
                until: lease.until.to_string(),
            }),
            every_seconds: every.as_secs(),
        }
    }

    fn sweep(self, unread: Unread) -> Option<Sweep> {
        Some(Sweep {
            version: self.version,
            round: self.round,
            watermark: optional(self.watermark, |text| instant(&text))?,
            under_way: optional(self.under_way, |round| {
                Some(Round {
                    began: instant(&round.began)?,
                    since: instant(&round.since)?,
                    spoke: optional(round.spoke, |spoke| Scope::parse(&spoke).ok())?,
                    cursor: optional(round.cursor, |name| PipelineName::parse(name).ok())?,
                })
            })?,
            completed: optional(self.completed, |completed| {
                Some(Completed { began: instant(&completed.began)?, ended: instant(&completed.ended)? })
            })?,
            lagging: (self.lagging.into_iter())
                .map(|(label, since)| Some((PipelineLabel::parse(&label).ok()?, instant(&since)?)))
                .collect::<Option<_>>()?,
            unlisted: (self.unlisted.into_iter())
                .map(|(spoke, since)| Some((Scope::parse(&spoke).ok()?, instant(&since)?)))
                .collect::<Option<_>>()?,
            lease: optional(self.lease, |lease| {
                Some(Lease { owner: Owner(lease.owner), until: instant(&lease.until)? })
            })?,
            every: SignedDuration::from_secs(self.every_seconds),
            unread,
        })
    }
}

pub(super) fn sweep_item(sweep: &Sweep) -> Item {
    let body = whole::written(&SweepDocument::of(sweep), &sweep.unread);
    Item::new(&keys::sweep()).of_layout(layout(sweep)).number(VERSION, sweep.version).text(BODY, body)
}

pub(super) fn sweep_of(item: &Item) -> Result<Sweep, Damaged> {
    item.check_layout_up_to(LEDGER_SCHEMA)?;
    let version = item.integer(VERSION)?;
    let (document, unread) = item.whole_document::<SweepDocument>()?;
    let sweep =
        (document.sweep(unread)).ok_or_else(|| item.damaged("holds a value that no release wrote"))?;
    if version.and_then(|version| u64::try_from(version).ok()) != Some(sweep.version) {
        return Err(item.damaged(format!("says another `{VERSION}` than it has within")));
    }
    Ok(sweep)
}

impl DynamoLedger {
    /// How far the sweep has come; one that has never begun is the default.
    pub async fn progress(&self) -> Result<Sweep, Trouble> {
        let found = self.get([keys::sweep()].into()).await?;
        Ok(found.values().next().map_or(Ok(Sweep::default()), sweep_of)?)
    }

    /// What is overdue in one partition of the index: each is one page.
    pub(super) async fn overdue_in(
        &self,
        by: Timestamp,
        page: Option<&PageToken>,
    ) -> Result<Page<StageRunId>, Trouble> {
        let number = page.and_then(|page| page.0.parse::<usize>().ok()).unwrap_or_default();
        let mut shards = keys::open_shards().skip(number);
        let Some(shard) = shards.next() else { return Ok(Page { entries: Vec::new(), next: None }) };
        let query = (self.dynamodb().query())
            .table_name(&self.table)
            .index_name(OPEN_INDEX)
            .key_condition_expression("#shard = :shard AND #until <= :by")
            .expression_attribute_names("#shard", OPEN_SHARD)
            .expression_attribute_names("#until", OPEN_UNTIL)
            .expression_attribute_values(":shard", AttributeValue::S(shard))
            .expression_attribute_values(":by", AttributeValue::S(keys::instant(by)))
            .limit(MOST_OVERDUE);
        let answer = query.send().await.map_err(|error| Trouble::of("Query", &error))?;
        // What is no stage run was put there by hand. It is nobody's to drive, and keeps nobody else waiting.
        let runs = answer.items().iter().filter_map(|item| keys::run_of(&Item::of(item).key().partition));
        let next = shards.next().map(|_| PageToken((number + 1).to_string()));
        Ok(Page { entries: runs.collect(), next })
    }
}
