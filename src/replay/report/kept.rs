//! From what the ledger keeps to failures, each once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use crate::domain::class::Class;
use crate::domain::decision::{Ruling, Verdict};
use crate::domain::stage_run::{Progress, Retry, StageRun};
use crate::names::failure_id;

/// What is read of the ledger.
#[derive(Debug, Default)]
pub struct Sources {
    /// Decision documents, in any order.
    pub documents: Vec<String>,
    /// Records of stage runs, in any order.
    pub records: Vec<StageRun>,
}

/// A failure on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The pipeline; with account and Region where it is in others than the ledger.
    pub pipeline: String,
    /// The stage.
    pub stage: String,
    /// The execution.
    pub execution: String,
    /// When it failed; where that is not known, when it was first decided about.
    pub failed_at: Timestamp,
    /// The classes of its actions.
    pub classes: BTreeSet<Class>,
    /// The rule that it falls under.
    pub rule: Option<String>,
    /// The last decision about it.
    pub ruling: Option<Ruling>,
    /// Every decision about it that waits for something, by reason.
    pub waits: BTreeSet<Ruling>,
    /// Whether it was only decided, and nothing called.
    pub is_shadow: bool,
    /// Its retry.
    pub retry: Option<KeptRetry>,
}

/// A retry on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptRetry {
    /// When it was made, or would have been.
    pub at: Timestamp,
    /// How it went; none of one that would have been.
    pub progress: Option<Progress>,
}

impl Failure {
    /// One class for all its actions, the gravest of them. A failure that was left alone before anybody asked why it failed,
    /// since somebody had taken it in hand, has none.
    pub fn class(&self) -> &'static str {
        self.classes.last().map_or("not-examined", |class| class.as_str())
    }
}

/// The members of a decision document that a report is made of. Others, and members that a later release adds, are nothing
/// to it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    failure_id: Option<String>,
    decided_at: String,
    failed_at: Option<String>,
    verdict: String,
    reason: String,
    #[serde(default)]
    shadow: bool,
    pipeline: String,
    stage: String,
    execution_id: String,
    account: String,
    region: String,
    rule: Option<String>,
    #[serde(default)]
    classes: BTreeMap<String, String>,
}

/// The failures of that time, by the time at which they happened; and how many documents could not be read.
pub fn failures(sources: &Sources, since: Timestamp, until: Timestamp) -> (Vec<Failure>, usize) {
    let mut unread = 0;
    let mut documents: Vec<(Timestamp, Document)> = Vec::with_capacity(sources.documents.len());
    for text in &sources.documents {
        let document: Option<Document> = serde_json::from_str(text).ok();
        let dated = document.and_then(|document| Some((document.decided_at.parse().ok()?, document)));
        match dated {
            Some(dated) => documents.push(dated),
            None => unread += 1,
        }
    }
    documents.sort_by_key(|(at, _)| *at);
    let retries = retries(&sources.records);
    let home = home(&documents);
    let mut failures: BTreeMap<String, Failure> = BTreeMap::new();
    for (at, document) in documents {
        // What was never seen to have failed is no failure.
        let Some(id) = document.failure_id.clone() else { continue };
        let retry = retries.get(&id);
        let failure = failures.entry(id).or_insert_with(|| Failure {
            pipeline: label(&document, home.as_ref()),
            stage: document.stage.clone(),
            execution: document.execution_id.clone(),
            failed_at: document.failed_at.as_deref().and_then(|at| at.parse().ok()).unwrap_or(at),
            classes: BTreeSet::new(),
            rule: None,
            ruling: None,
            waits: BTreeSet::new(),
            is_shadow: document.shadow,
            retry: retry.map(|retry| KeptRetry { at: retry.settled_at, progress: Some(retry.progress) }),
        });
        failure.note(at, document);
    }
    let mut failures: Vec<Failure> = failures
        .into_values()
        .filter(|failure| failure.failed_at >= since && failure.failed_at <= until)
        .collect();
    failures.sort_by(|a, b| a.failed_at.cmp(&b.failed_at).then_with(|| a.execution.cmp(&b.execution)));
    (failures, unread)
}

impl Failure {
    fn note(&mut self, at: Timestamp, document: Document) {
        self.classes.extend(document.classes.values().filter_map(|class| Class::parse(class)));
        self.rule = document.rule.or(self.rule.take());
        let ruling = Ruling::parse(&format!("{}/{}", document.verdict, document.reason));
        let Some(ruling) = ruling else { return };
        if ruling == Ruling::RetryEligible && document.shadow && self.retry.is_none() {
            self.retry = Some(KeptRetry { at, progress: None });
        }
        if ruling.verdict() == Verdict::Wait {
            self.waits.insert(ruling);
        }
        // What comes after a retry is about whether it is still the same failure.
        if self.ruling != Some(Ruling::RetryEligible) || ruling.verdict() == Verdict::GiveUp {
            self.ruling = Some(ruling);
        }
        self.is_shadow &= document.shadow;
    }
}

/// Every retry on record by the failure that it answers.
fn retries(records: &[StageRun]) -> BTreeMap<String, &Retry> {
    let of_record = |record: &'_ StageRun| {
        let id = record.id.clone();
        move |retry: &Retry| failure_id(&id, &retry.failed)
    };
    records
        .iter()
        .flat_map(|record| {
            let id = of_record(record);
            record.retries.iter().filter_map(move |retry| Some((id(retry)?, retry)))
        })
        .collect()
}

/// The account and Region that most decisions are about: those of the ledger.
fn home(documents: &[(Timestamp, Document)]) -> Option<(String, String)> {
    let mut times: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (_, document) in documents {
        *times.entry((&document.account, &document.region)).or_default() += 1;
    }
    let most = times.into_iter().max_by_key(|(_, times)| *times);
    most.map(|((account, region), _)| (account.to_owned(), region.to_owned()))
}

fn label(document: &Document, home: Option<&(String, String)>) -> String {
    let Document { pipeline, account, region, .. } = document;
    let is_home = home.is_none_or(|home| (&home.0, &home.1) == (account, region));
    if is_home { pipeline.clone() } else { format!("{account}/{region}/{pipeline}") }
}
