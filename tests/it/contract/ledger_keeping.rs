//! The contract of the ledger as far as keeping goes: what comes back is what was written, under its own name and no other.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use codepipeline_retrier::domain::budget::Branch;
use codepipeline_retrier::domain::controls::{Controls, Pause, Retired};
use codepipeline_retrier::domain::decision::{Decision, Ruling};
use codepipeline_retrier::domain::glob::Glob;
use codepipeline_retrier::domain::ids::{
    ActionExecutionId, PipelineArn, PipelineName, RuleName, StageName, StageRunId,
};
use codepipeline_retrier::domain::live::{LivePolicy, Package, Pushed};
use codepipeline_retrier::domain::policy::{Mode, PolicyVersion, RetryMode};
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, ControlsReply};
use codepipeline_retrier::domain::stage_run::{Hint, Owner, Progress, StageRun, after};
use codepipeline_retrier::domain::trigger::EventKey;
use codepipeline_retrier::names::decision_id;
use codepipeline_retrier::ports::{KeptPolicy, Ledger, Quarantined};

use super::ledger::{Inspected, done, recording, run_number, withdrawal, writing};
use crate::arbitrary::{at, run};

pub async fn records_of_other_stage_runs_are_left_alone<L: Ledger>(ledger: &L) {
    done(ledger, &writing(&run_number(1), 1)).await;
    done(ledger, &writing(&run_number(2), 1)).await;
    done(ledger, &writing(&run_number(1), 2)).await;
    let revision =
        async |number| ledger.read(&run_number(number), &[], &[]).await.unwrap().record.unwrap().revision;
    assert_eq!((revision(1).await, revision(2).await), (2, 1));
}

/// Pipelines and stages whose names differ in no more than where one ends and the other begins.
pub fn run_together() -> [StageRunId; 4] {
    [("a", "b-c"), ("a-b", "c"), ("a", "b.c"), ("a.b", "c")].map(|(pipeline, stage)| {
        let pipeline = PipelineArn { name: PipelineName::parse(pipeline).unwrap(), ..run().pipeline };
        StageRunId { pipeline, stage: StageName::parse(stage).unwrap(), ..run() }
    })
}

pub async fn names_that_run_together_are_kept_apart<L: Inspected>(ledger: &L) {
    for run in run_together() {
        assert_eq!(ledger.read(&run, &[], &[]).await.unwrap().record, None, "{run}");
        let decision = Some(Decision::bare(Ruling::WaitBackoff, &run, at(0)));
        done(ledger, &Commit { decision, ..writing(&run, 1) }).await;
    }
    for run in run_together() {
        let record = ledger.read(&run, &[], &[]).await.unwrap().record;
        assert_eq!(record, Some(writing(&run, 1).record));
        assert_eq!(ledger.decision_ids(&run).await.len(), 1, "{run}");
    }
}

/// The owner of a transaction whose answer was lost knows it by its record, so nothing may be rounded on the way.
pub async fn a_record_comes_back_to_the_last_field<L: Ledger>(ledger: &L) {
    let instant = |seconds| after(at(seconds), SignedDuration::from_nanos(123_456_789));
    let failed = |id: &str| BTreeSet::from([ActionExecutionId::parse(id).unwrap()]);
    let hint = |attempt: &str| Hint {
        key: EventKey { attempt: attempt.into(), last_retry: "Mon Nov 18 12:00:00 UTC 2026".into() },
        time: instant(0),
    };
    let owner = Owner("one \u{201c}odd\u{201d} owner".into());
    let withdrawals = [withdrawal("region", Branch::Idle, 0), withdrawal("other", Branch::Busy, 0)];
    let mut record = StageRun::unwritten(&run());
    record.claim(&failed("a-1"), RetryMode::AllActions, &withdrawals, &owner, instant(600), &hint("1"));
    record.settle(Progress::Issued, instant(10));
    record.conclude(Progress::FailedAgain);
    record.claim_in_shadow(&failed("a-2"), &hint("2"));
    record.close(&failed("a-3"), false, &hint("3"));
    record.close(&failed("a-4"), true, &Hint { key: EventKey::default(), time: instant(1) });
    record.claim(&failed("a-5"), RetryMode::FailedActions, &withdrawals, &owner, instant(900), &hint("5"));
    record.begin_wait(Ruling::WaitClaimOpen, None, instant(30), hint("6"));
    record.refusals = u32::MAX;
    for wait_until in [None, Some(instant(3_600))] {
        record.revision += 1;
        record.wait.as_mut().unwrap().until = wait_until;
        done(ledger, &recording(record.clone())).await;
        assert_eq!(ledger.read(&run(), &[], &[]).await.unwrap().record.as_ref(), Some(&record));
    }
    record.revision += 1;
    record.take_over(&Owner("heir".into()), instant(1_200));
    done(ledger, &recording(record.clone())).await;
    assert_eq!(ledger.read(&run(), &[], &[]).await.unwrap().record, Some(record));
}

