//! The books: every transaction of the ledger is held against the one before it. No token is taken but for a retry, none
//! comes back but once and for a retry that was not made, and every window of time keeps to the budget's bound (I3).

use std::collections::{BTreeMap, BTreeSet};

use codepipeline_retrier::domain::budget::{BucketKey, Deposit, Withdrawal};
use codepipeline_retrier::domain::ids::{ActionExecutionId, StageRunId};
use codepipeline_retrier::domain::policy::Policy;
use codepipeline_retrier::domain::protocol::Commit;
use codepipeline_retrier::domain::stage_run::StageRun;
use codepipeline_retrier::domain::tags::Tags;
use codepipeline_retrier::emulator::codepipeline::PipelineDefinition;
use codepipeline_retrier::emulator::world::World;
use jiff::{SignedDuration, Timestamp};

use super::calls::{is_ours, run_of, tags_of};

/// How long a handling may take from reading its clock to its write.
const SLOWEST: SignedDuration = SignedDuration::from_secs(40);

/// A token that was taken or came back.
#[derive(Debug)]
struct Move {
    /// What it costs in milliseconds of refill; negative when it comes back.
    cost: i64,
    /// When it was taken.
    taken: Option<Taken>,
    /// What a full bucket is worth.
    full: i64,
}

/// When a token was taken, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Taken {
    /// By the clock of whoever took it.
    says: i64,
    /// In truth no earlier, and no later.
    between: (i64, i64),
}

/// The books of one play.
#[derive(Debug, Default)]
pub struct Accounts {
    commits: usize,
    last: BTreeMap<StageRunId, StageRun>,
    moves: BTreeMap<BucketKey, Vec<Move>>,
    /// When the bucket is full again, by these books.
    full_at: BTreeMap<BucketKey, i64>,
    /// Calls before the last look.
    calls: usize,
    /// When they were last looked at.
    looked_at: i64,
    /// How wrong a clock may be, in milliseconds.
    skew: i64,
}

impl Accounts {
    /// Clocks are never more than this ahead or behind.
    pub fn allow_skew(&mut self, skew: SignedDuration) {
        self.skew = i64::try_from(skew.as_millis()).unwrap();
    }

    /// Looks at the transactions since the last look. `policies` are those that may have been behind them.
    pub fn look(
        &mut self,
        world: &World,
        policies: &[&Policy],
        pipelines: &[PipelineDefinition],
    ) -> Vec<String> {
        let new = &world.ledger.commits()[self.commits..];
        self.commits = world.ledger.commits().len();
        let mut findings = Vec::new();
        for commit in new {
            let run = &commit.record.id;
            let before = self.last.remove(run).unwrap_or_else(|| StageRun::unwritten(run));
            let made = self.made_before(world, commit);
            let tags = tags_of(pipelines, run);
            if let Some(problem) = problem(&before, commit, policies, &tags, &made) {
                findings.push(format!("books: {run}, revision {}: {problem}", commit.record.revision));
            }
            self.last.insert(run.clone(), commit.record.clone());
            findings.extend(self.enter(world.now(), commit));
        }
        self.calls = world.service.retry_calls().len();
        self.looked_at = world.now().as_millisecond();
        let is_touched = |commit: &Commit| !commit.withdrawals.is_empty() || !commit.deposits.is_empty();
        if new.iter().any(is_touched) {
            findings.extend(self.full_at.iter().filter_map(|(key, full_at)| {
                let held = world.ledger.bucket(key).full_at;
                (held != Some(*full_at)).then(|| format!("books: {key:?} holds {held:?}, not {full_at}"))
            }));
        }
        findings
    }

    /// The failed runs that our calls had certainly answered before a transaction.
    fn made_before<'a>(&self, world: &'a World, commit: &Commit) -> BTreeSet<&'a ActionExecutionId> {
        if commit.deposits.is_empty() {
            return BTreeSet::new();
        }
        let written_at = commit.decision.as_ref().map_or(i64::MIN, |it| it.decided_at.as_millisecond());
        (world.service.retry_calls().iter().enumerate())
            .filter(|(index, call)| {
                *index < self.calls || call.at.as_millisecond() <= written_at.saturating_sub(2 * self.skew)
            })
            .filter(|(_, call)| is_ours(call) && run_of(&world.place, call) == commit.record.id)
            .flat_map(|(_, call)| &call.answered)
            .collect()
    }

    /// Enters what a transaction does to the buckets.
    fn enter(&mut self, now: Timestamp, commit: &Commit) -> Vec<String> {
        let now = now.as_millisecond();
        let mut findings = Vec::new();
        for Withdrawal { key, now_ms, interval_ms, tolerance_ms, .. } in &commit.withdrawals {
            let slowest = i64::try_from(SLOWEST.as_millis()).unwrap();
            if *now_ms > now + self.skew || *now_ms < self.looked_at - self.skew - slowest {
                findings.push(format!("books: a token of {key:?} was taken at {now_ms}, and it is {now}"));
            }
            let full_at = self.full_at.entry(key.clone()).or_insert(i64::MIN);
            *full_at = (*full_at).max(*now_ms) + interval_ms;
            let full = tolerance_ms + interval_ms;
            let taken = Some(Taken { says: *now_ms, between: (self.looked_at, now) });
            self.moves.entry(key.clone()).or_default().push(Move { cost: *interval_ms, taken, full });
        }
        for Deposit { key, amount_ms } in &commit.deposits {
            *self.full_at.entry(key.clone()).or_insert(i64::MIN) -= amount_ms;
            let moves = self.moves.entry(key.clone()).or_default();
            moves.push(Move { cost: -amount_ms, taken: None, full: 0 });
        }
        findings
    }

    /// Windows of time in which more was spent than the budget allows.
    pub fn conclude(&self) -> Vec<String> {
        let slack = 2 * self.skew + i64::try_from(SLOWEST.as_millis()).unwrap();
        self.moves.iter().filter_map(|(key, moves)| overspent(key, moves, slack)).collect()
    }
}

