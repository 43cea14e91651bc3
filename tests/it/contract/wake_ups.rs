//! The schedules' suite on SQS and EventBridge Scheduler, as `MiniStack` has them, going by a clock that is set.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use aws_sdk_scheduler::types::{ActionAfterCompletion, FlexibleTimeWindowMode};
use aws_sdk_sqs::types::QueueAttributeName;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use codepipeline_retrier::aws::clients::Clients;
use codepipeline_retrier::aws::wake_ups::{Route, SdkSchedules};
use codepipeline_retrier::domain::protocol::Fault;
use codepipeline_retrier::domain::trigger::WakeUp;
use codepipeline_retrier::event::wake_up_body;
use codepipeline_retrier::names::wake_up_name;
use codepipeline_retrier::ports::Schedules;

use super::schedules::Delivering;
use super::world::wake_up;
use crate::arbitrary::at;
use crate::ministack::MiniStack;

type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// Wake-ups of a server of its own, whose time passes as the suite wants it to.
struct OnMiniStack {
    runtime: Runtime,
    schedules: SdkSchedules<Clock>,
    clients: Arc<Clients>,
    queue_url: String,
    now: Arc<Mutex<Timestamp>>,
    clock: u16,
    _server: MiniStack,
}

fn new() -> OnMiniStack {
    let clock = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let server = MiniStack::start(&["--clock-port", &clock.to_string()], &[]);
    let clients = server.clients();
    let now = Arc::new(Mutex::new(at(0)));
    set(clock, at(0));
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let route = runtime.block_on(route(&clients));
    let reads = Arc::clone(&now);
    let reads: Clock = Box::new(move || *reads.lock().unwrap());
    let queue_url = route.queue_url.clone();
    let schedules = SdkSchedules::new(Arc::clone(&clients), route, reads);
    OnMiniStack { runtime, schedules, clients, queue_url, now, clock, _server: server }
}

/// The queue and the group, as the stack makes them.
async fn route(clients: &Clients) -> Route {
    let (sqs, scheduler) = (clients.sqs(), clients.scheduler());
    let queue = sqs.create_queue().queue_name("retrier");
    let queue = queue.attributes(QueueAttributeName::VisibilityTimeout, "60").send().await.unwrap();
    scheduler.create_schedule_group().name("retrier").send().await.unwrap();
    route_to(queue.queue_url().unwrap())
}

fn route_to(queue_url: &str) -> Route {
    Route {
        queue_url: queue_url.to_owned(),
        queue_arn: "arn:aws:sqs:eu-central-1:000000000000:retrier".to_owned(),
        dead_letter_queue_arn: Some("arn:aws:sqs:eu-central-1:000000000000:dead".to_owned()),
        schedule_group: "retrier".to_owned(),
        scheduler_role_arn: "arn:aws:iam::000000000000:role/scheduler".to_owned(),
    }
}

fn run(clause: impl Future<Output = ()>, port: &OnMiniStack) {
    port.runtime.block_on(clause);
}

/// Sets the server's clock, and says when anything is due next.
pub fn set(port: u16, now: Timestamp) -> Option<Timestamp> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let body = now.as_duration().as_secs_f64().to_string();
    write!(stream, "POST / HTTP/1.0\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let answer: Value = serde_json::from_str(body).unwrap();
    let seconds = answer["next"].as_f64()?;
    Some(Timestamp::from_duration(SignedDuration::from_secs_f64(seconds)).unwrap())
}

impl Schedules for OnMiniStack {
    async fn arm(&self, wake_up: &WakeUp, at: Timestamp) -> Result<(), Fault> {
        self.schedules.arm(wake_up, at).await
    }
}

impl Delivering for OnMiniStack {
    async fn deliver_until(&self, until: Timestamp, mut keep: impl FnMut(Timestamp, &WakeUp) -> bool) {
        let mut now = *self.now.lock().unwrap();
        loop {
            *self.now.lock().unwrap() = now;
            let next = set(self.clock, now);
            let sqs = self.clients.sqs();
            let receive = sqs.receive_message().queue_url(&self.queue_url).max_number_of_messages(10);
            let received = receive.send().await.unwrap().messages.unwrap_or_default();
            let is_quiet = received.is_empty();
            for message in received {
                if keep(now, &wake_up(message.body().unwrap())) {
                    let handle = message.receipt_handle().unwrap();
                    sqs.delete_message()
                        .queue_url(&self.queue_url)
                        .receipt_handle(handle)
                        .send()
                        .await
                        .unwrap();
                }
            }
            if !is_quiet {
                continue;
            }
            if now == until {
                return;
            }
            now = next.filter(|next| *next > now).unwrap_or(until).min(until);
        }
    }
}

crate::contract::schedules::suite!(run, new);

/// Asked of the service itself, since no wake-up shows it.
#[test]
fn a_schedule_fires_once_and_leaves_nothing_behind() {
    let port = new();
    let wake_up = WakeUp { run: crate::arbitrary::run(), sequence: 7 };
    let due = at(3_600).checked_add(SignedDuration::from_millis(1)).unwrap();
    port.runtime.block_on(async {
        port.arm(&wake_up, due).await.unwrap();
        let scheduler = port.clients.scheduler();
        let schedule = scheduler.get_schedule().group_name("retrier").name(wake_up_name(&wake_up));
        let schedule = schedule.send().await.unwrap();
        assert_eq!(schedule.schedule_expression(), Some("at(2026-11-18T12:06:41)"));
        assert_eq!(schedule.schedule_expression_timezone(), Some("UTC"));
        assert_eq!(schedule.action_after_completion(), Some(&ActionAfterCompletion::Delete));
        assert_eq!(schedule.flexible_time_window().unwrap().mode(), &FlexibleTimeWindowMode::Off);
        let target = schedule.target().unwrap();
        let route = route_to("http://unused");
        assert_eq!((target.arn(), target.role_arn()), (&*route.queue_arn, &*route.scheduler_role_arn));
        assert_eq!(target.input(), Some(&*wake_up_body(&wake_up, at(3_601))));
        let dead_letters = target.dead_letter_config().unwrap();
        assert_eq!(dead_letters.arn(), route.dead_letter_queue_arn.as_deref());
        let retries = target.retry_policy().unwrap();
        assert_eq!(retries.maximum_event_age_in_seconds(), Some(86_400));
        assert_eq!(retries.maximum_retry_attempts(), Some(185));

        port.deliver_until(at(3_700), |_, _| true).await;
        let left = scheduler.list_schedules().send().await.unwrap();
        assert!(left.schedules().is_empty(), "{left:?}");
    });
}
