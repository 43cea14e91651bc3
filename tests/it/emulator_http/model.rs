//! AWS's service model, and what it says of a value. It knows no operation of its own.

use serde_json::{Map, Value, json};

use super::tools::service_model;

/// A shape of a service's model.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    shapes: &'static Value,
    own: &'static Value,
}

/// The service that an operation belongs to, and what it calls it.
fn service_of(name: &str) -> (&'static str, &str) {
    match name.split_once('.') {
        None => ("codepipeline", name),
        Some(("AmazonSSM", name)) => ("ssm", name),
        Some(("CodeBuild_20161006", name)) => ("codebuild", name),
        Some(("Logs_20140328", name)) => ("logs", name),
        Some(("CodeDeploy_20141006", name)) => ("codedeploy", name),
        Some(("CloudFormation_20100515", name)) => ("cloudformation", name),
        Some(_) => panic!("`{name}` is of no service that is known"),
    }
}

/// Input and output of an operation; some have no output. An operation of another service than CodePipeline goes by its
/// whole target.
pub fn operation(name: &str) -> (Shape, Option<Shape>) {
    let (service, own) = service_of(name);
    let model = service_model(service);
    let operation = &model["operations"][own];
    let shape = |of: &str| operation[of]["shape"].as_str().map(|shape| Shape::named(&model["shapes"], shape));
    (shape("input").unwrap_or_else(|| panic!("the model has no `{name}`")), shape("output"))
}

/// The exceptions that an operation may answer with.
pub fn exceptions(name: &str) -> Vec<&'static str> {
    let (service, own) = service_of(name);
    let errors = service_model(service)["operations"][own]["errors"].as_array();
    errors.into_iter().flatten().map(|error| error["shape"].as_str().unwrap()).collect()
}

impl Shape {
    fn named(shapes: &'static Value, name: &str) -> Self {
        Self { shapes, own: &shapes[name] }
    }

    pub fn kind(self) -> &'static str {
        self.own["type"].as_str().unwrap()
    }

    pub fn members(self) -> impl Iterator<Item = (&'static str, Shape)> {
        let members: Option<&Map<String, Value>> = self.own["members"].as_object();
        members.into_iter().flatten().map(move |(name, of)| (name.as_str(), self.of(of)))
    }

    fn of(self, reference: &Value) -> Self {
        Self::named(self.shapes, reference["shape"].as_str().unwrap())
    }

    pub fn item(self) -> Self {
        self.of(&self.own["member"])
    }

    pub fn key_and_value(self) -> (Self, Self) {
        (self.of(&self.own["key"]), self.of(&self.own["value"]))
    }

    pub fn requires(self, member: &str) -> bool {
        self.own["required"].as_array().is_some_and(|all| all.iter().any(|name| name == member))
    }

    pub fn limit(self, which: &str) -> Option<i64> {
        self.own[which].as_i64()
    }

    pub fn pattern(self) -> Option<&'static str> {
        self.own["pattern"].as_str()
    }

    pub fn choices(self) -> Option<Vec<&'static str>> {
        Some(self.own["enum"].as_array()?.iter().map(|name| name.as_str().unwrap()).collect())
    }

    /// A value that the shape takes, with every member, of the least length.
    pub fn sample(self) -> Value {
        match self.kind() {
            "structure" => self.members().map(|(name, of)| (name.to_owned(), of.sample())).collect(),
            "list" => json!([self.item().sample()]),
            "map" => {
                let (key, value) = self.key_and_value();
                json!({ key.sample().as_str().unwrap(): value.sample() })
            }
            "integer" | "long" => json!(self.limit("min").unwrap_or(1)),
            "boolean" => json!(true),
            "string" => match (self.choices(), self.pattern()) {
                (Some(choices), _) => json!(choices[0]),
                (None, Some(pattern)) => json!(fitting(pattern)),
                (None, None) => json!("aaaa"),
            },
            kind => panic!("no sample of {kind}"),
        }
    }

    /// What is wrong with a value.
    pub fn objections(self, value: &Value, path: &str, found: &mut Vec<String>) {
        let mut object = |is_wrong: bool, what: String| {
            if is_wrong {
                found.push(format!("{path}: {what}: {value}"));
            }
        };
        let above =
            |length: usize| self.limit("max").is_some_and(|most| length > usize::try_from(most).unwrap());
        let below =
            |length: usize| self.limit("min").is_some_and(|least| length < usize::try_from(least).unwrap());
        match (self.kind(), value) {
            ("structure", Value::Object(given)) => {
                for (name, of) in self.members() {
                    match given.get(name) {
                        Some(value) => of.objections(value, &format!("{path}.{name}"), found),
                        None if self.requires(name) => found.push(format!("{path}: no {name}")),
                        None => {}
                    }
                }
                for name in given.keys() {
                    if !self.members().any(|(known, _)| known == name) {
                        found.push(format!("{path}: no member `{name}` in the model"));
                    }
                }
            }
            ("list", Value::Array(values)) => {
                object(above(values.len()) || below(values.len()), "length".to_owned());
                for value in values {
                    self.item().objections(value, &format!("{path}[]"), found);
                }
            }
            ("map", Value::Object(entries)) => {
                let (_, of) = self.key_and_value();
                for (name, value) in entries {
                    of.objections(value, &format!("{path}.{name}"), found);
                }
            }
            ("integer" | "long", Value::Number(number)) => {
                let whole = number.as_i64().unwrap();
                object(self.limit("min").is_some_and(|least| whole < least), "too small".to_owned());
            }
            ("timestamp", Value::Number(_)) | ("boolean", Value::Bool(_)) => {}
            // As XML has it.
            ("timestamp", Value::String(text)) => {
                object(text.parse::<jiff::Timestamp>().is_err(), "instant".to_owned());
            }
            ("string", Value::String(text)) => {
                object(above(text.chars().count()) || below(text.chars().count()), "length".to_owned());
                let choices = self.choices();
                object(choices.is_some_and(|known| !known.contains(&text.as_str())), "choice".to_owned());
                if self.pattern().is_some_and(|pattern| pattern.contains("{8}")) {
                    object(text.len() != 36, "not a UUID".to_owned());
                }
            }
            (kind, _) => object(true, format!("not a {kind}")),
        }
    }
}

/// A text that a pattern of the model takes.
fn fitting(pattern: &str) -> &'static str {
    match pattern {
        uuid if uuid.contains("{8}") => "3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41",
        role if role.contains(":iam::") => "arn:aws:iam::111122223333:role/pipeline",
        arn if arn.starts_with("arn:") => "arn:aws:codepipeline:eu-central-1:111122223333:web",
        _ => "abc",
    }
}
