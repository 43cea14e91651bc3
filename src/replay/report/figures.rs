//! What a report says in numbers. Every number that is printed, drawn or written as JSON is one of these.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::kept::Failure;
use crate::domain::decision::Ruling;
use crate::domain::pipeline::ExecutionStatus;
use crate::domain::stage_run::Progress;
use crate::replay::backtest::{Ended, Retrier, Sequel, Share, past_failures};
use crate::replay::calendar;
use crate::replay::history::History;

/// Fewest retries that say something of whether they help.
const FEWEST: u64 = 3;
/// What the upper end of the interval has to be below for retries to be called futile.
const FUTILE: f64 = 0.5;

/// How the retries of something went.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcomes {
    /// Retries, or what would have been retries.
    pub retries: u64,
    /// The stage succeeded.
    pub recovered: u64,
    /// It failed again.
    pub failed_again: u64,
    /// It was stopped or replaced, or nobody knows.
    pub ended: u64,
    /// It runs on.
    pub running: u64,
    /// Decided in shadow mode, and not made.
    pub rehearsed: u64,
}

impl Outcomes {
    fn add(&mut self, progress: Option<Progress>) {
        self.retries += 1;
        *match progress {
            None => &mut self.rehearsed,
            Some(Progress::Issued) => &mut self.running,
            Some(Progress::Recovered) => &mut self.recovered,
            Some(Progress::FailedAgain) => &mut self.failed_again,
            Some(Progress::Ended) => &mut self.ended,
        } += 1;
    }

    /// Those that recovered, of those that ended one way or the other.
    pub fn share(&self) -> Share {
        Share::new(self.recovered, self.recovered + self.failed_again)
    }
}

/// Durations in minutes: half of them are below the first, and nine of ten below the second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Percentiles {
    /// The middle.
    pub p50: f64,
    /// Nine of ten are below.
    pub p90: f64,
    /// The longest.
    pub max: f64,
}

impl Percentiles {
    fn of(mut minutes: Vec<f64>) -> Option<Self> {
        minutes.sort_by(f64::total_cmp);
        let at =
            |tenths: usize| minutes.get((minutes.len().saturating_sub(1) * tenths).div_ceil(10)).copied();
        Some(Self { p50: at(5)?, p90: at(9)?, max: *minutes.last()? })
    }
}

/// The failures of a class.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClassRow {
    /// The class; `not-examined` of failures that were left alone before anybody asked why they failed.
    pub class: String,
    /// Failures.
    pub failures: u64,
    /// Their retries.
    pub outcomes: Outcomes,
    /// Retries that recovered.
    pub recovered: Share,
}

/// The failures of a stage.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StageRow {
    /// The pipeline.
    pub pipeline: String,
    /// The stage.
    pub stage: String,
    /// Failures.
    pub failures: u64,
    /// Failures that were given up or left alone.
    pub left_alone: u64,
    /// Their retries.
    pub outcomes: Outcomes,
    /// Retries that recovered.
    pub recovered: Share,
    /// Failures by class.
    pub classes: BTreeMap<String, u64>,
    /// Runs of the stage in that time, where a history tells.
    pub runs: Option<u64>,
}

/// A week, from Monday in UTC.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct WeekRow {
    /// Its first day.
    pub begins: String,
    /// Failures.
    pub failures: u64,
    /// Retries of failures of that week.
    pub outcomes: Outcomes,
    /// Retries that recovered.
    pub recovered: Share,
    /// Retries that recovered, by class.
    pub classes: BTreeMap<String, Share>,
    /// Executions that succeeded at the first try, of those that ended, where a history tells.
    pub first_try: Option<Share>,
}

/// How budgets were used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Budgets {
    /// Failures that waited for a token.
    pub waited: u64,
    /// Failures that were given up since no token came in time.
    pub given_up: u64,
    /// Most retries within one hour by the clock.
    pub busiest_hour: u64,
    /// Failures that were held in a storm.
    pub held_in_storms: u64,
}

