//! Items of the table as DynamoDB's JSON, and back.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value, json};

/// Attributes by name.
pub type Attributes = BTreeMap<String, AttributeValue>;

/// An item as the SDK has it.
pub fn of<'a>(item: impl IntoIterator<Item = (&'a String, &'a AttributeValue)>) -> Attributes {
    item.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

pub fn written(item: &Attributes) -> Value {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(digits) => json!({ "N": digits }),
        AttributeValue::Bool(flag) => json!({ "BOOL": flag }),
        other => panic!("no item has {other:?}"),
    };
    Value::Object(item.iter().map(|(name, of)| (name.clone(), value(of))).collect::<Map<_, _>>())
}

pub fn read(item: &Value) -> Attributes {
    let value = |value: &Value| {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let flag = value.get("BOOL").and_then(Value::as_bool);
        (text("S").map(AttributeValue::S))
            .or(text("N").map(AttributeValue::N))
            .or(flag.map(AttributeValue::Bool))
            .unwrap_or_else(|| panic!("no attribute is {value}"))
    };
    let attributes = item.as_object().unwrap().iter();
    attributes.map(|(name, of)| (name.clone(), value(of))).collect()
}
