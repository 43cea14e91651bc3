//! A row at the adapter: while the fault lasts, what is said is what must be, and what is certain is true.

use codepipeline_retrier::aws::messenger::SdkMessenger;
use codepipeline_retrier::aws::pipelines::SdkPipelines;
use codepipeline_retrier::aws::wake_ups::SdkSchedules;
use codepipeline_retrier::domain::decision::{Decision, Ruling};
use codepipeline_retrier::domain::notice::Occasion;
use codepipeline_retrier::domain::pipeline::RetryReply;
use codepipeline_retrier::domain::policy::RetryMode;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, Fault};
use codepipeline_retrier::domain::rollback::RollbackReply;
use codepipeline_retrier::domain::stage_run::{StageRun, after};
use codepipeline_retrier::domain::trigger::WakeUp;
use codepipeline_retrier::names::wake_up_name;
use codepipeline_retrier::ports::{Bulletin, EntryId, Ledger, Messenger, Outbox, Pipelines, Schedules};
use jiff::{SignedDuration, Timestamp};

use super::catalogue::{Asked, Made, Row, Said};
use super::lane::{Bench, Scene, now};
use crate::contract::outbox::{self, entries};
use crate::contract::recording;

/// What is wrong with the row, if anything.
pub fn hold(bench: &Bench, row: &Row) -> Vec<String> {
    let scene = Scene::new(bench, row);
    scene.begin(None);
    let said = said(&scene);
    let befell = scene.befell();
    scene.end();
    let executed = executed(&scene);
    let mut findings = Vec::new();
    if !befell {
        findings.push("the fault befell nobody".to_owned());
    }
    if row.asked.is_a_read() {
        if said == Said::Executed {
            findings.push("something was read".to_owned());
        }
        return findings;
    }
    if said != row.said {
        findings.push(format!("{said:?} was said, not {:?}", row.said));
    }
    if executed != row.executed {
        findings.push(format!("carried out: {executed}, which is not what the row says"));
    }
    if said == Said::NotExecuted && executed || said == Said::Executed && !executed {
        findings.push(format!("a lie: {said:?} was said, carried out: {executed}"));
    }
    findings
}

fn said(scene: &Scene<'_>) -> Said {
    let of_fault = |fault| match fault {
        Fault::NotDone => Said::NotExecuted,
        Fault::Unknown => Said::Unknown,
    };
    scene.runtime.block_on(async {
        let ledger = scene.ledger(&scene.clients);
        let pipelines = SdkPipelines::new(scene.clients.clone());
        match scene.row.asked {
            Asked::Read => ledger.read(&scene.run, &[], &[]).await.map_or_else(of_fault, |_| Said::Executed),
            Asked::Commit | Asked::Put => match ledger.commit(&commit(scene)).await {
                Ok(CommitReply::Done) => Said::Executed,
                Ok(other) => panic!("{}: {other:?}", scene.row.name),
                Err(fault) => of_fault(fault),
            },
            Asked::State => {
                pipelines.state(&scene.run.pipeline.name).await.map_or(Said::NotExecuted, |_| Said::Executed)
            }
            Asked::Retry => match pipelines.retry_stage(&scene.run, RetryMode::FailedActions).await {
                RetryReply::Accepted => Said::Executed,
                RetryReply::Refused(_) | RetryReply::NotSent => Said::NotExecuted,
                RetryReply::Unknown => Said::Unknown,
            },
            Asked::Rollback => {
                let target = scene.last_success().expect("it succeeded once");
                match pipelines.roll_back(&scene.run, &target).await {
                    RollbackReply::Started(_) => Said::Executed,
                    RollbackReply::Refused(_) | RollbackReply::NotSent => Said::NotExecuted,
                    RollbackReply::Unknown => Said::Unknown,
                }
            }
            Asked::Pending => {
                let pending = ledger.pending(Timestamp::MAX, None).await;
                pending.map_or_else(of_fault, |_| Said::Executed)
            }
            Asked::Told => {
                let (direct, commit) = (scene.ledger(&scene.direct.clients), telling(scene));
                assert_eq!(direct.commit(&commit).await, Ok(CommitReply::Done));
                let told = ledger.told(&entries(&ledger, &commit), now()).await;
                told.map_or_else(of_fault, |()| Said::Executed)
            }
            Asked::Publish => {
                let notice = Box::new(telling(scene).notices.remove(0));
                let bulletin = Bulletin::Single { id: EntryId("n".into()), notice, repeated: false };
                let published = messenger(scene).publish(&bulletin).await;
                published.map_or_else(of_fault, |()| Said::Executed)
            }
            Asked::Announce => match messenger(scene).announce(&["{}"]).await.as_deref() {
                Ok([true]) => Said::Executed,
                Ok([false]) => Said::NotExecuted,
                Ok(other) => panic!("{}: {other:?}", scene.row.name),
                Err(fault) => of_fault(*fault),
            },
            Asked::Send | Asked::Schedule => {
                let minutes = if scene.row.asked == Asked::Send { 5 } else { 60 };
                let schedules = SdkSchedules::new(scene.clients.clone(), scene.route.clone(), now);
                let due = after(now(), SignedDuration::from_mins(minutes));
                schedules.arm(&wake_up(scene), due).await.map_or_else(of_fault, |()| Said::Executed)
            }
        }
    })
}

