//! Builds, and the logs of what ran.

use serde_json::json;

use codepipeline_retrier::domain::evidence::{Depth, Evidence, Place};
use codepipeline_retrier::domain::facts::FailedAction;
use codepipeline_retrier::domain::pipeline::{Category, Gap};
use codepipeline_retrier::domain::text::EvidenceText;

use super::answers::{answer, build, log, phase, refusal};
use super::{Rig, action, in_region, read, texts};
use crate::codepipeline::stub::{Reply, Request, Stub};

fn a_build(id: &str) -> FailedAction {
    action(Category::Build, "CodeBuild", id)
}

/// CodeBuild with these builds, and with one log for all of them.
fn codebuild(builds: Vec<serde_json::Value>, messages: &'static [&'static str]) -> Stub {
    Stub::start(move |request| match request.operation.as_str() {
        "BatchGetBuilds" => {
            let asked = request.body["ids"].as_array().unwrap();
            let known: Vec<_> = builds.iter().filter(|build| asked.contains(&build["id"])).collect();
            answer("BatchGetBuilds", &json!({"builds": known, "buildsNotFound": []}))
        }
        _ => answer("GetLogEvents", &log(messages)),
    })
}

const TESTS_FAILED: &str = "Error while executing command: npm test. Reason: exit status 1";

#[test]
fn the_first_failed_phase_and_the_log_of_a_build() {
    let phases = [
        phase("QUEUED", "SUCCEEDED", &[]),
        phase("INSTALL", "SUCCEEDED", &[("", "")]),
        phase("BUILD", "FAILED", &[("COMMAND_EXECUTION_ERROR", TESTS_FAILED)]),
        phase("POST_BUILD", "SUCCEEDED", &[("", "")]),
        phase("UPLOAD_ARTIFACTS", "CLIENT_ERROR", &[("CLIENT_ERROR", "no matching artifact paths found")]),
        json!({"phaseType": "COMPLETED"}),
    ];
    let stub = codebuild(vec![build("web:1", "FAILED", &phases)], &["$ npm test\n", "1 failing\n", "\n"]);
    let evidence = read(&stub, a_build("web:1"));
    assert_eq!(
        texts(&evidence),
        [
            (Place::BuildPhase, Some("FAILED"), ""),
            (Place::BuildPhase, Some("COMMAND_EXECUTION_ERROR"), format!("BUILD: {TESTS_FAILED}").as_str()),
            (Place::BuildLog, None, "$ npm test\n1 failing"),
        ]
    );
    assert_eq!(evidence.gaps, []);
    let [builds, log] = &*stub.requests() else { panic!("{:?}", stub.operations()) };
    assert_eq!(builds.body, json!({"ids": ["web:1"]}));
    assert_eq!((&*builds.scope, &*log.scope), ("eu-central-1/codebuild", "eu-central-1/logs"));
    assert_eq!(
        log.body,
        json!({
            "logGroupName": "/aws/codebuild/web", "logStreamName": "1", "startFromHead": false, "limit": 200,
        })
    );
}

#[test]
fn no_deeper_than_asked() {
    for (depth, operations) in [
        (Depth::State, vec![]),
        (Depth::Details, vec!["BatchGetBuilds"]),
        (Depth::Logs, vec!["BatchGetBuilds", "GetLogEvents"]),
    ] {
        let stub = codebuild(vec![build("web:1", "FAILED", &[])], &["log"]);
        let commands = action(Category::Compute, "Commands", "odd");
        let evidence = Rig::at(&stub.url).gather(&[a_build("web:1"), commands], depth);
        assert_eq!(stub.operations(), operations);
        let gaps = if depth == Depth::Logs { vec![("GetLogEvents", Gap::NotRead)] } else { vec![] };
        assert_eq!((evidence.len(), &evidence[1].gaps), (2, &gaps), "{depth:?}");
    }
}

