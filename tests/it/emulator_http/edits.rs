//! Declarations that come over the wire: what of them a world acts on, and that all of them comes back.

use serde_json::{Value, json};

use codepipeline_retrier::domain::ids::PipelineName;
use codepipeline_retrier::emulator::faults::Faults;
use codepipeline_retrier::emulator::http::{Call, Reply, Service};
use codepipeline_retrier::emulator::world::SharedWorld;

use super::bench::{Bench, FAILS_ONCE, STARTS, shop};

fn declaration(bench: &Bench, name: &str) -> Value {
    bench.ok("GetPipeline", &json!({ "name": name }))["pipeline"].clone()
}

#[test]
fn what_is_declared_comes_back_whole() {
    let bench = Bench::new(&shop(FAILS_ONCE), "  []");
    let action = |category: &str, provider: &str, name: &str| {
        json!({
            "name": name, "actionTypeId": {
                "category": category, "owner": "ThirdParty", "provider": provider, "version": "2",
            },
            "runOrder": 3, "region": "us-east-1", "namespace": "Variables", "timeoutInMinutes": 10,
            "configuration": { "Branch": "main" }, "inputArtifacts": [], "outputArtifacts": [{ "name": "out" }],
        })
    };
    let declared = json!({
        "name": "web", "roleArn": "arn:aws:iam::111122223333:role/web", "executionMode": "QUEUED", "pipelineType": "V2",
        "artifactStore": { "type": "S3", "location": "bucket" },
        "stages": [
            { "name": "Source", "actions": [action("Source", "GitHub", "Fetch")] },
            {
                "name": "Test", "actions": [action("Test", "Jenkins", "Unit")],
                "onFailure": { "result": "RETRY", "retryConfiguration": { "retryMode": "ALL_ACTIONS" } },
            },
        ],
        "variables": [{ "name": "COLOUR", "defaultValue": "green" }],
        "triggers": [{
            "providerType": "CodeStarSourceConnection",
            "gitConfiguration": { "sourceActionName": "Fetch", "push": [{ "branches": { "includes": ["main"] } }] },
        }],
    });
    bench.ok("CreatePipeline", &json!({ "pipeline": declared }));
    let mut expected = declared;
    expected["version"] = json!(1);
    assert_eq!(declaration(&bench, "web"), expected);
    let input = json!({ "pipelineName": "web" });
    let runs = bench.ok("ListActionExecutions", &input)["actionExecutionDetails"].clone();
    let run = &runs[0]["input"];
    assert_eq!(run["actionTypeId"]["provider"], "GitHub");
    assert_eq!((&run["region"], &run["configuration"]["Branch"]), (&json!("us-east-1"), &json!("main")));
}

#[test]
fn what_the_service_fills_in_is_filled_in() {
    let bench = Bench::new(&shop(FAILS_ONCE), "  []");
    let kind = json!({ "category": "Source", "owner": "AWS", "provider": "S3", "version": "1" });
    let declared = json!({
        "name": "web", "roleArn": "arn:aws:iam::111122223333:role/web",
        "stages": [{ "name": "Source", "actions": [{ "name": "Fetch", "actionTypeId": kind }] }],
    });
    bench.ok("CreatePipeline", &json!({ "pipeline": declared }));
    let shown = declaration(&bench, "web");
    assert_eq!((&shown["executionMode"], &shown["pipelineType"]), (&json!("SUPERSEDED"), &json!("V1")));
    let action = &shown["stages"][0]["actions"][0];
    assert_eq!((&action["runOrder"], &action["inputArtifacts"]), (&json!(1), &json!([])));
}

#[test]
fn an_action_that_keeps_its_name_keeps_its_script() {
    let mut bench = Bench::new(&shop("[{ fail: { after: 10s } }]"), STARTS);
    bench.pass(60);
    let mut edited = declaration(&bench, "shop");
    edited["stages"][1]["actions"].as_array_mut().unwrap().remove(0);
    assert_eq!(bench.ok("UpdatePipeline", &json!({ "pipeline": edited }))["pipeline"]["version"], 2);
    bench.ok("StartPipelineExecution", &json!({ "name": "shop" }));
    bench.pass(60);
    let state = bench.ok("GetPipelineState", &json!({ "name": "shop" }));
    assert_eq!(state["pipelineVersion"], 2);
    assert_eq!(state["stageStates"][1]["latestExecution"]["status"], "Failed");
    assert_eq!(state["stageStates"][1]["actionStates"].as_array().unwrap().len(), 1);
}

