//! What can be said before CodePipeline is asked anything.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::backoff::Jitter;
use super::controls::{Controls, Pause};
use super::decision::{Decision, Ruling, Step, StepName, StepOutcome};
use super::evidence::Depth;
use super::ids::{PipelineArn, StageRunId};
use super::live::Standing;
use super::policy::{Mode, Policy, Rule, Settings};
use super::scope::{Foreign, Scopes};
use super::stage_run::{Hint, StageRun, Timing, after};
use super::storm::{Window, WindowKey};
use super::tags::{NO_TAGS, Tags, TagsReading};

/// What is told to others, as far as there is somebody to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Telling {
    /// Whether messages are sent to teams.
    pub notices: bool,
    /// Whether every decision is announced to other programs.
    pub decisions: bool,
}

/// What the product runs with.
#[derive(Debug, Clone, Copy)]
pub struct Environment<'a> {
    /// The policy in force; none when nothing that compiles was ever there.
    pub policy: Option<&'a Policy>,
    /// What that policy stands for: it is asked whether the ledger wants another one.
    pub standing: Standing<'a>,
    /// The deployment's mode; the stricter of it and the rule's wins.
    pub mode: Mode,
    /// The accounts and Regions that it works for.
    pub scopes: &'a Scopes,
    /// How deep the deployment allows to look at what failed; the shallower of it and the rule's holds.
    pub evidence: Depth,
    /// How long things may take.
    pub timing: Timing,
    /// What is told to others.
    pub telling: Telling,
    /// Whether a stage may be rolled back where its rule asks for it.
    pub may_roll_back: bool,
    /// When this invocation is cut off, whatever it is doing; [`Timestamp::MAX`] where nothing cuts it off.
    pub deadline: Timestamp,
}

impl Environment<'_> {
    /// The controls with what is new about the policy: that its rules are at work from now on, or from that event on, and
    /// beside which package. None where they tell it already. A fallback puts nothing to work: its rules were at work
    /// before, and the time of the others is not over.
    pub fn news(
        &self,
        policy: Option<&Policy>,
        controls: &Controls,
        event: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Controls> {
        let Standing { packaged, is_fallback, .. } = self.standing;
        let noted = controls.noted(packaged, now);
        match policy.filter(|policy| !is_fallback && !controls.knows(policy, self.mode)) {
            Some(policy) => Some(noted.activate(policy, self.mode, event, now)),
            None if noted.live != controls.live => Some(Controls { version: controls.version + 1, ..noted }),
            None => None,
        }
    }

    /// Whether so much time is left.
    pub fn has_time(&self, now: Timestamp, needed: SignedDuration) -> bool {
        after(now, needed) <= self.deadline
    }
}

/// The rule that a stage run falls under, with the mode it has here.
#[derive(Debug, Clone, Copy)]
pub struct Covered<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The rule.
    pub rule: &'a Rule,
    /// The tags by which it was found; none where they were not read.
    pub tags: &'a Tags,
    /// Whether nothing is to be called.
    pub shadow: bool,
    /// Whether it is in an account or Region other than the product's own.
    pub is_elsewhere: bool,
}

/// Finds the rule, or says why nothing is to be done. Where the rule depends on tags that are not known, nothing is done
/// but to wait: which rule applies is a safety fact.
pub fn screen<'a>(
    environment: &Environment<'a>,
    run: &StageRunId,
    tags: &'a TagsReading,
    now: Timestamp,
) -> Result<Covered<'a>, Box<Decision>> {
    let mut decision = Box::new(Decision::bare(Ruling::IgnoreNoRule, run, now));
    match find(environment, run, tags, &mut decision) {
        Ok(covered) => Ok(covered),
        Err((ruling, step, detail)) => {
            decision.ruling = ruling;
            decision.is_final = ruling.is_final();
            decision.explanation.push(Step { name: step, outcome: StepOutcome::Stop, detail });
            Err(decision)
        }
    }
}

type Refused = (Ruling, StepName, String);

