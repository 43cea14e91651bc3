//! The contract of those who carry messages, decisions and reminders outside. What a subscriber is shown, and what a service
//! refuses, is beyond it: the world in memory hands on what it is given and refuses nothing.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::json;

use codepipeline_retrier::domain::ids::StageRunId;
use codepipeline_retrier::domain::notice::{Notice, Occasion};
use codepipeline_retrier::event::{self, Invocation};
use codepipeline_retrier::ports::{Bulletin, EntryId, MOST_ANNOUNCED, Messenger};

use super::ledger::run_number;
use super::outbox::notice;
use crate::arbitrary::at;

/// A message as a team's program hears it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Its name.
    pub id: String,
    /// Whether it says that it may have been sent before.
    pub repeated: bool,
    /// What it is about by name, in order.
    pub named: Vec<(StageRunId, Occasion)>,
    /// What it is about beyond that.
    pub omitted: usize,
}

/// Those who are told.
pub trait Outside: Messenger {
    /// What teams heard since they were last asked, in any order.
    async fn teams(&self) -> Vec<Heard>;

    /// The documents that programs heard since they were last asked, in any order.
    async fn programs(&self) -> Vec<String>;

    /// Lets time pass, and takes what comes through the product's own queue.
    async fn own_queue(&self, duration: SignedDuration) -> Vec<String>;
}

/// One test for each clause. The first argument drives a clause to its end, the second makes a world nobody was told of yet.
macro_rules! suite {
    ($run:path, $make:path) => {
        $crate::contract::clauses! {
            $run, $make, messenger:
            a_message_arrives_once_under_its_name
            a_message_that_may_be_a_copy_says_so
            a_message_about_several_names_each
            a_message_about_many_counts_those_that_it_does_not_name
            decisions_arrive_as_they_are
            as_many_decisions_as_may_be_are_announced_at_once
            large_decisions_are_announced_at_once_all_the_same
            no_decision_is_announced_to_nobody
            a_reminder_comes_after_its_delay_and_not_before
            a_reminder_may_come_at_once
        }
    };
}
pub(crate) use suite;

fn name(id: &str) -> EntryId {
    EntryId(id.to_owned())
}

fn single(id: &str, notice: Notice, repeated: bool) -> Bulletin {
    Bulletin::Single { id: name(id), notice: Box::new(notice), repeated }
}

/// A message about so many stage runs.
pub fn gathered(number: u32) -> Bulletin {
    let notices = (1..=number).map(|number| {
        let notice = notice(&run_number(number), Occasion::GiveUp, at(i64::from(number)));
        (name(&format!("n-{number}")), notice)
    });
    Bulletin::Digest { notices: notices.collect() }
}

pub async fn a_message_arrives_once_under_its_name<O: Outside>(outside: &O) {
    let mut expected = Vec::new();
    for (occasion, number) in Occasion::ALL.into_iter().zip(1..) {
        let (run, id) = (run_number(number), format!("run#{number}|notice#{}", occasion.as_str()));
        let bulletin = single(&id, notice(&run, occasion, at(0)), false);
        assert_eq!(outside.publish(&bulletin).await, Ok(()));
        expected.push(Heard { id, repeated: false, named: vec![(run, occasion)], omitted: 0 });
    }
    let mut heard = outside.teams().await;
    heard.sort_by(|one, other| one.named.cmp(&other.named));
    assert_eq!(heard, expected);
    assert_eq!((outside.teams().await, outside.programs().await), (vec![], vec![]), "and nothing else");
}

pub async fn a_message_that_may_be_a_copy_says_so<O: Outside>(outside: &O) {
    for repeated in [false, true] {
        let bulletin = single("n-1", notice(&run_number(1), Occasion::GiveUp, at(0)), repeated);
        assert_eq!(outside.publish(&bulletin).await, Ok(()));
        let heard = outside.teams().await;
        let [only] = heard.as_slice() else { panic!("not one: {heard:?}") };
        assert_eq!((only.id.as_str(), only.repeated), ("n-1", repeated));
    }
}

