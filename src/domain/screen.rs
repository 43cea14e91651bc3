//! What can be said before CodePipeline is asked anything.

use jiff::{SignedDuration, Timestamp};

use super::controls::{Controls, Pause};
use super::decision::{Decision, Ruling, StepName, StepOutcome};
use super::ids::{AccountId, Partition, Region, StageRunId};
use super::policy::{Mode, Policy, Rule, Settings};
use super::stage_run::Timing;

/// What the product runs with.
#[derive(Debug, Clone, Copy)]
pub struct Environment<'a> {
    /// The policy in force; none when nothing that compiles was ever there.
    pub policy: Option<&'a Policy>,
    /// The deployment's mode; the stricter of it and the rule's wins.
    pub mode: Mode,
    /// The account that it works for.
    pub account: &'a AccountId,
    /// The Region that it works for.
    pub region: &'a Region,
    /// The partition of that Region. Another one would be another stage run, and there is only one such Region.
    pub partition: &'a Partition,
    /// How long things may take.
    pub timing: Timing,
}

/// The rule that a stage run falls under, with the mode it has here.
#[derive(Debug, Clone, Copy)]
pub struct Covered<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The rule.
    pub rule: &'a Rule,
    /// Whether nothing is to be called.
    pub shadow: bool,
}

/// Finds the rule, or says why nothing is to be done.
pub fn screen<'a>(
    environment: &Environment<'a>,
    run: &StageRunId,
    now: Timestamp,
) -> Result<Covered<'a>, Box<Decision>> {
    let refuse = |ruling, step, detail: String| {
        Box::new(Decision::bare(ruling, run, now).with_step(step, StepOutcome::Stop, detail))
    };
    if run.pipeline.account != *environment.account {
        let detail = format!("account {} is not {}", run.pipeline.account, environment.account);
        return Err(refuse(Ruling::IgnoreForeignAccount, StepName::Trigger, detail));
    }
    if run.pipeline.region != *environment.region {
        let detail = format!("Region {} is not {}", run.pipeline.region, environment.region);
        return Err(refuse(Ruling::IgnoreForeignRegion, StepName::Trigger, detail));
    }
    if run.pipeline.partition != *environment.partition {
        let detail = format!("partition {} is not {}", run.pipeline.partition, environment.partition);
        return Err(refuse(Ruling::IgnoreForeignRegion, StepName::Trigger, detail));
    }
    if environment.mode == Mode::Disabled {
        let detail = "the whole product is in mode `disabled`".into();
        return Err(refuse(Ruling::IgnoreModeDisabled, StepName::Mode, detail));
    }
    let Some(policy) = environment.policy else {
        let detail = "no policy that compiles is in force".into();
        let mut decision = refuse(Ruling::WaitPolicyInvalid, StepName::Policy, detail);
        decision.until = None;
        return Err(decision);
    };
    let (name, stage) = (&run.pipeline.name, &run.stage);
    let Some(rule) = policy.rule_for(run) else {
        let detail = format!("no rule matches pipeline `{name}`, stage `{stage}`");
        let mut decision = refuse(Ruling::IgnoreNoRule, StepName::Rule, detail);
        decision.policy_version = Some(policy.version.clone());
        return Err(decision);
    };
    let mode = environment.mode.max(rule.settings.mode);
    if mode == Mode::Disabled {
        let detail = format!("rule `{}` is in mode `disabled`", rule.name);
        let mut decision = refuse(Ruling::IgnoreModeDisabled, StepName::Mode, detail);
        decision.policy_version = Some(policy.version.clone());
        decision.rule = Some(rule.name.clone());
        decision.explanation.insert(0, rule_step(rule, run));
        return Err(decision);
    }
    Ok(Covered { policy, rule, shadow: mode == Mode::Shadow })
}

/// The explanation's entry for the rule that matched.
pub fn rule_step(rule: &Rule, run: &StageRunId) -> super::decision::Step {
    super::decision::Step {
        name: StepName::Rule,
        outcome: StepOutcome::Pass,
        detail: format!(
            "rule `{}` matches pipeline `{}`, stage `{}`",
            rule.name, run.pipeline.name, run.stage
        ),
    }
}

/// The pause in force for a stage run.
pub fn paused<'a>(controls: &'a Controls, run: &StageRunId, now: Timestamp) -> Option<&'a Pause> {
    controls.pause_for(run.pipeline.name.as_str(), now)
}

/// How long a failure is worth waiting for, where its rule is not known: the default.
pub fn give_up_after(environment: &Environment<'_>, run: &StageRunId) -> SignedDuration {
    environment
        .policy
        .and_then(|policy| policy.rule_for(run))
        .map_or(Settings::DEFAULT_GIVE_UP, |rule| rule.settings.give_up_after)
}
