//! Storms: when many pipelines fail at about the same time, the cause is not in any of them.
//!
//! Failures are then held before CodePipeline is asked anything, and come back one by one: a few soon, to find out, and
//! the others spread over some time. What is counted are distinct pipelines, in windows of fixed width. A window is
//! small, since it is not added to once it says what there is to say; so a storm of thousands costs no more than one of
//! twenty.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::backoff::Jitter;
use super::duration::in_words;
use super::ids::PipelineName;
use super::stage_run::after;

/// When so many failures are a storm, and over how long they are then spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Storm {
    failures: u32,
    within_ms: i64,
    spread_ms: i64,
}

/// Why a storm cannot be described so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InvalidStorm {
    /// The number of failures is outside [`Storm::FAILURES`].
    FailuresOutOfRange,
    /// The width of a window is outside [`Storm::WITHIN`].
    WithinOutOfRange,
    /// The time to spread over is outside [`Storm::SPREAD`].
    SpreadOutOfRange,
}

/// Failures that come soon in each window of a storm: they show whether it is over.
const PROBES: usize = 3;

impl Storm {
    /// Least and most failures: one pipeline is no storm, and each of so many is an entry in an item of the ledger.
    pub const FAILURES: [u32; 2] = [2, 200];
    /// Narrowest and widest window.
    pub const WITHIN: [SignedDuration; 2] = [SignedDuration::from_mins(1), SignedDuration::from_hours(1)];
    /// Shortest and longest time to spread over.
    pub const SPREAD: [SignedDuration; 2] = [SignedDuration::from_mins(1), SignedDuration::from_hours(24)];
    /// What holds unless a policy says otherwise: 20 pipelines within 5 minutes, spread over 20.
    pub const DEFAULT: Self = Self { failures: 20, within_ms: 5 * 60_000, spread_ms: 20 * 60_000 };

    /// So many distinct pipelines within such a time are a storm, whose failures are spread over such a time.
    pub fn try_new(
        failures: u32,
        within: SignedDuration,
        spread: SignedDuration,
    ) -> Result<Self, InvalidStorm> {
        let is_in = |value, [least, most]: [SignedDuration; 2]| (least..=most).contains(&value);
        if !(Self::FAILURES[0]..=Self::FAILURES[1]).contains(&failures) {
            return Err(InvalidStorm::FailuresOutOfRange);
        }
        if !is_in(within, Self::WITHIN) {
            return Err(InvalidStorm::WithinOutOfRange);
        }
        if !is_in(spread, Self::SPREAD) {
            return Err(InvalidStorm::SpreadOutOfRange);
        }
        let millis = |duration: SignedDuration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Ok(Self { failures, within_ms: millis(within), spread_ms: millis(spread) })
    }

    /// Distinct pipelines that make a storm.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// The width of a window.
    pub const fn within(&self) -> SignedDuration {
        SignedDuration::from_millis(self.within_ms)
    }

    /// The time that failures are spread over.
    pub const fn spread(&self) -> SignedDuration {
        SignedDuration::from_millis(self.spread_ms)
    }

    /// The window that an instant lies in.
    pub fn window(&self, at: Timestamp) -> WindowKey {
        WindowKey {
            within_ms: self.within_ms,
            start_ms: at.as_millisecond().div_euclid(self.within_ms).saturating_mul(self.within_ms),
        }
    }

    /// The windows that tell whether there is a storm: the present one and the one before.
    pub fn windows(&self, now: Timestamp) -> [WindowKey; 2] {
        [self.window(now), self.window(after(now, -self.within()))]
    }

    /// What is to be noted of a pipeline that failed then; nothing where it is noted already, where its window has
    /// enough, and where it is so long ago that it tells nothing of the present.
    pub fn note(
        &self,
        windows: &BTreeMap<WindowKey, Window>,
        pipeline: &PipelineName,
        at: Timestamp,
        now: Timestamp,
    ) -> Option<Note> {
        let note = Note { key: self.window(at), pipeline: pipeline.clone(), at, failures: self.failures };
        let is_news = windows.get(&note.key).is_none_or(|window| note.apply(window).is_some());
        (at > after(now, -self.within()) && is_news).then_some(note)
    }