#[test]
fn builds_of_one_region_go_in_one_request_and_those_of_another_in_another() {
    let builds =
        ["web:1", "web:2", "shop:3"].map(|id| build(id, "FAULT", &[phase("BUILD", "FAULT", &[(id, "")])]));
    let stub = codebuild(builds.to_vec(), &[]);
    let failed = [
        a_build("web:2"),
        in_region("eu-west-1", a_build("shop:3")),
        action(Category::Invoke, "Lambda", "3b1f"),
        in_region("eu-central-1", a_build("web:1")),
        in_region("eu-west-1", a_build("arn:aws:codebuild:eu-west-1:111122223333:build/gone:4")),
    ];
    let evidence = Rig::at(&stub.url).gather(&failed, Depth::Details);
    let ids: Vec<_> = evidence.iter().map(|evidence| texts(evidence).get(1).map(|text| text.2)).collect();
    assert_eq!(ids, [Some("BUILD: "), Some("BUILD: "), None, Some("BUILD: "), None]);
    assert_eq!(evidence[4].gaps, [("BatchGetBuilds", Gap::Unavailable)]);
    assert_eq!(evidence[2], Evidence::default());
    let mut asked: Vec<_> =
        stub.requests().into_iter().map(|request| (request.scope, request.body["ids"].clone())).collect();
    asked.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(
        asked,
        [
            ("eu-central-1/codebuild".to_owned(), json!(["web:1", "web:2"])),
            ("eu-west-1/codebuild".to_owned(), json!(["gone:4", "shop:3"])),
        ]
    );
}

#[test]
fn a_phase_that_says_nothing_is_told_by_its_status() {
    for status in ["FAULT", "TIMED_OUT", "STOPPED"] {
        for contexts in [&[][..], &[("", "")]] {
            let stub = codebuild(vec![build("web:1", status, &[phase("QUEUED", status, contexts)])], &[]);
            let evidence = read(&stub, a_build("web:1"));
            let said = format!("QUEUED: {status}");
            let expected = [(Place::BuildPhase, Some(status), ""), (Place::BuildPhase, Some(status), &*said)];
            assert_eq!(texts(&evidence), expected);
        }
    }
}

#[test]
fn what_does_not_look_like_a_code_is_none() {
    let odd = ["Decrypted Variables Error", "a/b?token=hunter2", &"LONG".repeat(100)];
    let contexts = odd.map(|code| (code, "m"));
    let stub = codebuild(vec![build("web:1", "FAILED", &[phase("BUILD", "FAILED", &contexts)])], &[]);
    let evidence = read(&stub, a_build("web:1"));
    let codes: Vec<_> = texts(&evidence).into_iter().map(|(_, code, _)| code).collect();
    assert_eq!(codes, [Some("FAILED"), Some("Decrypted Variables Error"), None, None]);
    assert!(!format!("{evidence:?}").contains("hunter2"));
}

#[test]
fn of_a_log_the_last_lines_are_read() {
    let messages: Vec<String> = (0..300).map(|number| format!("line {number}\r\n")).collect();
    let many = Stub::always(answer("GetLogEvents", &log(&messages.iter().map(|m| &**m).collect::<Vec<_>>())));
    let text = read(&many, commands()).texts.remove(0);
    let lines: Vec<&str> = text.text.expose().lines().collect();
    assert_eq!((lines.len(), lines[0], lines[199]), (200, "line 100", "line 299"));

    let long: Vec<String> = (0..200).map(|number| format!("{number} {}", "é".repeat(1000))).collect();
    let large = Stub::always(answer("GetLogEvents", &log(&long.iter().map(|m| &**m).collect::<Vec<_>>())));
    let text = read(&large, commands()).texts.remove(0);
    assert!(text.text.expose().len() <= EvidenceText::LONGEST_TAIL);
    assert!(text.text.expose().starts_with(|first: char| first.is_ascii_digit()), "a line is cut");
    assert!(text.text.expose().lines().last().unwrap().starts_with("199 "));

    let huge = "x".repeat(1_000_000) + "\nlast words";
    let one = Stub::always(answer("GetLogEvents", &log(&[&huge])));
    assert_eq!(texts(&read(&one, commands())), [(Place::BuildLog, None, "last words")]);
}

fn commands() -> FailedAction {
    let id = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/codepipeline/shop:log-stream:0d7b/e2";
    action(Category::Compute, "Commands", id)
}

