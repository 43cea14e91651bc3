//! What must hold in every world, whatever a scenario expects, told by the emulated service and not by the product.

use std::collections::{BTreeMap, BTreeSet};

use codepipeline_retrier::domain::budget::{Bucket, BucketKey, Peek};
use codepipeline_retrier::domain::decision::{Ruling, StepName};
use codepipeline_retrier::domain::ids::{ExecutionId, StageRunId};
use codepipeline_retrier::domain::pipeline::Category;
use codepipeline_retrier::domain::policy::{Mode, Policy};
use codepipeline_retrier::domain::stage_run::{Progress, StageRun};
use codepipeline_retrier::emulator::acts::{Act, Deed};
use codepipeline_retrier::emulator::codepipeline::RetryCall;
use codepipeline_retrier::replay::moment::Happening;
use jiff::Timestamp;

use super::story::Story;
use crate::rig::calls::{accepted, are_about_the_same, is_anothers, run_of, run_of_event, tags_of};

/// Everything that is wrong with a story, a line each.
pub(super) fn violations(story: &Story) -> Vec<String> {
    let mut lines = Vec::new();
    no_failure_is_answered_twice(story, &mut lines);
    no_stage_run_is_retried_too_often(story, &mut lines);
    nobody_is_overruled(story, &mut lines);
    every_failure_has_its_decision(story, &mut lines);
    nothing_is_left_over(story, &mut lines);
    records_agree_with_calls(story, &mut lines);
    budgets_agree_with_calls(story, &mut lines);
    lines
}

/// Every policy that was in force at some time.
fn policies(story: &Story) -> Vec<&Policy> {
    let deployed = story.world.deeds().iter().filter_map(|deed| match &deed.act {
        Act::Deploy { policy } => policy.as_deref(),
        _ => None,
    });
    story.scenario.deployed.policy.iter().chain(deployed).collect()
}

/// Whether anybody changed what the product is deployed with.
fn was_deployed_anew(story: &Story) -> bool {
    story.world.deeds().iter().any(|deed| matches!(deed.act, Act::Deploy { .. } | Act::SetMode(_)))
}

fn no_failure_is_answered_twice(story: &Story, lines: &mut Vec<String>) {
    let mut answered = BTreeSet::new();
    for id in accepted(&story.world).flat_map(|(_, call)| &call.answered) {
        if !answered.insert(id) {
            lines.push(format!("failed action execution {id} was answered twice"));
        }
    }
}

fn no_stage_run_is_retried_too_often(story: &Story, lines: &mut Vec<String>) {
    let mut counts: BTreeMap<StageRunId, u32> = BTreeMap::new();
    for (_, call) in accepted(&story.world) {
        *counts.entry(run_of(&story.world.place, call)).or_default() += 1;
    }
    for (run, count) in counts {
        let tags = tags_of(&story.scenario.pipelines, &run);
        let rules = policies(story).into_iter().filter_map(|policy| policy.rule_for(&run, &tags));
        let most = rules.map(|rule| rule.settings.max_retries).max().unwrap_or_default();
        if count > most {
            lines.push(format!("{}: {count} retries, at most {most} are allowed", run.stage));
        }
    }
}

/// No retry of ours follows a person's act on the same stage run.
fn nobody_is_overruled(story: &Story, lines: &mut Vec<String>) {
    for (number, call) in accepted(&story.world) {
        let before = &story.world.service.retry_calls()[..number];
        if before.iter().any(|other| is_anothers(other) && are_about_the_same(other, call)) {
            lines.push(format!("{}: a retry of ours follows a person's", call.stage));
        }
        let mut executions = story.world.service.list_executions(&call.pipeline).unwrap_or_default();
        executions.reverse();
        let earlier = story.world.deeds().iter().filter(|deed| {
            deed.retry_calls <= number
                && deed.refusal.is_none()
                && deed.act.pipeline() == Some(&call.pipeline)
        });
        let ids: Vec<_> = executions.iter().map(|execution| execution.id.clone()).collect();
        let mut is_closed = false;
        for deed in earlier {
            is_closed = match &deed.act {
                Act::Transition { stage, enabled, .. } if *stage == call.stage => !enabled,
                _ => is_closed,
            };
            if concerns(deed, call, &ids) {
                lines.push(format!("{}: a retry of ours follows {:?}", call.stage, deed.act));
            }
        }
        if is_closed {
            lines.push(format!("{}: a retry of ours although the transition is disabled", call.stage));
        }
        let runs = story.world.service.action_executions(&call.pipeline, &call.execution);
        let mut answered = runs.iter().flatten().filter(|run| call.answered.contains(&run.id));
        if answered.any(|run| run.category == Category::Approval) {
            lines.push(format!("{}: a person's no was retried", call.stage));
        }
    }
}

