//! Waits for a cause instead of an instant, such as the end of a pause: how they begin, and when they are given up.

use jiff::Timestamp;

use super::Context;
use crate::domain::decision::{Decision, Ruling, StepName, StepOutcome, Verdict};
use crate::domain::screen::{Covered, Environment, give_up_after, paused, rule_step};
use crate::domain::stage_run::{StageRun, after};

/// What a pause makes of it, if there is one.
pub(super) fn pause_decision(
    covered: &Covered<'_>,
    context: &Context,
    record: &StageRun,
    now: Timestamp,
) -> Option<Decision> {
    let run = &record.id;
    let pause = paused(&context.view.controls, run, now)?;
    let mut decision = Decision::bare(Ruling::WaitPaused, run, now);
    decision.explanation.push(rule_step(covered.rule, run));
    decision.rule = Some(covered.rule.name.clone());
    decision.policy_version = Some(covered.policy.version.clone());
    decision.shadow = covered.shadow;
    decision.until = pause.until;
    let detail = match pause.until {
        Some(until) => format!("paused until {until:.0}: {}", pause.reason),
        None => format!("paused until somebody resumes it: {}", pause.reason),
    };
    Some(decision.with_step(StepName::Pause, StepOutcome::Stop, detail))
}

/// A wait for a cause lasts no longer than the failure, which happened then, is worth waiting for.
pub(super) fn within_give_up_after(
    environment: &Environment<'_>,
    mut decision: Decision,
    since: Timestamp,
    now: Timestamp,
) -> Decision {
    if decision.ruling.verdict() != Verdict::Wait {
        return decision;
    }
    let deadline = after(since, give_up_after(environment, &decision.run));
    if now >= deadline {
        let step = decision.explanation.last().map_or(StepName::Age, |step| step.name);
        return decision.overruled(Ruling::GiveUpTooOld, None, step, "give-up-after is over");
    }
    decision.until = decision.until.map(|until| until.min(deadline));
    decision
}
