//! A window of failures in the table: one attribute for each pipeline, so that a failure is noted by one update, whoever
//! notes another at the same moment.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::{SignedDuration, Timestamp};

use super::attempts::{Attempt, persist};
use super::item::{Damaged, EXPIRES, Item, PARTITION, SCHEMA, SORT};
use super::layout::LAYOUT;
use super::record::instant;
use super::write::{End, once, unanswered};
use super::{DynamoLedger, Trouble, keys};
use crate::domain::ids::PipelineName;
use crate::domain::storm::{Note, Window, WindowKey};

/// What the attributes of pipelines begin with.
const PIPELINE: &str = "pipeline:";
/// How many pipelines there are, for the condition of the next note.
const NOTED: &str = "noted";
/// Distinct pipelines that make a storm, by the policy of the last note.
const FAILURES: &str = "failures";

const UPDATE: &str = "UpdateItem";

/// How long a window is kept after it is over.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// A window as it is on record, for people: with the policy's number as of the last note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptWindow {
    /// Which.
    pub key: WindowKey,
    /// What failed in it.
    pub window: Window,
    /// Distinct pipelines that make a storm.
    pub failures: u32,
}

/// What failed in a window.
pub(super) fn window(item: &Item) -> Result<Window, Damaged> {
    item.check_layout()?;
    let failures: BTreeMap<PipelineName, Timestamp> = (item.names())
        .filter_map(|name| Some((name, name.strip_prefix(PIPELINE)?)))
        .map(|(attribute, name)| {
            let at = instant(item.string(attribute)?);
            (PipelineName::parse(name).ok().zip(at))
                .ok_or_else(|| item.damaged("notes a pipeline or an instant that is none"))
        })
        .collect::<Result<_, _>>()?;
    if item.integer(NOTED)?.and_then(|noted| usize::try_from(noted).ok()) != Some(failures.len()) {
        return Err(item.damaged(format!("has another number of pipelines than `{NOTED}` says")));
    }
    Ok(Window { failures })
}

/// A window with all that is known of it.
pub(super) fn kept(item: &Item) -> Result<KeptWindow, Damaged> {
    let key = keys::window_of(&item.key().sort)
        .ok_or_else(|| item.damaged("has a sort key that names no window"))?;
    let failures = (item.integer(FAILURES)?.and_then(|failures| u32::try_from(failures).ok()))
        .ok_or_else(|| item.damaged(format!("has no count in `{FAILURES}`")))?;
    Ok(KeptWindow { key, window: window(item)?, failures })
}

impl DynamoLedger {
    /// Notes a failure. Sent twice it is done once: the second finds the pipeline there.
    pub(super) async fn add_failure(&self, note: &Note) -> End<Window> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let number = |number: i64| AttributeValue::N(number.to_string());
        let keys::Key { partition, sort } = keys::window(note.key);
        let most = i64::try_from(note.most()).unwrap_or(i64::MAX);
        let over_at = note.key.start_ms.saturating_add(note.key.within_ms) / 1_000;
        let update = (self.dynamodb().update_item())
            .table_name(&self.table)
            .key(PARTITION, AttributeValue::S(partition))
            .key(SORT, AttributeValue::S(sort))
            .update_expression(
                "SET #pipeline = :at, #failures = :failures, #schema = :layout, #expires = :expires \
                 ADD #noted :one",
            )
            .condition_expression(
                "attribute_not_exists(#pk) \
                 OR #schema = :layout AND attribute_not_exists(#pipeline) AND #noted < :most",
            )
            .expression_attribute_names("#pk", PARTITION)
            .expression_attribute_names("#pipeline", format!("{PIPELINE}{}", note.pipeline))
            .expression_attribute_names("#failures", FAILURES)
            .expression_attribute_names("#schema", SCHEMA)
            .expression_attribute_names("#expires", EXPIRES)
            .expression_attribute_names("#noted", NOTED)
            .expression_attribute_values(":at", text(&note.at.to_string()))
            .expression_attribute_values(":failures", number(i64::from(note.failures)))
            .expression_attribute_values(":layout", number(LAYOUT))
            .expression_attribute_values(":expires", number(over_at.saturating_add(KEPT.as_secs())))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":most", number(most))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        persist(|_| {
            let update = update.clone().customize().config_override(once());
            async move {
                let shown = match update.send().await {
                    Ok(done) => done.attributes().map(Item::of),
                    Err(error) => match error.as_service_error() {
                        Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                            refused.item().map(Item::of)
                        }
                        _ => return unanswered(UPDATE, &error),
                    },
                };
                // Who does not show the window does not say that it is empty.
                match shown.map(|item| window(&item)) {
                    Some(Ok(window)) => Attempt::Answered(window),
                    Some(Err(damaged)) => Attempt::Refused(damaged.into()),
                    None => Attempt::Unheard(Trouble::Unheard(UPDATE)),
                }
            }
        })
        .await
    }
}