/// Whether a person's act tells the product to keep its hands off what the call is about.
fn concerns(deed: &Deed, call: &RetryCall, executions: &[ExecutionId]) -> bool {
    let known = executions.get(..deed.executions).unwrap_or_default();
    match &deed.act {
        Act::Stop { .. } => known.last() == Some(&call.execution),
        Act::Rollback { stage, .. } => *stage == call.stage && known.contains(&call.execution),
        Act::Edit { .. } => known.contains(&call.execution),
        _ => false,
    }
}

/// Every failure whose event was delivered, and which a rule covered all the time, ends with a decision on record.
fn every_failure_has_its_decision(story: &Story, lines: &mut Vec<String>) {
    let mode = story.scenario.deployed.mode;
    let disabled = story.world.deeds().iter().any(|deed| deed.act == Act::SetMode(Mode::Disabled));
    if story.scenario.lasting.is_some() || mode == Mode::Disabled || disabled {
        return;
    }
    let events = story.moments.iter().filter_map(|moment| match &moment.what {
        Happening::Event(event) => Some((moment.at, event)),
        _ => None,
    });
    let matched = events.filter(|(_, event)| codepipeline_retrier::replay::script::matches_rule(event));
    for ((at, event), number) in matched.zip(1..) {
        let is_swept = story.scenario.sweep.is_some();
        let is_lost =
            !is_swept && story.scenario.deliveries.get(&number).is_some_and(|delivery| delivery.copies == 0);
        if is_lost || event["detail"]["state"] != "FAILED" {
            continue;
        }
        let run = run_of_event(event);
        if !is_covered(story, &run) {
            continue;
        }
        let subject = format!("{}/{}", run.pipeline.name, run.stage);
        let about_it = story.world.ledger.decisions().iter().filter(|decision| decision.run == run);
        let since: Vec<_> = about_it.filter(|decision| decision.decided_at >= at).collect();
        match since.last() {
            None => lines.push(format!("{subject}: nothing on record about the failure at {at}")),
            Some(last) if !last.is_final => {
                lines.push(format!("{subject}: the last decision on record is {}", last.ruling));
            }
            Some(_) => {}
        }
    }
}

/// Whether every policy has a rule for the stage that is at work.
fn is_covered(story: &Story, run: &StageRunId) -> bool {
    let tags = tags_of(&story.scenario.pipelines, run);
    let rules = policies(story).into_iter().map(|policy| policy.rule_for(run, &tags));
    rules.into_iter().all(|rule| rule.is_some_and(|rule| rule.settings.mode != Mode::Disabled))
}

fn nothing_is_left_over(story: &Story, lines: &mut Vec<String>) {
    for letter in story.world.queue.dead_letters() {
        lines.push(format!("a message went to the dead letters: {letter}"));
    }
    if story.scenario.lasting.is_some() {
        return;
    }
    if !story.world.queue.is_empty() {
        lines.push(format!("{} messages are left in the queue", story.world.queue.len()));
    }
    for record in story.world.ledger.records() {
        if let Some(wait) = &record.wait {
            lines.push(format!("{}: it waits for ever ({})", record.id.stage, wait.ruling));
        }
        if record.claim.is_some() {
            lines.push(format!("{}: its claim is open for ever", record.id.stage));
        }
    }
}

/// Calls of ours that were accepted for a stage run.
pub(super) fn accepted_for(story: &Story, record: &StageRun) -> usize {
    accepted(&story.world).filter(|(_, call)| run_of(&story.world.place, call) == record.id).count()
}