#[test]
fn the_log_of_commands() {
    let stub = Stub::always(answer("GetLogEvents", &log(&["$ npm ci", "npm error code E429"])));
    let evidence = Rig::at(&stub.url).gather(&[in_region("us-east-1", commands())], Depth::Logs).remove(0);
    assert_eq!(texts(&evidence), [(Place::BuildLog, None, "$ npm ci\nnpm error code E429")]);
    let request = stub.requests().remove(0);
    assert_eq!(request.scope, "us-east-1/logs");
    assert_eq!(request.body["logGroupName"], "/aws/codepipeline/shop");
    assert_eq!(request.body["logStreamName"], "0d7b/e2");
}

/// The service may answer with nothing although there is something.
#[test]
fn an_empty_page_is_not_the_end_of_a_log() {
    let page = |request: &Request| match request.body["nextToken"].as_str() {
        None => answer("GetLogEvents", &log(&[])),
        Some("b/1") => answer("GetLogEvents", &log(&["there it is"])),
        other => panic!("{other:?}"),
    };
    let stub = Stub::start(page);
    assert_eq!(texts(&read(&stub, commands())), [(Place::BuildLog, None, "there it is")]);
    let empty = Stub::always(answer("GetLogEvents", &log(&[])));
    assert_eq!(read(&empty, commands()), Evidence::default());
    assert_eq!(empty.requests().len(), 2);
}

#[test]
fn a_build_without_a_log() {
    let with = |logs: serde_json::Value| {
        let mut build = build("web:1", "FAILED", &[]);
        build["logs"] = logs;
        let stub = codebuild(vec![build], &["log"]);
        let evidence = read(&stub, a_build("web:1"));
        (evidence.gaps.clone(), evidence.texts.len() - 1, stub.requests().len() - 1)
    };
    let never_begun = "arn:aws:logs:::log-group:null:log-stream:null";
    assert_eq!(with(json!(null)), (vec![], 0, 0));
    assert_eq!(with(json!({"deepLink": "https://", "cloudWatchLogsArn": never_begun})), (vec![], 0, 0));
    let off = json!({"cloudWatchLogs": {"status": "DISABLED"}, "groupName": "g", "streamName": "s"});
    assert_eq!(with(off), (vec![("GetLogEvents", Gap::NotRead)], 0, 0));
    let by_arn = "arn:aws:logs:eu-central-1:111122223333:log-group:own:log-stream:web/1";
    assert_eq!(with(json!({"cloudWatchLogsArn": by_arn})), (vec![], 1, 1));
}

/// A log that may not be read takes nothing away from the build.
#[test]
fn a_refused_log_is_a_gap_beside_the_phase() {
    let stub = Stub::start(|request: &Request| match request.operation.as_str() {
        "BatchGetBuilds" => {
            let phases =
                [phase("PROVISIONING", "FAILED", &[("BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE", "429")])];
            answer("BatchGetBuilds", &json!({"builds": [build("web:1", "FAILED", &phases)]}))
        }
        _ => refusal("GetLogEvents", 400, "AccessDeniedException"),
    });
    let evidence = read(&stub, a_build("web:1"));
    assert_eq!((evidence.texts.len(), evidence.gaps), (2, vec![("GetLogEvents", Gap::Denied)]));
}

#[test]
fn an_answer_that_lacks_everything_is_no_evidence() {
    for builds in [json!({}), json!({"builds": null}), json!({"builds": [{}]}), json!({"builds": []})] {
        let stub = Stub::always(answer("BatchGetBuilds", &builds));
        assert_eq!(read(&stub, a_build("web:1")).gaps, [("BatchGetBuilds", Gap::Unavailable)], "{builds}");
    }
    // CodeBuild may be behind CodePipeline.
    let running =
        json!({"id": "web:1", "buildStatus": "IN_PROGRESS", "phases": [phase("BUILD", "IN_PROGRESS", &[])]});
    let bare = [running, json!({"id": "web:1"}), json!({"id": "web:1", "phases": [{}], "logs": {}})];
    for bare in bare {
        let stub = Stub::always(answer("BatchGetBuilds", &json!({"builds": [bare]})));
        assert_eq!(read(&stub, a_build("web:1")), Evidence::default(), "{bare}");
    }
    let events = Stub::always(Reply::ok(&json!({"events": [{}, {"timestamp": 1}]})));
    assert_eq!(read(&events, commands()), Evidence::default());
}
