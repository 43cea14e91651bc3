//! How a sweep goes on from round to round and from slice to slice.

use super::*;
use crate::domain::ids::AccountId;

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + minutes * 60).unwrap()
}

fn name(name: &str) -> PipelineLabel {
    PipelineLabel::parse(name).unwrap()
}

fn names(names: &[&str]) -> BTreeSet<PipelineName> {
    names.iter().map(|name| PipelineName::parse(*name).unwrap()).collect()
}

fn shown<'a>(names: impl Iterator<Item = &'a PipelineName>) -> Vec<&'a str> {
    names.map(PipelineName::as_str).collect()
}

fn me() -> Owner {
    Owner("me".into())
}

const EVERY: Tick = Tick::Scheduled { every: SignedDuration::from_mins(15) };

fn work(sweep: &Sweep, tick: Tick, now: i64) -> Sweep {
    match sweep.turn(tick, &me(), at(now), at(now + 1)) {
        Turn::Work(next) => *next,
        other => panic!("{other:?}"),
    }
}

fn completed(sweep: &Sweep, now: i64) -> Sweep {
    let mut sweep = work(sweep, EVERY, now);
    sweep.complete(at(now + 1));
    sweep.lease = None;
    sweep
}

#[test]
fn a_round_begins_where_the_one_before_began() {
    let first = work(&Sweep::default(), EVERY, 0);
    assert_eq!((first.version, first.round), (1, 1));
    assert_eq!(first.since(&name("a"), at(0)), after(at(-60), -OVERLAP));
    let second = work(&completed(&Sweep::default(), 0), EVERY, 15);
    assert_eq!(second.since(&name("a"), at(15)), after(at(0), -OVERLAP));
    assert_eq!(second.under_way.unwrap().cursor, None);
}

#[test]
fn the_first_round_looks_back_further_where_rounds_are_further_apart() {
    let first = work(&Sweep::default(), Tick::Scheduled { every: SignedDuration::from_hours(4) }, 0);
    assert_eq!(first.since(&name("a"), at(0)), after(at(-8 * 60), -OVERLAP));
}

#[test]
fn nothing_is_read_that_is_too_old_to_be_retried() {
    let sweep = Sweep { watermark: Some(at(0)), ..Sweep::default() };
    let now = 30 * 24 * 60;
    assert_eq!(work(&sweep, EVERY, now).since(&name("a"), at(now)), at(23 * 24 * 60));
}

#[test]
fn one_works_at_a_time() {
    let sweep = work(&Sweep::default(), EVERY, 0);
    let other = Owner("other".into());
    assert_eq!(sweep.turn(EVERY, &other, at(0), at(1)), Turn::Busy(at(1)));
    let Turn::Work(next) = sweep.turn(EVERY, &other, at(1), at(2)) else { panic!("the lease is over") };
    assert_eq!((next.round, next.lease.unwrap().owner), (1, other));
}

#[test]
fn a_slice_goes_on_after_the_last_pipeline_that_is_done() {
    let mut sweep = work(&Sweep::default(), EVERY, 0);
    let all = names(&["a", "b", "c"]);
    sweep.done(&name("b"), None);
    assert_eq!(shown(sweep.ahead(&all)), ["c"]);
    let next = work(&sweep, Tick::Continue { round: 1 }, 0);
    assert_eq!(shown(next.ahead(&all)), ["c"]);
}

#[test]
fn ticks_that_come_late_or_pile_up_begin_nothing() {
    let sweep = completed(&Sweep::default(), 0);
    for (tick, now) in [(EVERY, 7), (Tick::Continue { round: 1 }, 1), (Tick::Continue { round: 2 }, 1)] {
        assert_eq!(sweep.turn(tick, &me(), at(now), at(now + 1)), Turn::Nothing, "{tick:?}");
    }
    assert_eq!(work(&sweep, EVERY, 8).round, 2);
    let under_way = work(&sweep, EVERY, 15);
    assert_eq!(under_way.turn(Tick::Continue { round: 1 }, &me(), at(16), at(17)), Turn::Nothing);
    assert_eq!(work(&under_way, EVERY, 30).round, 2, "it goes on");
    // From half an interval on it is no tick of a pile.
    let half = after(at(7), SignedDuration::from_secs(30));
    let done = completed(&Sweep::default(), 0);
    let turn = |now| done.turn(EVERY, &me(), now, at(20));
    assert_eq!(turn(after(half, SignedDuration::from_secs(-1))), Turn::Nothing);
    assert!(matches!(turn(half), Turn::Work(_)));
}

