//! The sweep on virtual time: whatever events did not tell is found within one interval, at the configured pace, whoever
//! dies over it, and nothing is done twice or to what is old.

mod abroad;
mod scene;

use jiff::SignedDuration;

use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::policy::{Mode, PolicyVersion};
use codepipeline_retrier::domain::stage_run::Progress;
use codepipeline_retrier::domain::sweep::STALENESS;
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::codepipeline::Outcome;
use codepipeline_retrier::emulator::faults::{Fault, Operation};
use codepipeline_retrier::engine::SliceEnd;
use codepipeline_retrier::replay::player::Player;

use scene::{Fleet, LOST, Played, fails, fleet, name, play, retry, succeeds};

/// What the function may ask of CodePipeline a second while it sweeps.
const RATE: usize = 2;

/// Requests that stand behind one call of the port, as far as pace is concerned.
fn most_in_any(played: &Played, window: SignedDuration) -> usize {
    let weight = |operation: Operation| if operation == Operation::Observe { 4 } else { 1 };
    let requests = &played.requests;
    let from = |first: usize| {
        let begin = requests[first].0;
        let within = requests[first..].iter().take_while(|(at, _)| at.duration_since(begin) < window);
        within.map(|(_, operation)| weight(*operation)).sum::<usize>()
    };
    (0..requests.len()).map(from).max().unwrap_or_default()
}

#[test]
fn a_hundred_lost_failures_are_found_within_one_interval() {
    let played = play(&fleet(&Fleet { pipelines: 100, deliveries: LOST, ..Fleet::default() }));
    assert_eq!(played.findings(), Vec::<String>::new());
    let late = |run: &&scene::Failure| {
        run.decided.is_none_or(|at| at.duration_since(run.failed_at) > SignedDuration::from_mins(15))
    };
    assert_eq!(played.failures.len(), 100);
    assert_eq!(played.failures.iter().filter(late).count(), 0);
    for seconds in [10, 60] {
        let most = most_in_any(&played, SignedDuration::from_secs(seconds));
        // A reading is four requests at once, paid for by the pause after it.
        let allowed = RATE * usize::try_from(seconds).unwrap() + 4;
        assert!(most <= allowed, "{most} requests in {seconds} s, at most {allowed}");
    }
}

#[test]
fn the_lost_end_of_a_retry_is_noted() {
    // The failure is told, and nothing that follows it.
    let mut scenario = fleet(&Fleet { script: vec![fails(), succeeds()], ..Fleet::default() });
    for event in 2..20 {
        scenario.deliveries.insert(event, LOST.unwrap());
    }
    let played = play(&scenario);
    assert_eq!(played.findings(), Vec::<String>::new());
    assert_eq!(played.progress(), [Progress::Recovered]);
}

#[test]
fn a_lost_wake_up_is_made_up_for() {
    // Writing the wait is the first commit; its wake-up is never armed, and the message never comes again.
    for fault in [Fault::CrashBefore, Fault::CrashAfter] {
        let mut scenario = fleet(&Fleet::default());
        scenario
            .timeline
            .insert(0, (SignedDuration::ZERO, Act::Break { operation: Operation::Arm, nth: 1, fault }));
        let played = scene::play_forgetting(&scenario);
        assert_eq!(played.findings(), Vec::<String>::new(), "{fault:?}");
        assert_eq!(played.progress(), [Progress::Recovered]);
    }
}

#[test]
fn a_wait_that_ends_with_its_rule_is_told_by_the_sweep_that_ends_it() {
    // Its wake-up is never armed, and its rule is disabled meanwhile.
    let mut scenario = fleet(&Fleet::default());
    let mut policy = scenario.deployed.policy.clone().unwrap();
    policy.version = PolicyVersion("without".into());
    policy.rules[0].settings.mode = Mode::Disabled;
    let broken = Act::Break { operation: Operation::Arm, nth: 1, fault: Fault::CrashAfter };
    scenario.timeline.insert(0, (SignedDuration::ZERO, broken));
    scenario.timeline.push((SignedDuration::from_mins(21), Act::Deploy { policy: Some(Box::new(policy)) }));
    let played = scene::play_forgetting(&scenario);
    let told = played.reports.iter().flat_map(|report| &report.outcomes);
    let told: Vec<Ruling> = told.map(|outcome| outcome.decision.as_ref().unwrap().ruling).collect();
    assert_eq!(told, [Ruling::IgnoreModeDisabled]);
    // The failure itself is no news.
    assert!(played.reports.iter().all(|report| report.oldest.is_none()));
}

