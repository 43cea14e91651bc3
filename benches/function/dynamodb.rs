//! As much of DynamoDB as lets a function get through an event: what is put is there afterwards, and every condition holds.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The items of one table, by their keys, and what they were charged for.
#[derive(Debug, Default)]
pub struct Table {
    items: BTreeMap<(String, String), Map<String, Value>>,
    pub units: Units,
}

/// Request units, as DynamoDB counts them
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html>), by the sizes of items as
/// JSON, which are a little above the real ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Units {
    pub read: u64,
    pub write: u64,
}

/// What a transaction costs more than its parts.
const TRANSACTION: u64 = 2;
/// The attribute by which an item is in the index.
const INDEXED: &str = "open-shard";

impl Table {
    /// The answer to an operation; none where it is not known.
    pub fn answer(&mut self, operation: &str, request: &Value) -> Option<Value> {
        match operation {
            "BatchGetItem" => {
                let (table, wanted) = request["RequestItems"].as_object()?.iter().next()?;
                let keys = wanted["Keys"].as_array()?.iter().filter_map(key);
                let found: Vec<_> = keys.map(|key| self.items.get(&key)).collect();
                let units =
                    |item: Option<&Map<String, Value>>| item.map_or(1, |item| size(item).div_ceil(4096));
                self.units.read += found.iter().copied().map(units).sum::<u64>();
                let found: Vec<_> = found.into_iter().flatten().collect();
                Some(json!({ "Responses": { table: found }, "UnprocessedKeys": {} }))
            }
            "PutItem" => {
                self.put(request, 1);
                Some(json!({}))
            }
            "UpdateItem" => Some(json!({ "Attributes": self.update(request, 1) })),
            "TransactWriteItems" => {
                for item in request["TransactItems"].as_array()? {
                    if let Some(put) = item.get("Put") {
                        self.put(put, TRANSACTION);
                    } else if let Some(update) = item.get("Update") {
                        self.update(update, TRANSACTION);
                    } else if let Some(check) = item.get("ConditionCheck") {
                        let checked = key(&check["Key"]).and_then(|key| self.items.get(&key));
                        self.units.write += TRANSACTION * checked.map_or(1, |item| size(item).div_ceil(1024));
                    }
                }
                Some(json!({}))
            }
            "Query" => Some(json!({ "Items": [], "Count": 0, "ScannedCount": 0 })),
            _ => None,
        }
    }

    fn put(&mut self, request: &Value, times: u64) {
        let item = &request["Item"];
        if let (Some(key), Some(item)) = (key(item), item.as_object()) {
            let before = self.items.insert(key, item.clone());
            self.charge(before.as_ref(), item, times);
        }
    }

    fn charge(&mut self, before: Option<&Map<String, Value>>, after: &Map<String, Value>, times: u64) {
        let entry = |item: Option<&Map<String, Value>>| {
            let item = item?;
            Some((item.get(INDEXED)?.clone(), item.get("open-until").cloned()))
        };
        let (was, is) = (entry(before), entry(Some(after)));
        // An entry that moves is taken out and put in again.
        let index = if was == is { 0 } else { u64::from(was.is_some()) + u64::from(is.is_some()) };
        let largest = size(after).max(before.map_or(0, size));
        self.units.write += times * largest.div_ceil(1024) + index;
    }

    /// Carries out `SET` and `ADD`, of which `if_not_exists`, sums and differences are known.
    fn update(&mut self, request: &Value, times: u64) -> Value {
        let Some(key) = key(&request["Key"]) else { return json!({}) };
        let before = self.items.get(&key).cloned();
        let mut item = before.clone().unwrap_or_default();
        if let Some(own) = request["Key"].as_object() {
            item.extend(own.clone());
        }
        let expression = request["UpdateExpression"].as_str().unwrap_or_default();
        let (set, add) = expression.split_once("ADD ").unwrap_or((expression, ""));
        let mut changed = Vec::new();
        for assignment in clauses(set.trim_start_matches("SET ")) {
            let (left, right) = assignment.split_once(" = ").unwrap_or_default();
            changed.push((name(request, left), sum(request, &item, right)));
        }
        for addition in clauses(add) {
            let (left, right) = addition.split_once(' ').unwrap_or_default();
            changed.push((
                name(request, left),
                sum(request, &item, &format!("if_not_exists({left}, :0) + {right}")),
            ));
        }
        item.extend(changed.into_iter().filter_map(|(name, value)| Some((name, value?))));
        self.charge(before.as_ref(), &item, times);
        self.items.insert(key, item.clone());
        Value::Object(item)
    }
}

/// What commas outside of brackets separate.
fn clauses(text: &str) -> Vec<&str> {
    let (mut depth, mut from, mut clauses) = (0, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                clauses.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    clauses.push(text[from..].trim());
    clauses.retain(|clause| !clause.is_empty());
    clauses
}

fn name(request: &Value, text: &str) -> String {
    request["ExpressionAttributeNames"][text].as_str().unwrap_or(text).to_owned()
}

fn sum(request: &Value, item: &Map<String, Value>, text: &str) -> Option<Value> {
    let (left, sign, right) = match (text.split_once(" + "), text.split_once(" - ")) {
        (Some((left, right)), _) => (left, 1, right),
        (None, Some((left, right))) => (left, -1, right),
        (None, None) => return term(request, item, text),
    };
    let sum = number(&term(request, item, left)?)? + sign * number(&term(request, item, right)?)?;
    Some(json!({ "N": sum.to_string() }))
}

fn term(request: &Value, item: &Map<String, Value>, text: &str) -> Option<Value> {
    let text = text.trim();
    if let Some(either) = text.strip_prefix("if_not_exists(").and_then(|rest| rest.strip_suffix(')')) {
        let (first, second) = either.split_once(',')?;
        return term(request, item, first).or_else(|| term(request, item, second));
    }
    if text == ":0" {
        return Some(json!({ "N": "0" }));
    }
    let value = request["ExpressionAttributeValues"].get(text).cloned();
    value.or_else(|| item.get(&name(request, text)).cloned())
}

fn size(item: &Map<String, Value>) -> u64 {
    let value = |value: &Value| {
        value.as_object().and_then(|typed| typed.values().next()?.as_str()).map_or(1, str::len)
    };
    item.iter().map(|(name, of)| (name.len() + value(of)) as u64).sum()
}

fn key(item: &Value) -> Option<(String, String)> {
    let text = |name: &str| item[name]["S"].as_str().map(str::to_owned);
    Some((text("pk")?, text("sk")?))
}

fn number(value: &Value) -> Option<i64> {
    value["N"].as_str()?.parse().ok()
}