/// What counts as a retry was made, or may have been: then it ended unseen.
fn records_agree_with_calls(story: &Story, lines: &mut Vec<String>) {
    for record in story.world.ledger.records() {
        let stage = &record.id.stage;
        let made = accepted_for(story, record);
        let open = usize::from(record.claim.is_some());
        let used = usize::try_from(record.live.used).unwrap();
        let seen = record.retries.iter().filter(|retry| retry.progress != Progress::Ended).count();
        if seen > made {
            lines.push(format!("{stage}: {seen} retries went on, but {made} were made"));
        }
        if made > record.retries.len() + open {
            lines.push(format!("{stage}: {made} retries were made, {} are known", record.retries.len()));
        }
        if used != record.retries.len() + open {
            lines.push(format!("{stage}: {used} retries are paid for, there are {}", record.retries.len()));
        }
        let unseen = record.retries.iter().filter(|retry| retry.progress == Progress::Ended).count();
        if used > made + unseen + open {
            lines.push(format!("{stage}: {used} retries are paid for, {made} were made, {unseen} ended"));
        }
    }
    for (_, call) in accepted(&story.world) {
        if story.world.ledger.record(&run_of(&story.world.place, call)).is_none() {
            lines.push(format!("{}: a retry without a record", call.stage));
        }
    }
}

/// When the retry was claimed, as the ledger has it: a claim that is taken over may be called much later.
fn claimed_at(story: &Story, call: &RetryCall) -> Timestamp {
    let run = run_of(&story.world.place, call);
    let claims = story.world.ledger.decisions().iter().filter(|decision| {
        let is_claim = decision.ruling == Ruling::RetryEligible && !decision.is_final && !decision.shadow;
        let is_taken_over = decision.explanation.iter().any(|step| step.name == StepName::Reconcile);
        decision.run == run && is_claim && !is_taken_over && decision.decided_at <= call.at
    });
    claims.map(|decision| decision.decided_at).max().unwrap_or(call.at)
}

/// Each bucket holds what taking one token for every accepted retry leaves in it, give or take the seconds for which
/// a claim that came to nothing had one.
fn budgets_agree_with_calls(story: &Story, lines: &mut Vec<String>) {
    let is_certain = story.world.ledger.records().all(|record| {
        usize::try_from(record.live.used).unwrap() == accepted_for(story, record) && record.claim.is_none()
    });
    let (Some(policy), false, true) = (&story.scenario.deployed.policy, was_deployed_anew(story), is_certain)
    else {
        return;
    };
    let mut claims: Vec<_> = accepted(&story.world)
        .map(|(_, call)| (claimed_at(story, call), run_of(&story.world.place, call)))
        .collect();
    claims.sort();
    let mut expected: BTreeMap<BucketKey, Bucket> = BTreeMap::new();
    for (at, run) in claims {
        let tags = tags_of(&story.scenario.pipelines, &run);
        let rule = policy.rule_for(&run, &tags);
        for budget in rule.map(|rule| rule.settings.budgets.as_slice()).unwrap_or_default() {
            let key = budget.key(&run, false);
            let bucket = expected.get(&key).copied().unwrap_or_default();
            let Peek::Available(branch) = budget.peek(bucket, at) else {
                lines.push(format!("budget `{}` paid for more than it had", budget.name));
                continue;
            };
            let after = budget.withdrawal(key.clone(), branch, at).apply(bucket);
            expected.insert(key, after.unwrap());
        }
    }
    let is_near = |a: i64, b: i64| (a - b).abs() <= 15_000;
    let decisions = story.world.ledger.decisions().iter();
    let decided: Vec<_> = decisions.map(|decision| decision.decided_at.as_millisecond()).collect();
    for (key, bucket) in story.world.ledger.buckets().filter(|(key, _)| !key.shadow) {
        let full_at = bucket.full_at.unwrap_or_default();
        let agrees =
            expected.get(key).and_then(|bucket| bucket.full_at).is_some_and(|at| is_near(at, full_at));
        // A token that was taken from a full bucket and given back leaves it full as of that moment.
        let is_given_back = decided.iter().any(|at| is_near(*at, full_at));
        if !agrees && !is_given_back {
            lines.push(format!("budget `{}` has lost a token, or gained one", key.budget));
        }
    }
}
