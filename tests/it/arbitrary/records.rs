//! Arbitrary records of the stage run, with ids that occur in a given reading so that they have to do with each other.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use codepipeline_retrier::domain::budget::{BucketKey, Deposit};
use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::facts::failure;
use codepipeline_retrier::domain::ids::ActionExecutionId;
use codepipeline_retrier::domain::pipeline::{ActionStatus, Reading};
use codepipeline_retrier::domain::policy::RetryMode;
use codepipeline_retrier::domain::stage_run::{Claim, Hint, Owner, Progress, Retry, StageRun, Tally, Wait};
use codepipeline_retrier::domain::trigger::EventKey;

use super::{chosen, instant, run};

/// One of three event keys.
pub fn key() -> impl Strategy<Value = EventKey> {
    select(vec!["1", "2", "3"])
        .prop_map(|attempt| EventKey { attempt: attempt.into(), last_retry: String::new() })
}

fn hint() -> impl Strategy<Value = Hint> {
    (key(), instant()).prop_map(|(key, time)| Hint { key, time })
}

/// The failed runs of the reading: those of earlier attempts, and those of the present failure.
fn failed_ids(reading: &Reading) -> (Vec<ActionExecutionId>, Vec<ActionExecutionId>) {
    let present = failure(&run(), reading);
    let runs = reading.actions.as_deref().unwrap_or_default();
    let failed = runs.iter().filter(|of| of.status == ActionStatus::Failed).map(|of| of.id.clone());
    (failed.filter(|id| !present.contains(id)).collect(), present.iter().cloned().collect())
}

/// A record for a stage run that shows this reading, with a claim in this share of the cases, paid for from a bucket.
pub fn record(
    reading: &Reading,
    claimed: f64,
    bucket: Option<BucketKey>,
) -> impl Strategy<Value = StageRun> + use<> {
    let (followed, present) = failed_ids(reading);
    let everything: Vec<_> = followed.iter().chain(&present).cloned().collect();
    let some = move || {
        let everything = everything.clone();
        let pick = prop_oneof![4 => Just(Vec::new()), 1 => vec(any::<Index>(), 1..3)];
        pick.prop_map(move |picks| {
            picks.into_iter().filter_map(|pick| chosen(pick, &everything).cloned()).collect::<BTreeSet<_>>()
        })
    };
    let ours = proptest::bool::weighted(0.8);
    let tallies = (0_u32..3, some(), some(), ours, 0_u32..2, some(), some());
    let wait = proptest::option::weighted(0.3, (0_u64..4, hint(), instant()));
    let claim =
        (proptest::bool::weighted(claimed), 0_u64..4, any::<bool>(), instant(), hint(), any::<bool>());
    let retries = vec(select(vec![Progress::Issued, Progress::Recovered, Progress::FailedAgain]), 0..3);
    (tallies, wait, claim, retries, instant(), 0_u64..4, 0_u32..8).prop_map(
        move |(tallies, wait, claim, retries, settled_at, revision, refusals)| {
            let (used, mut answered, closed, ours, shadow_used, shadow_answered, shadow_closed) = tallies;
            if ours {
                answered.extend(followed.iter().cloned());
            }
            let (claimed, sequence, whole, lease_until, hint, taken_over) = claim;
            let failed: BTreeSet<_> = if whole { &present } else { &followed }.iter().cloned().collect();
            let claimed = claimed && !failed.is_empty();
            if claimed {
                answered.extend(failed.iter().cloned());
            }
            let claim = claimed.then(|| Claim {
                sequence,
                retry: used.max(1),
                failed: failed.clone(),
                mode: RetryMode::FailedActions,
                owner: Owner("other".into()),
                lease_until,
                deposits: bucket.iter().map(|key| Deposit { key: key.clone(), amount_ms: 1_000 }).collect(),
                taken_over,
                hint,
                basis: None,
            });
            let number = |(index, progress)| Retry {
                number: u32::try_from(index).unwrap() + 1,
                failed: followed.iter().cloned().collect(),
                settled_at,
                progress,
                basis: None,
            };
            StageRun {
                revision: revision + 1,
                sequence: 4,
                wait: wait.map(|(sequence, hint, wake_at)| Wait {
                    sequence,
                    ruling: Ruling::WaitBackoff,
                    until: Some(wake_at),
                    wake_at,
                    hint,
                }),
                live: Tally { used: used.max(u32::from(claimed)), answered, closed },
                shadow: Tally { used: shadow_used, answered: shadow_answered, closed: shadow_closed },
                refusals,
                retries: retries.into_iter().enumerate().map(number).collect(),
                claim,
                ..StageRun::unwritten(&run())
            }
        },
    )
}
