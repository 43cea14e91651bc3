//! Every decision and every record of a stage run, for who makes a report of them: the one reader that goes through the
//! whole table.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::item::{Item, PARTITION, SORT};
use super::stored::{self, KeptDecision};
use super::{DynamoLedger, Trouble, keys};
use crate::domain::stage_run::StageRun;

/// What a report is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// The decisions of that time, in no order.
    pub decisions: Vec<KeptDecision>,
    /// The records of all stage runs, in no order.
    pub records: Vec<StageRun>,
    /// Items that cannot be read, or that a newer release wrote.
    pub unread: u64,
}

impl DynamoLedger {
    /// Every decision since then and every record of a stage run. It reads the whole table, a read unit for each 8 KB, and
    /// tells `seen` how many items it has gone through.
    pub async fn kept(&self, since: Timestamp, seen: impl Fn(u64)) -> Result<Kept, Trouble> {
        let now = (self.clock)();
        let wanted =
            "(begins_with(#pk, :decisions) AND #sk >= :since) OR (begins_with(#pk, :run) AND #sk = :record)";
        let scan = self
            .dynamodb()
            .scan()
            .table_name(&self.table)
            .filter_expression(wanted)
            .expression_attribute_names("#pk", PARTITION)
            .expression_attribute_names("#sk", SORT)
            .expression_attribute_values(":decisions", AttributeValue::S(keys::ALL_DECISIONS.to_owned()))
            .expression_attribute_values(":since", AttributeValue::S(keys::instant(since)))
            .expression_attribute_values(":run", AttributeValue::S(keys::ALL_RUNS.to_owned()))
            .expression_attribute_values(":record", AttributeValue::S(keys::RECORD.to_owned()));
        let (mut kept, mut start, mut scanned) = (Kept::default(), None, 0);
        loop {
            let page = scan.clone().set_exclusive_start_key(start).send().await;
            let page = page.map_err(|error| Trouble::of("Scan", &error))?;
            for item in page.items() {
                let item = Item::of(item);
                if item.is_expired(now).unwrap_or(false) {
                    continue;
                }
                match keys::run_of(&item.key().partition) {
                    Some(run) => match stored::record(&item, &run) {
                        Ok(record) => kept.records.push(record),
                        Err(_) => kept.unread += 1,
                    },
                    None => match stored::decision(&item) {
                        Ok(decision) => kept.decisions.push(decision),
                        Err(_) => kept.unread += 1,
                    },
                }
            }
            scanned += u64::try_from(page.scanned_count()).unwrap_or_default();
            seen(scanned);
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(kept);
            }
        }
    }
}
