//! What a backtest comes to in numbers. Every number that is printed, drawn or written as JSON is one of these.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::past::{Ended, PastFailure, Retrier, Sequel};
use super::{Replayed, Treatment};
use crate::domain::pipeline::ExecutionStatus;
use crate::replay::calendar;
use crate::replay::history::History;

/// What cannot be read anywhere, and is taken to be so.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Assumptions {
    /// Price of a minute that an action runs, in US dollars. Default 0.007: a minute of CodeBuild's `general1.small` on
    /// Linux, 0.005, and an action minute of a V2 pipeline, 0.002, in most Regions
    /// (<https://aws.amazon.com/codebuild/pricing/>, <https://aws.amazon.com/codepipeline/pricing/>, November 2026).
    pub price_per_minute: f64,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self { price_per_minute: 0.007 }
    }
}

/// How many of some had something, with the interval in which the true share lies with 95 % confidence (Wilson).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// How many had it.
    pub hits: u64,
    /// Of how many.
    pub of: u64,
    /// The share; none of nothing.
    pub rate: Option<f64>,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

/// Nothing is known of nothing.
impl Default for Share {
    fn default() -> Self {
        Self::new(0, 0)
    }
}

impl Share {
    /// Quantile of the normal distribution that leaves 2.5 % on either side.
    const Z: f64 = 1.959_964;

    /// So many of so many.
    #[expect(clippy::cast_precision_loss, reason = "counts of failures are far below 2^52")]
    pub fn new(hits: u64, of: u64) -> Self {
        if of == 0 {
            return Self { hits, of, rate: None, low: 0.0, high: 1.0 };
        }
        let (hits_, n) = (hits as f64, of as f64);
        let (rate, square) = (hits_ / n, Self::Z * Self::Z);
        let middle = (rate + square / (2.0 * n)) / (1.0 + square / n);
        let half = Self::Z * (rate * (1.0 - rate) / n + square / (4.0 * n * n)).sqrt() / (1.0 + square / n);
        Self { hits, of, rate: Some(rate), low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
    }
}

/// What became of the failures that were treated alike, as far as the history tells.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Group {
    /// Failures.
    pub failures: u64,
    /// Those that a retry by somebody, or the stage's own, mended.
    pub recovered: u64,
    /// Those that such a retry did not mend.
    pub failed_again: u64,
    /// Those of which nobody knows, since nobody retried them, or it was stopped.
    pub unknown: u64,
}

/// The time of machines.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Machine {
    /// Minutes that actions ran, or would have run, in retries that mend.
    pub useful_minutes: f64,
    /// The same in retries that do not.
    pub futile_minutes: f64,
    /// The same in retries of which nobody knows.
    pub unknown_minutes: f64,
    /// What all of that costs, in US dollars.
    pub dollars: f64,
}

/// The failures of one kind.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Kind {
    /// Its name: a class, a pipeline, or a pipeline's stage.
    pub name: String,
    /// Failures.
    pub failures: u64,
    /// Those that the policy would have retried.
    pub retried: Group,
    /// Those that somebody was quicker to deal with.
    pub overtaken: Group,
    /// Those that the policy would have left alone.
    pub left_alone: Group,
    /// Retries by hand that mended, of those that ended.
    pub by_hand: Share,
    /// Minutes from the policy's retry to the one by hand that mended.
    pub saved_minutes: f64,
    /// Executions of the pipeline in that time; for stages, those that entered the stage; 0 for classes.
    pub executions: u64,
}

/// A week, from Monday in UTC.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Week {
    /// Its first day.
    pub begins: String,
    /// Executions that started in it and ended well or badly.
    pub ended: u64,
    /// Those that succeeded at the first try.
    pub first_try: u64,
    /// Failures in it, by class.
    pub failures: BTreeMap<String, u64>,
    /// Failures in it that the policy would have retried, and what became of them.
    pub retried: Group,
}

