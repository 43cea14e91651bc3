//! The suites on the world in memory, and what they need beyond the ports: to look into the ledger, to let time pass, to
//! have pipelines run.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};

use codepipeline_retrier::domain::decision::{Decision, Ruling};
use codepipeline_retrier::domain::ids::{ExecutionId, PipelineArn, PipelineName, StageRunId};
use codepipeline_retrier::domain::policy::PolicyVersion;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply};
use codepipeline_retrier::domain::trigger::{Trigger, WakeUp};
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::codepipeline::{PipelineDefinition, Switches};
use codepipeline_retrier::emulator::ledger::MemoryLedger;
use codepipeline_retrier::emulator::world::{Place, SharedWorld, World};
use codepipeline_retrier::event::{self, Invocation, Message};
use codepipeline_retrier::names::decision_id;
use codepipeline_retrier::ports::{Bulletin, Quarantined};
use codepipeline_retrier::replay::player;

use super::ledger::{Inspected, writing};
use super::ledger_storms::failure_note;
use super::messenger::{Heard, Outside};
use super::pipelines::Running;
use super::schedules::Delivering;

use crate::arbitrary::at;

/// A world in which nothing has happened, and nothing goes wrong.
pub fn new() -> SharedWorld {
    let PipelineArn { partition, region, account, .. } = crate::arbitrary::run().pipeline;
    SharedWorld::new(World::new(Place { partition, account, region }, Switches::default(), at(0)))
}

fn run(clause: impl Future<Output = ()>, world: &SharedWorld) {
    player::run(clause, world).expect("no fault is planned that could kill it");
}

impl Inspected for SharedWorld {
    async fn decision_ids(&self, run: &StageRunId) -> Vec<String> {
        let world = self.lock();
        let decisions = world.ledger.decisions().iter();
        decisions.filter(|decision| decision.run == *run).map(decision_id).collect()
    }

    async fn push_policy(&self, text: &str) -> u64 {
        let version = PolicyVersion(format!("version of {} bytes", text.len()));
        let mut world = self.lock();
        let now = world.now();
        world.ledger.push_policy(version, text.to_owned(), "jane", now)
    }

    async fn quarantined(&self) -> Vec<Quarantined> {
        self.lock().ledger.quarantined().cloned().collect()
    }
}

impl Delivering for SharedWorld {
    async fn deliver_until(&self, until: Timestamp, mut keep: impl FnMut(Timestamp, &WakeUp) -> bool) {
        let mut world = self.lock();
        while let Some(due) = world.queue.next_due().filter(|due| *due <= until) {
            world.advance(due);
            let now = world.now();
            // Nothing comes when it was the turn of a message that goes to the dead letters.
            let Some(message) = world.queue.receive(now) else { continue };
            if keep(now, &wake_up(&message.body)) {
                world.queue.delete(message.id);
            }
        }
        world.advance(until);
    }
}

/// The wake-up as the function reads it.
pub fn wake_up(body: &str) -> WakeUp {
    match event::read(body) {
        Invocation::Single(Message::Trigger(Trigger::WakeUp(wake_up))) => wake_up,
        other => panic!("not a wake-up: {other:?}"),
    }
}

impl Running for SharedWorld {
    fn arn(&self, name: &PipelineName) -> PipelineArn {
        let Place { partition, account, region } = self.lock().place.clone();
        PipelineArn { partition, region, account, name: name.clone() }
    }

    async fn make(&self, definition: PipelineDefinition) {
        let mut world = self.lock();
        let now = world.now();
        if world.service.list_pipelines().contains(&definition.name) {
            world.service.update_pipeline(now, definition).unwrap();
        } else {
            world.service.create_pipeline(now, definition).unwrap();
        }
    }

    async fn start(&self, pipeline: &PipelineName) -> ExecutionId {
        let mut world = self.lock();
        let now = world.now();
        world.service.start_pipeline_execution(now, pipeline).unwrap()
    }

    async fn act(&self, act: &Act) {
        self.lock().act(act).unwrap();
    }

    async fn pass(&self, duration: SignedDuration) {
        self.lock().pass(duration);
    }
}