#[test]
fn a_slice_says_what_it_did() {
    let lost = Fleet { pipelines: 3, deliveries: LOST, ..Fleet::default() };
    let played = play(&fleet(&lost));
    let news = played.reports.iter().find(|report| !report.outcomes.is_empty()).unwrap();
    assert_eq!((news.end, news.pipelines, news.findings, news.overdue), (SliceEnd::Complete, 3, 3, 0));
    assert_eq!((news.outcomes.len(), news.unhandled, news.lagging), (3, 0, 0));
    assert!(news.oldest.is_some_and(|age| age < SignedDuration::from_mins(15)), "{news:?}");

    // Two wake-ups are never armed, and their messages never come again.
    let mut scenario = fleet(&Fleet { pipelines: 2, ..Fleet::default() });
    for nth in [1, 2] {
        let act = Act::Break { operation: Operation::Arm, nth, fault: Fault::CrashBefore };
        scenario.timeline.insert(0, (SignedDuration::ZERO, act));
    }
    let played = scene::play_forgetting(&scenario);
    assert_eq!(played.reports.iter().map(|report| report.overdue).max(), Some(2));
}

#[test]
fn a_wait_that_is_about_to_end_is_left_to_its_wake_up() {
    let mut scenario = fleet(&Fleet::default());
    // It fails ten seconds before a tick, and is due fifty after it.
    scenario.timeline[0].0 = SignedDuration::from_secs(30 * 60 - 35);
    let played = play(&scenario);
    assert_eq!(played.findings(), Vec::<String>::new());
    assert_eq!(played.progress(), [Progress::Recovered]);
    assert!(played.reports.len() > 3);
    assert!(played.reports.iter().all(|report| report.overdue == 0));
}

#[test]
fn a_list_of_what_is_overdue_that_cannot_be_had_is_told() {
    let mut scenario = fleet(&Fleet::default());
    let (operation, fault) = (Operation::Overdue, Fault::NotDone);
    let outage = Act::Outage { operation, fault, lasting: SignedDuration::from_mins(20) };
    scenario.timeline.insert(0, (SignedDuration::ZERO, outage));
    let unhandled: Vec<u32> = play(&scenario).reports.iter().map(|report| report.unhandled).collect();
    assert_eq!(unhandled[..2], [1, 0]);
}

/// Far more than a slice gets through, within fewer minutes than are read again each time; but not more than a page has, behind
/// which nobody looks where nothing on it has changed.
#[test]
fn a_crowd_of_failures_in_one_pipeline_is_gone_through_in_slices() {
    let crowd =
        Fleet { executions: 90, parallel: true, script: vec![fails()], deliveries: LOST, ..Fleet::default() };
    let played = play(&fleet(&crowd));
    assert_eq!(played.findings(), Vec::<String>::new());
    assert!(played.failures.len() >= 90, "{}", played.failures.len());
    assert!(played.failures.iter().all(|of| of.decided.is_some()));
}

/// Within two minutes more changes than a slice can list: what is read again each time must not be all that there is time for.
#[test]
fn a_crowd_within_the_time_that_is_read_again_is_gone_through_as_well() {
    let crowd =
        Fleet { executions: 90, parallel: true, script: vec![fails()], deliveries: LOST, ..Fleet::default() };
    let mut scenario = fleet(&crowd);
    for (seconds, (at, _)) in (0..).zip(&mut scenario.timeline) {
        *at = SignedDuration::from_mins(20) + SignedDuration::from_secs(seconds);
    }
    let played = play(&scenario);
    assert_eq!(played.findings(), Vec::<String>::new());
    assert!(played.failures.len() >= 90, "{}", played.failures.len());
    assert!(played.failures.iter().all(|of| of.decided.is_some()));
}

