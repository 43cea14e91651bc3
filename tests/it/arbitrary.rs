//! Arbitrary policies, records and pipelines for properties: mostly ones that could be, so that retries occur, and now
//! and then ones whose parts contradict each other.

mod freezes;
mod readings;
mod records;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use codepipeline_retrier::classify::examine;
use codepipeline_retrier::domain::backoff::{Backoff, JitterKind};
use codepipeline_retrier::domain::budget::{Bucket, Budget, Per};
use codepipeline_retrier::domain::class::Group;
use codepipeline_retrier::domain::evidence::Examination;
use codepipeline_retrier::domain::facts::gather;
use codepipeline_retrier::domain::ids::{
    AccountId, BudgetName, ExecutionId, Partition, PipelineArn, PipelineName, Region, RuleName, StageName,
    StageRunId,
};
use codepipeline_retrier::domain::pipeline::Reading;
use codepipeline_retrier::domain::policy::{
    Mode, ParallelRetries, Policy, PolicyVersion, RetryMode, Rule, Selector, Settings,
};
use codepipeline_retrier::domain::storm::Storm;

pub use freezes::{calendar, is_within, releases, window};
pub use readings::{gap, plain_reading, reading};
pub use records::{key, record};

/// The stage run that everything here is about.
pub fn run() -> StageRunId {
    StageRunId {
        pipeline: PipelineArn {
            partition: Partition::parse("aws").unwrap(),
            region: Region::parse("eu-central-1").unwrap(),
            account: AccountId::parse("111122223333").unwrap(),
            name: PipelineName::parse("shop").unwrap(),
        },
        execution: ExecutionId::parse("e-1").unwrap(),
        stage: StageName::parse("Test").unwrap(),
    }
}

/// So many seconds after the first action of the stage could start.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).unwrap()
}

/// An instant of the three hours around it all, preferably a round one, so that boundaries are met.
pub fn instant() -> impl Strategy<Value = Timestamp> {
    prop_oneof![3 => (0_i64..180).prop_map(|minute| at(minute * 60)), 1 => (-600_i64..10_800).prop_map(at)]
}

/// Budgets for the rule: none, one, or several.
fn budgets() -> impl Strategy<Value = Vec<Budget>> {
    let per = select(vec![Per::Fleet, Per::Region, Per::Pipeline, Per::Stage]);
    let budget = (0_usize..3, per, 1_u32..4, 1_u32..20, select(vec![60_000_i64, 3_600_000, 86_400_000]));
    let build = |(name, per, capacity, tokens, period)| {
        let name = BudgetName::parse(format!("budget-{name}")).unwrap();
        Budget::try_new(name, per, capacity, tokens, period).unwrap()
    };
    proptest::collection::vec(budget.prop_map(build), 0..3).prop_map(|mut budgets| {
        budgets.dedup_by(|a, b| a.name == b.name);
        budgets
    })
}

fn backoff() -> impl Strategy<Value = Backoff> {
    let kind = select(vec![JitterKind::Equal, JitterKind::Full, JitterKind::None]);
    let initial = select(vec![0_i64, 60, 600]);
    (initial, 0_i64..1_200, 1_000_u32..3_000, kind).prop_map(|(initial, more, factor, kind)| {
        let delay = SignedDuration::from_secs;
        Backoff::try_new(delay(initial), factor, delay(initial + more), kind).unwrap()
    })
}

/// A policy of one rule, in this mode, that matches everything.
pub fn policy(mode: Mode) -> impl Strategy<Value = Policy> {
    let group = select(vec![Group::Transient, Group::Tests, Group::Any, Group::Any]);
    let retry_mode = select(vec![None, Some(RetryMode::FailedActions), Some(RetryMode::AllActions)]);
    let parallel = select(vec![ParallelRetries::Latest, ParallelRetries::Independent]);
    let give_up = select(vec![600_i64, 3_600, 7_200, 7_200]);
    (group, 0_u32..5, retry_mode, backoff(), give_up, budgets(), parallel).prop_map(
        move |(group, max_retries, retry_mode, backoff, give_up, budgets, parallel)| Policy {
            version: PolicyVersion("v1".into()),
            rules: vec![Rule {
                name: RuleName::parse("everything").unwrap(),
                selector: Selector::default(),
                settings: Settings {
                    mode,
                    retry_on: group.classes(),
                    max_retries,
                    retry_mode,
                    backoff,
                    give_up_after: SignedDuration::from_secs(give_up),
                    parallel,
                    ..Settings::with_budgets(budgets)
                },
            }],
            storm: Storm::DEFAULT,
            classifiers: Vec::new(),
        },
    )
}

/// What a bucket holds: full, in use or empty, with and without people waiting.
pub fn bucket() -> impl Strategy<Value = Bucket> {
    let sometimes = |weight| proptest::option::weighted(weight, instant());
    (sometimes(0.5), sometimes(0.2)).prop_map(|(full_at, next_slot)| Bucket {
        full_at: full_at.map(Timestamp::as_millisecond),
        next_slot: next_slot.map(Timestamp::as_millisecond),
    })
}

/// One of these, for a choice that is made before it is known among what.
pub fn chosen<T>(index: Index, among: &[T]) -> Option<&T> {
    (!among.is_empty()).then(|| index.get(among))
}

/// The failed runs that a reading shows, examined by what CodePipeline says of them.
pub fn examined(reading: &Reading) -> Examination {
    let failed = gather(&run(), reading).map(|facts| facts.failed).unwrap_or_default();
    examine(&[], &run(), &failed, &[], false)
}