    /// How it looks now.
    ///
    /// A window that has enough by itself stands for a storm until the next one is over, since it was not added to any
    /// more; otherwise all that failed a short time ago is on record, and is counted.
    pub fn weather(&self, windows: &BTreeMap<WindowKey, Window>, now: Timestamp) -> Weather {
        let enough = usize::try_from(self.failures).unwrap_or(usize::MAX);
        let windows: Vec<&Window> = self.windows(now).iter().filter_map(|key| windows.get(key)).collect();
        let since = after(now, -self.within());
        let recent: BTreeSet<&PipelineName> = (windows.iter().flat_map(|window| &window.failures))
            .filter(|(_, at)| **at > since)
            .map(|(pipeline, _)| pipeline)
            .collect();
        let fullest = windows.iter().map(|window| window.failures.len()).max().unwrap_or_default();
        let is_storm = fullest >= enough || recent.len() >= enough;
        Weather { storm: *self, pipelines: recent.len(), is_storm }
    }

    /// When a failure of that time, held in a storm, has its turn: never later than the spread, or half the time that
    /// the failure is worth waiting for, whichever is shorter. A few come within the first tenth of it.
    pub fn turn(
        &self,
        windows: &BTreeMap<WindowKey, Window>,
        pipeline: &PipelineName,
        failed_at: Timestamp,
        give_up_after: SignedDuration,
        jitter: Jitter,
    ) -> Timestamp {
        let spread = self.spread().min(give_up_after / 2);
        let whole = i64::try_from(spread.as_millis()).unwrap_or(i64::MAX);
        let soon = whole / 10;
        let place = windows.get(&self.window(failed_at)).and_then(|window| window.place_of(pipeline));
        let first_probe = usize::try_from(self.failures).unwrap_or(usize::MAX).saturating_sub(1);
        let delay = if place.is_some_and(|place| place >= first_probe) {
            jitter.up_to(soon)
        } else {
            soon + jitter.up_to(whole - soon)
        };
        after(failed_at, SignedDuration::from_millis(delay))
    }
}

/// Identity of one window: windows of another width are others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowKey {
    /// How wide it is, in milliseconds.
    pub within_ms: i64,
    /// When it begins, in milliseconds since the epoch.
    pub start_ms: i64,
}

/// What the ledger holds of a window.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Window {
    /// Pipelines, and when each failed as far as it was noted first. Not added to once there are enough.
    pub failures: BTreeMap<PipelineName, Timestamp>,
}

impl Window {
    /// The pipeline's place in the order of failures, from 0.
    fn place_of(&self, pipeline: &PipelineName) -> Option<usize> {
        let own = (self.failures.get(pipeline)?, pipeline);
        Some(self.failures.iter().filter(|(pipeline, at)| (*at, *pipeline) < own).count())
    }
}

/// One failure to be noted: in its window, if it is not there and the window does not have enough.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Note {
    /// The window.
    pub key: WindowKey,
    /// The pipeline that failed.
    pub pipeline: PipelineName,
    /// When it failed.
    pub at: Timestamp,
    /// Distinct pipelines that make a storm.
    pub failures: u32,
}

impl Note {
    /// Most entries of the window: those that make a storm, and after them those that come back soon.
    pub fn most(&self) -> usize {
        usize::try_from(self.failures).unwrap_or(usize::MAX).saturating_add(PROBES - 1)
    }

    /// The window after the write, or nothing when there is nothing to write.
    pub fn apply(&self, window: &Window) -> Option<Window> {
        let is_news = !window.failures.contains_key(&self.pipeline) && window.failures.len() < self.most();
        is_news.then(|| {
            let mut window = window.clone();
            window.failures.insert(self.pipeline.clone(), self.at);
            window
        })
    }
}

/// Whether there is a storm, and what speaks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Weather {
    storm: Storm,
    /// Distinct pipelines known to have failed within the window that ends now.
    pub pipelines: usize,
    /// Whether failures are held.
    pub is_storm: bool,
}

impl Weather {
    /// The same in words.
    pub fn in_words(&self) -> String {
        let (failures, within) = (self.storm.failures, in_words(self.storm.within()));
        if self.is_storm {
            format!("a storm: {failures} or more pipelines failed within {within}")
        } else {
            format!("no storm: {} of {failures} pipelines failed within {within}", self.pipelines)
        }
    }
}

#[cfg(test)]
mod tests;
