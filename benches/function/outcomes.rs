//! What each kind of outcome takes: calls to AWS, bytes of them, bytes of log, processor time.

use std::time::Duration;

use serde_json::Value;

use crate::aws::{Aws, Counts};
use crate::dynamodb::Units;
use crate::process::Process;
use crate::scene::{events, message, world};
use crate::variants::Variants;

/// Events of each kind that are counted, after one that is not.
const COUNTED: usize = 5;

/// What an event of one kind takes.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub kind: &'static str,
    /// Of one event.
    pub calls: Vec<(String, u64)>,
    /// Of one event, requests and answers together.
    pub bytes: u64,
    /// Of one event.
    pub logged: u64,
    pub processor: Duration,
    /// Of one event; parts of units where events differ.
    pub read_units: f64,
    pub write_units: f64,
}

const KINDS: [(&str, &str); 8] = [
    ("plain", "retried at once"),
    ("off", "the rule is disabled"),
    ("none", "no rule"),
    ("build", "retried at once, after a look at the build and its log"),
    ("soon", "waits for minutes"),
    ("later", "waits for an hour"),
    ("left", "left alone: its class is not retried"),
    ("shadow", "would be retried, in shadow mode"),
];

pub async fn count(variants: &Variants) -> Vec<Outcome> {
    eprintln!("bench: calls of each outcome");
    let kinds = KINDS.map(|(kind, _)| (kind, COUNTED + 1));
    let world = world(&kinds);
    let (failed, succeeded) = events(&world);
    let aws = Aws::start(world, &variants.identity).await;
    let mut process = Process::start(&variants.product(&aws)).await;
    let mut outcomes = Vec::new();
    let of = |events: &[Value], kind: &str, stage: &str| -> Vec<Value> {
        let prefix = format!("{kind}-");
        let belongs = |event: &&Value| {
            event["detail"]["pipeline"].as_str().is_some_and(|name| name.starts_with(&prefix))
                && event["detail"]["stage"] == stage
        };
        events.iter().filter(belongs).cloned().collect()
    };
    outcomes.push(
        one(
            &mut process,
            &aws,
            "a stage that succeeded, never seen before",
            &of(&succeeded, "plain", "Source"),
        )
        .await,
    );
    for (kind, name) in KINDS {
        outcomes.push(one(&mut process, &aws, name, &of(&failed, kind, "Work")).await);
        if kind == "plain" {
            outcomes
                .push(one(&mut process, &aws, "the same message again", &of(&failed, kind, "Work")).await);
        }
    }
    process.end().await;
    outcomes
}

async fn one(process: &mut Process, aws: &Aws, kind: &'static str, events: &[Value]) -> Outcome {
    let Some((first, counted)) = events.split_first() else { panic!("no event of `{kind}`") };
    // The first of its kind opens connections, and brings what is remembered afterwards.
    process.handle(message(first).to_string()).await;
    aws.counts();
    aws.units();
    let before = process.logged().await;
    let mut processor = Duration::ZERO;
    for event in counted {
        processor += process.handle(message(event).to_string()).await.0.processor;
    }
    let each = counted.len() as u64;
    let (counts, units): (Counts, Units) = (aws.counts(), aws.units());
    #[expect(clippy::cast_precision_loss, reason = "some units of some events")]
    let of_each = |units: u64| units as f64 / each as f64;
    let calls = counts.iter().map(|(name, traffic)| (name.clone(), traffic.requests / each)).collect();
    Outcome {
        kind,
        calls,
        bytes: counts.values().map(|traffic| traffic.bytes).sum::<u64>() / each,
        logged: (process.logged().await - before) / each,
        processor: processor / u32::try_from(each).unwrap_or(1),
        read_units: of_each(units.read),
        write_units: of_each(units.write),
    }
}
