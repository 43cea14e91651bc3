//! What is to be told outside: messages as items of their own, announcements as a mark on their decision. What waits is in the
//! index `open`, under shards of its own; what has been told leaves it.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::attempts::{Attempt, persist};
use super::item::{BODY, Damaged, Item, PARTITION, SORT};
use super::keys::{self, Key};
use super::listing::OPEN_INDEX;
use super::notice::NoticeDocument;
use super::record::instant;
use super::stored::{self, OPEN_SHARD, OPEN_UNTIL, VERSION};
use super::transaction::Condition;
use super::write::{End, Written, once, unanswered};
use super::{DynamoLedger, Trouble};
use crate::aws::together::{Work, together};
use crate::document::document;
use crate::domain::notice::Notice;
use crate::domain::outbox::{OWN_TURN, Tidings};
use crate::domain::outlet::Outlet;
use crate::domain::protocol::Fault;
use crate::domain::stage_run::after;
use crate::ports::{Content, Entry, EntryId, Outbox, Page, PageToken, Pending};

/// When something was told.
const TOLD_AT: &str = "told-at";
/// Most entries that one look brings.
const MOST_PENDING: i32 = 100;
/// Entries that are noted as told at the same time: a message about a thousand is noted before the function's time is over.
const TOLD_TOGETHER: usize = 25;
const UPDATE: &str = "UpdateItem";

/// The item of a message that is to be sent.
pub(super) fn notice_item(notice: &Notice, now: Timestamp) -> Item {
    // Strings and numbers always become JSON; a reader would refuse the empty text.
    let body = serde_json::to_string(&NoticeDocument::of(notice)).unwrap_or_default();
    let item = Item::new(&keys::notice(&notice.run, notice.occasion)).text(BODY, body);
    to_be_told(stored::expiring(item, now), notice.at)
}

/// The same item, waiting to be told.
pub(super) fn to_be_told(item: Item, since: Timestamp) -> Item {
    let shard = keys::outbox_shard(&item.key());
    item.text(OPEN_SHARD, shard).text(OPEN_UNTIL, keys::instant(after(since, OWN_TURN)))
}

/// Keys are text without this character.
const BETWEEN: char = '|';

fn id(key: &Key) -> EntryId {
    EntryId(format!("{}{BETWEEN}{}", key.partition, key.sort))
}

fn key(id: &EntryId) -> Option<Key> {
    let (partition, sort) = id.0.split_once(BETWEEN)?;
    Some(Key { partition: partition.to_owned(), sort: sort.to_owned() })
}

fn entry(item: &Item) -> Result<Entry, Damaged> {
    item.check_layout()?;
    let key = item.key();
    let (at, content) = if keys::is_notice(&key) {
        let notice = item.document::<NoticeDocument>()?.notice();
        let notice = notice.filter(|notice| keys::notice(&notice.run, notice.occasion) == key);
        let notice = notice.ok_or_else(|| item.damaged("holds a value that no release wrote"))?;
        (notice.at, Content::Notice(Box::new(notice)))
    } else {
        let decision = stored::decision(item)?;
        (decision.decided_at, Content::Decision(decision.document))
    };
    Ok(Entry { id: id(&key), at, content })
}