#[test]
fn conditions_survive_an_edit() {
    let pipeline = shop("[{ succeed: 10s }]")
        .replace("name: Deploy,", "name: Deploy, before-entry: fail, on-success: fail,");
    let bench = Bench::new(&pipeline, "  []");
    let before = declaration(&bench, "shop");
    assert_eq!(before["stages"][2]["beforeEntry"]["conditions"][0]["result"], "FAIL");
    bench.ok("UpdatePipeline", &json!({ "pipeline": before }));
    bench.world().lock().pass(jiff::SignedDuration::ZERO);
    let world = bench.world().lock();
    let name = PipelineName::parse("shop").unwrap();
    let (version, after) = world.service.definition(&name, None).unwrap();
    let (_, original) = world.service.definition(&name, Some(1)).unwrap();
    assert_eq!(version, 2);
    assert_eq!(after, original);
}

#[test]
fn every_part_of_a_definition_survives_the_wire() {
    for (name, world) in crate::scenarios::worlds() {
        let mut definitions = Vec::new();
        for pipeline in world.service.list_pipelines() {
            definitions.push(world.service.definition(&pipeline, None).unwrap().1.clone());
        }
        let world = SharedWorld::new(world);
        world.lock().faults = Faults::default();
        let service = Service::new(world.clone());
        for before in definitions {
            let call = |operation: &str, input: Value| {
                let body = input.to_string();
                let now = world.now();
                let reply = service.call(Call {
                    operation,
                    body: body.as_bytes(),
                    caller: "test",
                    region: None,
                    now,
                });
                match reply {
                    Reply::Document(document) => document,
                    other => panic!("{name}: {other:?}"),
                }
            };
            let shown = call("GetPipeline", json!({ "name": before.name.as_str() }));
            call("UpdatePipeline", json!({ "pipeline": shown["pipeline"] }));
            let after = world.lock().service.definition(&before.name, None).unwrap().1.clone();
            assert_eq!(after, before, "{name}");
        }
    }
}

#[test]
fn a_deleted_pipeline_leaves_nothing_to_one_of_its_name() {
    let bench = Bench::new(&shop(FAILS_ONCE), STARTS);
    let mut declared = declaration(&bench, "shop");
    declared["stages"].as_array_mut().unwrap().pop();
    bench.ok("UpdatePipeline", &json!({ "pipeline": declared }));
    bench.ok("DeletePipeline", &json!({ "name": "shop" }));
    bench.ok("DeletePipeline", &json!({ "name": "shop" }));
    declared["stages"].as_array_mut().unwrap().pop();
    bench.ok("CreatePipeline", &json!({ "pipeline": declared }));
    let shown = declaration(&bench, "shop");
    assert_eq!((&shown["version"], shown["stages"].as_array().unwrap().len()), (&json!(1), 1));
    assert_eq!(
        bench.refused("CreatePipeline", &json!({ "pipeline": declared })),
        "PipelineNameInUseException"
    );
}

#[test]
fn a_structure_that_codepipeline_refuses_is_refused() {
    let bench = Bench::new(&shop(FAILS_ONCE), "  []");
    let good = declaration(&bench, "shop");
    let with = |spoil: fn(&mut Value)| {
        let mut pipeline = good.clone();
        spoil(&mut pipeline);
        json!({ "pipeline": pipeline })
    };
    for (input, expected) in [
        (with(|it| it["stages"] = json!([])), "InvalidStructureException"),
        (with(|it| it["stages"][1]["name"] = json!("Source")), "InvalidStructureException"),
        (with(|it| it["stages"][1]["actions"] = json!([])), "InvalidStageDeclarationException"),
        (
            with(|it| it["stages"][1]["actions"][1]["name"] = json!("Lint")),
            "InvalidActionDeclarationException",
        ),
        (with(|it| it["name"] = json!("none")), "PipelineNotFoundException"),
    ] {
        assert_eq!(bench.refused("UpdatePipeline", &input), expected);
    }
    assert_eq!(declaration(&bench, "shop")["version"], 1);
}
