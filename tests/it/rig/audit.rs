//! The invariants of the contract, held against what the emulated world saw, whatever was done to it: no double, no lost
//! failure, no token drift, and no retry against a person.

use std::collections::{BTreeMap, BTreeSet};

use codepipeline_retrier::domain::decision::{Decision, Ruling};
use codepipeline_retrier::domain::ids::{ActionExecutionId, StageRunId};
use codepipeline_retrier::domain::pipeline::{ActionExecution, ActionStatus, Category, ExecutionStatus};
use codepipeline_retrier::domain::policy::{Mode, Policy};
use codepipeline_retrier::domain::stage_run::{StageRun, Timing, after};
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::codepipeline::{PipelineDefinition, RetryCall};
use codepipeline_retrier::emulator::world::World;
use codepipeline_retrier::engine::SliceEnd;
use codepipeline_retrier::function::Handled;
use codepipeline_retrier::replay::moment::{Happening, Moment};
use codepipeline_retrier::replay::scenario::Scenario;
use jiff::{SignedDuration, Timestamp};

use super::accounts::Accounts;
use super::bans::Bans;
use super::calls::{are_about_the_same, is_anothers, is_ours, run_of, run_of_event, tags_of};
use super::rollbacks::{Rollbacks, Seen};

/// Watches one play.
pub struct Audit {
    /// Every policy so far, each with when it was replaced.
    policies: Vec<(Policy, Option<Timestamp>)>,
    pipelines: Vec<PipelineDefinition>,
    accounts: Accounts,
    bans: Bans,
    rollbacks: Rollbacks,
    calls: usize,
    answered: BTreeSet<ActionExecutionId>,
    /// The stage runs that failed, and when an event last said so.
    failed: BTreeMap<StageRunId, Timestamp>,
    /// Stage runs that the function once saw uncovered.
    uncovered: BTreeSet<StageRunId>,
    /// What each handling could see at its last look before a call: all that happened until then.
    seen_until: BTreeMap<u64, Timestamp>,
    /// Whether whoever calls without a last look is held to have seen everything.
    expects_looks: bool,
    /// Handlings that took an old answer for a settled one, since their clock is ahead.
    doubtful: BTreeSet<u64>,
    /// Whether a sweep finds what was lost.
    has_sweep: bool,
    /// When the first rules were put to work.
    activated_at: Option<Timestamp>,
    /// When each completed round of it began, and when it was over.
    rounds: Vec<(Timestamp, Timestamp)>,
    commits: usize,
    /// When each retry that was made came on record, in truth.
    settled: BTreeMap<(StageRunId, u32), Timestamp>,
    /// The stage runs that such a handling decided about.
    misled: BTreeSet<StageRunId>,
    /// Retries that no client can exclude: what they went against happened after the last look.
    pub unavoidable: u64,
    /// How wrong a clock may be.
    skew: SignedDuration,
    /// When each decision came on record, in truth.
    decided: Vec<Timestamp>,
    findings: Vec<String>,
}

