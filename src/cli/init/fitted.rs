//! A policy that a history speaks for, with its reasons as comments.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::SHADOW;
use crate::cli::figure::{counted, percent, plain_share};
use crate::domain::class::Group;
use crate::domain::glob::Glob;
use crate::replay::backtest::{Advice, Figures, Replayed, Suggestion};
use crate::replay::history::History;

/// How stages that touch production are usually called.
const PRODUCTION: [&str; 5] = ["*Prod*", "*prod*", "*PROD*", "Live", "live"];
/// The rule of the policy that ships for all that is not production.
const LAST_RULE: &str = "everything-else";
/// Room that a budget has beyond the busiest hour of the history.
const ROOM: u64 = 2;
/// The budget of a Region that ships.
const USUAL: u64 = 20;

/// The text of the policy.
pub(super) fn policy(
    history: &History,
    replayed: &[Replayed],
    figures: &Figures,
    advice: &[Suggestion],
) -> String {
    let day = |text: &str| text.get(..10).unwrap_or(text).to_owned();
    let mut text = format!(
        "# Which failed stages are retried, how often, and when: fitted by `retrier init` to {} and {}\n# of {}, {} to {}.\n#\n\
         # The first rule that matches a failed stage decides. No rule matches: nothing is retried.\n\
         # docs/policy.md describes every key; `retrier backtest --policy FILE` shows what a change of it would have done.\n\nversion: 1\n\n",
        counted(figures.pipelines, "pipeline"),
        counted(figures.executions, "execution"),
        history.scope().region,
        day(&figures.since),
        day(&figures.until),
    );
    text.push_str(SHADOW);
    text.push_str(&budgets(replayed));
    text.push_str("rules:\n");
    text.push_str(&production(history));
    // The other rule is for production, where nothing is loosened because of what helped elsewhere.
    let (changes, rules): (Vec<&Suggestion>, Vec<&Suggestion>) = (advice.iter())
        .filter(|suggestion| suggestion.under.as_deref() == Some(LAST_RULE))
        .partition(|suggestion| suggestion.is_change);
    for suggestion in rules {
        text.push_str(&suggestion.rule);
        text.push('\n');
    }
    text.push_str(&everything_else(figures, &changes));
    text
}

/// Room for the busiest hour that there was, as if every retry had been made.
fn budgets(replayed: &[Replayed]) -> String {
    let mut hours: BTreeMap<i64, u64> = BTreeMap::new();
    for at in replayed.iter().filter_map(|failure| failure.retry_at) {
        *hours.entry(at.as_second().div_euclid(3_600)).or_default() += 1;
    }
    let busiest = hours.into_values().max().unwrap_or_default();
    let capacity = (busiest * ROOM).max(USUAL);
    format!(
        "# Retries within the busiest hour of this history: {busiest}. The Region's budget leaves room for more, and ends a storm.\n\
         budgets:\n  region:   {{ capacity: {capacity}, refill: {}/h }}\n  pipeline: {{ capacity: 4, refill: 6/d, per: pipeline }}\n\n",
        capacity * 3
    )
}

/// A rule for stages of production, if there are any.
fn production(history: &History) -> String {
    let globs = PRODUCTION.map(Glob::new);
    let names: BTreeSet<&str> = (history.pipelines.iter())
        .flat_map(|pipeline| &pipeline.structure.stages)
        .map(|stage| stage.name.as_str())
        .filter(|name| globs.iter().any(|glob| glob.matches(name)))
        .collect();
    if names.is_empty() {
        return "  # No stage is called as production usually is. If there is one, give it a rule before the others:\n  #\n  \
                # - name: production-with-care\n  #   match: { stage: \"...\" }\n  #   max-retries: 1\n  #   give-up-after: 30m\n\n"
            .to_owned();
    }
    let shown: Vec<&str> = names.iter().copied().take(5).collect();
    format!(
        "  # These look like production: {}. Once is enough there, and soon or not at all.\n  - name: production-with-care\n    \
         match: {{ stage: [{}] }}\n    max-retries: 1\n    give-up-after: 30m\n\n",
        shown.join(", "),
        PRODUCTION.map(|pattern| format!("\"{pattern}\"")).join(", ")
    )
}

/// The rule for all the rest, with what the history says of each class that it retries.
fn everything_else(figures: &Figures, changes: &[&Suggestion]) -> String {
    let transient = Group::Transient.classes();
    let mut text =
        String::from("  # Everywhere else, what tends to pass. Retries by hand that recovered, by class:\n");
    let mut is_known = false;
    for class in &figures.classes {
        let is_retried = transient.iter().any(|of| of.as_str() == class.name);
        if is_retried && class.by_hand.of > 0 {
            is_known = true;
            let share = &class.by_hand;
            let _ =
                writeln!(text, "  #   {:<14} {} ({})", class.name, plain_share(share), percent(share.rate));
        }
    }
    if !is_known {
        text.push_str("  #   none of these classes was retried by hand in this time\n");
    }
    let mut classes: BTreeSet<&str> = transient.iter().map(|class| class.as_str()).collect();
    for change in changes {
        let _ = writeln!(text, "  # {}", change.because);
        match change.advice {
            Advice::Retry => classes.insert(&change.class),
            Advice::LeaveAlone => classes.remove(change.class.as_str()),
        };
    }
    let retry_on = if changes.is_empty() {
        "transient".to_owned()
    } else {
        classes.into_iter().collect::<Vec<_>>().join(", ")
    };
    let _ =
        writeln!(text, "  - name: {LAST_RULE}\n    match: {{ pipeline: \"*\" }}\n    retry-on: [{retry_on}]");
    text
}
