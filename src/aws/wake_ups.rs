//! Wake-ups: a message to the product's own queue, delayed by the queue itself when it is due soon and by EventBridge
//! Scheduler when it is not. What a wake-up means, and whether it still does, is for the protocol to say.
//!
//! Arming twice is harmless. A schedule has the wake-up's own name, so that a second one is refused, which is what was
//! wanted; a message to the queue has none, and a second copy of it is answered as every wake-up that is not current.
//! That is why it is tried again here, and why a schedule's client token is of no concern: the SDK makes a new one for each
//! call. The SDK's own retries are off, for they report the last attempt alone, and one that was refused says nothing about
//! one before it whose answer was lost.
//!
//! An instant is rounded up, to the second, which is as fine as either service goes. Scheduler delivers within the minute
//! (User Guide, *Schedule types*); a wake-up that comes early all the same is armed again by whoever gets it.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_scheduler::error::BuildError;
use aws_sdk_scheduler::operation::create_schedule::builders::CreateScheduleFluentBuilder;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, Target,
};
use aws_smithy_types::retry::RetryConfig;
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};

use super::certainty::{Cause, cause};
use super::clients::Clients;
use super::settings::Settings;
use crate::domain::protocol::Fault;
use crate::domain::sweep::Tick;
use crate::domain::trigger::WakeUp;
use crate::event::{tick_body, wake_up_body};
use crate::names::wake_up_name;
use crate::ports::{Schedules, Ticks};

/// Longest delay that the queue takes (SQS API, `DelaySeconds`).
const LONGEST_DELAY: SignedDuration = SignedDuration::from_mins(15);

/// Longest pause after each attempt but the last, in milliseconds; the pause is anything up to that.
const PAUSES: [u64; 2] = [50, 100];
/// All attempts with the pauses between them.
const WHOLE: Duration = Duration::from_secs(5);

/// Scheduler goes on for as long as it can (Scheduler API, `RetryPolicy`), and then leaves the wake-up in the dead-letter
/// queue.
const DELIVER_FOR_SECONDS: i32 = 86_400;
const DELIVERY_ATTEMPTS: i32 = 185;

/// Where wake-ups go, and by whose leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// URL of the queue.
    pub queue_url: String,
    /// ARN of the same queue.
    pub queue_arn: String,
    /// ARN of the queue for what Scheduler could not deliver.
    pub dead_letter_queue_arn: Option<String>,
    /// The group of the schedules.
    pub schedule_group: String,
    /// ARN of the role that Scheduler sends with.
    pub scheduler_role_arn: String,
}

impl From<&Settings> for Route {
    fn from(settings: &Settings) -> Self {
        Self {
            queue_url: settings.queue_url.clone(),
            queue_arn: settings.queue_arn.clone(),
            dead_letter_queue_arn: settings.dead_letter_queue_arn.clone(),
            schedule_group: settings.schedule_group.clone(),
            scheduler_role_arn: settings.scheduler_role_arn.clone(),
        }
    }
}

/// Wake-ups through SQS and EventBridge Scheduler.
#[derive(Debug)]
pub struct SdkSchedules<C> {
    clients: Arc<Clients>,
    route: Route,
    clock: C,
}

impl<C: Fn() -> Timestamp + Send + Sync> SdkSchedules<C> {
    /// Wake-ups that go this way. `clock` reads the present.
    pub const fn new(clients: Arc<Clients>, route: Route, clock: C) -> Self {
        Self { clients, route, clock }
    }

    async fn send(&self, wake_up: &WakeUp, due: Timestamp, delay: i32) -> Result<(), Fault> {
        send(&self.clients, &self.route.queue_url, wake_up_body(wake_up, due), delay).await
    }

    async fn schedule(&self, wake_up: &WakeUp, at: Timestamp) -> Result<(), Fault> {
        // What cannot be built is not sent.
        let request = self.schedule_request(wake_up, at).map_err(|_| Fault::NotDone)?;
        persist(|| {
            let mut once = aws_sdk_scheduler::config::Builder::new();
            once.set_retry_config(Some(RetryConfig::disabled()));
            let request = request.clone().customize().config_override(once);
            async move {
                match request.send().await {
                    Ok(_) => Attempt::Done,
                    // It is armed already.
                    Err(error) if cause(&error) == Cause::Refused("ConflictException") => Attempt::Done,
                    Err(error) => Attempt::of(cause(&error)),
                }
            }
        })
        .await
    }

    fn schedule_request(
        &self,
        wake_up: &WakeUp,
        at: Timestamp,
    ) -> Result<CreateScheduleFluentBuilder, BuildError> {
        let retries = RetryPolicy::builder()
            .maximum_event_age_in_seconds(DELIVER_FOR_SECONDS)
            .maximum_retry_attempts(DELIVERY_ATTEMPTS);
        let dead_letters =
            self.route.dead_letter_queue_arn.as_ref().map(|arn| DeadLetterConfig::builder().arn(arn).build());
        let target = Target::builder()
            .arn(&self.route.queue_arn)
            .role_arn(&self.route.scheduler_role_arn)
            .input(wake_up_body(wake_up, at))
            .retry_policy(retries.build())
            .set_dead_letter_config(dead_letters);
        let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off);
        Ok(self
            .clients
            .scheduler()
            .create_schedule()
            .name(wake_up_name(wake_up))
            .group_name(&self.route.schedule_group)
            .schedule_expression(at.strftime("at(%Y-%m-%dT%H:%M:%S)").to_string())
            .schedule_expression_timezone("UTC")
            .flexible_time_window(window.build()?)
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(target.build()?))
    }
}

