//! What a history says should be another way in the policy.
//!
//! Only retries that were really made count, and only where the interval of their share is clear of even chances: nine of
//! ten speak for themselves, one of one does not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use super::figures::Share;
use super::{Replayed, Treatment};
use crate::domain::class::Class;
use crate::domain::decision::Ruling;
use crate::domain::ids::RuleName;
use crate::domain::policy::{Mode, Policy, Settings};

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
    /// The rule that these failures fall under now; none where no rule is about them.
    pub under: Option<String>,
    /// Whether that rule is to be changed, and no other one added.
    pub is_change: bool,
    /// The classes to be retried there.
    pub retry_on: Vec<String>,
    /// Retries that mended, of those that were made and ended.
    pub evidence: Share,
    /// How many such failures there were.
    pub failures: u64,
    /// In words, as a sentence.
    pub because: String,
    /// Where the rule goes, in words.
    pub place: String,
    /// The rule, as YAML. It has every setting of the one that it takes failures from, but for the classes.
    pub rule: String,
}

/// The failures that a suggestion would be about.
#[derive(Debug, Default)]
struct Found {
    failures: u64,
    mended: u64,
    ended: u64,
}

/// The rule that applies, a class, in stages of a name, of a pipeline: each narrower than the one before.
type Place<'a> = (Option<&'a str>, Class, Option<&'a str>, Option<&'a str>);

/// What the history speaks for, what concerns most failures first. What holds everywhere is not said again of a part, and no
/// suggestion reaches beyond the rule that its failures fall under.
pub fn suggestions(policy: &Policy, replayed: &[Replayed]) -> Vec<Suggestion> {
    let mut suggestions = Vec::new();
    for advice in [Advice::Retry, Advice::LeaveAlone] {
        let mut said: BTreeSet<Place<'_>> = BTreeSet::new();
        for width in 0..3 {
            for (place, found) in gathered(replayed, advice, width) {
                let (under, class, stage, pipeline) = place;
                let wider = [(under, class, None, None), (under, class, stage, None)];
                let is_said = wider.iter().any(|wider| said.contains(wider));
                let evidence = Share::new(found.mended, found.ended);
                if is_said || !class.may_be_retried() || !speaks(advice, evidence) {
                    continue;
                }
                if !reaches_beyond(replayed, under, stage, pipeline) {
                    said.insert(place);
                    suggestions.push(suggestion(policy, advice, place, &found, evidence));
                }
            }
        }
    }
    suggestions.sort_by_key(|suggestion| std::cmp::Reverse(suggestion.failures));
    suggestions
}

/// The rule that a failure falls under.
fn rule_of(failure: &Replayed) -> Option<&str> {
    failure.last.as_ref()?.rule.as_ref().map(RuleName::as_str)
}

/// Whether a rule for all stages of that name would take failures from other rules.
fn reaches_beyond(
    replayed: &[Replayed],
    under: Option<&str>,
    stage: Option<&str>,
    pipeline: Option<&str>,
) -> bool {
    stage.is_some_and(|stage| {
        replayed.iter().any(|failure| {
            let run = &failure.past.run;
            run.stage.as_str() == stage
                && pipeline.is_none_or(|pipeline| run.pipeline.name.as_str() == pipeline)
                && rule_of(failure) != under
        })
    })
}

fn speaks(advice: Advice, evidence: Share) -> bool {
    evidence.of >= FEWEST
        && match advice {
            Advice::Retry => evidence.low > WORTH_IT,
            Advice::LeaveAlone => evidence.high < A_WASTE,
        }
}

