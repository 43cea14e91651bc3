//! Lists in pages: nothing twice, nothing left out, and no token but one's own.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::bench::{Bench, FAILS_ONCE, STARTS, shop};

/// All entries of a list, in pages of so many.
fn in_pages(bench: &Bench, operation: &str, input: &Value, entries: &str, most: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let mut input = input.clone();
    input["maxResults"] = json!(most);
    loop {
        let page = bench.ok(operation, &input);
        let entries = page[entries].as_array().unwrap();
        assert!(!entries.is_empty() && entries.len() <= most);
        all.extend(entries.iter().cloned());
        let Some(token) = page.get("nextToken") else { return all };
        input["nextToken"] = token.clone();
    }
}

fn many_pipelines(count: usize) -> String {
    let mut pipelines = String::new();
    for number in 0..count {
        let _ = writeln!(pipelines, "{}", shop(FAILS_ONCE).replace("shop", &format!("p{number:04}")));
    }
    pipelines
}

#[test]
fn pages_together_are_the_list() {
    let mut bench = Bench::new(&shop(FAILS_ONCE), STARTS);
    for _ in 0..6 {
        bench.pass(60);
        bench.ok("StartPipelineExecution", &json!({ "name": "shop" }));
    }
    let input = json!({ "pipelineName": "shop" });
    for (operation, entries) in [
        ("ListPipelineExecutions", "pipelineExecutionSummaries"),
        ("ListActionExecutions", "actionExecutionDetails"),
    ] {
        let whole = bench.ok(operation, &input);
        assert!(whole.get("nextToken").is_none());
        let whole = whole[entries].as_array().unwrap();
        assert!(whole.len() >= 7);
        for most in [1, 2, 3, whole.len() - 1, whole.len(), whole.len() + 1] {
            assert_eq!(in_pages(&bench, operation, &input, entries, most), *whole, "{operation} {most}");
        }
    }
}

#[test]
fn an_execution_that_starts_between_two_pages_shifts_nothing() {
    let mut bench = Bench::new(&shop(FAILS_ONCE), STARTS);
    for _ in 0..3 {
        bench.pass(60);
        bench.ok("StartPipelineExecution", &json!({ "name": "shop" }));
    }
    let ids = |page: &Value| -> Vec<Value> {
        let entries = page["pipelineExecutionSummaries"].as_array().unwrap();
        entries.iter().map(|entry| entry["pipelineExecutionId"].clone()).collect()
    };
    let whole = ids(&bench.ok("ListPipelineExecutions", &json!({ "pipelineName": "shop" })));
    let first = bench.ok("ListPipelineExecutions", &json!({ "pipelineName": "shop", "maxResults": 2 }));
    bench.ok("StartPipelineExecution", &json!({ "name": "shop" }));
    let input = json!({ "pipelineName": "shop", "maxResults": 2, "nextToken": first["nextToken"] });
    let second = bench.ok("ListPipelineExecutions", &input);
    assert_eq!([ids(&first), ids(&second)].concat(), whole);
}

#[test]
fn a_page_has_a_hundred_entries_and_of_pipelines_a_thousand() {
    let bench = Bench::new(&many_pipelines(1001), "  []");
    let first = bench.ok("ListPipelines", &json!({}));
    assert_eq!(first["pipelines"].as_array().unwrap().len(), 1000);
    let second = bench.ok("ListPipelines", &json!({ "nextToken": first["nextToken"] }));
    assert_eq!(second["pipelines"][0]["name"], "p1000");
    assert!(second.get("nextToken").is_none());

    let parallel = shop("[hang]").replacen("- name: shop", "- name: shop\n    mode: PARALLEL", 1);
    let mut bench = Bench::new(&parallel.replace("[hang]", "[{ succeed: 1s }]"), "  []");
    for _ in 0..101 {
        bench.ok("StartPipelineExecution", &json!({ "name": "shop" }));
        bench.pass(40);
    }
    for (operation, entries, count) in [
        ("ListPipelineExecutions", "pipelineExecutionSummaries", 101),
        ("ListActionExecutions", "actionExecutionDetails", 404),
    ] {
        let first = bench.ok(operation, &json!({ "pipelineName": "shop" }));
        assert_eq!(first[entries].as_array().unwrap().len(), 100);
        let all = in_pages(&bench, operation, &json!({ "pipelineName": "shop" }), entries, 100);
        assert_eq!(all.len(), count);
    }
}

#[test]
fn a_token_fits_only_the_request_that_it_came_from() {
    let mut bench =
        Bench::new(&many_pipelines(3), "  - { at: 0s, start: p0000 }\n  - { at: 0s, start: p0001 }");
    bench.pass(60);
    let token = |operation: &str, input: Value| bench.ok(operation, &input)["nextToken"].clone();
    let pipelines = token("ListPipelines", json!({ "maxResults": 1 }));
    let actions = token("ListActionExecutions", json!({ "pipelineName": "p0000", "maxResults": 1 }));
    for (operation, input) in [
        ("ListPipelines", json!({ "nextToken": actions })),
        ("ListPipelines", json!({ "nextToken": "x" })),
        ("ListPipelineExecutions", json!({ "pipelineName": "p0000", "nextToken": actions })),
        ("ListActionExecutions", json!({ "pipelineName": "p0001", "nextToken": actions })),
        ("ListActionExecutions", json!({ "pipelineName": "p0000", "nextToken": pipelines })),
        (
            "ListActionExecutions",
            json!({
                "pipelineName": "p0000", "nextToken": actions,
                "filter": { "pipelineExecutionId": bench.newest("p0000") },
            }),
        ),
    ] {
        assert_eq!(bench.refused(operation, &input), "InvalidNextTokenException", "{operation} {input}");
    }
}

#[test]
fn executions_are_found_by_the_stage_that_they_succeeded_in() {
    let bench = Bench::failed();
    let succeeded_in = |stage: &str| {
        let filter = json!({ "succeededInStage": { "stageName": stage } });
        let page = bench.ok("ListPipelineExecutions", &json!({ "pipelineName": "shop", "filter": filter }));
        page["pipelineExecutionSummaries"].as_array().unwrap().len()
    };
    assert_eq!((succeeded_in("Source"), succeeded_in("Test"), succeeded_in("None")), (1, 0, 0));
}

#[test]
fn tags_are_listed_in_pages() {
    let bench = Bench::new(&shop(FAILS_ONCE), "  []");
    let mut pipeline = bench.ok("GetPipeline", &json!({ "name": "shop" }))["pipeline"].clone();
    pipeline["name"] = json!("copy");
    let tags: Vec<Value> = (0..5).map(|n| json!({ "key": format!("k{n}"), "value": "" })).collect();
    bench.ok("CreatePipeline", &json!({ "pipeline": pipeline, "tags": tags }));
    let input = json!({ "resourceArn": "arn:aws:codepipeline:eu-central-1:111122223333:copy" });
    assert_eq!(in_pages(&bench, "ListTagsForResource", &input, "tags", 2), tags);
}