/// A change of about the same time may not have shown yet: who runs out of time goes on from two minutes before what was read
/// last.
#[test]
fn who_runs_out_of_time_goes_on_from_a_little_before() {
    // Nothing of it has to be handled, but there is more than a slice can list.
    let crowd = Fleet { executions: 90, parallel: true, script: vec![succeeds()], ..Fleet::default() };
    let scenario = fleet(&crowd);
    let mut player = Player::new(&scenario).unwrap();
    let since = loop {
        assert!(player.step(&mut |_| {}));
        let lagging = player.world().lock().ledger.sweep().lagging.values().next().copied();
        if let Some(since) = lagging {
            break since;
        }
    };
    let changed =
        scenario.timeline.iter().map(|(at, _)| scenario.start + *at + SignedDuration::from_secs(20));
    let changed: Vec<_> = changed.collect();
    assert!(changed.contains(&(since + STALENESS)), "{since}: {changed:?}");
}

/// Forty wake-ups are lost: what is overdue takes no more than its half of a slice, so that pipelines are read beside.
#[test]
fn what_is_overdue_leaves_half_of_a_slice_to_the_rest() {
    let mut scenario = fleet(&Fleet { pipelines: 40, ..Fleet::default() });
    for nth in 1..=40 {
        let act = Act::Break { operation: Operation::Arm, nth, fault: Fault::CrashBefore };
        scenario.timeline.insert(0, (SignedDuration::ZERO, act));
    }
    let played = scene::play_forgetting(&scenario);
    let most = played.reports.iter().map(|report| report.overdue).max().unwrap();
    assert!((3..=8).contains(&most), "{most} in one slice");
}

/// Of a list in which nothing has changed the first page is enough.
#[test]
fn a_list_is_read_no_further_than_something_has_changed() {
    let many =
        Fleet { pipelines: 2, starting: 1, executions: 250, script: vec![succeeds()], ..Fleet::default() };
    let mut scenario = fleet(&many);
    // Hours later, when all of that has been looked through, something happens in another pipeline.
    scenario.timeline.push((SignedDuration::from_hours(8), Act::Start { pipeline: name(1) }));
    let played = play(&scenario);
    let last = played.reports.last().unwrap().began;
    assert!(last > scenario.start + SignedDuration::from_mins(8 * 60 + 20), "{last}");
    let requests = played.requests.iter().filter(|(at, _)| *at >= last).count();
    assert_eq!(requests, 3, "the pipelines, and one page of executions of each");
}

/// A PARALLEL pipeline is read again in four requests, any other in one; and the retry is a request, too.
#[test]
fn the_last_look_is_paid_for_after_the_retry() {
    for (parallel, requests) in [(true, 4 + 1), (false, 1 + 1)] {
        let of = Fleet { pipelines: 3, parallel, deliveries: LOST, ..Fleet::default() };
        let played = play(&fleet(&of));
        let fences = played.requests.iter().enumerate().filter(|(_, (_, of))| *of == Operation::Fence);
        let mut pauses = Vec::new();
        for (index, (fenced, _)) in fences {
            let next = played.requests[index + 1..].iter().find(|(_, of)| *of != Operation::Retry);
            pauses.extend(next.map(|(at, _)| at.duration_since(*fenced)));
        }
        let shortest = pauses.into_iter().min().unwrap();
        assert_eq!(shortest, SignedDuration::from_millis(500) * requests, "parallel: {parallel}");
    }
}

#[test]
fn nobody_claims_twice_under_one_name() {
    let played = play(&fleet(&Fleet { pipelines: 3, deliveries: LOST, ..Fleet::default() }));
    let mut owners = played.owners();
    assert_eq!(owners.len(), 3);
    owners.sort();
    owners.dedup();
    assert_eq!(owners.len(), 3, "{owners:?}");
}

#[test]
fn what_the_ledger_refuses_is_left_to_the_next_round_at_once() {
    let mut scenario = fleet(&Fleet { pipelines: 1, deliveries: LOST, ..Fleet::default() });
    let (operation, fault) = (Operation::LedgerCommit, Fault::NotDone);
    let outage = Act::Outage { operation, fault, lasting: SignedDuration::from_mins(40) };
    scenario.timeline.insert(0, (SignedDuration::ZERO, outage));
    let played = play(&scenario);
    assert_eq!(played.findings(), Vec::<String>::new());
    assert_eq!(played.reports.iter().map(|report| report.unhandled).max(), Some(1));
    assert!(played.reports.iter().any(|report| report.lagging == 1));
}