fn find<'a>(
    environment: &Environment<'a>,
    run: &StageRunId,
    tags: &'a TagsReading,
    decision: &mut Decision,
) -> Result<Covered<'a>, Refused> {
    let pipeline = &run.pipeline;
    let foreign = |ruling, detail| Err((ruling, StepName::Trigger, detail));
    match environment.scopes.admit(pipeline) {
        Ok(()) => {}
        Err(Foreign::Account(detail)) => return foreign(Ruling::IgnoreForeignAccount, detail),
        Err(Foreign::Region(detail)) => return foreign(Ruling::IgnoreForeignRegion, detail),
    }
    let is_elsewhere = !environment.scopes.is_own(pipeline);
    decision.explanation.push(trigger_step(is_elsewhere, run));
    let Some(policy) = environment.policy else {
        return Err((
            Ruling::WaitPolicyInvalid,
            StepName::Policy,
            "no policy that compiles is in force".into(),
        ));
    };
    decision.policy_version = Some(policy.version.clone());
    let disabled = |subject: String| {
        Err((Ruling::IgnoreModeDisabled, StepName::Mode, format!("{subject} is in mode `disabled`")))
    };
    let rule = match tags {
        Ok(tags) => policy.rule_for(run, tags),
        Err(gap) => match policy.candidates(run).next() {
            Some(rule) if !rule.selector.tags.is_empty() => {
                if environment.mode == Mode::Disabled {
                    return disabled("the whole product".into());
                }
                let detail = format!(
                    "rule `{}` asks for tags of pipeline `{}`, and ListTagsForResource could not be read: {}",
                    rule.name,
                    pipeline.name,
                    gap.as_str()
                );
                return Err((Ruling::WaitCannotVerify, StepName::Rule, detail));
            }
            rule => rule,
        },
    };
    let Some(rule) = rule else {
        let detail = format!("no rule matches pipeline `{}`, stage `{}`", pipeline.name, run.stage);
        return Err((Ruling::IgnoreNoRule, StepName::Rule, detail));
    };
    let tags = tags.as_ref().unwrap_or(&NO_TAGS);
    decision.rule = Some(rule.name.clone());
    decision.explanation.push(rule_step(rule, run, tags));
    let by_rule = rule.settings.mode == Mode::Disabled;
    if by_rule || environment.mode == Mode::Disabled {
        return disabled(if by_rule { format!("rule `{}`", rule.name) } else { "the whole product".into() });
    }
    let shadow = environment.mode.max(rule.settings.mode) == Mode::Shadow;
    Ok(Covered { policy, rule, tags, shadow, is_elsewhere })
}

/// The explanation's entry for a trigger that concerns this deployment.
fn trigger_step(is_elsewhere: bool, run: &StageRunId) -> Step {
    if !is_elsewhere {
        return pass(StepName::Trigger, "a failed stage of this account and Region");
    }
    let PipelineArn { account, region, .. } = &run.pipeline;
    pass(StepName::Trigger, format!("a failed stage of account {account} in {region}, which is listed"))
}

fn pass(name: StepName, detail: impl Into<String>) -> Step {
    Step { name, outcome: StepOutcome::Pass, detail: detail.into() }
}

/// The explanation's entries for what [`screen`] has let pass.
pub fn screened_steps(covered: &Covered<'_>, run: &StageRunId) -> Vec<Step> {
    let mode = if covered.shadow {
        "`shadow`: what is decided is recorded, and nothing is called"
    } else {
        "`active`"
    };
    vec![
        trigger_step(covered.is_elsewhere, run),
        rule_step(covered.rule, run, covered.tags),
        pass(StepName::Mode, mode),
        pass(StepName::Policy, format!("version {} is in force", covered.policy.version)),
    ]
}

fn rule_step(rule: &Rule, run: &StageRunId, tags: &Tags) -> Step {
    let mut detail =
        format!("rule `{}` matches pipeline `{}`, stage `{}`", rule.name, run.pipeline.name, run.stage);
    // The policy's own patterns: what else a pipeline's tags say is nobody's business.
    for (key, pattern) in rule.selector.tags.matched(tags) {
        let _ = write!(detail, ", tag `{key}: {pattern}`");
    }
    pass(StepName::Rule, detail)
}

/// When a pause lets a stage run wait, until when, and in whose words. None where there is no pause.
pub fn pause_refusal(
    controls: &Controls,
    run: &StageRunId,
    now: Timestamp,
) -> Option<(Option<Timestamp>, String)> {
    let Pause { until, reason, .. } = controls.pause_for(run.pipeline.name.as_str(), now)?;
    let detail = match until {
        Some(until) => format!("paused until {until:.0}: {reason}"),
        None => format!("paused until somebody resumes it: {reason}"),
    };
    Some((*until, detail))
}

/// A decision on what [`screen`] has let pass, before anything is read.
pub fn screened(covered: &Covered<'_>, ruling: Ruling, run: &StageRunId, now: Timestamp) -> Decision {
    Decision {
        rule: Some(covered.rule.name.clone()),
        policy_version: Some(covered.policy.version.clone()),
        max_retries: Some(covered.rule.settings.max_retries),
        shadow: covered.shadow,
        explanation: screened_steps(covered, run),
        ..Decision::bare(ruling, run, now)
    }
}

