//! Where events go: a file, a URL, or an EventBridge endpoint. In order, a few times each, and told when it fails.

mod bus;
mod destination;
mod post;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

pub use destination::{Destination, InvalidDestination};

/// Who is told what went wrong.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// How often a delivery is tried.
const TRIES: u32 = 4;
/// Pause before the second try; it doubles with each one.
const PAUSE: Duration = Duration::from_millis(250);

/// Why a delivery failed.
struct Failure {
    problem: String,
    /// Whether it may be better the next time.
    may_pass: bool,
}

/// Sends events until `None` comes. An event that cannot be delivered is told of and left out; the next ones follow.
pub async fn send(
    destination: Option<Destination>,
    mut queue: mpsc::UnboundedReceiver<Option<Value>>,
    tell: Tell,
) {
    while let Some(Some(event)) = queue.recv().await {
        let Some(destination) = &destination else { continue };
        if let Err(failure) = deliver(destination, &event).await {
            let what = event.get("detail-type").and_then(Value::as_str).unwrap_or("event");
            tell(&format!("`{what}` could not be sent to `{destination}`: {}", failure.problem));
        }
    }
}

async fn deliver(destination: &Destination, event: &Value) -> Result<(), Failure> {
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        match once(destination, event).await {
            Err(failure) if failure.may_pass => {}
            ended => return ended,
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    once(destination, event).await
}

async fn once(destination: &Destination, event: &Value) -> Result<(), Failure> {
    match destination {
        Destination::File(path) => destination::append(path, event)
            .map_err(|error| Failure { problem: error.to_string(), may_pass: false }),
        Destination::Url(address) => {
            let headers = [("content-type", "application/json".to_owned())];
            post::post(address, &headers, event.to_string()).await.map(|_| ())
        }
        Destination::EventBridge(address) => bus::put(address, event).await,
    }
}