/// Sends a wake-up that is not to wait for its time.
pub async fn send_now(
    clients: &Clients,
    queue_url: &str,
    wake_up: &WakeUp,
    now: Timestamp,
) -> Result<(), Fault> {
    send(clients, queue_url, wake_up_body(wake_up, now), 0).await
}

/// Sends a message of the product's own to its queue, to be delivered after so long, at most 15 minutes.
pub async fn send_later(
    clients: &Clients,
    queue_url: &str,
    body: String,
    delay: SignedDuration,
) -> Result<(), Fault> {
    Box::pin(send(clients, queue_url, body, whole_seconds(delay))).await
}

async fn send(clients: &Clients, queue_url: &str, body: String, delay: i32) -> Result<(), Fault> {
    let request = clients.sqs().send_message().queue_url(queue_url);
    let request = request.message_body(body).delay_seconds(delay);
    persist(|| {
        let mut once = aws_sdk_sqs::config::Builder::new();
        once.set_retry_config(Some(RetryConfig::disabled()));
        let request = request.clone().customize().config_override(once);
        async move { request.send().await.map_or_else(|error| Attempt::of(cause(&error)), |_| Attempt::Done) }
    })
    .await
}

/// What one attempt came to.
enum Attempt {
    Done,
    /// Certainly not done by this attempt; the next one may be.
    Busy,
    /// It may have been done.
    Unheard,
    /// Certainly not done by this attempt, nor by another.
    Refused,
}

impl Attempt {
    fn of(cause: Cause<'_>) -> Self {
        match cause {
            Cause::Unknown => Self::Unheard,
            Cause::Throttled | Cause::NotSent => Self::Busy,
            Cause::AccessDenied | Cause::Credentials | Cause::Refused(_) => Self::Refused,
        }
    }
}

/// Sends up to three times, as far as it helps. After an attempt of unknown outcome, only success is certain.
async fn persist<F>(mut attempt: impl FnMut() -> F) -> Result<(), Fault>
where
    F: Future<Output = Attempt>,
{
    let whole = async {
        let mut fault = Fault::NotDone;
        let mut pauses = PAUSES.iter();
        loop {
            match attempt().await {
                Attempt::Done => return Ok(()),
                Attempt::Refused => return Err(fault),
                Attempt::Busy => {}
                Attempt::Unheard => fault = Fault::Unknown,
            }
            let Some(longest) = pauses.next() else { return Err(fault) };
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=*longest))).await;
        }
    };
    tokio::time::timeout(WHOLE, whole).await.unwrap_or(Err(Fault::Unknown))
}

impl<C: Fn() -> Timestamp + Send + Sync> Schedules for SdkSchedules<C> {
    async fn arm(&self, wake_up: &WakeUp, at: Timestamp) -> Result<(), Fault> {
        let now = (self.clock)();
        let delay = at.duration_since(now);
        if delay <= LONGEST_DELAY {
            Box::pin(self.send(wake_up, at.max(now), whole_seconds(delay))).await
        } else {
            Box::pin(self.schedule(wake_up, next_second(at))).await
        }
    }
}

impl<C: Fn() -> Timestamp + Send + Sync> Ticks for SdkSchedules<C> {
    async fn tick(&self, tick: Tick) -> Result<(), Fault> {
        Box::pin(send(&self.clients, &self.route.queue_url, tick_body(tick), 0)).await
    }

    async fn pause(&self, duration: SignedDuration) {
        tokio::time::sleep(duration.unsigned_abs()).await;
    }
}

/// A delay that the queue takes, no shorter than asked for; what is past is due now.
fn whole_seconds(delay: SignedDuration) -> i32 {
    let more = i64::from(delay.subsec_nanos() > 0);
    let seconds = (delay.as_secs() + more).clamp(0, LONGEST_DELAY.as_secs());
    i32::try_from(seconds).unwrap_or_default()
}

/// The instant itself when it is a whole second, or else the next one.
fn next_second(at: Timestamp) -> Timestamp {
    at.round(TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_never_shorter_than_asked_for() {
        for (milliseconds, seconds) in [
            (-86_400_000, 0),
            (-1, 0),
            (0, 0),
            (1, 1),
            (999, 1),
            (1_000, 1),
            (1_001, 2),
            (899_001, 900),
            (900_000, 900),
        ] {
            assert_eq!(whole_seconds(SignedDuration::from_millis(milliseconds)), seconds, "{milliseconds}");
        }
    }

    #[test]
    fn an_instant_is_rounded_up_to_the_second() {
        for (at, second) in [
            ("2026-11-22T10:13:02Z", "2026-11-22T10:13:02Z"),
            ("2026-11-22T10:13:02.000000001Z", "2026-11-22T10:13:03Z"),
            ("2026-11-22T10:59:59.9Z", "2026-11-22T11:00:00Z"),
        ] {
            assert_eq!(next_second(at.parse().unwrap()).to_string(), second);
        }
        assert_eq!(next_second(Timestamp::MAX), Timestamp::MAX, "there is no later one");
    }
}