/// What a storm makes of a failure that an event tells of, where there is no pause: it waits for its turn. A failure that
/// waits already, or waited, for whatever it was, is not held once more; one that is held keeps its turn, whatever else
/// tells of it.
pub fn storm_refusal(
    covered: &Covered<'_>,
    windows: &BTreeMap<WindowKey, Window>,
    record: &StageRun,
    hint: &Hint,
    failed_at: Timestamp,
    now: Timestamp,
) -> Option<Decision> {
    let storm = &covered.policy.storm;
    let weather = storm.weather(windows, now);
    if !weather.is_storm {
        return None;
    }
    let run = &record.id;
    let turn = match record.wait.as_ref().filter(|wait| wait.hint.key == hint.key) {
        Some(wait) if wait.ruling == Ruling::WaitStorm => wait.wake_at,
        Some(_) => return None,
        None => {
            let jitter = Jitter::of(&format!("{run} {}", hint.key));
            let give_up_after = covered.rule.settings.give_up_after;
            storm.turn(windows, &run.pipeline.name, failed_at, give_up_after, jitter)
        }
    };
    (turn > now).then(|| {
        let detail = format!("{}; this failure's turn is at {turn:.0}", weather.in_words());
        Decision { until: Some(turn), ..screened(covered, Ruling::WaitStorm, run, now) }
            .with_step(StepName::Pause, StepOutcome::Pass, "not paused")
            .with_step(StepName::Storm, StepOutcome::Stop, detail)
    })
}

/// How long a failure is worth waiting for: as long as the most patient of the rules at work that it may fall under says, or by
/// default where there is none.
pub fn give_up_after(environment: &Environment<'_>, run: &StageRunId, tags: &TagsReading) -> SignedDuration {
    let Some(policy) = environment.policy else { return Settings::DEFAULT_GIVE_UP };
    let longest = if let Ok(tags) = tags {
        policy.rule_for(run, tags).map(|rule| rule.settings.give_up_after)
    } else {
        let at_work = policy.candidates(run).filter(|rule| rule.settings.mode != Mode::Disabled);
        at_work.map(|rule| rule.settings.give_up_after).max()
    };
    longest.unwrap_or(Settings::DEFAULT_GIVE_UP)
}

/// When to look again at what could not be read: after as long as it has lasted, and never so late that a short
/// `give-up-after` is over before the second look.
pub fn look_again(since: Timestamp, give_up_after: SignedDuration, now: Timestamp) -> Timestamp {
    let shortest = SignedDuration::from_secs(30);
    let longest = (give_up_after / 10).clamp(shortest, SignedDuration::from_mins(15));
    after(now, now.duration_since(since).clamp(shortest, longest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::live::{LivePolicy, Pushed, Source};
    use crate::domain::policy::PolicyVersion;
    use crate::domain::scope::Scope;

    #[test]
    fn a_package_that_meets_a_pushed_policy_is_noted_in_the_next_version() {
        let scopes = Scopes::alone(Scope::parse("aws/eu-central-1/111122223333").unwrap());
        let version = |name: &str| PolicyVersion(name.to_owned());
        let policy = Policy {
            version: version("pushed"),
            rules: Vec::new(),
            storm: crate::domain::storm::Storm::DEFAULT,
            classifiers: Vec::new(),
        };
        let pushed = Pushed { number: 1, version: version("pushed"), restores: None };
        let (packaged, source) = (version("packaged"), Source::Pushed(pushed.clone()));
        let environment = Environment {
            policy: Some(&policy),
            standing: Standing { packaged: Some(&packaged), source: &source, is_fallback: false },
            mode: Mode::Active,
            scopes: &scopes,
            evidence: Depth::State,
            timing: Timing::default(),
            telling: Telling::default(),
            may_roll_back: false,
            deadline: Timestamp::MAX,
        };
        let now = Timestamp::UNIX_EPOCH;
        let live = |beside: Option<&str>| LivePolicy {
            policy: pushed.clone(),
            since: now,
            by: "jane".to_owned(),
            beside: beside.map(version),
            taken_over: None,
        };
        let known = |beside| Controls {
            version: 4,
            live: Some(Box::new(live(beside))),
            activated: Some((version("pushed"), Mode::Active)),
            ..Controls::default()
        };
        let next = environment.news(Some(&policy), &known(None), None, now).unwrap();
        assert_eq!((next.version, next.live), (5, Some(Box::new(live(Some("packaged"))))));
        assert_eq!(next.activated, known(None).activated);
        assert_eq!(environment.news(Some(&policy), &known(Some("packaged")), None, now), None);
    }
}
