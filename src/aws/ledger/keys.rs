//! Where each thing lies in the table: its partition and sort key, made from names and taken apart again.
//!
//! Parts are joined by `#`, which occurs in no name of CodePipeline's and in none of ours; so keys of different things
//! differ, and an operator can read them.

use jiff::Timestamp;

use crate::domain::budget::BucketKey;
use crate::domain::decision::Decision;
use crate::domain::ids::{AccountId, BudgetName, ExecutionId, PipelineArn, Region, StageName, StageRunId};
use crate::domain::notice::Occasion;
use crate::domain::scope::{PipelineLabel, Scope};
use crate::domain::storm::WindowKey;
use crate::fingerprint::{seed, sha256_hex};
use crate::names::decision_id;

/// Partition of all buckets: one Query lists them.
pub(super) const BUCKETS: &str = "buckets";
/// Partition of all messages that could not be understood.
pub(super) const QUARANTINE: &str = "quarantine";
/// Partition of all policies that were pushed.
pub(super) const POLICIES: &str = "policies";
/// Both keys of the one item of controls.
const CONTROLS: &str = "controls";
/// Both keys of the one item of the sweep's progress.
const SWEEP: &str = "sweep";
/// Partition of the windows of failures.
pub(super) const STORM: &str = "storm";
/// First part of the partition of a record.
const RUN: &str = "run";
/// First part of the partition of a pipeline's decisions.
const DECISIONS: &str = "decisions";
/// Both keys of the one item that says what was sent of late.
const OUTLET: &str = "outlet";
/// First part of the sort key of a message to a team.
const NOTICE: &str = "notice#";
/// Sort key of a record.
pub(super) const RECORD: &str = "record";
/// How the partition of a pipeline's decisions begins, whichever it is.
#[cfg(feature = "aws")]
pub(super) const ALL_DECISIONS: &str = "decisions#";
/// How the partition of a stage run begins, whichever it is.
#[cfg(feature = "aws")]
pub(super) const ALL_RUNS: &str = "run#";

/// Partitions of the index of open stage runs. One could take a thousand writes a second; there is no storm that several
/// cannot take.
const OPEN_SHARDS: u64 = 4;

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) partition: String,
    pub(super) sort: String,
}

impl Key {
    fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self { partition: partition.into(), sort: sort.into() }
    }
}

pub(super) fn controls() -> Key {
    Key::new(CONTROLS, CONTROLS)
}

pub(super) fn sweep() -> Key {
    Key::new(SWEEP, SWEEP)
}

pub(super) fn outlet() -> Key {
    Key::new(OUTLET, OUTLET)
}

/// A message to a team lies with the record of its stage run.
pub(super) fn notice(run: &StageRunId, occasion: Occasion) -> Key {
    Key::new(record(run).partition, format!("{NOTICE}{}", occasion.as_str()))
}

/// Whether it is the key of [`notice`].
pub(super) fn is_notice(key: &Key) -> bool {
    key.sort.starts_with(NOTICE)
}

/// Policies lie together, by number.
pub(super) fn policy(number: u64) -> Key {
    Key::new(POLICIES, format!("{number:08}"))
}

/// The number of [`policy`].
pub(super) fn policy_of(sort: &str) -> Option<u64> {
    let number = sort.parse().ok()?;
    (policy(number).sort == sort).then_some(number)
}

/// A partition of its own for each stage run: what thousands of stage runs write never meets in one.
pub(super) fn record(run: &StageRunId) -> Key {
    let StageRunId { pipeline, execution, stage } = run;
    Key::new(format!("{RUN}#{pipeline}#{execution}#{stage}"), RECORD)
}

/// The stage run of [`record`].
pub(super) fn run_of(partition: &str) -> Option<StageRunId> {
    let parts: Vec<&str> = partition.split('#').collect();
    let [RUN, pipeline, execution, stage] = *parts.as_slice() else { return None };
    Some(StageRunId {
        pipeline: PipelineArn::parse(pipeline).ok()?,
        execution: ExecutionId::parse(execution).ok()?,
        stage: StageName::parse(stage).ok()?,
    })
}

/// A pipeline's decisions lie together, by time. Most are of the account and Region that the table is in, where the name
/// says which pipeline; others have their whole ARN.
pub(super) fn decision(decision: &Decision, home: Option<&Scope>) -> Key {
    let sort = format!("{}#{}", instant(decision.decided_at), decision_id(decision));
    let pipeline = &decision.run.pipeline;
    let label = if home.is_none_or(|home| *home == Scope::of(pipeline)) {
        PipelineLabel::Own(pipeline.name.clone())
    } else {
        PipelineLabel::Elsewhere(pipeline.clone())
    };
    Key::new(decisions(&label), sort)
}

