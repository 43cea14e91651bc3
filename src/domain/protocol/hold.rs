//! Waits for a cause instead of an instant, such as the end of a pause: how they begin, and when they are given up.

use jiff::Timestamp;

use super::Context;
use crate::domain::decision::{Decision, Ruling, StepName, StepOutcome, Verdict};
use crate::domain::ids::StageRunId;
use crate::domain::screen::{Covered, Environment, give_up_after, pause_refusal, screened_steps};
use crate::domain::stage_run::after;

/// What a pause makes of it, if there is one: that is known before CodePipeline is asked.
pub(super) fn pause_decision(
    covered: &Covered<'_>,
    context: &Context,
    run: &StageRunId,
    now: Timestamp,
) -> Option<Decision> {
    let (until, detail) = pause_refusal(&context.view.controls, run, now)?;
    let decision = Decision {
        rule: Some(covered.rule.name.clone()),
        policy_version: Some(covered.policy.version.clone()),
        max_retries: Some(covered.rule.settings.max_retries),
        shadow: covered.shadow,
        until,
        explanation: screened_steps(covered, run),
        ..Decision::bare(Ruling::WaitPaused, run, now)
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