/// What a backtest comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Figures {
    /// From when.
    pub since: String,
    /// Until when.
    pub until: String,
    /// Pipelines.
    pub pipelines: u64,
    /// Executions.
    pub executions: u64,
    /// Executions that succeeded without anything having to run twice, of those that ended.
    pub first_try: Share,
    /// Failures of stages.
    pub failures: u64,
    /// Failures that the policy would have retried.
    pub retried: Group,
    /// Failures that somebody was quicker to deal with.
    pub overtaken: Group,
    /// Failures that the policy would have left alone.
    pub left_alone: Group,
    /// Of the retried ones whose end is known, those that mend.
    pub would_recover: Share,
    /// Retries by hand that mended, of those that ended.
    pub by_hand: Share,
    /// Retries by hand, whether they ended or not.
    pub retries_by_hand: u64,
    /// Retries of CodePipeline's own that mended, of those that ended.
    pub native: Share,
    /// Retries by hand that mended and that the policy would have made.
    pub spared_by_hand: u64,
    /// Minutes from the policy's retry to the one by hand that mended, in all.
    pub saved_minutes: f64,
    /// The middle of them, for one failure.
    pub saved_median_minutes: Option<f64>,
    /// What the policy's retries cost.
    pub machine: Machine,
    /// Final decisions by verdict and reason.
    pub decisions: BTreeMap<String, u64>,
    /// By class.
    pub classes: Vec<Kind>,
    /// By pipeline and stage, those that fail most first.
    pub stages: Vec<Kind>,
    /// By pipeline, those that fail most first.
    pub pipelines_by_failures: Vec<Kind>,
    /// By week.
    pub weeks: Vec<Week>,
    /// What was assumed.
    pub assumptions: Assumptions,
}

impl Group {
    fn add(&mut self, past: &PastFailure) {
        self.failures += 1;
        match past.recovered_by_retry() {
            Some(true) => self.recovered += 1,
            Some(false) => self.failed_again += 1,
            None => self.unknown += 1,
        }
    }

    /// Those that mend, of those of which it is known.
    pub fn share(&self) -> Share {
        Share::new(self.recovered, self.recovered + self.failed_again)
    }
}

impl Kind {
    fn add(&mut self, replayed: &Replayed) {
        self.failures += 1;
        match replayed.treatment() {
            Treatment::Retried => self.retried.add(&replayed.past),
            Treatment::Overtaken => self.overtaken.add(&replayed.past),
            Treatment::LeftAlone => self.left_alone.add(&replayed.past),
        }
        if let Some(mended) = mended_by_hand(&replayed.past) {
            self.by_hand = Share::new(self.by_hand.hits + u64::from(mended), self.by_hand.of + 1);
        }
        self.saved_minutes += saved(replayed).map_or(0.0, minutes);
    }
}

/// Whether somebody's retry of it mended it; none where there was none that ended.
fn mended_by_hand(past: &PastFailure) -> Option<bool> {
    let Sequel::Retried { by: Retrier::Somebody, .. } = past.sequel else { return None };
    past.recovered_by_retry()
}

/// How much earlier than somebody's retry that mended it the policy's would have come.
fn saved(replayed: &Replayed) -> Option<SignedDuration> {
    let Sequel::Retried { at, by: Retrier::Somebody, ended: Ended::Recovered(_) } = replayed.past.sequel
    else {
        return None;
    };
    Some(at.duration_since(replayed.retry_at?).max(SignedDuration::ZERO))
}

fn minutes(duration: SignedDuration) -> f64 {
    duration.as_secs_f64() / 60.0
}

