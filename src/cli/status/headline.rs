//! The one sentence: whether all is well, or what needs a person.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Shown;
use super::open::{age, claims, waits};
use crate::cli::columns::{foreign, roughly};
use crate::cli::pauses;
use crate::domain::decision::Ruling;
use crate::domain::policy::Mode;
use crate::domain::stage_run::{Timing, after};

/// How long what is due may stay so: wake-ups come within a minute, and what they miss the next sweep finds.
const LONGEST_DUE: SignedDuration = SignedDuration::from_mins(30);
/// How long a message that was not understood is news.
const NEWS: SignedDuration = SignedDuration::from_hours(24);

/// How it stands, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// A person has stopped every retry, and a person starts them again.
    Paused,
    /// The parameter `Mode` has.
    Disabled,
    NeedsAPerson,
    /// Retries come later than usual, by themselves.
    HeldBack,
    /// No failure has come and no sweep has been made.
    NotAtWorkYet,
    Well,
}

impl Standing {
    /// The name used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Disabled => "disabled",
            Self::NeedsAPerson => "needs-a-person",
            Self::HeldBack => "held-back",
            Self::NotAtWorkYet => "not-at-work-yet",
            Self::Well => "well",
        }
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Disabled => "disabled",
            Self::NeedsAPerson => "needs a person",
            Self::HeldBack => "held back",
            Self::NotAtWorkYet => "not at work yet",
            Self::Well => "all is well",
        }
    }
}

/// What is to be said first, and what else there is of that kind.
pub(super) struct Headline {
    pub standing: Standing,
    pub sentence: String,
    pub also: Vec<String>,
}

impl Headline {
    pub fn of(shown: &Shown) -> Self {
        let mut concerns = concerns(shown);
        concerns.sort_by_key(|(standing, _)| *standing);
        let mut concerns = concerns.into_iter();
        let (standing, sentence) = concerns.next().unwrap_or_else(|| calm(shown));
        let also = concerns.map(|(of, sentence)| format!("{}: {sentence}", of.in_words())).collect();
        Self { standing, sentence: format!("{}: {sentence}", standing.in_words()), also }
    }

    /// The same for programs.
    pub fn document(&self) -> Value {
        json!({ "standing": self.standing.as_str(), "text": self.sentence, "also": self.also })
    }
}

/// What is said where there is nothing to be said against it.
fn calm(shown: &Shown) -> (Standing, String) {
    let Some((_, mode)) = &shown.controls.activated else {
        return (Standing::NotAtWorkYet, "the first failure or sweep puts a policy to work".to_owned());
    };
    let shadow = if *mode == Mode::Shadow { "in shadow mode, nothing is retried; " } else { "" };
    let (waits, claims) = (waits(&shown.open).len(), claims(&shown.open).len());
    let failures = match waits {
        0 => "no failure waits".to_owned(),
        1 => "1 failure waits".to_owned(),
        many => format!("{many} failures wait"),
    };
    let retries = match claims {
        0 => "no retry is under way".to_owned(),
        1 => "1 retry is under way".to_owned(),
        many => format!("{many} retries are under way"),
    };
    (Standing::Well, format!("{shadow}{failures}, {retries}"))
}

fn concerns(shown: &Shown) -> Vec<(Standing, String)> {
    let (now, controls) = (shown.now, &shown.controls);
    let mut concerns = Vec::new();
    for pause in pauses::in_force(controls, now) {
        let standing = if pause.pipeline.is_none() { Standing::Paused } else { Standing::HeldBack };
        let what = if pause.pipeline.is_none() { "" } else { "paused: " };
        concerns.push((standing, format!("{what}{}", pauses::line(pause, now))));
    }
    if controls.activated.as_ref().is_some_and(|(_, mode)| *mode == Mode::Disabled) {
        concerns.push((Standing::Disabled, "nothing is retried while parameter `Mode` says so".to_owned()));
    }
    let person = |sentence: String| (Standing::NeedsAPerson, sentence);
    concerns.extend(broken(shown).into_iter().map(person));
    if shown.weather.is_some_and(|weather| weather.is_storm) {
        let storm = shown.weather.map(|weather| weather.in_words()).unwrap_or_default();
        concerns.push((Standing::HeldBack, foreign(&storm)));
    }
    let waiting_for_tokens = count(shown, |ruling| ruling == Ruling::WaitBudgetEmpty);
    if waiting_for_tokens > 0 {
        concerns.push((
            Standing::HeldBack,
            format!("{} for a token of an empty budget", waiting(waiting_for_tokens)),
        ));
    }
    concerns
}

/// What does not mend itself.
fn broken(shown: &Shown) -> Vec<String> {
    let now = shown.now;
    let mut broken = Vec::new();
    match shown.newer.len() {
        0 => {}
        newer => {
            let (runs, are) = if newer == 1 {
                ("1 stage run was", "is")
            } else {
                (&*format!("{newer} stage runs were"), "are")
            };
            broken
                .push(format!("{runs} written by a newer release than this `retrier`, and {are} not shown"));
        }
    }
    let without_policy = count(shown, |ruling| ruling == Ruling::WaitPolicyInvalid);
    if without_policy > 0 {
        broken.push(format!("no policy can be used, and {}", waiting(without_policy)));
    }
    if shown.sweep.is_overdue(now) {
        broken.push("the sweep is overdue, so that lost failures are not found".to_owned());
    }
    let due = longest_due(shown);
    let overdue =
        waits(&shown.open).into_iter().map(|(_, wait)| wait.wake_at).filter(|at| after(*at, due) < now);
    broken.extend(late(overdue, now, "failure", "overdue", "wake-ups do not arrive"));
    let Timing { settle_window, .. } = Timing::default();
    let leases = claims(&shown.open).into_iter().map(|(_, claim)| after(claim.lease_until, settle_window));
    let unsettled = leases.filter(|at| after(*at, due) < now);
    broken.extend(late(unsettled, now, "claim", "not settled", "nobody looks how its retry ended"));
    let unverified = count(shown, |ruling| ruling == Ruling::WaitCannotVerify);
    if unverified > 0 {
        broken.push(format!("{} for what the function cannot read", waiting(unverified)));
    }
    let is_news = |at: Timestamp| age(at, now) < NEWS;
    if let Some(newest) = shown.quarantine.newest.first().filter(|newest| is_news(newest.at)) {
        let ago = roughly(age(newest.at, now));
        broken.push(format!("a message was not understood {ago} ago, and left alone"));
    }
    broken
}

/// How long what is due may stay so: at least until the second sweep from then.
fn longest_due(shown: &Shown) -> SignedDuration {
    LONGEST_DUE.max(shown.sweep.every.saturating_add(shown.sweep.every))
}

/// What is late, and for how long.
fn late(
    due: impl Iterator<Item = Timestamp>,
    now: Timestamp,
    what: &str,
    how: &str,
    why: &str,
) -> Option<String> {
    let due: Vec<Timestamp> = due.collect();
    let long = roughly(age(*due.iter().min()?, now));
    Some(match due.len() {
        1 => format!("1 {what} is {how} for {long}: {why}"),
        many => format!("{many} {what}s are {how}, for up to {long}: {why}"),
    })
}

fn count(shown: &Shown, is_meant: impl Fn(Ruling) -> bool) -> usize {
    waits(&shown.open).into_iter().filter(|(_, wait)| is_meant(wait.ruling)).count()
}

fn waiting(count: usize) -> String {
    if count == 1 { "1 failure waits".to_owned() } else { format!("{count} failures wait") }
}
