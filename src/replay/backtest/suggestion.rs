//! What a history says should be another way in the policy.
//!
//! Only retries that were really made count, and only where the interval of their share is clear of even chances: nine of
//! ten speak for themselves, one of one does not.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::figures::Share;
use super::past::Sequel;
use super::{Replayed, Treatment};
use crate::domain::class::Class;
use crate::domain::decision::Ruling;
use crate::domain::ids::StageRunId;
use crate::domain::policy::Policy;
use crate::domain::tags::{NO_TAGS, Tags};

/// Fewest retries that a suggestion rests on.
const FEWEST: u64 = 5;
/// What the lower end of the interval has to be above for a retry to be worth it.
const WORTH_IT: f64 = 0.5;
/// What the upper end has to be below for a retry to be a waste.
const A_WASTE: f64 = 0.35;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Advice {
    /// Retry failures of the class there.
    Retry,
    /// Do not retry them there.
    LeaveAlone,
}

/// One suggestion with what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Suggestion {
    /// What to do.
    pub advice: Advice,
    /// Failures of this class.
    pub class: String,
    /// In stages of this name; any where there is none.
    pub stage: Option<String>,
    /// Of this pipeline; any where there is none.
    pub pipeline: Option<String>,
    /// Retries that mended, of those that were made and ended.
    pub evidence: Share,
    /// How many such failures there were.
    pub failures: u64,
    /// In words, as a sentence.
    pub because: String,
    /// A rule that does it, as YAML to be put before the others.
    pub rule: String,
}

/// The failures that a suggestion would be about.
#[derive(Debug, Default)]
struct Found<'a> {
    failures: u64,
    mended: u64,
    ended: u64,
    /// Stage runs, for the rule that they fall under now.
    runs: Vec<&'a StageRunId>,
}

/// A class, in stages of a name, of a pipeline: each narrower than the one before.
type Place<'a> = (Class, Option<&'a str>, Option<&'a str>);

/// What the history speaks for, what concerns most failures first. What holds everywhere is not said again of a part.
pub fn suggestions(
    policy: &Policy,
    replayed: &[Replayed],
    tags: impl Fn(&StageRunId) -> Option<Tags>,
) -> Vec<Suggestion> {
    let mut suggestions = Vec::new();
    for advice in [Advice::Retry, Advice::LeaveAlone] {
        let mut said: BTreeSet<Place<'_>> = BTreeSet::new();
        for width in 0..3 {
            for (place, found) in gathered(replayed, advice, width) {
                let (class, stage, _) = place;
                let wider = [(class, None, None), (class, stage, None)];
                if wider.iter().any(|wider| said.contains(wider)) || !class.may_be_retried() {
                    continue;
                }
                let evidence = Share::new(found.mended, found.ended);
                if speaks(advice, evidence) {
                    said.insert(place);
                    suggestions.push(suggestion(policy, advice, place, &found, evidence, &tags));
                }
            }
        }
    }
    suggestions.sort_by_key(|suggestion| std::cmp::Reverse(suggestion.failures));
    suggestions
}

fn speaks(advice: Advice, evidence: Share) -> bool {
    evidence.of >= FEWEST
        && match advice {
            Advice::Retry => evidence.low > WORTH_IT,
            Advice::LeaveAlone => evidence.high < A_WASTE,
        }
}

/// The failures that the policy treats the other way, by class, then by stage, then by pipeline as well.
fn gathered(replayed: &[Replayed], advice: Advice, width: usize) -> BTreeMap<Place<'_>, Found<'_>> {
    let mut places: BTreeMap<Place<'_>, Found<'_>> = BTreeMap::new();
    for failure in replayed.iter().filter(|failure| is_other_way(failure, advice)) {
        let run = &failure.past.run;
        let stage = (width > 0).then_some(run.stage.as_str());
        let pipeline = (width > 1).then_some(run.pipeline.name.as_str());
        let found = places.entry((failure.past.class(), stage, pipeline)).or_default();
        found.failures += 1;
        found.runs.push(run);
        // CodePipeline's own retry shows as well as a person's whether one helps.
        if let (Sequel::Retried { .. }, Some(mended)) =
            (failure.past.sequel, failure.past.recovered_by_retry())
        {
            found.ended += 1;
            found.mended += u64::from(mended);
        }
    }
    places
}

fn is_other_way(failure: &Replayed, advice: Advice) -> bool {
    match advice {
        Advice::Retry => {
            let by_class =
                matches!(failure.ruling(), Some(Ruling::GiveUpNotRetryable | Ruling::IgnoreNoRule));
            let is_one_class = failure.past.classes.values().collect::<BTreeSet<_>>().len() <= 1;
            failure.treatment() == Treatment::LeftAlone && by_class && is_one_class
        }
        Advice::LeaveAlone => failure.treatment() == Treatment::Retried,
    }
}

fn suggestion(
    policy: &Policy,
    advice: Advice,
    place: Place<'_>,
    found: &Found<'_>,
    evidence: Share,
    tags: &impl Fn(&StageRunId) -> Option<Tags>,
) -> Suggestion {
    let (class, stage, pipeline) = place;
    let where_ = match (stage, pipeline) {
        (Some(stage), Some(pipeline)) => format!("of `{pipeline}/{stage}`"),
        (Some(stage), None) => format!("of stages called `{stage}`"),
        _ => "of any stage".to_owned(),
    };
    let mended =
        format!("{} of {} retries of {class} failures {where_} mended them", evidence.hits, evidence.of);
    let because = match advice {
        Advice::Retry => format!("{mended}, and the policy does not retry them."),
        Advice::LeaveAlone => format!("Only {mended}, and the policy retries them."),
    };
    let current = found.runs.first().and_then(|run| {
        let tags = tags(run);
        policy.rule_for(run, tags.as_ref().unwrap_or(&NO_TAGS))
    });
    let mut classes: BTreeSet<Class> = current.map(|rule| rule.settings.retry_on.clone()).unwrap_or_default();
    match advice {
        Advice::Retry => classes.insert(class),
        Advice::LeaveAlone => classes.remove(&class),
    };
    Suggestion {
        advice,
        class: class.as_str().to_owned(),
        stage: stage.map(ToOwned::to_owned),
        pipeline: pipeline.map(ToOwned::to_owned),
        evidence,
        failures: found.failures,
        because: because.clone(),
        rule: rule(class, stage, pipeline, &classes, &because, advice),
    }
}

fn rule(
    class: Class,
    stage: Option<&str>,
    pipeline: Option<&str>,
    classes: &BTreeSet<Class>,
    because: &str,
    advice: Advice,
) -> String {
    let parts = [pipeline, stage, Some(class.as_str())];
    let name: Vec<String> = parts.into_iter().flatten().map(str::to_lowercase).collect();
    let verb = if advice == Advice::Retry { "retry" } else { "leave" };
    let mut matched = vec![format!("pipeline: {}", quoted(pipeline.unwrap_or("*")))];
    matched.extend(stage.map(|stage| format!("stage: {}", quoted(stage))));
    let list: Vec<&str> = classes.iter().map(|class| class.as_str()).collect();
    let settings = if classes.is_empty() {
        "mode: disabled".to_owned()
    } else {
        format!("retry-on: [{}]", list.join(", "))
    };
    format!(
        "  # {because}\n  - name: {verb}-{}\n    match: {{ {} }}\n    {settings}\n",
        name.join("-").replace(['.', '@', '_'], "-"),
        matched.join(", ")
    )
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}
