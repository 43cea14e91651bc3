//! Retry budgets: how many retries a Region, a pipeline or a stage may have in all.
//!
//! A maximum per stage run does not help when a hundred pipelines fail at once, or when one fails all day: each of
//! them stays below its own maximum while together they load CodePipeline and burn action minutes. A budget is a token
//! bucket that rules share by name. It is kept as one integer, the theoretical arrival time of GCRA (the generic cell
//! rate algorithm, ITU-T I.371): the instant at which the bucket is full again. In every window of length `T` it hands
//! out at most `capacity + T / interval` tokens; a fixed window would allow twice its limit across a boundary.

use jiff::Timestamp;

use super::ids::{AccountId, BudgetName, PipelineArn, Region, StageName, StageRunId};

/// What one bucket is kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Per {
    /// One bucket for every account and Region that the product works for.
    Fleet,
    /// One bucket for an account and Region.
    Region,
    /// One bucket for each pipeline.
    Pipeline,
    /// One bucket for each stage of each pipeline.
    Stage,
}

/// A budget of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Its name; rules share a bucket by naming it.
    pub name: BudgetName,
    /// What one bucket is kept for.
    pub per: Per,
    /// Tokens in a full bucket, at least 1.
    capacity: u32,
    /// Milliseconds until a token has come back, at least 1.
    interval_ms: i64,
}

/// Why a budget cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InvalidBudget {
    /// The capacity is 0 or above [`Budget::LARGEST`].
    CapacityOutOfRange,
    /// No token comes back or more than [`Budget::LARGEST`] do, more than one a millisecond, or the period is longer
    /// than 31 days.
    RefillOutOfRange,
}

impl Budget {
    /// The largest capacity, and the largest number of tokens in a rate.
    pub const LARGEST: u32 = 1_000_000;

    /// The longest period of a rate, in milliseconds: 31 days.
    const LONGEST_PERIOD_MS: i64 = 31 * 86_400_000;

    /// `tokens` come back in every `period_ms` milliseconds. The interval between two is rounded up, so that no
    /// rounding ever exceeds the rate that was asked for.
    pub fn try_new(
        name: BudgetName,
        per: Per,
        capacity: u32,
        tokens: u32,
        period_ms: i64,
    ) -> Result<Self, InvalidBudget> {
        if !(1..=Self::LARGEST).contains(&capacity) {
            return Err(InvalidBudget::CapacityOutOfRange);
        }
        if !(1..=Self::LARGEST).contains(&tokens) {
            return Err(InvalidBudget::RefillOutOfRange);
        }
        let tokens = i64::from(tokens);
        if !(tokens..=Self::LONGEST_PERIOD_MS).contains(&period_ms) {
            return Err(InvalidBudget::RefillOutOfRange);
        }
        Ok(Self { name, per, capacity, interval_ms: (period_ms + tokens - 1) / tokens })
    }

    /// Tokens in a full bucket.
    pub const fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Milliseconds until one token has come back.
    pub const fn interval_ms(&self) -> i64 {
        self.interval_ms
    }

    /// The bucket that a stage run takes from.
    pub fn key(&self, run: &StageRunId, shadow: bool) -> BucketKey {
        BucketKey {
            budget: self.name.clone(),
            account: (self.per != Per::Fleet).then(|| run.pipeline.account.clone()),
            region: (self.per != Per::Fleet).then(|| run.pipeline.region.clone()),
            pipeline: matches!(self.per, Per::Pipeline | Per::Stage).then(|| run.pipeline.clone()),
            stage: (self.per == Per::Stage).then(|| run.stage.clone()),
            shadow,
        }
    }

    /// How far ahead of the present the arrival time may be when a token is taken.
    fn tolerance_ms(&self) -> i64 {
        i64::from(self.capacity - 1).saturating_mul(self.interval_ms)
    }

    /// Whether a bucket in this state gives a token now, and how to take it.
    pub fn peek(&self, bucket: Bucket, now: Timestamp) -> Peek {
        let now = now.as_millisecond();
        match bucket.full_at {
            Some(full_at) if full_at > now => {
                let available_at = full_at - self.tolerance_ms();
                if available_at <= now {
                    Peek::Available(Branch::Busy)
                } else {
                    Peek::Empty { next: instant(available_at) }
                }
            }
            _ => Peek::Available(Branch::Idle),
        }
    }

    /// The same for one whose turn it is not. Whoever waits has been promised the token of an instant to come, so where
    /// somebody does, the last token is left.
    pub fn peek_out_of_turn(&self, bucket: Bucket, now: Timestamp) -> Peek {
        let is_promised = bucket.next_slot.is_some_and(|slot| slot > now.as_millisecond());
        match self.peek(bucket, now) {
            Peek::Available(_) if is_promised && self.balance(bucket, now) < 2 => Peek::Empty { next: now },
            peek => peek,
        }
    }