/// A page has a hundred executions.
#[test]
fn a_failure_is_found_behind_more_executions_than_a_page_has() {
    let script = vec![fails(), succeeds()];
    let many = Fleet { executions: 250, script, deliveries: LOST, ..Fleet::default() };
    let played = play(&fleet(&many));
    assert_eq!(played.findings(), Vec::<String>::new());
    assert!(played.failures.iter().all(|of| of.decided.is_some()));
}

#[test]
fn an_open_claim_is_made_up_for() {
    for (operation, fault) in [
        (Operation::Fence, Fault::CrashBefore),
        (Operation::Retry, Fault::CrashBefore),
        (Operation::Retry, Fault::CrashAfter),
    ] {
        let mut scenario = fleet(&Fleet::default());
        scenario.timeline.insert(0, (SignedDuration::ZERO, Act::Break { operation, nth: 1, fault }));
        let played = scene::play_forgetting(&scenario);
        assert_eq!(played.findings(), Vec::<String>::new(), "{operation:?} {fault:?}");
        assert_eq!(played.progress(), [Progress::Recovered], "{operation:?} {fault:?}");
        assert_eq!(played.accepted, 1, "{operation:?} {fault:?}");
    }
}

#[test]
fn a_sweep_may_die_or_be_refused_at_any_call() {
    let lost = Fleet { pipelines: 3, deliveries: LOST, ..Fleet::default() };
    let calls = play(&fleet(&lost)).calls;
    assert!(calls > 60, "{calls} calls");
    for nth in 1..=calls {
        for fault in [Fault::CrashBefore, Fault::CrashAfter, Fault::NotDone, Fault::ReplyLost] {
            let played = scene::play_with_fault(&fleet(&lost), nth, fault);
            assert_eq!(played.findings(), Vec::<String>::new(), "call {nth}: {fault:?}");
            assert_eq!(played.progress(), [Progress::Recovered; 3], "call {nth}: {fault:?}");
            assert_eq!(played.accepted, 3, "call {nth}: {fault:?}");
        }
    }
}

#[test]
fn a_failure_that_a_person_retried_before_the_sweep_came_gets_its_decision() {
    let mut scenario =
        fleet(&Fleet { script: vec![fails(), succeeds()], deliveries: LOST, ..Fleet::default() });
    let person = retry(&name(0));
    scenario.timeline.push((SignedDuration::from_mins(25), person));
    scenario.timeline.sort_by_key(|(at, _)| *at);
    let played = play(&scenario);
    assert_eq!(played.findings(), Vec::<String>::new());
    assert_eq!(played.rulings(), [Ruling::IgnoreNotFailed]);
    assert_eq!(played.accepted, 0);
}

#[test]
fn the_first_sweep_retries_nothing_old() {
    let mut scenario = fleet(&Fleet { pipelines: 5, deliveries: LOST, ..Fleet::default() });
    // They fail before the first tick, and nothing has ever told the product of anything.
    for (at, _) in &mut scenario.timeline {
        *at = SignedDuration::from_secs(5);
    }
    let played = play(&scenario);
    assert_eq!(played.findings(), Vec::<String>::new());
    assert_eq!(played.rulings(), [Ruling::IgnoreBeforeActivation; 5]);
    assert_eq!(played.accepted, 0);
}

#[test]
fn parallel_pipelines_are_swept_as_well() {
    let played = play(&fleet(&Fleet {
        pipelines: 4,
        executions: 3,
        parallel: true,
        script: vec![fails(), fails(), fails(), succeeds()],
        deliveries: LOST,
        ..Fleet::default()
    }));
    assert_eq!(played.findings(), Vec::<String>::new());
    assert_eq!(played.failures.len(), 12);
    assert!(played.failures.iter().all(|failure| failure.decided.is_some()));
}

/// Fifty executions of a PARALLEL pipeline may wait for an approval for days, and each takes a request of every round.
#[test]
fn a_failure_is_found_behind_more_running_executions_than_a_slice_can_read() {
    let mut script = vec![Outcome::Succeed { after: SignedDuration::from_hours(10) }; 49];
    script.extend([fails(), succeeds()]);
    let fleet =
        fleet(&Fleet { parallel: true, executions: 50, script, deliveries: LOST, ..Fleet::default() });
    let played = play(&fleet);
    assert_eq!(played.findings(), Vec::<String>::new());
    assert_eq!(played.accepted, 1);
}

