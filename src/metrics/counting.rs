//! From what an invocation did to the values of metrics.

use jiff::{SignedDuration, Timestamp};

use super::documents::Samples;
use super::list::{
    BUDGET_BALANCE, CONFLICTS, COURSES, Cause, DECISIONS, Dimension, EVIDENCE_GAPS, EXECUTIONS, FAILED_AGAIN,
    FATES, MESSAGES_MALFORMED, MESSAGES_RETURNED, NOTICES, POLICY_INVALID, RECOVERY_SECONDS, RETRIES,
    RETRIES_ENDED, RETRIES_HELD_BACK, SWEEP_FINDING_SECONDS, SWEEP_FINDINGS, SWEEP_LAGGING, SWEEP_OVERDUE,
    SWEEP_ROUND_SECONDS, SWEEP_SLICES, SWEEP_UNHANDLED, WAIT_SECONDS, gap_name,
};
use crate::domain::decision::{Decision, Ruling, Verdict};
use crate::domain::protocol::Outcome;
use crate::domain::stage_run::{Progress, Retry};
use crate::domain::sweep::Courses;
use crate::engine::{Noticed, Report, SliceEnd, Told};
use crate::function::{Handled, PolicyNews, Response};

/// What an invocation has to count.
pub fn counted(response: &Response) -> Samples {
    let mut samples = Samples::default();
    for handled in &response.handled {
        match handled {
            Handled::Worked(outcome) => outcome_counted(&mut samples, outcome),
            Handled::Swept(report) => report_counted(&mut samples, report),
            Handled::Malformed(_) => samples.count(MESSAGES_MALFORMED, &[], 1),
            Handled::MalformedUnrecorded(_) => returned(&mut samples, "ledger-unavailable"),
            Handled::Reminded | Handled::Ignored(_) => {}
        }
    }
    noticed_counted(&mut samples, &response.noticed);
    told_counted(&mut samples, response.told);
    let broken = response.news.iter().filter(|news| matches!(news, PolicyNews::Invalid(_))).count();
    samples.count(POLICY_INVALID, &[], whole(broken));
    samples
}

/// One policy that was found to be broken before there was anything to handle.
pub fn invalid_policy() -> Samples {
    let mut samples = Samples::default();
    samples.count(POLICY_INVALID, &[], 1);
    samples
}

fn outcome_counted(samples: &mut Samples, outcome: &Outcome) {
    if let Some(decision) = &outcome.decision {
        decision_counted(samples, decision);
    }
    if let Some(retry) = &outcome.ended {
        end_counted(samples, retry, outcome.decision.as_ref().map(|decision| decision.decided_at));
    }
    if !outcome.conclusion.is_acknowledged() {
        returned(samples, outcome.conclusion.as_str());
    }
}

fn decision_counted(samples: &mut Samples, decision: &Decision) {
    let Decision { ruling, .. } = decision;
    let verdict = (Dimension::Verdict, ruling.verdict().as_str());
    samples.count(DECISIONS, &[verdict], 1);
    samples.count(DECISIONS, &[verdict, (Dimension::Reason, ruling.reason())], 1);
    if let (Verdict::Wait, Some(failed_at)) = (ruling.verdict(), decision.failed_at) {
        samples.value(WAIT_SECONDS, &[], seconds(decision.decided_at.duration_since(failed_at)));
    }
    // One that was not accepted has become another decision since.
    if *ruling == Ruling::RetryEligible && !decision.shadow && decision.is_final {
        samples.count(RETRIES, &[], 1);
        let mut classes: Vec<&str> = decision.classes.values().map(|class| class.as_str()).collect();
        classes.sort_unstable();
        classes.dedup();
        for class in classes {
            samples.count(RETRIES, &[(Dimension::Class, class)], 1);
        }
    }
}

/// How a retry ended. When its failure happened is not known of what an earlier release began.
fn end_counted(samples: &mut Samples, retry: &Retry, ended_at: Option<Timestamp>) {
    samples.count(RETRIES_ENDED, &[(Dimension::Outcome, retry.progress.as_str())], 1);
    match retry.progress {
        Progress::FailedAgain => samples.value(FAILED_AGAIN, &[], 1),
        Progress::Recovered => samples.value(FAILED_AGAIN, &[], 0),
        Progress::Issued | Progress::Ended => {}
    }
    let failed_at = retry.basis.as_ref().map(|basis| basis.failed_at);
    if let (Progress::Recovered, Some(failed_at), Some(ended_at)) = (retry.progress, failed_at, ended_at) {
        samples.value(RECOVERY_SECONDS, &[], seconds(ended_at.duration_since(failed_at)));
    }
}

fn report_counted(samples: &mut Samples, report: &Report) {
    report.outcomes.iter().for_each(|outcome| outcome_counted(samples, outcome));
    if !report.is_acknowledged() {
        returned(samples, report.end.as_str());
    }
    if matches!(report.end, SliceEnd::Complete | SliceEnd::Continued) {
        samples.count(SWEEP_SLICES, &[], 1);
        samples.value(SWEEP_LAGGING, &[], whole(report.lagging));
    }
    if let (SliceEnd::Complete, Some(took)) = (report.end, report.round_duration) {
        samples.value(SWEEP_ROUND_SECONDS, &[], seconds(took));
    }
    let Courses { first_try, failed, recovered } = report.courses;
    for (course, count) in COURSES.into_iter().zip([first_try, failed, recovered]) {
        samples.count(EXECUTIONS, &[(Dimension::Course, course)], i64::from(count));
    }
    samples.count(SWEEP_FINDINGS, &[], whole(report.outcomes.len()));
    samples.count(SWEEP_OVERDUE, &[], i64::from(report.overdue));
    samples.count(SWEEP_UNHANDLED, &[], i64::from(report.unhandled));
    if let Some(oldest) = report.oldest {
        samples.value(SWEEP_FINDING_SECONDS, &[], seconds(oldest));
    }
}

fn noticed_counted(samples: &mut Samples, noticed: &Noticed) {
    for (conflict, count) in &noticed.conflicts {
        samples.count(CONFLICTS, &[(Dimension::Conflict, conflict.as_str())], i64::from(*count));
    }
    for (gap, count) in &noticed.gaps {
        samples.count(EVIDENCE_GAPS, &[(Dimension::Gap, gap_name(*gap))], i64::from(*count));
    }
    for (budget, balance) in &noticed.balances {
        samples.value(BUDGET_BALANCE, &[(Dimension::Budget, budget.as_str())], i64::from(*balance));
    }
    for cause in noticed.written.iter().filter_map(|(ruling, shadow)| Cause::of(*ruling, *shadow)) {
        samples.count(RETRIES_HELD_BACK, &[(Dimension::Cause, cause.as_str())], 1);
    }
}

fn told_counted(samples: &mut Samples, told: Told) {
    let Told { sent, digests, gathered, announced, left, dropped } = told;
    let counts = [sent, digests, gathered, announced, left, dropped];
    for (fate, count) in FATES.into_iter().zip(counts) {
        samples.count(NOTICES, &[(Dimension::Fate, fate)], i64::from(count));
    }
}

fn returned(samples: &mut Samples, why: &str) {
    samples.count(MESSAGES_RETURNED, &[(Dimension::Conclusion, why)], 1);
}

/// In whole seconds; clocks that disagree make no duration negative.
fn seconds(duration: SignedDuration) -> i64 {
    duration.as_secs().max(0)
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
