//! The template as data: as CloudFormation gets it, with its functions worked out for given parameters. It knows the
//! functions and the resources that this template uses, and stops at any other.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::process::{Folder, command, succeed};

pub const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/template.yaml");

/// Where the stack is deployed.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub partition: &'a str,
    pub account: &'a str,
    pub region: &'a str,
}

pub const HOME: Place<'static> = Place { partition: "aws", account: "111122223333", region: "eu-central-1" };

/// The template as CloudFormation gets it, functions and all.
pub fn translated() -> Value {
    translated_from(TEMPLATE)
}

/// The same of another template.
pub fn translated_from(file: &str) -> Value {
    let home = Folder::new("template");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/translate.py");
    let mut python = command("sam/bin/python", home.path());
    serde_json::from_str(&succeed(python.args([script, file]))).unwrap()
}

/// The resources of the translated template, worked out.
pub fn resources(template: &Value, place: Place<'_>, parameters: &[(&str, &str)]) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    for (name, definition) in template["Parameters"].as_object().unwrap() {
        let given = parameters.iter().find(|(given, _)| given == name).map(|(_, value)| json!(value));
        values.insert(name.clone(), given.unwrap_or_else(|| definition["Default"].clone()));
    }
    for (name, _) in parameters {
        assert!(values.contains_key(*name), "the template has no parameter `{name}`");
    }
    let all = template["Resources"].as_object().unwrap();
    let conditions = template["Conditions"].as_object().unwrap();
    let resolver = Resolver { place, parameters: values, resources: all, conditions };
    let is_made = |resource: &Value| {
        resource.get("Condition").is_none_or(|condition| resolver.holds(condition.as_str().unwrap()))
    };
    (all.iter().filter(|(_, resource)| is_made(resource)))
        .map(|(name, resource)| (name.clone(), resolver.value(resource)))
        .collect()
}

/// What stands where CloudFormation leaves a member out.
fn is_no_value(value: &Value) -> bool {
    *value == json!({ "Ref": "AWS::NoValue" })
}

/// Every policy that permits or refuses something, with a name for it. What says who may use a role is none.
pub fn policies_of(resources: &BTreeMap<String, Value>) -> Vec<(String, Value)> {
    let mut policies = Vec::new();
    for (name, resource) in resources {
        let properties = &resource["Properties"];
        for policy in properties["Policies"].as_array().into_iter().flatten() {
            let of_role = format!("{name}/{}", policy["PolicyName"].as_str().unwrap());
            policies.push((of_role, policy["PolicyDocument"].clone()));
        }
        if let Some(policy) = properties.get("PolicyDocument") {
            policies.push((name.clone(), policy.clone()));
        }
    }
    policies
}

struct Resolver<'a> {
    place: Place<'a>,
    parameters: BTreeMap<String, Value>,
    resources: &'a Map<String, Value>,
    conditions: &'a Map<String, Value>,
}

