//! Those who are told: teams through an SNS topic, other programs through an EventBridge bus; and reminders through the
//! product's own queue.
//!
//! Neither SNS nor EventBridge knows a request again (API references, `Publish`, `PutEvents`), so one of unknown outcome is
//! not repeated here: whoever calls does that, much later, and says so. What was certainly not done is tried again.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sns::types::MessageAttributeValue;
use aws_smithy_types::retry::RetryConfig;
use jiff::SignedDuration;

use super::certainty::{Cause, cause};
use super::clients::Clients;
use super::settings::Settings;
use super::wake_ups::send_later;
use crate::domain::protocol::Fault;
use crate::event::reminder_body;
use crate::notice::{ATTRIBUTE_TYPE, Digest, Message};
use crate::ports::{Bulletin, MOST_ANNOUNCED, Messenger};

/// Source of the events that announce decisions.
pub const SOURCE: &str = "codepipeline-retrier";
/// Their kind.
pub const DETAIL_TYPE: &str = "CodePipeline Retrier Decision";

/// Most bytes of all entries of a request (`EventBridge` user guide, calculating the size of an entry: 256 KB in all).
const MOST_BYTES: usize = 256 * 1_000;

/// Longest pause after each attempt that was certainly not done, in milliseconds; the pause is anything up to that.
const PAUSES: [u64; 2] = [100, 300];

/// Where it all goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressees {
    /// ARN of the topic; none where no team is told.
    pub topic_arn: Option<String>,
    /// Name or ARN of the bus; none where no program is told.
    pub event_bus: Option<String>,
    /// URL of the product's own queue.
    pub queue_url: String,
}

impl From<&Settings> for Addressees {
    fn from(settings: &Settings) -> Self {
        Self {
            topic_arn: settings.topic_arn.clone(),
            event_bus: settings.event_bus.clone(),
            queue_url: settings.queue_url.clone(),
        }
    }
}

/// Tells through SNS, EventBridge and SQS.
#[derive(Debug)]
pub struct SdkMessenger {
    clients: Arc<Clients>,
    addressees: Addressees,
}

impl SdkMessenger {
    /// Tells those.
    pub const fn new(clients: Arc<Clients>, addressees: Addressees) -> Self {
        Self { clients, addressees }
    }
}

/// Sends until it is done or may have been done.
async fn certainly<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, Fault>
where
    F: Future<Output = Result<T, (Fault, bool)>>,
{
    let mut pauses = PAUSES.into_iter();
    loop {
        let (fault, again) = match attempt().await {
            Ok(done) => return Ok(done),
            Err(failed) => failed,
        };
        let Some(longest) = pauses.next().filter(|_| again) else { return Err(fault) };
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=longest))).await;
    }
}

/// What an attempt that failed means, and whether another one may help.
const fn failed(cause: &Cause<'_>) -> (Fault, bool) {
    match cause {
        Cause::Unknown => (Fault::Unknown, false),
        Cause::Throttled | Cause::NotSent => (Fault::NotDone, true),
        Cause::AccessDenied | Cause::Credentials | Cause::Refused(_) => (Fault::NotDone, false),
    }
}

fn message(bulletin: &Bulletin) -> Option<Message> {
    match bulletin {
        Bulletin::Single { id, notice, repeated } => {
            let message = Message::of(notice, &id.0);
            Some(if *repeated { message.repeated() } else { message })
        }
        Bulletin::Digest { notices } => {
            let (first, _) = notices.first()?;
            let id = first.0.clone();
            let notices = notices.iter().map(|(id, notice)| (id.0.clone(), notice.clone())).collect();
            Digest { notices }.message(&id)
        }
    }
}

impl Messenger for SdkMessenger {
    async fn publish(&self, bulletin: &Bulletin) -> Result<(), Fault> {
        let Some((topic, message)) = self.addressees.topic_arn.as_ref().zip(message(bulletin)) else {
            return Err(Fault::NotDone);
        };
        let mut request = (self.clients.sns().publish())
            .topic_arn(topic)
            .subject(&message.subject)
            .message(message.body.to_string())
            .message_structure("json");
        for (name, value) in &message.attributes {
            let text = MessageAttributeValue::builder().data_type(ATTRIBUTE_TYPE).string_value(value).build();
            request = request.message_attributes(*name, text.map_err(|_| Fault::NotDone)?);
        }
        certainly(|| {
            let mut once = aws_sdk_sns::config::Builder::new();
            once.set_retry_config(Some(RetryConfig::disabled()));
            let request = request.clone().customize().config_override(once);
            async move {
                match request.send().await {
                    Ok(answer) if answer.message_id().is_some() => Ok(()),
                    // An answer that names no message is not SNS's.
                    Ok(_) => Err((Fault::Unknown, false)),
                    Err(error) => Err(failed(&cause(&error))),
                }
            }
        })
        .await
    }

    async fn announce(&self, documents: &[&str]) -> Result<Vec<bool>, Fault> {
        let Some(bus) = &self.addressees.event_bus else { return Err(Fault::NotDone) };
        let (mut taken, mut fault) = (Vec::with_capacity(documents.len()), None);
        for some in requests(documents) {
            match self.put_events(bus, some).await {
                Ok(those) => taken.extend(those),
                Err(failed) => {
                    fault = Some(failed);
                    taken.extend(some.iter().map(|_| false));
                }
            }
        }
        fault.filter(|_| !taken.contains(&true)).map_or(Ok(taken), Err)
    }

    async fn remind(&self, delay: SignedDuration) -> Result<(), Fault> {
        send_later(&self.clients, &self.addressees.queue_url, reminder_body(), delay).await
    }
}

/// What `EventBridge` counts of an entry.
const fn entry_size(document: &str) -> usize {
    SOURCE.len() + DETAIL_TYPE.len() + document.len()
}

/// As many at once as a request takes. One that is too large by itself is a request of its own, and is refused without harm
/// to others.
fn requests<'a, 'b>(documents: &'a [&'b str]) -> Vec<&'a [&'b str]> {
    let (mut requests, mut rest) = (Vec::new(), documents);
    while !rest.is_empty() {
        let mut size = 0;
        let fitting = rest.iter().take(MOST_ANNOUNCED).take_while(|document| {
            size += entry_size(document);
            size <= MOST_BYTES
        });
        let (request, others) = rest.split_at(fitting.count().max(1));
        requests.push(request);
        rest = others;
    }
    requests
}

impl SdkMessenger {
    /// One request; which of its entries were taken.
    async fn put_events(&self, bus: &str, documents: &[&str]) -> Result<Vec<bool>, Fault> {
        let entry = |document: &&str| {
            PutEventsRequestEntry::builder()
                .event_bus_name(bus)
                .source(SOURCE)
                .detail_type(DETAIL_TYPE)
                .detail(*document)
                .build()
        };
        let request =
            self.clients.eventbridge().put_events().set_entries(Some(documents.iter().map(entry).collect()));
        let answer = certainly(|| {
            let mut once = aws_sdk_eventbridge::config::Builder::new();
            once.set_retry_config(Some(RetryConfig::disabled()));
            let request = request.clone().customize().config_override(once);
            async move { request.send().await.map_err(|error| failed(&cause(&error))) }
        })
        .await?;
        // One result for each, in their order (API reference, `PutEvents`).
        let taken =
            answer.entries().iter().map(|entry| entry.event_id().is_some() && entry.error_code().is_none());
        Ok(taken.chain(std::iter::repeat(false)).take(documents.len()).collect())
    }
}