#[test]
fn a_pipeline_that_lags_keeps_its_own_instant() {
    let mut sweep = work(&completed(&Sweep::default(), 0), EVERY, 15);
    sweep.done(&name("a"), Some(at(-30)));
    sweep.done(&name("b"), None);
    sweep.complete(at(16));
    sweep.lease = None;
    let mut next = work(&sweep, EVERY, 30);
    assert_eq!(next.since(&name("a"), at(30)), at(-30));
    assert_eq!(next.since(&name("b"), at(30)), after(at(15), -OVERLAP));
    next.done(&name("a"), None);
    assert!(next.lagging.is_empty());
}

#[test]
fn where_many_lag_the_whole_round_is_done_again() {
    let mut sweep = work(&completed(&Sweep::default(), 0), EVERY, 15);
    for number in 0..=MOST_LAGGING {
        sweep.done(&name(&format!("p-{number}")), Some(at(-10)));
    }
    sweep.complete(at(20));
    sweep.lease = None;
    assert_eq!(sweep.lagging.len(), 0);
    assert_eq!(work(&sweep, EVERY, 30).since(&name("p-0"), at(30)), at(-10));
}

#[test]
fn as_many_as_may_lag_keep_their_own_instants() {
    let mut sweep = work(&completed(&Sweep::default(), 0), EVERY, 15);
    for number in 0..MOST_LAGGING {
        sweep.done(&name(&format!("p-{number}")), Some(at(-10)));
    }
    sweep.complete(at(20));
    assert_eq!((sweep.lagging.len(), sweep.watermark), (MOST_LAGGING, Some(at(15))));
}

#[test]
fn a_pipeline_that_is_gone_lags_no_longer() {
    let mut sweep = work(&Sweep::default(), EVERY, 0);
    sweep.done(&name("a"), Some(at(-30)));
    sweep.done(&name("b"), Some(at(-30)));
    sweep.keep_lagging(None, &names(&["b"]));
    assert_eq!(sweep.lagging.keys().collect::<Vec<_>>(), [&name("b")]);
}

#[test]
fn two_intervals_without_an_end_are_overdue() {
    let sweep = completed(&Sweep::default(), 0);
    assert!(!Sweep::default().is_overdue(at(1_000)), "nothing is known of a schedule");
    assert!(!sweep.is_overdue(at(30)));
    assert!(sweep.is_overdue(at(31)));
    let under_way = work(&sweep, EVERY, 15);
    assert!(!under_way.is_overdue(at(45)));
    assert!(under_way.is_overdue(at(46)));
}

#[test]
fn what_an_execution_came_to_is_counted_in_the_round_in_which_it_happened() {
    let window = at(0)..at(15);
    for (first_failure, success, expected) in [
        (None, None, [0, 0, 0]),
        (None, Some(5), [1, 0, 0]),
        (None, Some(0), [1, 0, 0]),
        (None, Some(15), [0, 0, 0]),
        (Some(3), None, [0, 1, 0]),
        (Some(3), Some(5), [0, 1, 1]),
        (Some(-3), Some(5), [0, 0, 1]),
        (Some(3), Some(16), [0, 1, 0]),
        (Some(-9), Some(-3), [0, 0, 0]),
    ] {
        let mut courses = Courses::default();
        courses.note(first_failure.map(at), success.map(at), &window);
        let counted = [courses.first_try, courses.failed, courses.recovered];
        assert_eq!(counted, expected, "{first_failure:?}, {success:?}");
    }
    let mut sweep = work(&Sweep::default(), EVERY, 0);
    let first = sweep.window(at(0));
    sweep.complete(at(1));
    sweep.lease = None;
    let next = work(&sweep, EVERY, 15).window(at(15));
    assert_eq!((first.end, next.clone()), (next.start, at(0)..at(15)), "no gap, and nothing twice");
}

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