pub async fn a_message_about_several_names_each<O: Outside>(outside: &O) {
    assert_eq!(outside.publish(&gathered(3)).await, Ok(()));
    let named = (1..=3).map(|number| (run_number(number), Occasion::GiveUp)).collect();
    let expected = Heard { id: "n-1".to_owned(), repeated: false, named, omitted: 0 };
    assert_eq!(outside.teams().await, [expected]);
}

pub async fn a_message_about_many_counts_those_that_it_does_not_name<O: Outside>(outside: &O) {
    assert_eq!(outside.publish(&gathered(1_000)).await, Ok(()));
    let heard = outside.teams().await;
    let [only] = heard.as_slice() else { panic!("not one: {heard:?}") };
    assert_eq!(only.named.len() + only.omitted, 1_000);
    let first: Vec<_> = (1..=20).map(|number| (run_number(number), Occasion::GiveUp)).collect();
    assert_eq!(only.named[..20], first);
}

/// A decision's document in so many bytes, or some more.
pub fn decision(number: usize, bytes: usize) -> String {
    let detail = "x".repeat(bytes);
    let explanation = json!([{ "step": "rule", "outcome": "pass", "detail": detail }]);
    json!({ "schema": 1, "decision-id": format!("d-{number}"), "explanation": explanation }).to_string()
}

async fn announced<O: Outside>(outside: &O, documents: &[String]) {
    let all: Vec<&str> = documents.iter().map(String::as_str).collect();
    assert_eq!(outside.announce(&all).await, Ok(vec![true; documents.len()]));
    let heard = outside.programs().await;
    assert_eq!(heard.len(), documents.len());
    assert_eq!(heard.into_iter().collect::<BTreeSet<_>>(), documents.iter().cloned().collect());
    assert_eq!((outside.programs().await, outside.teams().await), (vec![], vec![]), "and nothing else");
}

pub async fn decisions_arrive_as_they_are<O: Outside>(outside: &O) {
    let words = json!({ "decision-id": "d", "verdict": "give-up", "detail": "`a` \u{201c}ä\"\\\u{201d} {}" });
    announced(outside, &[words.to_string()]).await;
}

pub async fn as_many_decisions_as_may_be_are_announced_at_once<O: Outside>(outside: &O) {
    let documents: Vec<String> = (0..MOST_ANNOUNCED).map(|number| decision(number, 10)).collect();
    announced(outside, &documents).await;
}

/// Together they are more than one request of a service takes.
pub async fn large_decisions_are_announced_at_once_all_the_same<O: Outside>(outside: &O) {
    let documents: Vec<String> = (0..MOST_ANNOUNCED).map(|number| decision(number, 100_000)).collect();
    announced(outside, &documents).await;
}

pub async fn no_decision_is_announced_to_nobody<O: Outside>(outside: &O) {
    announced(outside, &[]).await;
}

async fn reminded<O: Outside>(outside: &O, delay: SignedDuration) {
    assert_eq!(outside.remind(delay).await, Ok(()));
}

fn is_reminder(body: &str) -> bool {
    matches!(event::read(body), Invocation::Single(event::Message::Outbox))
}

pub async fn a_reminder_comes_after_its_delay_and_not_before<O: Outside>(outside: &O) {
    // The longest is 15 minutes, and a part of a second is a whole one to the queue.
    for (delay, before) in [(600_000, 599_000), (900_000, 899_000), (1_500, 1_400)] {
        reminded(outside, SignedDuration::from_millis(delay)).await;
        let early = outside.own_queue(SignedDuration::from_millis(before)).await;
        assert_eq!(early, Vec::<String>::new(), "{delay} ms");
        let came = outside.own_queue(SignedDuration::from_secs(2)).await;
        assert!(matches!(came.as_slice(), [body] if is_reminder(body)), "{delay} ms: {came:?}");
    }
}

pub async fn a_reminder_may_come_at_once<O: Outside>(outside: &O) {
    reminded(outside, SignedDuration::ZERO).await;
    let came = outside.own_queue(SignedDuration::ZERO).await;
    assert!(matches!(came.as_slice(), [body] if is_reminder(body)), "{came:?}");
}