/// The failures that the policy treats the other way, by rule and class, then by stage, then by pipeline as well.
fn gathered(replayed: &[Replayed], advice: Advice, width: usize) -> BTreeMap<Place<'_>, Found> {
    let mut places: BTreeMap<Place<'_>, Found> = BTreeMap::new();
    for failure in replayed.iter().filter(|failure| is_other_way(failure, advice)) {
        let run = &failure.past.run;
        let stage = (width > 0).then_some(run.stage.as_str());
        let pipeline = (width > 1).then_some(run.pipeline.name.as_str());
        let found = places.entry((rule_of(failure), failure.past.class(), stage, pipeline)).or_default();
        found.failures += 1;
        // CodePipeline's own retry shows as well as a person's whether one helps.
        if let Some(mended) = failure.past.recovered_by_retry() {
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
    found: &Found,
    evidence: Share,
) -> Suggestion {
    let (under, class, stage, pipeline) = place;
    let current = policy.rules.iter().find(|rule| Some(rule.name.as_str()) == under);
    let of = match (stage, pipeline, under) {
        (Some(stage), Some(pipeline), _) => format!("of `{pipeline}/{stage}`"),
        (Some(stage), None, _) => format!("of stages called `{stage}`"),
        (None, _, Some(under)) => format!("under rule `{under}`"),
        (None, _, None) => "that no rule is about".to_owned(),
    };
    let mended = format!("{} of {} retries of {class} failures {of} mended them", evidence.hits, evidence.of);
    let because = match advice {
        Advice::Retry => format!("{mended}, and the policy does not retry them."),
        Advice::LeaveAlone => format!("Only {mended}, and the policy retries them."),
    };
    let mut classes: BTreeSet<Class> = current.map(|rule| rule.settings.retry_on.clone()).unwrap_or_default();
    match advice {
        Advice::Retry => classes.insert(class),
        Advice::LeaveAlone => classes.remove(&class),
    };
    let retry_on: Vec<String> = classes.iter().map(|class| class.as_str().to_owned()).collect();
    let is_change = stage.is_none() && under.is_some();
    let setting = if retry_on.is_empty() {
        "    mode: disabled\n".to_owned()
    } else {
        format!("    retry-on: [{}]\n", retry_on.join(", "))
    };
    let rule = match under {
        Some(under) if is_change => format!("  # {because}\n  - name: {under}\n{setting}"),
        _ => {
            let kept = current.map(|rule| kept(&rule.settings)).unwrap_or_default();
            format!("  # {because}\n{}{setting}{kept}", head(advice, class, stage, pipeline))
        }
    };
    Suggestion {
        advice,
        class: class.as_str().to_owned(),
        stage: stage.map(ToOwned::to_owned),
        pipeline: pipeline.map(ToOwned::to_owned),
        under: under.map(ToOwned::to_owned),
        is_change,
        retry_on,
        evidence,
        failures: found.failures,
        because,
        place: match under {
            Some(under) if is_change => format!("In rule `{under}`, whose other settings stay as they are:"),
            Some(under) => format!("A rule right before `{under}`, with its settings:"),
            None => "A rule after all others:".to_owned(),
        },
        rule,
    }
}

/// The name of a rule, and what it matches.
fn head(advice: Advice, class: Class, stage: Option<&str>, pipeline: Option<&str>) -> String {
    let parts = [pipeline, stage, Some(class.as_str())];
    let name: Vec<String> = parts.into_iter().flatten().map(str::to_lowercase).collect();
    let verb = if advice == Advice::Retry { "retry" } else { "leave" };
    let mut matched = vec![format!("pipeline: \"{}\"", pipeline.unwrap_or("*"))];
    matched.extend(stage.map(|stage| format!("stage: \"{stage}\"")));
    format!(
        "  - name: {verb}-{}\n    match: {{ {} }}\n",
        name.join("-").replace(['.', '@', '_'], "-"),
        matched.join(", ")
    )
}

/// The settings by which a rule is more careful, or otherwise not like the defaults.
fn kept(settings: &Settings) -> String {
    let usual = Settings::with_budgets(Vec::new());
    let mut text = String::new();
    let mut keep = |key: &str, value: String| {
        let _ = writeln!(text, "    {key}: {value}");
    };
    if settings.max_retries != usual.max_retries {
        keep("max-retries", settings.max_retries.to_string());
    }
    if settings.give_up_after != usual.give_up_after {
        keep("give-up-after", format!("{}s", settings.give_up_after.as_secs()));
    }
    if !settings.freezes.is_empty() {
        let names: Vec<&str> = settings.freezes.iter().map(|freeze| freeze.name.as_str()).collect();
        keep("freezes", format!("[{}]", names.join(", ")));
    }
    let budgets: Vec<&str> = settings.budgets.iter().map(|budget| budget.name.as_str()).collect();
    if budgets != ["region", "pipeline"] {
        keep("budgets", format!("[{}]", budgets.join(", ")));
    }
    if settings.mode == Mode::Shadow {
        keep("mode", "shadow".to_owned());
    }
    text
}