pub async fn controls_come_back_to_the_last_field<L: Ledger>(ledger: &L) {
    let instant = after(at(60), SignedDuration::from_nanos(987_654_321));
    let rule = |name: &str| RuleName::parse(name).unwrap();
    let controls = Controls {
        version: 1,
        pauses: vec![
            Pause { pipeline: Some(Glob::new("web-*")), until: Some(instant), reason: String::new() },
            Pause { pipeline: None, until: None, reason: "two\nlines, \u{201c}quoted\u{201d}".into() },
        ],
        live: Some(Box::new(LivePolicy {
            policy: Pushed { number: 7, version: PolicyVersion("v7".into()), restores: Some(3) },
            since: instant,
            by: "arn:aws:sts::111122223333:assumed-role/Admin/jane".into(),
            beside: Some(PolicyVersion("v1".into())),
            taken_over: Some((PolicyVersion("v2".into()), at(5))),
        })),
        package: Some(Box::new(Package {
            version: PolicyVersion("v2".into()),
            since: at(5),
            before: Some(PolicyVersion("v1".into())),
        })),
        activated: Some((PolicyVersion("v1".into()), Mode::Shadow)),
        active_since: BTreeMap::from([
            ((rule("all"), true), instant),
            ((rule("all"), false), at(0)),
            ((rule("a.b-c_d"), true), at(1)),
        ]),
        retired: BTreeMap::from([((rule("gone"), false), Retired { since: at(2), left_at: instant })]),
        unread: BTreeMap::from([("later".into(), r#"{"z":1.0,"a":[]}"#.into())]),
    };
    assert_eq!(ledger.write_controls(&controls).await, Ok(ControlsReply::Done));
    assert_eq!(ledger.read(&run(), &[], &[]).await.unwrap().controls, controls);
    // Every stage run is read with them.
    assert_eq!(ledger.read(&run_number(2), &[], &[]).await.unwrap().controls, controls);
}

pub async fn a_decision_is_kept_with_its_record<L: Inspected>(ledger: &L) {
    let first = Decision::bare(Ruling::WaitBackoff, &run(), at(0));
    let second = Decision::bare(Ruling::RetryEligible, &run(), at(60));
    done(ledger, &Commit { decision: Some(first.clone()), ..writing(&run(), 1) }).await;
    done(ledger, &writing(&run(), 2)).await;
    done(ledger, &Commit { decision: Some(second.clone()), ..writing(&run(), 3) }).await;
    let mut kept = ledger.decision_ids(&run()).await;
    let mut expected = vec![decision_id(&first), decision_id(&second)];
    kept.sort();
    expected.sort();
    assert_eq!(kept, expected);
    assert!(ledger.decision_ids(&run_number(2)).await.is_empty());
}

pub async fn a_policy_that_was_pushed_comes_back_and_no_other<L: Inspected>(ledger: &L) {
    assert!(matches!(ledger.policy(1).await, Ok(KeptPolicy::Unreadable(_))));
    let text = "version: 1\n# \u{201c}Zürich\u{201d}\t\u{1f980}\r\nrules: []\n";
    assert_eq!(ledger.push_policy(text).await, 1);
    assert_eq!(ledger.push_policy("other").await, 2);
    for (number, text) in [(1, text), (2, "other")] {
        let kept = KeptPolicy::Text { version: version_of(text), text: text.to_owned() };
        assert_eq!(ledger.policy(number).await, Ok(kept));
    }
    assert!(matches!(ledger.policy(3).await, Ok(KeptPolicy::Unreadable(_))));
}

/// So a claim by the policy before is refused.
pub async fn a_push_changes_the_controls<L: Inspected>(ledger: &L) {
    let before = ledger.read(&run(), &[], &[]).await.unwrap().controls;
    ledger.push_policy("first").await;
    let controls = ledger.read(&run(), &[], &[]).await.unwrap().controls;
    assert_eq!(controls.version, before.version + 1);
    let live = controls.live.unwrap();
    let pushed = Pushed { number: 1, version: version_of("first"), restores: None };
    assert_eq!((live.policy, live.beside, live.taken_over), (pushed, None, None));
    let claim = Commit { controls: Some(before.version), ..writing(&run(), 1) };
    assert_eq!(ledger.commit(&claim).await, Ok(CommitReply::ControlsChanged));
}

/// The version that a text has; these are no policies, and none is compiled here.
fn version_of(text: &str) -> PolicyVersion {
    PolicyVersion(format!("version of {} bytes", text.len()))
}

pub async fn a_message_is_quarantined_once<L: Inspected>(ledger: &L) {
    let note = |fingerprint: &str, seconds| Quarantined {
        fingerprint: fingerprint.into(),
        length: 12,
        problem: "not JSON".into(),
        at: at(seconds),
    };
    for message in [note("aa", 0), note("aa", 60), note("bb", 0)] {
        assert_eq!(ledger.quarantine(&message).await, Ok(()));
    }
    let mut kept = ledger.quarantined().await;
    kept.sort();
    assert_eq!(kept, [note("aa", 0), note("bb", 0)]);
}