/// Counts.
pub fn figures(history: &History, replayed: &[Replayed], assumptions: Assumptions) -> Figures {
    let mut all = Kind::default();
    let (mut classes, mut stages, mut pipelines) = (Kinds::default(), Kinds::default(), Kinds::default());
    let mut machine = Machine::default();
    let mut decisions: BTreeMap<String, u64> = BTreeMap::new();
    let (mut native, mut retries_by_hand) = ((0, 0), 0);
    let mut waits = Vec::new();
    for failure in replayed {
        let run = &failure.past.run;
        all.add(failure);
        classes.of(failure.past.class().as_str()).add(failure);
        stages.of(&format!("{}/{}", run.pipeline.name, run.stage)).add(failure);
        pipelines.of(run.pipeline.name.as_str()).add(failure);
        waits.extend(saved(failure).map(minutes));
        if failure.treatment() == Treatment::Retried {
            machine.add(&failure.past);
        }
        match failure.past.sequel {
            Sequel::Retried { by: Retrier::Somebody, .. } => retries_by_hand += 1,
            Sequel::Retried { by: Retrier::Native, .. } => {
                native.0 += u64::from(failure.past.recovered_by_retry() == Some(true));
                native.1 += u64::from(failure.past.recovered_by_retry().is_some());
            }
            Sequel::Left => {}
        }
        let ruling = failure.ruling().map_or_else(|| "none".to_owned(), |ruling| ruling.to_string());
        *decisions.entry(ruling).or_default() += 1;
    }
    machine.dollars = (machine.useful_minutes + machine.futile_minutes + machine.unknown_minutes)
        * assumptions.price_per_minute;
    let traffic = Traffic::of(history, replayed, &mut stages, &mut pipelines);
    Figures {
        since: history.header.since.to_string(),
        until: history.header.until.to_string(),
        pipelines: history.pipelines.len() as u64,
        executions: traffic.executions,
        first_try: Share::new(traffic.first_try, traffic.ended),
        failures: all.failures,
        would_recover: all.retried.share(),
        retried: all.retried,
        overtaken: all.overtaken,
        left_alone: all.left_alone,
        by_hand: all.by_hand,
        retries_by_hand,
        native: Share::new(native.0, native.1),
        spared_by_hand: waits.len() as u64,
        saved_minutes: all.saved_minutes,
        saved_median_minutes: median(waits),
        machine,
        decisions,
        classes: classes.in_order(),
        stages: stages.in_order(),
        pipelines_by_failures: pipelines.in_order(),
        weeks: traffic.weeks,
        assumptions,
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

impl Machine {
    fn add(&mut self, past: &PastFailure) {
        let work = minutes(past.work);
        match past.recovered_by_retry() {
            Some(true) => self.useful_minutes += work,
            Some(false) => self.futile_minutes += work,
            None => self.unknown_minutes += work,
        }
    }
}

/// Kinds by their names.
#[derive(Default)]
struct Kinds(BTreeMap<String, Kind>);

impl Kinds {
    fn of(&mut self, name: &str) -> &mut Kind {
        self.0.entry(name.to_owned()).or_insert_with(|| Kind { name: name.to_owned(), ..Kind::default() })
    }

    /// Those that fail most first.
    fn in_order(self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = self.0.into_values().filter(|kind| kind.failures > 0).collect();
        kinds.sort_by(|a, b| b.failures.cmp(&a.failures).then_with(|| a.name.cmp(&b.name)));
        kinds
    }
}

/// What ran, whether it failed or not.
#[derive(Default)]
struct Traffic {
    executions: u64,
    ended: u64,
    first_try: u64,
    weeks: Vec<Week>,
}

impl Traffic {
    fn of(history: &History, replayed: &[Replayed], stages: &mut Kinds, pipelines: &mut Kinds) -> Self {
        let mut traffic = Self::default();
        let mut weeks: BTreeMap<String, Week> = BTreeMap::new();
        for pipeline in &history.pipelines {
            let name = pipeline.structure.name.as_str();
            let mut entered: BTreeMap<&str, u64> = BTreeMap::new();
            for execution in &pipeline.executions {
                traffic.executions += 1;
                let has_ended =
                    matches!(execution.status, ExecutionStatus::Succeeded | ExecutionStatus::Failed);
                let is_first_try = execution.is_first_try();
                traffic.ended += u64::from(has_ended);
                traffic.first_try += u64::from(is_first_try);
                let week = week(&mut weeks, execution.started);
                week.ended += u64::from(has_ended);
                week.first_try += u64::from(is_first_try);
                execution.course.each_stage(|stage| {
                    if let Some(times) = entered.get_mut(stage.as_str()) {
                        *times += 1;
                        return;
                    }
                    // Looked up by the name that the structure gives it, where it still has it.
                    let known = pipeline.structure.stages.iter().find(|of| of.name == *stage);
                    entered.extend(known.map(|known| (known.name.as_str(), 1)));
                });
            }
            if let Some(kind) = pipelines.0.get_mut(name) {
                kind.executions = pipeline.executions.len() as u64;
            }
            for (stage, times) in entered {
                if let Some(kind) = stages.0.get_mut(&format!("{name}/{stage}")) {
                    kind.executions = times;
                }
            }
        }
        for failure in replayed {
            let week = week(&mut weeks, failure.past.failed_at);
            *week.failures.entry(failure.past.class().as_str().to_owned()).or_default() += 1;
            if failure.treatment() == Treatment::Retried {
                week.retried.add(&failure.past);
            }
        }
        traffic.weeks = weeks.into_values().collect();
        traffic
    }
}

fn week(weeks: &mut BTreeMap<String, Week>, at: Timestamp) -> &mut Week {
    let begins = calendar::week_of(at);
    weeks.entry(begins.clone()).or_insert_with(|| Week { begins, ..Week::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_the_share_and_narrows_with_more_of_them() {
        // Worked out by hand from Wilson's formula (1927), z = 1.96.
        let nine_of_ten = Share::new(9, 10);
        assert!((nine_of_ten.low - 0.5958).abs() < 0.001, "{nine_of_ten:?}");
        assert!((nine_of_ten.high - 0.9821).abs() < 0.001, "{nine_of_ten:?}");
        let ninety = Share::new(90, 100);
        assert!(ninety.low > nine_of_ten.low && ninety.high < nine_of_ten.high);
        let none = Share::new(0, 0);
        assert_eq!((none.rate, none.low, none.high), (None, 0.0, 1.0));
        for share in [Share::new(0, 7), Share::new(7, 7)] {
            assert!(share.low >= 0.0 && share.high <= 1.0, "{share:?}");
        }
    }
}
