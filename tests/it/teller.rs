//! How what waits in the outbox is told, where things stay undone for long or fail: the production teller on virtual time.

use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::notice::Occasion;
use codepipeline_retrier::domain::outbox::TOO_LATE;
use codepipeline_retrier::domain::outlet::Outlet;
use codepipeline_retrier::domain::protocol::Commit;
use codepipeline_retrier::emulator::faults::{Fault, Operation};
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::engine::{Teller, Told};
use codepipeline_retrier::ports::{Bulletin, Outbox};
use codepipeline_retrier::replay::player;
use jiff::{SignedDuration, Timestamp};

use crate::arbitrary::at;
use crate::contract::outbox::{announcing, notice};
use crate::contract::{empty_world, run_number};

/// A world in which so many stage runs have each a message and a decision to tell of.
fn world(number: u32) -> (SharedWorld, Vec<Commit>) {
    let world = empty_world();
    let commits: Vec<Commit> = (1..=number)
        .map(|number| {
            let run = run_number(number);
            let notices = vec![notice(&run, Occasion::GiveUp, at(0))];
            Commit { notices, ..announcing(&run, 1, at(0)) }
        })
        .collect();
    for commit in &commits {
        world.lock().ledger.commit(commit);
    }
    (world, commits)
}

/// Tells what has just been written.
fn tell(world: &SharedWorld, commits: &[Commit]) -> Told {
    with_teller(world, Some(commits))
}

/// Tells what was left.
fn go_through(world: &SharedWorld) -> Told {
    with_teller(world, None)
}

fn with_teller(world: &SharedWorld, fresh: Option<&[Commit]>) -> Told {
    let clock = || world.lock().now();
    let teller = Teller { outbox: world, messenger: world, clock: &clock, deadline: Timestamp::MAX };
    let told = async {
        let Some(commits) = fresh else { return teller.go_through().await };
        let tidings: Vec<_> = commits.iter().flat_map(Commit::tidings).collect();
        teller.tell(&tidings).await
    };
    player::run(told, world).expect("no fault is planned that could kill it")
}

fn pass(world: &SharedWorld, duration: SignedDuration) {
    world.lock().pass(duration);
}

/// Messages, and decisions, that have left.
fn left_the_house(world: &SharedWorld) -> (usize, usize) {
    let world = world.lock();
    (world.outside.bulletins.len(), world.outside.announced.len())
}

fn waiting(world: &SharedWorld) -> usize {
    world.lock().ledger.outbox.waiting().count()
}

#[test]
fn what_nobody_took_for_three_days_is_given_up() {
    let (late, _) = world(1);
    pass(&late, TOO_LATE);
    assert_eq!(go_through(&late), Told { sent: 1, announced: 1, ..Told::default() }, "not a moment early");
    let (later, _) = world(1);
    pass(&later, TOO_LATE + SignedDuration::from_secs(1));
    assert_eq!(go_through(&later), Told { dropped: 2, ..Told::default() });
    assert_eq!((left_the_house(&later), waiting(&later)), ((0, 0), 0));
    assert_eq!(go_through(&later), Told::default(), "once");
}

#[test]
fn what_was_gathered_for_three_days_is_given_up() {
    let (world, commits) = world(5);
    assert_eq!(tell(&world, &commits), Told { sent: 2, gathered: 3, announced: 5, ..Told::default() });
    pass(&world, TOO_LATE + SignedDuration::from_secs(1));
    let run = run_number(9);
    let now = world.lock().now();
    let fresh = Commit { notices: vec![notice(&run, Occasion::GiveUp, now)], ..announcing(&run, 1, now) };
    world.lock().ledger.commit(&fresh);
    assert_eq!(go_through(&world), Told { digests: 1, dropped: 3, ..Told::default() });
    let last = world.lock().outside.bulletins.last().cloned();
    assert!(
        matches!(&last, Some((_, Bulletin::Digest { notices })) if notices.len() == 1),
        "only what is news: {last:?}"
    );
}

#[test]
fn where_nothing_is_left_to_gather_no_message_is_sent() {
    let (world, commits) = world(3);
    tell(&world, &commits);
    pass(&world, TOO_LATE + SignedDuration::from_secs(1));
    assert_eq!(go_through(&world), Told { dropped: 1, ..Told::default() });
    assert_eq!(left_the_house(&world), (2, 3));
    let outlet = player::run(world.outlet(), &world).unwrap().unwrap();
    assert_eq!(
        outlet,
        Outlet { version: outlet.version, ..Outlet::default() },
        "and messages leave at once again"
    );
}

/// How often messages left is on record; while that cannot be read, none may leave, and decisions may.
#[test]
fn decisions_are_announced_where_no_message_may_leave() {
    let (world, commits) = world(1);
    pass(&world, SignedDuration::from_mins(11));
    world.lock().faults.plan(Operation::OutboxRead, 1, Fault::NotDone);
    assert_eq!(go_through(&world), Told { announced: 1, left: 1, ..Told::default() });
    assert_eq!((left_the_house(&world), waiting(&world)), ((0, 1), 1));
    assert_eq!(go_through(&world), Told { sent: 1, ..Told::default() });
    assert_eq!((left_the_house(&world), waiting(&world)), ((1, 1), 0));
    assert_eq!(commits[0].decision.as_ref().map(|decision| decision.ruling), Some(Ruling::WaitBackoff));
}

/// Nobody can know whether SNS took it: it is sent again after a while and says so, or within a gathered one.
#[test]
fn a_message_whose_answer_was_lost_comes_again_and_says_so() {
    let (world, commits) = world(1);
    world.lock().faults.plan(Operation::Publish, 1, Fault::ReplyLost);
    assert_eq!(tell(&world, &commits), Told { announced: 1, left: 1, ..Told::default() });
    pass(&world, SignedDuration::from_mins(9));
    assert_eq!(go_through(&world), Told::default(), "it is still in the hands of whoever wrote it");
    pass(&world, SignedDuration::from_mins(1));
    assert_eq!(go_through(&world), Told { sent: 1, ..Told::default() });
    let said: Vec<bool> = (world.lock().outside.bulletins.iter())
        .map(|(_, bulletin)| matches!(bulletin, Bulletin::Single { repeated: true, .. }))
        .collect();
    assert_eq!(said, [false, true]);
    assert_eq!(waiting(&world), 0);
}