    /// The write that takes a token by this branch.
    pub fn withdrawal(&self, key: BucketKey, branch: Branch, now: Timestamp) -> Withdrawal {
        Withdrawal {
            key,
            branch,
            now_ms: now.as_millisecond(),
            interval_ms: self.interval_ms,
            tolerance_ms: self.tolerance_ms(),
        }
    }

    /// Tokens in the bucket now; one that has come back in part does not count.
    pub fn balance(&self, bucket: Bucket, now: Timestamp) -> u32 {
        let ahead = bucket.full_at.map_or(0, |full_at| full_at.saturating_sub(now.as_millisecond())).max(0);
        let taken = ahead.saturating_add(self.interval_ms - 1) / self.interval_ms;
        self.capacity.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX))
    }

    /// When the next token comes back, if nobody takes one first; none while the bucket is full.
    pub fn next_token(&self, bucket: Bucket, now: Timestamp) -> Option<Timestamp> {
        let missing = i64::from(self.capacity - self.balance(bucket, now));
        let full_at = bucket.full_at.filter(|_| missing > 0)?;
        Some(instant(full_at.saturating_sub((missing - 1).saturating_mul(self.interval_ms))))
    }

    /// The instant at which one more waiter of an empty bucket should come back. Waiters get one instant each, an
    /// interval apart, so that they do not all wake for the same token.
    pub fn slot(&self, bucket: Bucket, next: Timestamp) -> Slot {
        let at = bucket.next_slot.unwrap_or(i64::MIN).max(next.as_millisecond());
        Slot { at: instant(at), expected: bucket.next_slot, following: at.saturating_add(self.interval_ms) }
    }
}

/// Identity of one bucket. Shadow decisions have buckets of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketKey {
    /// The budget it belongs to.
    pub budget: BudgetName,
    /// Account of the pipelines that share it; none where those of all accounts do.
    pub account: Option<AccountId>,
    /// Region of the pipelines that share it; none where those of all Regions do.
    pub region: Option<Region>,
    /// The pipeline, unless one bucket serves the Region, or the fleet.
    pub pipeline: Option<PipelineArn>,
    /// The stage, where each has its own.
    pub stage: Option<StageName>,
    /// Whether it pays for retries that are decided but not made.
    pub shadow: bool,
}

/// What the ledger holds of a bucket, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Bucket {
    /// When the bucket is full again; absent or past means full.
    pub full_at: Option<i64>,
    /// The earliest instant that no waiter has been given yet.
    pub next_slot: Option<i64>,
}

/// Answer of [`Budget::peek`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peek {
    /// A token is there, to be taken by this branch.
    Available(Branch),
    /// No token before `next`.
    Empty {
        /// When the next token comes, if nobody takes it first.
        next: Timestamp,
    },
}

/// How a conditional write takes a token: a store without a maximum function has to know which side is larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Branch {
    /// The bucket is full: `full_at = now + interval`, if `full_at` is absent or not after now.
    Idle,
    /// The bucket is refilling: `full_at += interval`, if `now < full_at <= now + tolerance`.
    Busy,
}

/// One token to be taken in a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Withdrawal {
    /// The bucket.
    pub key: BucketKey,
    /// Which of the two conditional writes applies.
    pub branch: Branch,
    /// The present.
    pub now_ms: i64,
    /// The price of a token.
    pub interval_ms: i64,
    /// How far ahead `full_at` may be.
    pub tolerance_ms: i64,
}

impl Withdrawal {
    /// The bucket after the write, or nothing when its condition fails.
    pub fn apply(&self, bucket: Bucket) -> Option<Bucket> {
        let ahead = bucket.full_at.map_or(i64::MIN, |full_at| full_at.saturating_sub(self.now_ms));
        let full_at = match self.branch {
            Branch::Idle if ahead <= 0 => self.now_ms,
            Branch::Busy if ahead > 0 && ahead <= self.tolerance_ms => bucket.full_at?,
            _ => return None,
        };
        Some(Bucket { full_at: Some(full_at + self.interval_ms), ..bucket })
    }

    /// The deposit that gives exactly this token back.
    pub fn deposit(&self) -> Deposit {
        Deposit { key: self.key.clone(), amount_ms: self.interval_ms }
    }
}

/// A token that comes back: to the bucket and by the amount recorded when it was taken, whatever the policy says now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deposit {
    /// The bucket.
    pub key: BucketKey,
    /// By how much `full_at` moves back.
    pub amount_ms: i64,
}

impl Deposit {
    /// The bucket after the write.
    pub fn apply(&self, bucket: Bucket) -> Bucket {
        Bucket { full_at: bucket.full_at.map(|full_at| full_at.saturating_sub(self.amount_ms)), ..bucket }
    }
}

/// The place of one waiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    /// When to come back.
    pub at: Timestamp,
    /// What `next_slot` must still be for the place to be taken.
    pub expected: Option<i64>,
    /// What `next_slot` becomes.
    pub following: i64,
}

fn instant(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
