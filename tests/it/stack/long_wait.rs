//! A wait that is too long for a queue: a schedule of the stack's own group keeps it, and wakes the function when its time
//! has come.

use std::collections::BTreeMap;

use aws_sdk_codepipeline::types::PipelineExecutionStatus;
use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use codepipeline_retrier::domain::trigger::WakeUp;
use codepipeline_retrier::event::wake_up_body;
use codepipeline_retrier::names::wake_up_name;
use jiff::{RoundMode, TimestampRound, Unit};

use super::process::Folder;
use super::product::Product;
use crate::later::SharedClock;

/// Five minutes longer than a queue can delay a message.
const POLICY: &str = "\
version: 1
defaults:
  backoff: { initial: 20m, max: 20m, jitter: none }
rules:
  - name: everything
    match: { pipeline: '*' }
";

/// The schedules of the group, in full.
fn schedules(product: &Product, group: &str) -> Vec<GetScheduleOutput> {
    let clients = product.deployment.clients();
    let scheduler = clients.scheduler();
    product.runtime.block_on(async {
        let list = scheduler.list_schedules().group_name(group).send().await.unwrap();
        let mut schedules = Vec::new();
        for listed in list.schedules() {
            let get = scheduler.get_schedule().group_name(group).name(listed.name().unwrap());
            schedules.push(get.send().await.unwrap());
        }
        schedules
    })
}

/// The name that a resource of the stack has got.
fn physical(product: &Product, resource: &str) -> String {
    let call = ["cloudformation", "describe-stack-resource", "--stack-name", "retrier"];
    let answer = product.deployment.aws(&[&call[..], &["--logical-resource-id", resource]].concat());
    answer["StackResourceDetail"]["PhysicalResourceId"].as_str().unwrap().to_owned()
}

/// ARN of a queue whose URL the stack tells.
fn arn_of(outputs: &BTreeMap<String, String>, output: &str) -> String {
    let (_, name) = outputs[output].rsplit_once('/').unwrap();
    format!("arn:aws:sqs:eu-central-1:000000000000:{name}")
}

#[test]
fn a_wait_of_twenty_minutes_is_kept_by_a_schedule() {
    let folder = Folder::new("long-wait");
    let clock = SharedClock::new(folder.path());
    let product = Product::deployed(POLICY, &clock.environment());
    product.start("flaky");
    product.wait_for("it waits", "flaky", || product.rulings("flaky") == ["wait/backoff"]);
    let (_, outputs) = product.deployment.stack();
    let group = &outputs["ScheduleGroupName"];
    product.wait_for("the wait is armed", "flaky", || !schedules(&product, group).is_empty());

    let open = product.runtime.block_on(product.ledger.open_runs()).unwrap();
    let [run] = open.as_slice() else { panic!("{open:?}") };
    let wake_up = WakeUp { run: run.id.clone(), sequence: run.sequence };
    let kept = schedules(&product, group);
    let [schedule] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!(schedule.name(), Some(&*wake_up_name(&wake_up)));
    let whole_seconds = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
    let due = run.wait.as_ref().unwrap().wake_at.round(whole_seconds).unwrap();
    let expression = due.strftime("at(%Y-%m-%dT%H:%M:%S)").to_string();
    assert_eq!(schedule.schedule_expression(), Some(expression.as_str()));
    let target = schedule.target().unwrap();
    assert_eq!(target.input(), Some(&*wake_up_body(&wake_up, due)));
    assert_eq!(target.arn(), arn_of(&outputs, "QueueUrl"));
    let role = format!("arn:aws:iam::000000000000:role/{}", physical(&product, "SchedulerRole"));
    assert_eq!(target.role_arn(), role);
    let dead_letters = target.dead_letter_config().unwrap().arn();
    assert_eq!(dead_letters, Some(&*arn_of(&outputs, "DeadLetterQueueUrl")));
    assert_eq!(product.runs("flaky", "Stack"), 1);

    clock.put_ahead(20 * 60);
    let succeeded = || product.status("flaky") == PipelineExecutionStatus::Succeeded;
    product.wait_for("it is woken and retried", "flaky", succeeded);
    assert_eq!(product.runs("flaky", "Stack"), 2);
    assert_eq!(product.rulings("flaky"), ["wait/backoff", "retry/eligible", "retry/eligible"]);
    assert!(schedules(&product, group).is_empty());
}