fn overspent(key: &BucketKey, moves: &[Move], slack: i64) -> Option<String> {
    moves.iter().enumerate().find_map(|(first, begin)| {
        let from = begin.taken?;
        let mut spent = 0;
        moves[first..].iter().find_map(|it| {
            spent += it.cost;
            let to = it.taken?;
            let truly = it.full + to.between.1 - from.between.0 + slack;
            let most = truly.min(it.full + to.says - from.says);
            (spent > most).then(|| format!("I3: {spent} ms of {key:?} in {from:?} to {to:?}, at most {most}"))
        })
    })
}

/// What is wrong with a transaction, after the record as it was before.
fn problem(
    before: &StageRun,
    commit: &Commit,
    policies: &[&Policy],
    tags: &Tags,
    made: &BTreeSet<&ActionExecutionId>,
) -> Option<String> {
    let record = &commit.record;
    let grown = |shadow| i64::from(record.tally(shadow).used) - i64::from(before.tally(shadow).used);
    let (live, shadow) = (grown(false), grown(true));
    if record.revision != before.revision + 1 {
        return Some(format!("it follows revision {}", before.revision));
    }
    match (live, shadow) {
        (0 | -1, 0) if !commit.withdrawals.is_empty() => {
            return Some(format!("tokens for no retry: {:?}", commit.withdrawals));
        }
        (0, 0) if !commit.deposits.is_empty() => return Some("tokens come back for no retry".into()),
        (0, 0) => {}
        (1, 0) | (0, 1) => {
            let is_paid = |policy: &&Policy| pays(policy, record, tags, &commit.withdrawals, shadow == 1);
            if !commit.deposits.is_empty() || !policies.iter().any(is_paid) {
                return Some(format!("a retry is paid for by {:?}", commit.withdrawals));
            }
        }
        (-1, 0) => {
            if let Some(problem) = wrong_refund(before, commit, made) {
                return Some(problem);
            }
        }
        _ => return Some(format!("{live} retries, {shadow} in shadow, at once")),
    }
    let is_new = record.claim.as_ref().is_some_and(|new| {
        before.claim.as_ref().is_none_or(|old| (old.retry, &old.failed) != (new.retry, &new.failed))
    });
    let is_old_over = before.claim.is_some() && (record.claim.is_none() || is_new);
    if is_new != (live == 1) {
        return Some("claims and retries differ".into());
    }
    if is_old_over && live != -1 && record.retries.len() != before.retries.len() + 1 {
        return Some("the end of a claim is not on record".into());
    }
    match (&before.claim, &record.claim) {
        (_, Some(new)) if is_new => {
            let deposits: Vec<Deposit> = commit.withdrawals.iter().map(Withdrawal::deposit).collect();
            (new.deposits != deposits).then(|| format!("a claim that would give back {:?}", new.deposits))
        }
        (Some(old), Some(new)) => {
            let was_taken_over = old.owner == new.owner || new.taken_over;
            let is_forgotten = old.taken_over && !new.taken_over;
            (old.deposits != new.deposits || !was_taken_over || is_forgotten)
                .then(|| format!("the claim of {} became one of {}", old.owner, new.owner))
        }
        _ => None,
    }
}

/// Whether these are the tokens that the policy's rule asks for.
fn pays(policy: &Policy, record: &StageRun, tags: &Tags, withdrawals: &[Withdrawal], shadow: bool) -> bool {
    let Some(rule) = policy.rule_for(&record.id, tags) else { return false };
    let price = rule.settings.budgets.iter().map(|budget| {
        let tolerance = i64::from(budget.capacity() - 1) * budget.interval_ms();
        (budget.key(&record.id, shadow), budget.interval_ms(), tolerance)
    });
    let paid = withdrawals.iter().map(|it| (it.key.clone(), it.interval_ms, it.tolerance_ms));
    price.collect::<BTreeSet<_>>() == paid.collect::<BTreeSet<_>>()
}

/// A retry and its tokens come back in one with its claim, as they were recorded, and only if CodePipeline never took it.
fn wrong_refund(before: &StageRun, commit: &Commit, made: &BTreeSet<&ActionExecutionId>) -> Option<String> {
    let Some(claim) = &before.claim else { return Some("tokens come back without a claim".into()) };
    if claim.taken_over || commit.record.claim.is_some() || commit.deposits != claim.deposits {
        return Some(format!(
            "{:?} comes back for retry {} of {}",
            commit.deposits, claim.retry, claim.owner
        ));
    }
    let was_made = claim.failed.iter().any(|id| made.contains(id));
    was_made.then(|| format!("the tokens of retry {}, which was made, come back", claim.retry))
}
