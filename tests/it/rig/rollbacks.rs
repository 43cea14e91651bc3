//! What is promised of rollbacks (I8), held against the emulated service's own account of them.

use std::collections::BTreeSet;

use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::ids::StageRunId;
use codepipeline_retrier::domain::policy::Policy;
use codepipeline_retrier::domain::rollback::{OnGiveUp, RollbackProgress};
use codepipeline_retrier::domain::stage_run::StageRun;
use codepipeline_retrier::emulator::codepipeline::{PipelineDefinition, RollbackCall};
use codepipeline_retrier::emulator::world::World;
use jiff::Timestamp;

use super::bans::Bans;
use super::calls::{is_anothers, tags_of};

/// Those that were made.
#[derive(Debug, Default)]
pub struct Rollbacks {
    calls: usize,
    made: BTreeSet<StageRunId>,
}

/// What whoever called could know.
pub struct Seen<'a> {
    /// The policies that may have been gone by.
    pub policies: &'a [&'a Policy],
    pub pipelines: &'a [PipelineDefinition],
    pub handling: u64,
    /// Until when its last look shows what happened.
    pub until: Option<Timestamp>,
}

impl Rollbacks {
    /// How many were called for by the function.
    pub fn made(&self) -> usize {
        self.made.len()
    }

    /// What is wrong with the calls since the last look.
    pub fn look(&mut self, world: &World, bans: &Bans, seen: &Seen<'_>) -> Vec<String> {
        let calls = world.service.rollback_calls();
        let mut findings = Vec::new();
        for call in calls.iter().skip(self.calls).filter(|call| call.caller == "retrier") {
            let place = format!("{} / {}", call.pipeline, call.stage);
            // A call does not say which execution failed; the record that it rests on does.
            let begun = world.ledger.records().find(|record| {
                is_about(record, call)
                    && record.rollback.as_ref().is_some_and(|it| it.progress == RollbackProgress::Begun)
                    && !self.made.contains(&record.id)
            });
            let Some(record) = begun else {
                findings.push(format!("I8: {place} was rolled back twice, or without a record"));
                continue;
            };
            self.made.insert(record.id.clone());
            findings
                .extend(fault(world, bans, seen, call, record).map(|fault| format!("I8: {place} {fault}")));
        }
        self.calls = calls.len();
        findings
    }
}

fn is_about(record: &StageRun, call: &RollbackCall) -> bool {
    record.id.pipeline.name == call.pipeline
        && record.id.stage == call.stage
        && record.rollback.as_ref().is_some_and(|rollback| rollback.target == call.target)
}

/// What is wrong with one that is on record.
fn fault(
    world: &World,
    bans: &Bans,
    seen: &Seen<'_>,
    call: &RollbackCall,
    record: &StageRun,
) -> Option<String> {
    let run = &record.id;
    if !world.deployed.may_roll_back {
        return Some("was rolled back although the deployment does not allow it".into());
    }
    let decisions = world.ledger.decisions().iter().filter(|decision| decision.run == *run);
    let may_follow = [Ruling::GiveUpNotRetryable, Ruling::GiveUpRetriesUsed, Ruling::GiveUpBudgetEmpty];
    if !decisions.clone().any(|it| it.rollback.is_some() && may_follow.contains(&it.ruling)) {
        let rulings: Vec<_> = decisions.map(|it| it.ruling.to_string()).collect();
        return Some(format!("was rolled back after {rulings:?}"));
    }
    let tags = tags_of(seen.pipelines, run);
    let wishes = |policy: &&Policy| {
        policy.rule_for(run, &tags).is_some_and(|rule| rule.settings.on_give_up == OnGiveUp::Rollback)
    };
    if !seen.policies.iter().any(wishes) {
        return Some("was rolled back although no rule asks for it".into());
    }
    if call.outcome.is_err() {
        return None;
    }
    if let Some(act) = bans.broken_by((&call.pipeline, &call.stage), call.at, seen.handling, seen.until) {
        return Some(format!("was rolled back in spite of {act:?}"));
    }
    let by_a_person = world.service.retry_calls().iter().any(|retry| {
        is_anothers(retry)
            && (&retry.pipeline, &retry.stage, &retry.execution) == (&call.pipeline, &call.stage, &run.execution)
            && seen.until.is_none_or(|until| retry.at < until)
            // What a person did while our own call's fate was unknown counts as ours: nothing tells the two apart.
            && retry.answered.is_disjoint(&record.live.answered)
    });
    by_a_person.then(|| "was rolled back after a person had retried it".into())
}