/// What was saved.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Saved {
    /// Retries that nobody had to make by hand.
    pub retries_by_hand: u64,
    /// Minutes after which somebody would have retried.
    pub reaction_minutes: f64,
    /// Whether that is what people took in the history, and not assumed.
    pub is_measured: bool,
    /// Minutes of waiting.
    pub minutes: f64,
    /// What they are worth, where an hour's price is given.
    pub dollars: Option<f64>,
}

/// What a report says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReportFigures {
    /// From when.
    pub since: String,
    /// Until when.
    pub until: String,
    /// Pipelines in which something failed.
    pub pipelines: u64,
    /// Failures on record.
    pub failures: u64,
    /// Their last decisions.
    pub decisions: BTreeMap<String, u64>,
    /// Retries.
    pub outcomes: Outcomes,
    /// Retries that recovered, of those that ended one way or the other.
    pub recovered: Share,
    /// Stage runs that a retry brought through, of those that were retried and are over.
    pub stage_runs: Share,
    /// Minutes from a failure to its retry.
    pub time_to_retry: Option<Percentiles>,
    /// Minutes from a failure to the end of the retry that mended it, where a history tells.
    pub time_to_recovery: Option<Percentiles>,
    /// By class, those that happen most first.
    pub classes: Vec<ClassRow>,
    /// By stage, those that fail most first.
    pub stages: Vec<StageRow>,
    /// Stages whose retries hardly ever help.
    pub futile: Vec<StageRow>,
    /// By week.
    pub weeks: Vec<WeekRow>,
    /// Budgets and storms.
    pub budgets: Budgets,
    /// What was saved.
    pub saved: Saved,
    /// Executions that succeeded at the first try, of those that ended, where a history tells.
    pub first_try: Option<Share>,
    /// Whether everything was rehearsed in shadow mode.
    pub is_rehearsal: bool,
}

/// What cannot be read of the ledger.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assumed {
    /// Minutes after which somebody would have retried, where no history tells.
    pub reaction_minutes: f64,
    /// What an hour of waiting is worth, in US dollars.
    pub hourly_rate: Option<f64>,
}

/// Counts.
pub fn report(
    failures: &[Failure],
    history: Option<&History>,
    assumed: Assumed,
    since: Timestamp,
    until: Timestamp,
) -> ReportFigures {
    let mut outcomes = Outcomes::default();
    let mut decisions: BTreeMap<String, u64> = BTreeMap::new();
    let mut pipelines: BTreeSet<&str> = BTreeSet::new();
    let mut classes: BTreeMap<&str, ClassRow> = BTreeMap::new();
    let mut stages: BTreeMap<(&str, &str), StageRow> = BTreeMap::new();
    let mut delays = Vec::new();
    for failure in failures {
        pipelines.insert(&failure.pipeline);
        let ruling = failure.ruling.map_or_else(|| "none".to_owned(), |ruling| ruling.to_string());
        *decisions.entry(ruling).or_default() += 1;
        let class = classes
            .entry(failure.class())
            .or_insert_with(|| ClassRow { class: failure.class().to_owned(), ..ClassRow::default() });
        class.failures += 1;
        let stage = stages.entry((&failure.pipeline, &failure.stage)).or_insert_with(|| StageRow {
            pipeline: failure.pipeline.clone(),
            stage: failure.stage.clone(),
            ..StageRow::default()
        });
        stage.failures += 1;
        *stage.classes.entry(failure.class().to_owned()).or_default() += 1;
        stage.left_alone += u64::from(failure.retry.is_none());
        if let Some(retry) = failure.retry {
            for counted in [&mut outcomes, &mut class.outcomes, &mut stage.outcomes] {
                counted.add(retry.progress);
            }
            delays.push(minutes(retry.at.duration_since(failure.failed_at)));
        }
    }
    let past = history.map(|history| Past::of(history, failures));
    let mut stages: Vec<StageRow> = stages
        .into_values()
        .map(|row| StageRow {
            recovered: row.outcomes.share(),
            runs: past.as_ref().and_then(|past| past.runs(&row.pipeline, &row.stage)),
            ..row
        })
        .collect();
    stages.sort_by(|a, b| {
        b.failures.cmp(&a.failures).then_with(|| (&a.pipeline, &a.stage).cmp(&(&b.pipeline, &b.stage)))
    });
    let futile = |row: &&StageRow| row.recovered.of >= FEWEST && row.recovered.high < FUTILE;
    let mut classes: Vec<ClassRow> =
        classes.into_values().map(|row| ClassRow { recovered: row.outcomes.share(), ..row }).collect();
    classes.sort_by_key(|row| std::cmp::Reverse(row.failures));
    ReportFigures {
        since: since.to_string(),
        until: until.to_string(),
        pipelines: pipelines.len() as u64,
        failures: failures.len() as u64,
        decisions,
        outcomes,
        recovered: outcomes.share(),
        stage_runs: stage_runs(failures),
        time_to_retry: Percentiles::of(delays),
        time_to_recovery: past.as_ref().and_then(|past| Percentiles::of(past.recoveries(failures))),
        classes,
        futile: stages.iter().filter(futile).cloned().collect(),
        stages,
        weeks: weeks(failures, past.as_ref()),
        budgets: budgets(failures),
        saved: saved(failures, past.as_ref(), assumed),
        first_try: past.as_ref().map(|past| past.first_try),
        is_rehearsal: outcomes.retries > 0 && outcomes.rehearsed == outcomes.retries,
    }
}

