//! The JSON Schema of the policy file, for editors. It says less than the reader: names are not resolved.

/// The schema as JSON text (draft 2020-12).
pub const fn schema() -> &'static str {
    include_str!("policy.schema.json")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use serde_json::{Value as Json, json};

    use super::super::keys::{self, Keys};
    use super::super::node::{self, Node, ScalarKind, Value};
    use super::super::{classifiers, document, freezes, load_bytes, settings};
    use super::*;
    use crate::domain::notice::Occasion;

    fn parsed() -> Json {
        serde_json::from_str(schema()).unwrap()
    }

    fn to_json(node: &Node) -> Json {
        match &node.value {
            Value::Sequence(items) => items.iter().map(to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| {
                    let key = to_json(&entry.key);
                    (key.as_str().unwrap().to_owned(), to_json(&entry.value))
                })
                .collect(),
            Value::Scalar(scalar) => match scalar.kind {
                ScalarKind::Null => Json::Null,
                ScalarKind::Bool => json!(scalar.text.eq_ignore_ascii_case("true")),
                ScalarKind::Integer => json!(scalar.text.parse::<i64>().unwrap_or(i64::MAX)),
                ScalarKind::Float => json!(scalar.text.parse::<f64>().unwrap()),
                ScalarKind::Text => json!(scalar.text.as_ref()),
            },
        }
    }

    fn strings(json: &Json) -> BTreeSet<&str> {
        json.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
    }

    #[test]
    fn it_knows_exactly_the_keys_that_are_read() {
        let schema = parsed();
        let tables: [(&str, &Keys); 10] = [
            ("", &keys::POLICY),
            ("/properties/defaults", &keys::DEFAULTS),
            ("/$defs/rule", &keys::RULE),
            ("/$defs/match", &keys::MATCH),
            ("/$defs/classifier", &keys::CLASSIFIER),
            ("/$defs/classifier-match", &keys::CLASSIFIER_MATCH),
            ("/$defs/backoff", &keys::BACKOFF),
            ("/$defs/budget", &keys::BUDGET),
            ("/$defs/freeze", &keys::FREEZE),
            ("/properties/storm", &keys::STORM),
        ];
        for (place, keys) in tables {
            let map = schema.pointer(place).unwrap();
            let properties = map["properties"].as_object().unwrap();
            let described: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
            let read: BTreeSet<&str> = keys.all().collect();
            assert_eq!(described, read, "{place}");
            assert_eq!(map["additionalProperties"], json!(false), "{place}");
        }
    }

    #[test]
    fn it_knows_exactly_the_words_that_are_read() {
        fn names<T>(choices: &[(&'static str, T)]) -> BTreeSet<&'static str> {
            choices.iter().map(|(name, _)| *name).collect()
        }
        let schema = parsed();
        for (place, read) in [
            ("/$defs/mode", names(settings::MODES)),
            ("/$defs/retry-mode", names(settings::RETRY_MODES)),
            ("/$defs/parallel", names(settings::PARALLEL)),
            ("/$defs/evidence", names(settings::EVIDENCE)),
            ("/$defs/excerpts", names(settings::EXCERPTS)),
            ("/$defs/backoff/properties/jitter", names(settings::JITTERS)),
            ("/$defs/day", names(&freezes::DAYS)),
            ("/$defs/occasion", Occasion::ALL.into_iter().map(Occasion::as_str).collect()),
            ("/$defs/budget/properties/per", names(document::PERS)),
            ("/$defs/class", settings::class_names().collect()),
            ("/$defs/classifier/properties/class", classifiers::class_names().collect()),
        ] {
            assert_eq!(strings(&schema.pointer(place).unwrap()["enum"]), read, "{place}");
        }
    }

    #[test]
    fn its_defaults_are_the_built_in_ones() {
        let schema = parsed();
        let rules = json!([{ "name": "everything", "match": { "pipeline": "*" } }]);
        let defaults: serde_json::Map<_, _> = schema["properties"]["defaults"]["properties"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, property)| {
                let place = property["$ref"].as_str().unwrap().trim_start_matches('#');
                (key.clone(), schema.pointer(place).unwrap()["default"].clone())
            })
            .collect();
        let budgets = &schema["properties"]["budgets"]["default"];
        let given = json!({ "version": 1, "defaults": defaults, "budgets": budgets, "rules": rules });
        let absent = json!({ "version": 1, "rules": rules });
        let [given, absent] = [given, absent].map(|json| {
            let loaded = load_bytes("defaults", json.to_string().as_bytes());
            assert_eq!(loaded.diagnostics, []);
            loaded.policy.unwrap().rules
        });
        assert_eq!(given, absent);
    }

    #[test]
    fn it_accepts_every_good_policy() {
        let validator = jsonschema::draft202012::new(&parsed()).unwrap();
        for entry in fs::read_dir("tests/cases/policy/good").unwrap() {
            let path = entry.unwrap().path();
            let json = to_json(&node::parse(&fs::read_to_string(&path).unwrap()).unwrap());
            let errors: Vec<_> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
            assert_eq!(errors, Vec::<String>::new(), "{}", path.display());
        }
    }

    #[test]
    fn it_refuses_what_the_reader_refuses_for_its_form() {
        let validator = jsonschema::draft202012::new(&parsed()).unwrap();
        let beyond_a_schema = [
            "bad-regex",
            "bad-time-zone",
            "duplicate-classifier-name",
            "duplicate-key",
            "duplicate-rule-name",
            "shadowed-exclusion",
            "max-below-initial",
            "syntax",
            "out-of-range-freeze",
            "too-large-patterns",
            "unknown-budget",
            "unknown-freeze",
            "unreachable-rule",
            "unreachable-classifier",
            "unused-budget",
            "unused-classifier",
            "unused-freeze",
        ];
        for entry in fs::read_dir("tests/cases/policy/bad").unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            if beyond_a_schema.iter().any(|code| name.starts_with(code)) {
                continue;
            }
            match node::parse(&fs::read_to_string(&path).unwrap()) {
                Ok(node) => assert!(!validator.is_valid(&to_json(&node)), "{name}"),
                Err(finding) => assert_eq!(name, "too-large-nesting", "{finding:?}"),
            }
        }
    }
}