/// At home in one account, with two others listed.
fn three() -> Scopes {
    let accounts = ["444455556666", "777788889999"].map(|id| AccountId::parse(id).unwrap());
    let home = scope("aws/eu-central-1/111122223333");
    Scopes::with_spokes(home, &BTreeSet::from(accounts), &BTreeSet::new())
}

const FIRST: &str = "aws/eu-central-1/444455556666";
const SECOND: &str = "aws/eu-central-1/777788889999";

/// The accounts that a round has still to read.
fn accounts<'a>(sweep: &Sweep, scopes: &'a Scopes) -> Vec<&'a str> {
    sweep.scopes_ahead(scopes).into_iter().map(|scope| scope.account.as_str()).collect()
}

#[test]
fn a_round_goes_from_scope_to_scope_and_on_from_where_it_is() {
    let scopes = three();
    let mut sweep = work(&Sweep::default(), EVERY, 0);
    assert_eq!(accounts(&sweep, &scopes), ["111122223333", "444455556666", "777788889999"]);
    sweep.done(&name("b"), None);
    sweep.enter(None);
    assert_eq!(shown(sweep.ahead(&names(&["a", "b", "c"]))), ["c"], "it is there already");
    sweep.enter(Some(&scope(FIRST)));
    assert_eq!(accounts(&sweep, &scopes), ["444455556666", "777788889999"]);
    assert_eq!(shown(sweep.ahead(&names(&["a", "b"]))), ["a", "b"], "another scope begins with its first");
    sweep.done(&scopes.label(&scope(FIRST).pipeline(name("a").name())), None);
    assert_eq!(shown(sweep.ahead(&names(&["a", "b"]))), ["b"]);
    // One that is not listed any more is passed over, and nothing that comes after it.
    let fewer = Scopes::with_spokes(
        scopes.own().clone(),
        &BTreeSet::from([AccountId::parse("777788889999").unwrap()]),
        &BTreeSet::new(),
    );
    assert_eq!(accounts(&sweep, &fewer), ["777788889999"]);
    sweep.complete(at(1));
    sweep.lease = None;
    assert_eq!(accounts(&work(&sweep, EVERY, 15), &scopes).len(), 3, "the next round begins at home");
}

#[test]
fn a_spoke_that_cannot_be_listed_is_read_later_from_where_it_was_left() {
    let scopes = three();
    let there = |spoke: &str| scopes.label(&scope(spoke).pipeline(name("a").name()));
    let mut sweep = work(&completed(&Sweep::default(), 0), EVERY, 15);
    sweep.leave_out(&scope(FIRST), at(15));
    sweep.complete(at(16));
    sweep.lease = None;
    let mut next = work(&sweep, EVERY, 30);
    next.leave_out(&scope(FIRST), at(30));
    assert_eq!(next.since(&there(FIRST), at(30)), after(at(0), -OVERLAP), "since it was left out first");
    for other in [there(SECOND), name("a")] {
        assert_eq!(next.since(&other, at(30)), after(at(15), -OVERLAP), "{other}");
    }
    next.through(&scope(FIRST));
    assert_eq!(next.since(&there(FIRST), at(30)), after(at(15), -OVERLAP));
}

#[test]
fn what_lags_elsewhere_is_forgotten_with_its_scope_alone() {
    let scopes = three();
    let there = |spoke: &str| scopes.label(&scope(spoke).pipeline(name("a").name()));
    let mut sweep = work(&Sweep::default(), EVERY, 0);
    for label in [name("a"), there(FIRST), there(SECOND)] {
        sweep.done(&label, Some(at(-30)));
    }
    sweep.leave_out(&scope(SECOND), at(0));
    sweep.keep_lagging(Some(&scope(FIRST)), &names(&["b"]));
    assert_eq!(sweep.lagging.keys().collect::<Vec<_>>(), [&name("a"), &there(SECOND)]);
    sweep.keep_scopes(&Scopes::alone(scopes.own().clone()));
    assert_eq!(sweep.lagging.keys().collect::<Vec<_>>(), [&name("a")]);
    assert!(sweep.unlisted.is_empty());
}
