//! The shape and the order of events.

use serde_json::Value;

use super::*;

fn retried(switches: Switches) -> Bench {
    let definition = pipeline([stage("Test", [action("Browser", [fails(10), succeeds(10)])])]);
    let mut bench = Bench::with(switches, definition);
    let id = bench.start_and_wait(12);
    bench.retry("Test", &id);
    bench.wait(10);
    bench
}

#[test]
fn a_retried_stage_emits_real_events() {
    let mut bench = retried(Switches::default());
    let events = bench.service.drain_events();
    let events: Vec<Value> = events.into_iter().map(|(_, event)| event).collect();
    insta::assert_snapshot!(serde_json::to_string_pretty(&events).unwrap());
}

#[test]
fn the_resumed_events_come_in_either_order() {
    for pipeline_first in [true, false] {
        let mut bench = retried(Switches { pipeline_resumed_first: pipeline_first, ..Switches::default() });
        let events = bench.events();
        let resumed = events.into_iter().filter(|event| event.ends_with("RESUMED"));
        let mut expected = ["Pipeline RESUMED", "Stage Test RESUMED"];
        if !pipeline_first {
            expected.reverse();
        }
        assert_eq!(resumed.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn the_first_attempt_of_a_stage_is_zero_or_one_and_the_next_is_two() {
    for zero in [true, false] {
        let mut bench = retried(Switches { first_attempt_is_zero: zero, ..Switches::default() });
        let events = bench.service.drain_events();
        let attempts = |kind: &str| -> Vec<String> {
            let of_kind = events.iter().filter(|(_, event)| {
                let detail_type = event["detail-type"].as_str();
                detail_type.is_some_and(|text| text.split(' ').nth(1) == Some(kind))
            });
            of_kind.map(|(_, event)| event["detail"]["pipeline-execution-attempt"].to_string()).collect()
        };
        let first = if zero { "0.0" } else { "1.0" };
        assert_eq!(attempts("Stage"), [first, first, "2.0", "2.0"]);
        assert_eq!(attempts("Pipeline"), ["1.0", "1.0", "2.0", "2.0"]);
    }
}

#[test]
fn an_action_in_another_region_names_it_in_its_detail() {
    let mut deploy = action("Deploy", [succeeds(1)]);
    deploy.region = Some(Region::parse("us-east-1").unwrap());
    let mut bench = Bench::new(pipeline([stage("Prod", [deploy])]));
    bench.start_and_wait(1);
    let events = bench.service.drain_events();
    let actions =
        events.iter().map(|(_, event)| event).filter(|event| event["detail"].get("action").is_some());
    for event in actions {
        assert_eq!(event["detail"]["region"], "us-east-1");
        assert_eq!(event["region"], "eu-central-1");
    }
}

#[test]
fn a_stop_carries_its_reason() {
    let mut bench = Bench::new(three_stages([Outcome::Hang]));
    let id = bench.start_and_wait(15);
    bench.service.stop_pipeline_execution(bench.now, &bench.name, &id, false, Some("enough")).unwrap();
    let events = bench.service.drain_events();
    let stopping = |(_, event): &&(Timestamp, Value)| event["detail"]["state"] == "STOPPING";
    let pipeline = events.iter().find(stopping).unwrap();
    assert_eq!(pipeline.1["detail"]["stop-execution-comments"], "enough");
}

#[test]
fn the_error_message_is_not_in_any_event() {
    let mut bench = retried(Switches::default());
    for (_, event) in bench.service.drain_events() {
        assert!(!event.to_string().contains("connection reset"));
    }
}

#[test]
fn ids_of_another_seed_are_others() {
    let ids = |seed| {
        let bench = Bench::new(three_stages([succeeds(1)]));
        let mut service = bench.service.with_seed(seed);
        service.start_pipeline_execution(bench.now, &bench.name).unwrap()
    };
    assert_eq!(ids(1), ids(1));
    assert_ne!(ids(1), ids(2));
}
