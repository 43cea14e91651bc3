//! Token drift: after every step each bucket must hold exactly what the records explain, and every window of time must
//! keep to the budget's bound (I3).

use std::collections::BTreeMap;

use codepipeline_retrier::domain::budget::{Bucket, BucketKey, Budget};
use codepipeline_retrier::domain::policy::Policy;
use codepipeline_retrier::emulator::world::World;
use jiff::Timestamp;

#[derive(Debug)]
struct Account {
    budget: Budget,
    used: u32,
    bucket: Bucket,
    /// When tokens were taken (positive) or came back, in order, in milliseconds.
    moves: Vec<(i64, i64)>,
}

/// One account for each bucket.
#[derive(Debug)]
pub struct Tokens {
    policy: Policy,
    accounts: BTreeMap<BucketKey, Account>,
    decisions: usize,
}

impl Tokens {
    /// For a policy whose budgets stay as they are.
    pub fn new(policy: Policy) -> Self {
        Self { policy, accounts: BTreeMap::new(), decisions: 0 }
    }

    /// Looks after a step in which no more time passed than handlings take. What does not add up comes back in words.
    pub fn look(&mut self, world: &World) -> Vec<String> {
        let new = world.ledger.decisions().get(self.decisions..).unwrap_or_default();
        // Whatever was taken or came back in this step was not before the first decision in it.
        let began = new.iter().map(|decision| decision.decided_at).min().unwrap_or(world.now());
        self.decisions = world.ledger.decisions().len();

        let mut used: BTreeMap<BucketKey, (&Budget, u32)> = BTreeMap::new();
        for record in world.ledger.records() {
            let Some(rule) = self.policy.rule_for(&record.id) else { continue };
            for budget in &rule.settings.budgets {
                for shadow in [false, true] {
                    let key = budget.key(&record.id, shadow);
                    used.entry(key).or_insert((budget, 0)).1 += record.tally(shadow).used;
                }
            }
        }
        let mut findings: Vec<String> = (world.ledger.buckets())
            .filter(|(key, _)| !used.contains_key(key))
            .map(|(key, _)| format!("no record explains bucket {key:?}"))
            .collect();
        for (key, (budget, used)) in used {
            let bucket = world.ledger.bucket(&key);
            let account = self.accounts.entry(key).or_insert_with(|| Account {
                budget: budget.clone(),
                used: 0,
                bucket: Bucket::default(),
                moves: Vec::new(),
            });
            findings.extend(account.look(used, bucket, began, world.now()));
        }
        findings
    }

    /// Windows of time in which more was spent than the budget allows.
    pub fn conclude(&self) -> Vec<String> {
        self.accounts.iter().filter_map(|(key, account)| account.overspent(key)).collect()
    }
}

impl Account {
    fn look(&mut self, used: u32, bucket: Bucket, began: Timestamp, now: Timestamp) -> Option<String> {
        let interval = self.budget.interval_ms();
        let (began, now) = (began.as_millisecond(), now.as_millisecond());
        let full_at = |bucket: Bucket| bucket.full_at.unwrap_or(i64::MIN);
        let (old, new) = (full_at(self.bucket), full_at(bucket));
        let taken = i64::from(used) - i64::from(self.used);
        let expected =
            (if taken > 0 { old.max(began) } else { old }).saturating_add(taken * interval).max(now);
        let drift = (new.max(now) - expected).abs();
        let (was, held) = (self.used, self.bucket);
        if taken != 0 {
            self.moves.push((if taken > 0 { began } else { now }, taken));
        }
        (self.used, self.bucket) = (used, bucket);
        (drift > now - began).then(|| {
            format!(
                "budget `{}` drifts by {drift} ms: {was} -> {used} tokens used, {held:?} -> {bucket:?}",
                self.budget.name
            )
        })
    }

    fn overspent(&self, key: &BucketKey) -> Option<String> {
        let capacity = i64::from(self.budget.capacity());
        self.moves.iter().enumerate().find_map(|(first, (from, _))| {
            let mut spent = 0;
            self.moves.iter().skip(first).find_map(|(at, taken)| {
                spent += taken;
                let most = capacity + (at - from) / self.budget.interval_ms();
                (spent > most)
                    .then(|| format!("{spent} tokens of {key:?} in {} ms, at most {most}", at - from))
            })
        })
    }
}