/// The entry of an item, and until when it is left to whoever has it in hand; none of one that has been told.
fn waiting(item: &Item) -> Result<Option<Pending>, Damaged> {
    let Some(due) = item.optional_string(OPEN_UNTIL)? else { return Ok(None) };
    let due = instant(due).ok_or_else(|| item.damaged(format!("has no instant in `{OPEN_UNTIL}`")))?;
    Ok(Some(Pending { entry: entry(item)?, due }))
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct OutletDocument {
    sent: Vec<String>,
    gathering_until: Option<String>,
    rounds: u32,
}

fn outlet_item(outlet: &Outlet) -> Item {
    let Outlet { version, sent, gathering_until, rounds } = outlet;
    let body = OutletDocument {
        sent: sent.iter().map(Timestamp::to_string).collect(),
        gathering_until: gathering_until.map(|until| until.to_string()),
        rounds: *rounds,
    };
    let body = serde_json::to_string(&body).unwrap_or_default();
    Item::new(&keys::outlet()).number(VERSION, version).text(BODY, body)
}

fn outlet_of(item: &Item) -> Result<Outlet, Damaged> {
    item.check_layout()?;
    let unknown = || item.damaged("holds a value that no release wrote");
    let OutletDocument { sent, gathering_until, rounds } = item.document()?;
    let version = item.integer(VERSION)?.and_then(|version| u64::try_from(version).ok());
    Ok(Outlet {
        version: version.ok_or_else(unknown)?,
        sent: sent.iter().map(|at| instant(at)).collect::<Option<_>>().ok_or_else(unknown)?,
        gathering_until: gathering_until.map(|until| instant(&until).ok_or_else(unknown)).transpose()?,
        rounds,
    })
}

impl DynamoLedger {
    /// What waits in one partition of the index: each is one page.
    async fn pending_in(&self, by: Timestamp, page: Option<&PageToken>) -> Result<Page<Pending>, Trouble> {
        let number = page.and_then(|page| page.0.parse::<usize>().ok()).unwrap_or_default();
        let mut shards = keys::outbox_shards().skip(number);
        let Some(shard) = shards.next() else { return Ok(Page { entries: Vec::new(), next: None }) };
        let query = (self.query().index_name(OPEN_INDEX))
            .key_condition_expression("#shard = :shard AND #until <= :by")
            .expression_attribute_names("#shard", OPEN_SHARD)
            .expression_attribute_names("#until", OPEN_UNTIL)
            .expression_attribute_values(":shard", AttributeValue::S(shard))
            .expression_attribute_values(":by", AttributeValue::S(keys::instant(by)))
            .limit(MOST_PENDING);
        let mut keys = BTreeSet::new();
        self.pages(query, |item| {
            keys.insert(item.key());
            Ok(true)
        })
        .await?;
        let mut pending = Vec::new();
        for item in self.get(keys).await?.values() {
            match waiting(item) {
                Ok(Some(waiting)) => pending.push(waiting),
                // The index may be a moment behind.
                Ok(None) => {}
                // Changed by hand, or written by a newer release: it must not keep back what others have to say.
                Err(damaged) => (self.report)(&damaged.into()),
            }
        }
        pending.sort_by(|one, other| (one.due, &one.entry.id).cmp(&(other.due, &other.entry.id)));
        let next = shards.next().map(|_| PageToken((number + 1).to_string()));
        Ok(Page { entries: pending, next })
    }

    /// Changes an item in the index, if it is as expected; whether it was.
    async fn change(&self, id: &EntryId, change: Change) -> End<bool> {
        let Some(Key { partition, sort }) = key(id) else { return Err((Fault::NotDone, Trouble::NotSent)) };
        let Change { update, condition, names, values } = change;
        let request = (self.dynamodb().update_item())
            .table_name(&self.table)
            .key(PARTITION, AttributeValue::S(partition))
            .key(SORT, AttributeValue::S(sort))
            .update_expression(update)
            .condition_expression(condition);
        let request = names.iter().fold(request, |request, (placeholder, name)| {
            request.expression_attribute_names(*placeholder, *name)
        });
        let request = values.into_iter().fold(request, |request, (placeholder, text)| {
            request.expression_attribute_values(placeholder, AttributeValue::S(text))
        });
        persist(|_| {
            let request = request.clone().customize().config_override(once());
            async move {
                match request.send().await {
                    Ok(_) => Attempt::Answered(true),
                    Err(error) => match error.as_service_error() {
                        Some(UpdateItemError::ConditionalCheckFailedException(_)) => Attempt::Answered(false),
                        _ => unanswered(UPDATE, &error),
                    },
                }
            }
        })
        .await
    }

    async fn replace_outlet(&self, outlet: &Outlet) -> End<bool> {
        let before = Condition::precedes(VERSION, outlet.version);
        self.put(outlet_item(outlet), &before, |written| match written {
            Written::Done => Ok(true),
            // Sent twice, written once.
            Written::Refused(item) => {
                let current = item.map_or(Ok(Outlet::default()), |item| outlet_of(&item))?;
                Ok(current == *outlet)
            }
        })
        .await
    }

    async fn kept_outlet(&self) -> Result<Outlet, Trouble> {
        let found = self.get([keys::outlet()].into()).await?;
        Ok(found.values().next().map_or(Ok(Outlet::default()), outlet_of)?)
    }
}

/// A conditional update in the table's language.
struct Change {
    update: &'static str,
    condition: &'static str,
    names: &'static [(&'static str, &'static str)],
    values: Vec<(&'static str, String)>,
}

impl Outbox for DynamoLedger {
    fn entry(&self, tidings: &Tidings) -> Entry {
        match tidings {
            Tidings::Notice(notice) => Entry {
                id: id(&keys::notice(&notice.run, notice.occasion)),
                at: notice.at,
                content: Content::Notice(notice.clone()),
            },
            Tidings::Decision(decision) => Entry {
                id: id(&keys::decision(decision, self.home.as_ref())),
                at: decision.decided_at,
                content: Content::Decision(document(decision).to_string()),
            },
        }
    }

    async fn pending(&self, by: Timestamp, page: Option<&PageToken>) -> Result<Page<Pending>, Fault> {
        self.heard(self.pending_in(by, page).await.map_err(|trouble| (Fault::NotDone, trouble)))
    }

    async fn take(&self, pending: &Pending, until: Timestamp) -> Result<bool, Fault> {
        let change = Change {
            update: "SET #until = :until",
            condition: "#until = :before",
            names: &[("#until", OPEN_UNTIL)],
            values: vec![(":until", keys::instant(until)), (":before", keys::instant(pending.due))],
        };
        self.heard(self.change(&pending.entry.id, change).await)
    }

    async fn told(&self, entries: &[Entry], now: Timestamp) -> Result<(), Fault> {
        let mut all = Ok(());
        for some in entries.chunks(TOLD_TOGETHER) {
            let each = some.iter().map(|entry| -> Work<'_, End<bool>> {
                let change = Change {
                    update: "SET #told = :told REMOVE #shard, #until",
                    // An item that is gone has been told long ago.
                    condition: "attribute_exists(#shard)",
                    names: &[("#told", TOLD_AT), ("#shard", OPEN_SHARD), ("#until", OPEN_UNTIL)],
                    values: vec![(":told", keys::instant(now))],
                };
                Box::pin(self.change(&entry.id, change))
            });
            for end in together(each.collect()).await {
                // The others are noted all the same: what is not comes once more.
                all = all.and(self.heard(end).map(|_| ()));
            }
        }
        all
    }

    async fn outlet(&self) -> Result<Outlet, Fault> {
        self.heard(self.kept_outlet().await.map_err(|trouble| (Fault::NotDone, trouble)))
    }

    async fn write_outlet(&self, outlet: &Outlet) -> Result<bool, Fault> {
        self.heard(self.replace_outlet(outlet).await)
    }
}