fn wake_up(scene: &Scene<'_>) -> WakeUp {
    WakeUp { run: scene.run.clone(), sequence: 1 }
}

fn messenger(scene: &Scene<'_>) -> SdkMessenger {
    SdkMessenger::new(scene.clients.clone(), scene.addressees.clone())
}

/// A transaction that leaves a message to be sent.
fn telling(scene: &Scene<'_>) -> Commit {
    outbox::telling(&scene.run, 1, &[outbox::notice(&scene.run, Occasion::GiveUp, now())])
}

/// A transaction of record and decision, or the record alone.
fn commit(scene: &Scene<'_>) -> Commit {
    let record = StageRun { revision: 1, ..StageRun::unwritten(&scene.run) };
    let decision = Decision::bare(Ruling::WaitBackoff, &scene.run, now());
    Commit { decision: (scene.row.asked == Asked::Commit).then_some(decision), ..recording(record) }
}

/// What is found past the fault.
fn executed(scene: &Scene<'_>) -> bool {
    if matches!(scene.row.made, Made::Nobody) {
        return false;
    }
    scene.runtime.block_on(async {
        match scene.row.asked {
            Asked::Read | Asked::State | Asked::Pending => false,
            Asked::Commit | Asked::Put => {
                let ledger = scene.ledger(&scene.direct.clients);
                ledger.read(&scene.run, &[], &[]).await.unwrap().record.is_some()
            }
            Asked::Retry => !scene.accepted().is_empty(),
            Asked::Rollback => scene.rollbacks() > 0,
            Asked::Told => outbox::pending(&scene.ledger(&scene.direct.clients)).await.is_empty(),
            Asked::Publish | Asked::Announce => {
                let (_, operation) = scene.row.asked.names();
                scene.lane(|lane| lane.done.iter().any(|(done, _)| done == operation))
            }
            Asked::Send => {
                use aws_sdk_sqs::types::QueueAttributeName as Name;
                let sqs = scene.direct.clients.sqs().get_queue_attributes().queue_url(&scene.route.queue_url);
                let names = [Name::ApproximateNumberOfMessages, Name::ApproximateNumberOfMessagesDelayed];
                let answer = sqs.set_attribute_names(Some(names.to_vec())).send().await.unwrap();
                answer.attributes.unwrap_or_default().values().any(|count| count != "0")
            }
            Asked::Schedule => {
                let get =
                    scene.direct.clients.scheduler().get_schedule().group_name(&scene.route.schedule_group);
                get.name(wake_up_name(&wake_up(scene))).send().await.is_ok()
            }
        }
    })
}