fn minutes(duration: SignedDuration) -> f64 {
    duration.as_secs_f64().max(0.0) / 60.0
}

/// Of each stage run that was retried, how its last retry went.
fn stage_runs(failures: &[Failure]) -> Share {
    let mut last: BTreeMap<(&str, &str, &str), Progress> = BTreeMap::new();
    for failure in failures {
        if let Some(progress) = failure.retry.and_then(|retry| retry.progress) {
            last.insert((&failure.pipeline, &failure.stage, &failure.execution), progress);
        }
    }
    let count = |wanted: Progress| last.values().filter(|progress| **progress == wanted).count() as u64;
    let recovered = count(Progress::Recovered);
    Share::new(recovered, recovered + count(Progress::FailedAgain))
}

fn budgets(failures: &[Failure]) -> Budgets {
    let mut hours: BTreeMap<i64, u64> = BTreeMap::new();
    for retry in failures.iter().filter_map(|failure| failure.retry) {
        *hours.entry(retry.at.as_second().div_euclid(3_600)).or_default() += 1;
    }
    let waited =
        |ruling: Ruling| failures.iter().filter(|failure| failure.waits.contains(&ruling)).count() as u64;
    let given_up = |failure: &&Failure| failure.ruling == Some(Ruling::GiveUpBudgetEmpty);
    Budgets {
        waited: waited(Ruling::WaitBudgetEmpty),
        given_up: failures.iter().filter(given_up).count() as u64,
        busiest_hour: hours.into_values().max().unwrap_or_default(),
        held_in_storms: waited(Ruling::WaitStorm),
    }
}

fn saved(failures: &[Failure], past: Option<&Past>, assumed: Assumed) -> Saved {
    let measured = past.and_then(|past| past.reaction_minutes);
    let reaction_minutes = measured.unwrap_or(assumed.reaction_minutes);
    let mut saved = Saved { reaction_minutes, is_measured: measured.is_some(), ..Saved::default() };
    for failure in failures {
        let Some(retry) = failure.retry else { continue };
        if retry.progress == Some(Progress::Recovered) {
            saved.retries_by_hand += 1;
            let taken = minutes(retry.at.duration_since(failure.failed_at));
            saved.minutes += (reaction_minutes - taken).max(0.0);
        }
    }
    saved.dollars = assumed.hourly_rate.map(|rate| rate * saved.minutes / 60.0);
    saved
}

fn weeks(failures: &[Failure], past: Option<&Past>) -> Vec<WeekRow> {
    let mut weeks: BTreeMap<String, (WeekRow, BTreeMap<String, Outcomes>)> = BTreeMap::new();
    for failure in failures {
        let begins = calendar::week_of(failure.failed_at);
        let (week, classes) = weeks.entry(begins).or_default();
        week.failures += 1;
        if let Some(retry) = failure.retry {
            week.outcomes.add(retry.progress);
            classes.entry(failure.class().to_owned()).or_default().add(retry.progress);
        }
    }
    if let Some(past) = past {
        for (begins, share) in &past.weeks {
            weeks.entry(begins.clone()).or_default().0.first_try = Some(*share);
        }
    }
    weeks
        .into_iter()
        .map(|(begins, (week, classes))| WeekRow {
            begins,
            recovered: week.outcomes.share(),
            classes: classes.into_iter().map(|(class, outcomes)| (class, outcomes.share())).collect(),
            ..week
        })
        .collect()
}

