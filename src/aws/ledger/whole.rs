//! Documents with all that stands in them: members that this release does not know are kept as they are, for the newer one
//! that wrote them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::domain::unread::Unread;

/// A document of which some members may be a newer release's.
pub(super) trait Known: Serialize + DeserializeOwned {
    /// The names of all members that this release knows.
    const MEMBERS: &'static [&'static str];
}

/// The document, and what else stands there. A member that is there twice is an error if this release knows it.
pub(super) fn read<D: Known>(text: &str) -> serde_json::Result<(D, Unread)> {
    let known = serde_json::from_str(text)?;
    let all: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text)?;
    let others = all.into_iter().filter(|(name, _)| !D::MEMBERS.contains(&name.as_str()));
    Ok((known, others.map(|(name, value)| (name, value.get().to_owned())).collect()))
}

/// The document with what else stands there.
pub(super) fn written<D: Known>(known: &D, unread: &Unread) -> String {
    #[derive(Serialize)]
    struct Whole<'a, D> {
        #[serde(flatten)]
        known: &'a D,
        #[serde(flatten)]
        unread: BTreeMap<&'a str, Box<RawValue>>,
    }
    // What was read is JSON.
    let others = unread
        .iter()
        .filter_map(|(name, text)| Some((name.as_str(), RawValue::from_string(text.clone()).ok()?)));
    // Strings, numbers and lists always become JSON; a reader would refuse the empty text.
    serde_json::to_string(&Whole { known, unread: others.collect() }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Document {
        number: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    }

    impl Known for Document {
        const MEMBERS: &'static [&'static str] = &["number", "note"];
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>()
                .prop_filter("JSON knows no other", |number| number.is_finite())
                .prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|of| Value::Object(of.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_not_known_is_written_as_it_was_read(
            number in any::<u64>(),
            note in proptest::option::of(any::<String>()),
            mut others in proptest::collection::btree_map(any::<String>(), value(), 0..5),
        ) {
            others.retain(|name, _| !Document::MEMBERS.contains(&name.as_str()));
            let unread: Unread = others.iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
            let document = Document { number, note };
            let text = written(&document, &unread);
            let (known, found) = read::<Document>(&text).unwrap();
            prop_assert_eq!(known, document);
            prop_assert_eq!(found, unread);
            let whole: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
            prop_assert!(others.iter().all(|(name, _)| whole.contains_key(name)));
        }
    }

    #[test]
    fn numbers_and_order_within_are_not_touched() {
        let text = r#"{"later":{"z":1.0,"a":10000000000000000000000001,"b":1e400},"number":1}"#;
        let (known, unread) = read::<Document>(text).unwrap();
        assert_eq!(unread["later"], r#"{"z":1.0,"a":10000000000000000000000001,"b":1e400}"#);
        assert!(
            written(&known, &unread)
                .ends_with(r#""later":{"z":1.0,"a":10000000000000000000000001,"b":1e400}}"#)
        );
    }

    #[test]
    fn what_is_no_document_is_an_error() {
        for text in ["", "1", "[]", "{}", r#"{"number":1,"number":2}"#, r#"{"number":1,"later":}"#] {
            assert!(read::<Document>(text).is_err(), "{text}");
        }
        let (_, unread) = read::<Document>(&json!({ "number": 1, "note": null }).to_string()).unwrap();
        assert!(unread.is_empty());
    }
}
