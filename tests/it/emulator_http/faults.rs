//! Planned faults, as a client meets them.

use jiff::SignedDuration;
use serde_json::{Value, json};

use codepipeline_retrier::domain::ids::{PipelineName, StageName};
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::faults::{Fault, Operation};
use codepipeline_retrier::emulator::http::Reply;

use super::bench::{Bench, FAILS_ONCE, STARTS, shop};

const STATE: &str = "GetPipelineState";

fn by_name() -> Value {
    json!({ "name": "shop" })
}

fn retry(bench: &Bench) -> Reply {
    let execution = bench.newest("shop");
    let input = json!({
        "pipelineName": "shop", "stageName": "Test", "pipelineExecutionId": execution, "retryMode": "FAILED_ACTIONS",
    });
    bench.reply("RetryStageExecution", input.to_string().as_bytes())
}

fn plan(bench: &Bench, operation: Operation, fault: Fault) {
    let mut world = bench.world().lock();
    let next = world.faults.count(operation) + 1;
    world.faults.plan(operation, next, fault);
}

/// How often the stage was retried, and how its retry was answered.
fn retried(fault: Fault) -> (usize, Reply) {
    let bench = Bench::failed();
    plan(&bench, Operation::Retry, fault);
    let reply = retry(&bench);
    let accepted = bench.world().lock().service.retry_calls().len();
    (accepted, reply)
}

fn name_of(reply: Reply) -> &'static str {
    match reply {
        Reply::Document(_) => "done",
        Reply::Refused(error) => error.name,
        Reply::Lost => "lost",
    }
}

#[test]
fn a_retry_goes_wrong_as_planned() {
    for (fault, accepted, answer) in [
        (Fault::NotDone, 0, "ThrottlingException"),
        (Fault::Denied, 0, "AccessDeniedException"),
        (Fault::ReplyLost, 1, "lost"),
        (Fault::LostUnsent, 0, "lost"),
        // Nobody dies over HTTP.
        (Fault::CrashBefore, 1, "done"),
        (Fault::CrashAfter, 1, "done"),
    ] {
        let (calls, reply) = retried(fault);
        assert_eq!((calls, name_of(reply)), (accepted, answer), "{fault:?}");
    }
}

#[test]
fn a_lost_reply_is_lost_even_if_it_was_a_refusal() {
    let mut bench = Bench::failed();
    plan(&bench, Operation::Retry, Fault::ReplyLost);
    assert_eq!(name_of(retry(&bench)), "lost");
    assert_eq!(name_of(retry(&bench)), "StageNotRetryableException");
    bench.pass(30);
    let state = bench.ok(STATE, &by_name());
    assert_eq!(state["stageStates"][1]["latestExecution"]["status"], "Succeeded");
}

#[test]
fn readings_fail_during_an_outage() {
    let mut bench = Bench::failed();
    let act = Act::Outage {
        operation: Operation::Observe,
        fault: Fault::NotDone,
        lasting: SignedDuration::from_secs(30),
    };
    bench.world().lock().act(&act).unwrap();
    for (operation, input) in [
        (STATE, by_name()),
        ("GetPipeline", by_name()),
        ("ListPipelines", json!({})),
        ("ListActionExecutions", json!({ "pipelineName": "shop" })),
    ] {
        assert_eq!(bench.refused(operation, &input), "ThrottlingException");
    }
    bench.ok("StartPipelineExecution", &by_name());
    bench.pass(30);
    bench.ok(STATE, &by_name());
}

#[test]
fn stale_reads_show_the_past() {
    let bench = Bench::failed();
    bench.world().lock().act(&Act::StaleReads { lasting: SignedDuration::from_secs(5) }).unwrap();
    assert_eq!(name_of(retry(&bench)), "done");
    let test = |state: &Value| state["stageStates"][1]["latestExecution"]["status"].clone();
    assert_eq!(test(&bench.ok(STATE, &by_name())), "Failed");
    bench.world().lock().pass(SignedDuration::from_secs(5));
    assert_eq!(test(&bench.ok(STATE, &by_name())), "InProgress");
}

#[test]
fn what_is_hooked_to_a_call_happens_before_it() {
    let bench = Bench::failed();
    {
        let mut world = bench.world().lock();
        let pipeline = PipelineName::parse("shop").unwrap();
        let stage = StageName::parse("Deploy").unwrap();
        let next = world.faults.count(Operation::Observe) + 1;
        world.before(Operation::Observe, next, Act::Transition { pipeline, stage, enabled: false });
    }
    let state = bench.ok(STATE, &by_name());
    assert_eq!(state["stageStates"][2]["inboundTransitionState"]["enabled"], false);
}

#[test]
fn a_refusal_that_a_scenario_plans_is_answered() {
    let timeline = format!("{STARTS}\n  - {{ at: 30s, refuse-retry: ConflictException }}");
    let mut bench = Bench::new(&shop(FAILS_ONCE), &timeline);
    bench.pass(60);
    assert_eq!(name_of(retry(&bench)), "ConflictException");
    assert_eq!(name_of(retry(&bench)), "done");
}
