//! `PutEvents` of EventBridge, as far as it takes to hand an event of CodePipeline's to an emulator on this machine.
//!
//! AWS itself takes no events with a source that begins with `aws.`, and this sends no valid signature.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Failure;
use super::destination::Address;
use super::post::post;

/// Puts one event.
pub async fn put(address: &Address, event: &Value) -> Result<(), Failure> {
    let entry = entry(event);
    let headers = [
        ("content-type", "application/x-amz-json-1.1".to_owned()),
        ("x-amz-target", "AWSEvents.PutEvents".to_owned()),
        ("authorization", authorization(event)),
    ];
    let answer = post(address, &headers, json!({ "Entries": [entry] }).to_string()).await?;
    let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
    match answer.get("FailedEntryCount").and_then(Value::as_u64) {
        Some(0) => Ok(()),
        Some(_) => {
            let refused = answer.pointer("/Entries/0");
            let text = |name| refused.and_then(|entry| entry.get(name)).and_then(Value::as_str);
            let (code, message) = (text("ErrorCode").unwrap_or("an error"), text("ErrorMessage"));
            let problem = format!("refused with {code}: {}", message.unwrap_or_default());
            Err(Failure { problem, may_pass: code == "InternalFailure" || code == "ThrottlingException" })
        }
        None => Err(Failure { problem: "the answer is not one of PutEvents".to_owned(), may_pass: false }),
    }
}

fn text<'a>(event: &'a Value, name: &str) -> &'a str {
    event.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn entry(event: &Value) -> Value {
    let time = text(event, "time").parse::<Timestamp>().map(Timestamp::as_second).unwrap_or_default();
    let detail = event.get("detail").map(Value::to_string).unwrap_or_default();
    json!({
        "Source": text(event, "source"),
        "DetailType": text(event, "detail-type"),
        "Detail": detail,
        "Resources": event.get("resources"),
        "Time": time,
    })
}

/// What emulators read of a signature: the Region, and the account, for which they take an access key that is a number.
fn authorization(event: &Value) -> String {
    let day: String = text(event, "time").chars().filter(char::is_ascii_digit).take(8).collect();
    let (account, region) = (text(event, "account"), text(event, "region"));
    let signature = "0".repeat(64);
    format!(
        "AWS4-HMAC-SHA256 Credential={account}/{day}/{region}/events/aws4_request, SignedHeaders=host, \
         Signature={signature}"
    )
}