/// How long a handling may go by a policy that has been replaced.
const LONGEST: SignedDuration = SignedDuration::from_secs(40);
/// How far back a sweep looks: nothing older can be retried.
const LONGEST_LOOK: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Audit {
    pub fn new(scenario: &Scenario) -> Self {
        let policy = scenario.deployed.policy.clone().unwrap();
        Self {
            policies: vec![(policy, None)],
            pipelines: scenario.pipelines.clone(),
            accounts: Accounts::default(),
            bans: Bans::default(),
            rollbacks: Rollbacks::default(),
            calls: 0,
            answered: BTreeSet::new(),
            failed: BTreeMap::new(),
            uncovered: BTreeSet::new(),
            seen_until: BTreeMap::new(),
            expects_looks: false,
            doubtful: BTreeSet::new(),
            has_sweep: scenario.sweep.is_some(),
            activated_at: None,
            rounds: Vec::new(),
            commits: 0,
            settled: BTreeMap::new(),
            misled: BTreeSet::new(),
            unavoidable: 0,
            skew: SignedDuration::ZERO,
            decided: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// Clocks of the function are never more than this ahead or behind.
    pub fn allow_skew(&mut self, skew: SignedDuration) {
        self.accounts.allow_skew(skew);
        self.bans.allow_skew(skew);
        self.skew = skew;
    }

    /// What was found so far.
    pub fn findings(&self) -> &[String] {
        &self.findings
    }

    /// How many rollbacks the function called for.
    pub fn rollbacks_made(&self) -> usize {
        self.rollbacks.made()
    }

    /// Every last look will be told of: whoever calls without one is not excused by what came too late for it.
    pub fn expect_looks(&mut self) {
        self.expects_looks = true;
    }

    /// A handling has taken its last look before a call, and saw all that had happened until then.
    pub fn looked(&mut self, handling: u64, seen_until: Timestamp) {
        self.seen_until.insert(handling, seen_until);
    }

    /// A handling whose clock is ahead has read something old: it may not know that it is.
    pub fn doubt(&mut self, handling: u64) {
        self.doubtful.insert(handling);
    }

    /// Looks at the world after a step, in which these things happened. `handlings` had begun when it was over, and
    /// `handling` is the one that was at work.
    pub fn look(&mut self, world: &World, moments: &[Moment], handlings: u64, handling: u64) {
        for moment in moments {
            match &moment.what {
                Happening::Acted(Act::Deploy { policy }, _) => self.deployed(policy.as_deref(), moment.at),
                Happening::Acted(act, Ok(())) => self.bans.acted(act, moment.at, handlings),
                Happening::Event(event) => self.event(event),
                Happening::Handled(handled) => {
                    let swept = match handled.as_ref() {
                        Handled::Swept(report) => {
                            let completed = world.ledger.sweep().completed;
                            let completed = completed.filter(|_| report.end == SliceEnd::Complete);
                            self.rounds.extend(completed.map(|round| (round.began, moment.at)));
                            report.outcomes.as_slice()
                        }
                        _ => &[],
                    };
                    let decisions = swept.iter().filter_map(|outcome| outcome.decision.as_ref());
                    for decision in handled.decision().into_iter().chain(decisions) {
                        self.decision(decision, handling);
                    }
                }
                Happening::Acted(..) | Happening::Died => {}
            }
        }
        let calls = world.service.retry_calls();
        for index in self.calls..calls.len() {
            self.call(world, &calls[..index], &calls[index], handling);
        }
        self.calls = calls.len();
        let seen_until = self.seen_until.get(&handling).copied();
        let policies: Vec<&Policy> = in_force(&self.policies, world.now()).collect();
        let seen = Seen { policies: &policies, pipelines: &self.pipelines, handling, until: seen_until };
        self.findings.extend(self.rollbacks.look(world, &self.bans, &seen));
        self.decided.resize(world.ledger.decisions().len(), world.now());
        for commit in &world.ledger.commits()[self.commits..] {
            if let Some(retry) = commit.record.running_retry() {
                let retry = (commit.record.id.clone(), retry.number);
                self.settled.entry(retry).or_insert(world.now());
            }
        }
        self.commits = world.ledger.commits().len();
        if self.activated_at.is_none() && world.ledger.controls().activated.is_some() {
            self.activated_at = Some(world.now());
        }
        let policies: Vec<&Policy> = in_force(&self.policies, world.now()).collect();
        self.findings.extend(self.accounts.look(world, &policies, &self.pipelines));
    }

    fn deployed(&mut self, policy: Option<&Policy>, at: Timestamp) {
        if let Some((_, replaced)) = self.policies.last_mut() {
            replaced.get_or_insert(at);
        }
        self.policies.extend(policy.map(|policy| (policy.clone(), None)));
    }

    fn decision(&mut self, decision: &Decision, handling: u64) {
        if self.doubtful.contains(&handling) {
            self.misled.insert(decision.run.clone());
        }
        if matches!(decision.ruling, Ruling::IgnoreNoRule | Ruling::IgnoreModeDisabled) {
            self.uncovered.insert(decision.run.clone());
        }
    }

    fn event(&mut self, event: &serde_json::Value) {
        let detail = &event["detail"];
        let is_failure = detail["state"] == "FAILED"
            && event["detail-type"] == "CodePipeline Stage Execution State Change";
        if is_failure {
            self.failed.insert(run_of_event(event), event["time"].as_str().unwrap().parse().unwrap());
        }
    }

    /// One call of `RetryStageExecution`, after those before it.
    fn call(&mut self, world: &World, earlier: &[RetryCall], call: &RetryCall, handling: u64) {
        if !is_ours(call) {
            return;
        }
        let run = run_of(&world.place, call);
        let same_stage = || earlier.iter().filter(|other| are_about_the_same(other, call));
        for id in &call.answered {
            if !self.answered.insert(id.clone()) {
                self.findings.push(format!("double: {run} answered {id} twice"));
            }
        }
        let Some(record) = world.ledger.record(&run) else {
            self.findings.push(format!("I1: {run} was retried without a record"));
            return;
        };
        let seen_until = self.seen_until.get(&handling).copied().or(self.expects_looks.then_some(call.at));
        let runs = world.service.action_executions(&call.pipeline, &call.execution).unwrap_or_default();
        let is_unseen = |id: &ActionExecutionId| {
            seen_until.is_some_and(|until| runs.iter().any(|run| run.id == *id && run.last_change >= until))
        };
        if claims_of(record).any(|claimed| *claimed == call.answered) {
        } else if call.answered.iter().any(is_unseen) {
            self.unavoidable += 1;
        } else {
            self.findings
                .push(format!("I1: {run} was retried for {:?}, which nobody claimed", call.answered));
        }
        let tags = tags_of(&self.pipelines, &run);
        let oldest = in_force(&self.policies, call.at).filter_map(|policy| policy.rule_for(&run, &tags));
        let oldest = oldest.map(|rule| rule.settings.give_up_after).max().unwrap_or_default();
        let failed =
            runs.iter().filter(|run| call.answered.contains(&run.id)).map(|run| run.last_change).max();
        if failed.is_some_and(|failed| call.at > after(failed, oldest + self.skew + LONGEST)) {
            self.findings.push(format!("{run} was retried although it had failed at {failed:?}"));
        }
        let accepted = 1 + same_stage().filter(|call| is_ours(call)).count();
        let rules = in_force(&self.policies, call.at).filter_map(|policy| policy.rule_for(&run, &tags));
        let most = rules.map(|rule| rule.settings.max_retries).max().unwrap_or(0);
        if accepted > usize::try_from(most).unwrap() {
            self.findings.push(format!("I2: {run} had {accepted} retries of at most {most}"));
        }
        if accepted > usize::try_from(record.live.used).unwrap() {
            self.findings.push(format!("{run} had {accepted} retries and paid for {}", record.live.used));
        }
        let people: Vec<&RetryCall> = same_stage()
            .filter(|call| is_anothers(call) && seen_until.is_none_or(|until| call.at < until))
            // What a person did while our own call's fate was unknown counts as ours: nothing tells the two apart.
            .filter(|call| call.answered.is_disjoint(&record.live.answered))
            .collect();
        match people.as_slice() {
            [] => {}
            [person] if passes_for_native(world, &run, person, &runs) => self.unavoidable += 1,
            _ => self.findings.push(format!("I5: {run} was retried after a person had retried it")),
        }
        if let Some(act) = self.bans.broken_by((&call.pipeline, &call.stage), call.at, handling, seen_until) {
            self.findings.push(format!("I5: {run} was retried in spite of {act:?}"));
        }
        if runs.iter().any(|run| call.answered.contains(&run.id) && run.category == Category::Approval) {
            self.findings.push(format!("I5: {run} was retried although an approval was rejected"));
        }
    }

    /// Looks at the world when nothing more happens, and says all that was wrong.
    pub fn conclude(mut self, world: &World) -> Vec<String> {
        self.finish(world)
    }

    /// The same, and the audit is still there.
    pub fn finish(&mut self, world: &World) -> Vec<String> {
        self.findings.extend(self.accounts.conclude());
        if !self.has_sweep && !world.queue.dead_letters().is_empty() {
            self.findings.push(format!("lost: dead letters {:?}", world.queue.dead_letters()));
        }
        // The schedule sends its ticks for ever, the last one perhaps right before the end.
        let is_left = |body: &&str| !(self.has_sweep && is_tick(body));
        if let Some(body) = world.queue.bodies().find(is_left) {
            self.findings.push(format!("the queue is not empty: {body}"));
        }
        let untold: Vec<_> = world.ledger.outbox.waiting().filter(|_| self.has_sweep).collect();
        if !untold.is_empty() {
            self.findings.push(format!("lost: nobody was told of {untold:?}"));
        }
        for record in world.ledger.records() {
            if let Some(wait) = &record.wait {
                self.findings.push(format!("lost: {} still waits: {wait:?}", record.id));
            }
            if let Some(claim) = &record.claim {
                self.findings.push(format!("lost: {} has an open claim: {claim:?}", record.id));
            }
        }
        for (run, failed_at) in &std::mem::take(&mut self.failed) {
            let tags = tags_of(&self.pipelines, run);
            let covers = |policy: &Policy| {
                policy.rule_for(run, &tags).is_some_and(|rule| rule.settings.mode != Mode::Disabled)
            };
            let has_rule = self.policies.iter().all(|(policy, _)| covers(policy));
            if has_rule
                && !self.uncovered.contains(run)
                && !self.is_out_of_reach(world, *failed_at)
                && let Some(loss) =
                    loss(world, (&self.decided, &self.settled), run, *failed_at, self.has_sweep)
            {
                if !self.has_sweep && self.misled.contains(run) {
                    self.unavoidable += 1;
                } else {
                    self.findings.push(format!("lost: {run}: {loss}"));
                }
            }
        }
        std::mem::take(&mut self.findings)
    }

    /// Whether a failure happened before the product was put to work, or no round of the sweep could see it while it was of
    /// an age at which sweeps look: for a whole week none came to its end, since no policy compiled or nothing could be read.
    fn is_out_of_reach(&self, world: &World, failed_at: Timestamp) -> bool {
        let last = after(failed_at, LONGEST_LOOK);
        let has_seen = |(began, ended): &(Timestamp, Timestamp)| {
            after(*began, -self.skew) >= failed_at && after(*ended, self.skew) <= last
        };
        let is_earlier = self.activated_at.is_none_or(|at| failed_at < at);
        let is_unseen = after(last, self.skew) < world.now() && !self.rounds.iter().any(has_seen);
        self.has_sweep && (is_earlier || is_unseen)
    }
}

/// Whether a message is a tick of the sweep.
fn is_tick(body: &str) -> bool {
    let message: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    message["retrier"].is_u64() && message["sweep"].is_object()
}

/// The policies that a handling may go by then.
fn in_force(policies: &[(Policy, Option<Timestamp>)], now: Timestamp) -> impl Iterator<Item = &Policy> {
    let is_in_force = move |replaced: &Option<Timestamp>| replaced.is_none_or(|at| now <= after(at, LONGEST));
    policies.iter().filter(move |(_, replaced)| is_in_force(replaced)).map(|(policy, _)| policy)
}

/// What only its own event tells of: the pipeline is gone, or no action had failed in the stage's last attempt, so that
/// there is nothing to retry.
fn is_invisible(world: &World, run: &StageRunId) -> bool {
    let Ok(runs) = world.service.action_executions(&run.pipeline.name, &run.execution) else { return true };
    let in_stage: Vec<_> = runs.iter().filter(|action| action.stage == run.stage).collect();
    !in_stage.iter().any(|action| is_present_failure(world, action, &in_stage))
}

/// Where CodePipeline does not count its own retries, a person's at once after the failure cannot be told from one.
fn passes_for_native(world: &World, run: &StageRunId, person: &RetryCall, runs: &[ActionExecution]) -> bool {
    let structure = world.service.pipeline_structure(&run.pipeline.name);
    let declares = structure.is_ok_and(|it| {
        it.stages.iter().any(|stage| stage.name == run.stage && stage.native_retry.is_some())
    });
    let window = Timing::default().native_retry;
    let failed = runs.iter().filter(|run| person.answered.contains(&run.id)).map(|run| run.last_change).max();
    declares && failed.is_some_and(|failed| person.at <= after(failed, window))
}

fn claims_of(record: &StageRun) -> impl Iterator<Item = &BTreeSet<ActionExecutionId>> {
    let open = record.claim.iter().map(|claim| &claim.failed);
    open.chain(record.retries.iter().map(|retry| &retry.failed))
}

/// Whether an action of a stage is failed, and nobody has retried that. Who has retried a stage as a whole has retried all
/// that had failed in it, although an action that comes late in it may not have run again.
fn is_present_failure(world: &World, action: &ActionExecution, in_stage: &[&ActionExecution]) -> bool {
    let is_retried = || {
        let mut accepted = world.service.retry_calls().iter().filter(|call| is_anothers(call));
        accepted.any(|call| call.answered.contains(&action.id))
    };
    action.status == ActionStatus::Failed
        && !in_stage.iter().any(|it| it.action == action.action && it.started > action.started)
        && !is_retried()
}

/// Whether nothing of the execution's stage can be retried from then on, whichever of its failures a read has shown.
fn ends_all(decision: &Decision) -> bool {
    matches!(
        decision.ruling,
        Ruling::IgnoreStructureChanged | Ruling::IgnoreNotLatestExecution | Ruling::IgnoreStopped
    )
}

/// Whether a failure became too old before it could be read, so that nothing of it has a name.
fn is_unread(decision: &Decision) -> bool {
    matches!(decision.ruling, Ruling::GiveUpTooOld | Ruling::GiveUpCannotVerify) && decision.failed.is_empty()
}

/// What is missing on record about a failed stage run.
fn loss(
    world: &World,
    (decided, settled): (&[Timestamp], &BTreeMap<(StageRunId, u32), Timestamp>),
    run: &StageRunId,
    failed_at: Timestamp,
    has_sweep: bool,
) -> Option<String> {
    let decisions = world.ledger.decisions().iter().zip(decided);
    let decisions: Vec<_> = decisions.filter(|(decision, _)| decision.run == *run).collect();
    let runs = world.service.action_executions(&run.pipeline.name, &run.execution).unwrap_or_default();
    let in_stage: Vec<_> = runs.iter().filter(|action| action.stage == run.stage).collect();
    // What failed beside others that ran on may have been closed before its stage failed, by what stays so.
    let was_closed_before = |action: &ActionExecution| {
        decisions.iter().any(|(it, decided_at)| {
            let stays_so = matches!(it.ruling, Ruling::GiveUpTooOld | Ruling::IgnoreApprovalRejected);
            (stays_so || ends_all(it)) && it.failed.contains(&action.id)
                || (ends_all(it) || is_unread(it)) && **decided_at >= action.last_change
        })
    };
    let mut failed = in_stage.iter().filter(|action| is_present_failure(world, action, &in_stage)).peekable();
    let is_decided = decisions.iter().any(|(_, decided_at)| **decided_at >= failed_at)
        || failed.peek().is_some() && failed.all(|action| was_closed_before(action));
    let cannot_be_known = has_sweep && is_invisible(world, run);
    if !is_decided && !cannot_be_known {
        let last = decisions.last().map(|(decision, at)| format!("{} at {at}", decision.ruling));
        let last = last.unwrap_or_else(|| "nothing".into());
        return Some(format!("nothing was decided after it failed at {failed_at}; before, {last}"));
    }
    let record = world.ledger.record(run)?;
    let is_closed = |id: &ActionExecutionId, at: Timestamp| {
        claims_of(record).any(|claimed| claimed.contains(id))
            || (decisions.iter().filter(|(decision, _)| decision.is_final)).any(|(decision, decided_at)| {
                let is_for_all = decision.failed.is_empty() || ends_all(decision);
                decision.failed.contains(id) || is_for_all && **decided_at >= at
            })
    };
    // Actions that fail later are not said to have: their siblings had failed the stage before, or it was being stopped.
    let said_at = failed_at + SignedDuration::from_secs(1);
    let mut present = (in_stage.iter())
        .filter(|action| action.last_change <= said_at && is_present_failure(world, action, &in_stage));
    if let Some(action) = present.find(|action| !is_closed(&action.id, action.last_change)) {
        return Some(format!("nothing closed the failure of `{}`", action.action));
    }
    // Where the pipeline is gone, nothing more can be known.
    if runs.is_empty() {
        return None;
    }
    let still_runs = in_stage.iter().any(|action| action.status == ActionStatus::InProgress);
    let unknown = record.running_retry();
    // Its end was told before the retry itself was on record: only a sweep looks again.
    let was_told_early = !has_sweep
        && unknown
            .and_then(|retry| settled.get(&(run.clone(), retry.number)))
            .is_some_and(|settled_at| in_stage.iter().all(|action| action.last_change <= *settled_at));
    let is_unread = decisions.last().is_some_and(|(it, _)| is_unread(it));
    // A sweep looks at an execution again once it has changed.
    let execution = world.service.pipeline_execution(&run.pipeline.name, &run.execution);
    let goes_on = execution.is_ok_and(|execution| execution.status == ExecutionStatus::InProgress);
    let is_told_later = has_sweep && goes_on;
    (unknown.is_some() && !still_runs && !is_unread && !is_told_later && !was_told_early)
        .then(|| "the outcome of a retry was never seen".to_owned())
}