#[test]
fn three_thousand_pipelines_are_swept_in_slices() {
    let quiet = fleet(&Fleet { pipelines: 3_000, starting: 60, deliveries: LOST, ..Fleet::default() });
    let played = play(&quiet);
    assert_eq!(played.findings(), Vec::<String>::new());
    assert_eq!(played.failures.len(), 60);
    assert!(played.slices > 50, "{} slices", played.slices);
    let latest = played.failures.iter().map(|of| of.decided.unwrap().duration_since(of.failed_at)).max();
    // A round of 3,000 requests at two a second takes 25 minutes, and a failure may miss the one under way.
    assert!(latest.unwrap() < SignedDuration::from_mins(75), "{latest:?}");
    // Progress is written at the beginning and the end of a slice, and every five seconds between.
    let saves = usize::try_from(played.saves).unwrap();
    assert!((3 * played.slices..=8 * played.slices).contains(&saves), "{saves} of {}", played.slices);
    let most = played.reports.iter().map(|report| report.pipelines).max().unwrap();
    assert!((30..=36).contains(&most), "{most} pipelines in a slice of 18 seconds");
}

#[test]
fn a_sweep_beside_live_workers_changes_nothing() {
    let told = play(&fleet(&Fleet { pipelines: 30, ..Fleet::default() }));
    assert_eq!(told.findings(), Vec::<String>::new());
    assert_eq!((told.accepted, told.progress().len()), (30, 30));
    let untold = play(&fleet(&Fleet { pipelines: 30, sweep: false, ..Fleet::default() }));
    assert_eq!(untold.findings(), Vec::<String>::new());
    assert_eq!(told.rulings(), untold.rulings());
}

#[test]
fn two_sweepers_at_once_do_nothing_twice() {
    for seed in 0..20 {
        let played =
            scene::crowded(&fleet(&Fleet { pipelines: 6, deliveries: LOST, ..Fleet::default() }), seed);
        assert_eq!(played.findings(), Vec::<String>::new(), "seed {seed}");
        assert_eq!(played.accepted, 6, "seed {seed}");
    }
}

#[test]
fn a_pipeline_that_cannot_be_read_does_not_keep_the_others_waiting() {
    let lost = Fleet { pipelines: 5, deliveries: LOST, ..Fleet::default() };
    // In the round that finds them, the third request is the second pipeline's list.
    let played = scene::play_with_nth(&fleet(&lost), Operation::Catalogue, 15, Fault::Denied);
    assert_eq!(played.findings(), Vec::<String>::new());
    assert_eq!(played.progress(), [Progress::Recovered; 5]);
}

#[test]
fn random_fleets_lose_nothing_though_every_third_event_gets_lost() {
    let mut report = Vec::new();
    for seed in 0..crate::figure::number("RETRIER_SWEPT_FLEETS", 40) {
        let played = scene::random(seed);
        report.extend(played.findings().into_iter().map(|finding| format!("seed {seed}: {finding}")));
    }
    assert_eq!(report, Vec::<String>::new());
}

#[test]
#[ignore = "a full run: make scoreboard"]
fn lost_events_in_full() {
    let played = play(&fleet(&Fleet { pipelines: 100, deliveries: LOST, ..Fleet::default() }));
    let ages = played.failures.iter().filter_map(|of| Some(of.decided?.duration_since(of.failed_at)));
    let (found, latest) = (ages.clone().count(), ages.max().unwrap_or_default());
    let most = most_in_any(&played, SignedDuration::from_secs(60));
    let holds = played.findings().is_empty() && found == 100 && latest <= SignedDuration::from_mins(15);
    let measured = format!(
        "{found} of 100 lost failures decided, the last {} s after it failed; at most {most} requests in a minute",
        latest.as_secs()
    );
    println!("{measured}");
    crate::figure::record("sweep", &measured, holds);
    assert!(holds && most <= RATE * 60 + 4, "{measured}: {:?}", played.findings());
}
