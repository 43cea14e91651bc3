//! Pipelines as their owners declare them: those that came over the wire as they came, all others written from the
//! world's definition.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::shown::action_type;
use crate::domain::ids::{ActionName, PipelineName, StageName};
use crate::domain::pipeline::ChangeSetPart;
use crate::emulator::codepipeline::{
    ActionDefinition, BeforeEntry, OnSuccess, PipelineDefinition, StageDefinition,
};
use crate::emulator::world::Place;

/// Declarations by pipeline and version.
#[derive(Debug, Default)]
pub struct Declarations(BTreeMap<(PipelineName, u32), Value>);

impl Declarations {
    /// Keeps a declaration as it came.
    pub fn keep(&mut self, name: &PipelineName, version: u32, declaration: Value) {
        self.0.insert((name.clone(), version), declaration);
    }

    /// Forgets all versions of a pipeline.
    pub fn forget(&mut self, name: &PipelineName) {
        self.0.retain(|(known, _), _| known != name);
    }

    /// The declaration of a version.
    pub fn of(&self, place: &Place, version: u32, definition: &PipelineDefinition) -> Value {
        let given = self.0.get(&(definition.name.clone(), version));
        given.cloned().unwrap_or_else(|| written(place, version, definition))
    }

    /// One action of it.
    pub fn action(
        &self,
        place: &Place,
        version: u32,
        definition: &PipelineDefinition,
        stage: &StageName,
        action: &ActionName,
    ) -> Option<Value> {
        let declaration = self.of(place, version, definition);
        let stage = named(declaration.get("stages")?, stage.as_str())?;
        named(stage.get("actions")?, action.as_str()).cloned()
    }
}

fn named<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    list.as_array()?.iter().find(|entry| entry.get("name").and_then(Value::as_str) == Some(name))
}

fn written(place: &Place, version: u32, definition: &PipelineDefinition) -> Value {
    let Place { partition, account, region } = place;
    let name = &definition.name;
    let stages: Vec<Value> = definition.stages.iter().map(|stage| written_stage(name, stage)).collect();
    json!({
        "name": name.as_str(),
        "roleArn": format!("arn:{partition}:iam::{account}:role/{name}"),
        "artifactStore": { "type": "S3", "location": format!("codepipeline-{region}-{account}") },
        "stages": stages,
        "version": version,
        "executionMode": definition.mode.as_str(),
        "pipelineType": definition.pipeline_type.as_str(),
    })
}

fn written_stage(pipeline: &PipelineName, stage: &StageDefinition) -> Value {
    let actions: Vec<Value> = stage.actions.iter().map(|action| written_action(pipeline, action)).collect();
    let mut members = Map::from_iter([
        ("name".to_owned(), json!(stage.name.as_str())),
        ("actions".to_owned(), json!(actions)),
    ]);
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    if let Some(mode) = stage.native_retry {
        let configuration = json!({ "retryMode": mode.as_str() });
        put("onFailure", json!({ "result": "RETRY", "retryConfiguration": configuration }));
    } else if stage.on_failure_rollback {
        put("onFailure", json!({ "result": "ROLLBACK" }));
    }
    match stage.before_entry {
        BeforeEntry::Pass => {}
        BeforeEntry::Fail => _ = put("beforeEntry", condition("FAIL")),
        BeforeEntry::Skip => _ = put("beforeEntry", condition("SKIP")),
    }
    if stage.on_success == OnSuccess::Fail {
        put("onSuccess", condition("FAIL"));
    }
    Value::Object(members)
}

/// A condition with a rule that says no more than that there is one.
fn condition(result: &str) -> Value {
    let kind = json!({ "category": "Rule", "owner": "AWS", "provider": "LambdaInvoke", "version": "1" });
    let rules = json!([{ "name": "scripted", "ruleTypeId": kind }]);
    json!({ "conditions": [{ "result": result, "rules": rules }] })
}

fn written_action(pipeline: &PipelineName, action: &ActionDefinition) -> Value {
    let mut declared = json!({
        "name": action.name.as_str(),
        "actionTypeId": action_type(action.category, &action.provider),
        "runOrder": action.run_order,
        "configuration": configuration(pipeline, action),
        "outputArtifacts": [],
        "inputArtifacts": [],
    });
    if let (Some(region), Some(members)) = (&action.region, declared.as_object_mut()) {
        members.insert("region".to_owned(), json!(region.as_str()));
    }
    declared
}

/// Names follow the pipeline's and the action's, as the ids of builds and deployments do.
fn configuration(pipeline: &PipelineName, action: &ActionDefinition) -> Value {
    let (stack, name) = (action.stack_name(pipeline), action.name.as_str());
    match (&action.change_set, action.provider.as_str()) {
        (Some(ChangeSetPart::Makes(set)), _) => {
            json!({ "ActionMode": "CHANGE_SET_REPLACE", "ChangeSetName": set.name, "StackName": stack })
        }
        (Some(ChangeSetPart::Executes(set)), _) => {
            json!({ "ActionMode": "CHANGE_SET_EXECUTE", "ChangeSetName": set.name, "StackName": stack })
        }
        (None, "CloudFormation") => json!({ "ActionMode": "CREATE_UPDATE", "StackName": stack }),
        (None, "CodeBuild") => json!({ "ProjectName": name }),
        (None, "CodeDeploy") => json!({ "ApplicationName": pipeline.as_str(), "DeploymentGroupName": name }),
        (None, "Lambda") => json!({ "FunctionName": name }),
        _ => json!({}),
    }
}