impl Resolver<'_> {
    fn value(&self, value: &Value) -> Value {
        match value {
            Value::Object(object) => {
                if let Some((name, argument)) = object.iter().next().filter(|_| object.len() == 1)
                    && (name.starts_with("Fn::") || name == "Ref")
                {
                    return self.function(name, argument);
                }
                let members = object.iter().map(|(name, value)| (name.clone(), self.value(value)));
                members.filter(|(_, value)| !is_no_value(value)).collect()
            }
            Value::Array(items) => {
                items.iter().map(|item| self.value(item)).filter(|item| !is_no_value(item)).collect()
            }
            plain => plain.clone(),
        }
    }

    fn holds(&self, condition: &str) -> bool {
        self.value(&self.conditions[condition]).as_bool().unwrap()
    }

    fn text(&self, value: &Value) -> String {
        match self.value(value) {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            other => panic!("`{other}` is no text"),
        }
    }

    fn function(&self, name: &str, argument: &Value) -> Value {
        match name {
            "Ref" => self.reference(argument.as_str().unwrap()),
            "Fn::If" => {
                let holds = self.holds(argument[0].as_str().unwrap());
                let chosen = &argument[if holds { 1 } else { 2 }];
                if is_no_value(chosen) { chosen.clone() } else { self.value(chosen) }
            }
            "Fn::Equals" => json!(self.text(&argument[0]) == self.text(&argument[1])),
            "Fn::Or" => {
                let is_so = |part: &Value| match part.get("Condition").and_then(Value::as_str) {
                    Some(condition) => self.holds(condition),
                    None => self.value(part).as_bool().unwrap(),
                };
                json!(argument.as_array().unwrap().iter().any(is_so))
            }
            "Fn::Not" => json!(!self.value(&argument[0]).as_bool().unwrap()),
            "Fn::GetAtt" => self.attribute(argument[0].as_str().unwrap(), argument[1].as_str().unwrap()),
            "Fn::Sub" => match argument {
                Value::String(text) => self.substituted(text, &Value::Null),
                parts => self.substituted(parts[0].as_str().unwrap(), &parts[1]),
            },
            "Fn::Split" => {
                let text = self.text(&argument[1]);
                text.split(argument[0].as_str().unwrap()).collect()
            }
            "Fn::Select" => {
                let index = self.text(&argument[0]).parse::<usize>().unwrap();
                self.value(&argument[1])[index].clone()
            }
            _ => panic!("`{name}` is not known here"),
        }
    }

    fn substituted(&self, text: &str, variables: &Value) -> Value {
        let mut pieces = text.split("${");
        let mut result = pieces.next().unwrap().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('}').unwrap();
            // What is written `${!name}` stays as `${name}`.
            if let Some(literal) = name.strip_prefix('!') {
                result.push_str("${");
                result.push_str(literal);
                result.push('}');
                result.push_str(rest);
                continue;
            }
            let value = match (variables.get(name), name.split_once('.')) {
                (Some(value), _) => self.text(value),
                (None, Some((resource, attribute))) => self.text(&self.attribute(resource, attribute)),
                (None, None) => self.text(&self.reference(name)),
            };
            result.push_str(&value);
            result.push_str(rest);
        }
        Value::String(result)
    }

    fn reference(&self, name: &str) -> Value {
        let Place { partition, account, region } = self.place;
        match name {
            "AWS::Partition" => json!(partition),
            "AWS::AccountId" => json!(account),
            "AWS::Region" => json!(region),
            "AWS::StackName" => json!("retrier"),
            "AWS::URLSuffix" if partition == "aws-cn" => json!("amazonaws.com.cn"),
            "AWS::URLSuffix" => json!("amazonaws.com"),
            _ => match self.parameters.get(name) {
                Some(value) => value.clone(),
                None => json!(self.physical_name(name)),
            },
        }
    }

    fn kind(&self, resource: &str) -> &str {
        let definition = self.resources.get(resource);
        definition.unwrap_or_else(|| panic!("there is no resource `{resource}`"))["Type"].as_str().unwrap()
    }

    fn physical_name(&self, resource: &str) -> String {
        let Place { account, region, .. } = self.place;
        match self.kind(resource) {
            "AWS::SQS::Queue" => format!("https://sqs.{region}.amazonaws.com/{account}/{resource}"),
            "AWS::SNS::Topic" => format!("arn:{}:sns:{region}:{account}:{resource}", self.place.partition),
            _ => resource.to_owned(),
        }
    }

    fn attribute(&self, resource: &str, attribute: &str) -> Value {
        if attribute == "QueueName" {
            return json!(resource);
        }
        assert_eq!(attribute, "Arn", "of `{resource}`");
        let Place { partition, account, region } = self.place;
        json!(match self.kind(resource) {
            "AWS::SQS::Queue" => format!("arn:{partition}:sqs:{region}:{account}:{resource}"),
            "AWS::DynamoDB::Table" => format!("arn:{partition}:dynamodb:{region}:{account}:table/{resource}"),
            "AWS::Events::Rule" => format!("arn:{partition}:events:{region}:{account}:rule/{resource}"),
            "AWS::Events::EventBus" =>
                format!("arn:{partition}:events:{region}:{account}:event-bus/{resource}"),
            "AWS::IAM::Role" => format!("arn:{partition}:iam::{account}:role/{resource}"),
            "AWS::Logs::LogGroup" =>
                format!("arn:{partition}:logs:{region}:{account}:log-group:{resource}:*"),
            "AWS::Lambda::Function" => {
                format!("arn:{partition}:lambda:{region}:{account}:function:{resource}")
            }
            "AWS::CloudWatch::Alarm" =>
                format!("arn:{partition}:cloudwatch:{region}:{account}:alarm:{resource}"),
            "AWS::KMS::Key" => format!("arn:{partition}:kms:{region}:{account}:key/{resource}"),
            "AWS::Scheduler::ScheduleGroup" => {
                format!("arn:{partition}:scheduler:{region}:{account}:schedule-group/{resource}")
            }
            kind => panic!("`{resource}` is of kind `{kind}`, whose ARN is not known here"),
        })
    }
}