/// The partition of a pipeline's decisions.
pub(super) fn decisions(pipeline: &PipelineLabel) -> String {
    format!("{DECISIONS}#{pipeline}")
}

pub(super) fn bucket(key: &BucketKey) -> Key {
    let BucketKey { budget, account, region, pipeline, stage, shadow } = key;
    let (account, region) = (account.as_ref(), region.as_ref());
    let (account, region) = (account.map_or("", AccountId::as_str), region.map_or("", Region::as_str));
    let mut sort = format!("{budget}#{}#{account}#{region}", if *shadow { "shadow" } else { "live" });
    if pipeline.is_some() || stage.is_some() {
        sort.push('#');
        sort.extend(pipeline.iter().map(PipelineArn::to_string));
    }
    if let Some(stage) = stage {
        sort.push('#');
        sort.push_str(stage.as_str());
    }
    Key::new(BUCKETS, sort)
}

/// The bucket of [`bucket`].
pub(super) fn bucket_of(sort: &str) -> Option<BucketKey> {
    let mut parts = sort.split('#');
    let budget = BudgetName::parse(parts.next()?).ok()?;
    let shadow = match parts.next()? {
        "live" => false,
        "shadow" => true,
        _ => return None,
    };
    let (account, region) = match (parts.next()?, parts.next()?) {
        ("", "") => (None, None),
        (account, region) => (Some(AccountId::parse(account).ok()?), Some(Region::parse(region).ok()?)),
    };
    let pipeline = match parts.next().filter(|arn| !arn.is_empty()) {
        Some(arn) => Some(PipelineArn::parse(arn).ok()?),
        None => None,
    };
    let stage = match parts.next() {
        Some(stage) => Some(StageName::parse(stage).ok()?),
        None => None,
    };
    parts.next().is_none().then_some(BucketKey { budget, account, region, pipeline, stage, shadow })
}

/// A window of failures, by when it begins.
pub(super) fn window(key: WindowKey) -> Key {
    let start = Timestamp::from_millisecond(key.start_ms).unwrap_or(Timestamp::MAX);
    Key::new(STORM, format!("{}#{}", instant(start), key.within_ms))
}

/// The window of [`window`].
pub(super) fn window_of(sort: &str) -> Option<WindowKey> {
    let (start, within) = sort.split_once('#')?;
    let start: Timestamp = start.parse().ok()?;
    Some(WindowKey { within_ms: within.parse().ok()?, start_ms: start.as_millisecond() })
}

pub(super) fn quarantined(fingerprint: &str) -> Key {
    Key::new(QUARANTINE, fingerprint)
}

/// The partition of the index that a stage run is listed in while it is open.
pub(super) fn open_shard(run: &StageRunId) -> String {
    shard(seed(&sha256_hex(&[&run.to_string()])) % OPEN_SHARDS)
}

/// Every partition of the index.
pub(super) fn open_shards() -> impl Iterator<Item = String> {
    (0..OPEN_SHARDS).map(shard)
}

/// The partition of the index that something is listed in while it waits to be told.
pub(super) fn outbox_shard(key: &Key) -> String {
    outbox(seed(&sha256_hex(&[&key.partition, &key.sort])) % OPEN_SHARDS)
}

/// Every partition of what waits to be told.
pub(super) fn outbox_shards() -> impl Iterator<Item = String> {
    (0..OPEN_SHARDS).map(outbox)
}

fn outbox(number: u64) -> String {
    format!("outbox-{number}")
}

fn shard(number: u64) -> String {
    format!("open-{number}")
}