/// What a history adds.
struct Past {
    first_try: Share,
    weeks: BTreeMap<String, Share>,
    /// The middle of what people took to retry what their retry then mended.
    reaction_minutes: Option<f64>,
    runs: BTreeMap<(String, String), u64>,
    /// When the retry of a failure ended well: by pipeline, stage and execution, from the failure.
    ends: BTreeMap<(String, String, String), Vec<(Timestamp, Timestamp)>>,
}

impl Past {
    fn of(history: &History, failures: &[Failure]) -> Self {
        // A retry of ours is no measure of how long people take.
        let ours: BTreeSet<(&str, &str, i64)> = (failures.iter())
            .filter(|failure| failure.retry.is_some_and(|retry| retry.progress.is_some()))
            .map(|failure| {
                (failure.execution.as_str(), failure.stage.as_str(), failure.failed_at.as_second())
            })
            .collect();
        let (mut first, mut ended) = (0, 0);
        let mut weeks: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut runs: BTreeMap<(String, String), u64> = BTreeMap::new();
        let mut ends: BTreeMap<(String, String, String), Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
        let mut reactions = Vec::new();
        for pipeline in &history.pipelines {
            let name = &pipeline.structure.name;
            for execution in &pipeline.executions {
                let week = weeks.entry(calendar::week_of(execution.started)).or_default();
                let is_first = u64::from(execution.is_first_try());
                let is_over =
                    matches!(execution.status, ExecutionStatus::Succeeded | ExecutionStatus::Failed);
                (first, ended) = (first + is_first, ended + u64::from(is_over));
                *week = (week.0 + is_first, week.1 + u64::from(is_over));
                execution.course.each_stage(|stage| {
                    *runs.entry((name.to_string(), stage.to_string())).or_default() += 1;
                });
            }
            for past in past_failures(&history.arn(name), pipeline) {
                let Sequel::Retried { at, by, ended: Ended::Recovered(end) } = past.sequel else { continue };
                let key = (name.to_string(), past.run.stage.to_string(), past.run.execution.to_string());
                ends.entry(key).or_default().push((past.failed_at, end));
                let run = &past.run;
                let is_ours =
                    ours.contains(&(run.execution.as_str(), run.stage.as_str(), past.failed_at.as_second()));
                if by == Retrier::Somebody && !is_ours {
                    reactions.push(minutes(at.duration_since(past.failed_at)));
                }
            }
        }
        Self {
            first_try: Share::new(first, ended),
            weeks: weeks.into_iter().map(|(week, (hits, of))| (week, Share::new(hits, of))).collect(),
            reaction_minutes: Percentiles::of(reactions).map(|all| all.p50),
            runs,
            ends,
        }
    }

    fn runs(&self, pipeline: &str, stage: &str) -> Option<u64> {
        self.runs.get(&(pipeline.to_owned(), stage.to_owned())).copied()
    }

    /// Minutes from each failure that a retry of ours mended to the end of that retry.
    fn recoveries(&self, failures: &[Failure]) -> Vec<f64> {
        let mended = |failure: &&Failure| {
            failure.retry.is_some_and(|retry| retry.progress == Some(Progress::Recovered))
        };
        let took = |failure: &Failure| {
            let key = (failure.pipeline.clone(), failure.stage.clone(), failure.execution.clone());
            let (_, end) = self.ends.get(&key)?.iter().find(|(failed_at, _)| {
                failed_at.duration_since(failure.failed_at).abs() <= SignedDuration::from_secs(1)
            })?;
            Some(minutes(end.duration_since(failure.failed_at)))
        };
        failures.iter().filter(mended).filter_map(took).collect()
    }
}