impl Outside for SharedWorld {
    async fn teams(&self) -> Vec<Heard> {
        let bulletins = std::mem::take(&mut self.lock().outside.bulletins);
        let heard = bulletins.into_iter().map(|(_, bulletin)| match bulletin {
            Bulletin::Single { id, notice, repeated } => {
                Heard { id: id.0, repeated, named: vec![(notice.run, notice.occasion)], omitted: 0 }
            }
            Bulletin::Digest { notices } => Heard {
                id: notices[0].0.0.clone(),
                repeated: false,
                named: notices.into_iter().map(|(_, notice)| (notice.run, notice.occasion)).collect(),
                omitted: 0,
            },
        });
        heard.collect()
    }

    async fn programs(&self) -> Vec<String> {
        let announced = std::mem::take(&mut self.lock().outside.announced);
        announced.into_iter().map(|(_, document)| document).collect()
    }

    async fn own_queue(&self, duration: SignedDuration) -> Vec<String> {
        let mut world = self.lock();
        world.pass(duration);
        let (now, mut came) = (world.now(), Vec::new());
        while let Some(message) = world.queue.receive(now) {
            world.queue.delete(message.id);
            came.push(message.body);
        }
        came
    }
}

mod ledger {
    crate::contract::ledger::suite!(super::run, super::new);
}

mod messenger {
    crate::contract::messenger::suite!(super::run, super::new);
}

mod outbox {
    crate::contract::outbox::suite!(super::run, super::new);
}

mod schedules {
    crate::contract::schedules::suite!(super::run, super::new);
}

mod pipelines {
    crate::contract::pipelines::suite!(super::run, super::new);
}

mod calendars {
    crate::contract::calendars::suite!(super::run, super::new);
}

mod evidence {
    use codepipeline_retrier::domain::evidence::Depth;
    use codepipeline_retrier::domain::pipeline::Gap;
    use codepipeline_retrier::emulator::codepipeline::Cause;
    use codepipeline_retrier::emulator::faults::{CALL_TIMEOUT, Fault, Operation};
    use codepipeline_retrier::ports::EvidenceSource;
    use codepipeline_retrier::replay::player;

    use crate::contract::evidence::{build, failed, failing, failures};

    crate::contract::evidence::suite!(super::run, super::new);

    #[test]
    fn whoever_reads_evidence_dies_of_a_crash_and_not_of_waiting() {
        for fault in Fault::ALL {
            let world = super::new();
            let clause = async {
                let run =
                    failed(&world, vec![failing("A", "CodeBuild", [Cause::Build(build("a log"))])]).await;
                let failed = failures(&world, &run).await;
                world.lock().faults.plan(Operation::Evidence, 1, fault);
                let before = world.now();
                let evidence = world.gather(&run, &failed, Depth::Logs).await;
                (evidence[0].texts.len(), evidence[0].gaps.clone(), world.now().duration_since(before))
            };
            let none = jiff::SignedDuration::ZERO;
            let (gap, waited) = match fault {
                Fault::CrashBefore | Fault::CrashAfter => {
                    assert_eq!(player::run(clause, &world), None, "{fault:?}");
                    continue;
                }
                Fault::NotDone => (Gap::Throttled, none),
                Fault::Denied => (Gap::Denied, none),
                _ => (Gap::Unavailable, CALL_TIMEOUT),
            };
            let told = player::run(clause, &world);
            assert_eq!(told, Some((0, vec![("BatchGetBuilds", gap)], waited)), "{fault:?}");
        }
    }
}

/// What those who keep an account of their own take out of the ledger.
#[test]
fn the_ledger_in_memory_shows_what_was_written() {
    let mut ledger = MemoryLedger::default();
    let decision = Decision::bare(Ruling::WaitBackoff, &crate::arbitrary::run(), at(0));
    let commit = Commit { decision: Some(decision.clone()), ..writing(&crate::arbitrary::run(), 1) };
    assert_eq!(ledger.commit(&commit), CommitReply::Done);
    assert_eq!(ledger.take_decisions(), [decision]);
    assert_eq!((ledger.decisions(), ledger.commits()), (&[][..], &[][..]));
    ledger.note_failure(&failure_note("shop", 1));
    assert_eq!(ledger.windows().count(), 1);
    // Going back to the package is a push of its own.
    assert_eq!(ledger.withdraw_policy(), 1);
    assert_eq!(ledger.push_policy(PolicyVersion("v2".into()), "two".into(), "jane", at(0)), 2);
    assert_eq!(ledger.withdraw_policy(), 3);
}