/// An instant as text that sorts by time: always nine digits of a second.
pub(super) fn instant(at: Timestamp) -> String {
    format!("{at:.9}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::decision::Ruling;
    use crate::domain::ids::{Partition, PipelineName};

    fn run(pipeline: &str, stage: &str) -> StageRunId {
        StageRunId {
            pipeline: PipelineArn {
                partition: Partition::parse("aws").unwrap(),
                region: Region::parse("eu-central-1").unwrap(),
                account: AccountId::parse("111122223333").unwrap(),
                name: PipelineName::parse(pipeline).unwrap(),
            },
            execution: ExecutionId::parse("e-1").unwrap(),
            stage: StageName::parse(stage).unwrap(),
        }
    }

    #[test]
    fn keys_read_well() {
        let run = run("shop", "Test");
        assert_eq!(
            record(&run).partition,
            "run#arn:aws:codepipeline:eu-central-1:111122223333:shop#e-1#Test"
        );
        let key = BucketKey {
            budget: BudgetName::parse("tight").unwrap(),
            account: Some(run.pipeline.account.clone()),
            region: Some(run.pipeline.region.clone()),
            pipeline: None,
            stage: None,
            shadow: false,
        };
        assert_eq!(bucket(&key).sort, "tight#live#111122223333#eu-central-1");
        let of_the_fleet = BucketKey { account: None, region: None, ..key };
        let sort = bucket(&of_the_fleet).sort;
        assert_eq!(sort, "tight#live##");
        assert_eq!(bucket_of(&sort), Some(of_the_fleet));
    }

    #[test]
    fn decisions_lie_by_name_at_home_and_by_arn_elsewhere() {
        let home = Scope::of(&run("shop", "Test").pipeline);
        let mut abroad = run("shop", "Test");
        abroad.pipeline.account = AccountId::parse("444455556666").unwrap();
        let partition = |run: &StageRunId, home: Option<&Scope>| {
            decision(&Decision::bare(Ruling::IgnoreNoRule, run, Timestamp::UNIX_EPOCH), home).partition
        };
        assert_eq!(partition(&run("shop", "Test"), Some(&home)), "decisions#shop");
        let arn = "decisions#arn:aws:codepipeline:eu-central-1:444455556666:shop";
        assert_eq!(partition(&abroad, Some(&home)), arn);
        assert_eq!(partition(&abroad, None), "decisions#shop", "where there is one scope, names suffice");
    }

    #[test]
    fn windows_lie_by_time_and_are_taken_apart_again() {
        let key = WindowKey { within_ms: 300_000, start_ms: 1_795_000_200_000 };
        let sort = window(key).sort;
        assert_eq!(sort, "2026-11-18T11:10:00.000000000Z#300000");
        assert_eq!(window_of(&sort), Some(key));
        assert_eq!(window_of("300000"), None);
    }

    #[test]
    fn keys_are_taken_apart_again() {
        for run in [run("a", "b-c"), run("a-b", "c"), run("a.b", "c@d_")] {
            assert_eq!(run_of(&record(&run).partition), Some(run.clone()));
            let whole = Some(run.pipeline.clone());
            let mut sorts = BTreeSet::new();
            for (pipeline, stage) in [
                (None, None),
                (whole.clone(), None),
                (whole, Some(run.stage.clone())),
                (None, Some(run.stage.clone())),
            ] {
                for shadow in [false, true] {
                    let key = BucketKey {
                        budget: BudgetName::parse("region").unwrap(),
                        account: Some(run.pipeline.account.clone()),
                        region: Some(run.pipeline.region.clone()),
                        pipeline: pipeline.clone(),
                        stage: stage.clone(),
                        shadow,
                    };
                    let sort = bucket(&key).sort;
                    assert_eq!(bucket_of(&sort), Some(key), "{sort}");
                    assert!(sorts.insert(sort));
                }
            }
        }
        for other in ["", "controls", "run#shop#e-1#Test", "run#a#b#c#d"] {
            assert_eq!(run_of(other), None, "{other}");
        }
        for other in [
            "",
            "region",
            "region#maybe#111122223333#eu-central-1",
            "a#live#1#b",
            "a#live##b",
            "a#live#1#b##c#d",
        ] {
            assert_eq!(bucket_of(other), None, "{other}");
        }
    }

    #[test]
    fn policies_sort_by_number() {
        let sorts = [1, 9, 10, 99_999_999].map(|number| policy(number).sort);
        assert!(sorts.is_sorted(), "{sorts:?}");
        for number in [1, 10, 123_456_789] {
            assert_eq!(policy_of(&policy(number).sort), Some(number));
        }
        for other in ["", "1", "+0000001", "0000000a", "000000001"] {
            assert_eq!(policy_of(other), None, "{other}");
        }
    }

    #[test]
    fn instants_sort_by_time() {
        let texts = ["2026-11-22T10:13:02Z", "2026-11-22T10:13:02.000000001Z", "2026-11-22T10:13:02.1Z"]
            .map(|text| instant(text.parse().unwrap()));
        assert!(texts.is_sorted(), "{texts:?}");
        assert_eq!(texts[0], "2026-11-22T10:13:02.000000000Z");
    }

    #[test]
    fn open_runs_are_spread_over_every_shard() {
        let used: BTreeSet<_> =
            (0..64).map(|number| open_shard(&run(&format!("p-{number}"), "Test"))).collect();
        assert_eq!(used, open_shards().collect());
    }
}
