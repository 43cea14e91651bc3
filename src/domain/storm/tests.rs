//! When failures are a storm, what is noted of it, and how those that are held are spread.

use super::*;

fn at(seconds: i64) -> Timestamp {
    // The beginning of a window of five minutes.
    Timestamp::from_second(1_795_000_200 + seconds).unwrap()
}

fn name(number: u32) -> PipelineName {
    PipelineName::parse(format!("p-{number:04}")).unwrap()
}

type Windows = BTreeMap<WindowKey, Window>;

const STORM: Storm = Storm::DEFAULT;

/// Notes what is to be noted, as the ledger does; whether anything was.
fn fail(windows: &mut Windows, number: u32, failed: Timestamp, now: Timestamp) -> bool {
    let Some(note) = STORM.note(windows, &name(number), failed, now) else { return false };
    let window = windows.entry(note.key).or_default();
    *window = note.apply(window).unwrap();
    true
}

fn is_storm(windows: &Windows, now: Timestamp) -> bool {
    STORM.weather(windows, now).is_storm
}

#[test]
fn a_storm_has_bounds() {
    let minutes = SignedDuration::from_mins;
    assert_eq!(Storm::try_new(20, minutes(5), minutes(20)), Ok(STORM));
    for (failures, within, spread, expected) in [
        (1, minutes(5), minutes(20), InvalidStorm::FailuresOutOfRange),
        (201, minutes(5), minutes(20), InvalidStorm::FailuresOutOfRange),
        (20, SignedDuration::from_secs(59), minutes(20), InvalidStorm::WithinOutOfRange),
        (20, minutes(61), minutes(20), InvalidStorm::WithinOutOfRange),
        (20, minutes(5), SignedDuration::from_secs(59), InvalidStorm::SpreadOutOfRange),
        (20, minutes(5), SignedDuration::from_secs(86_401), InvalidStorm::SpreadOutOfRange),
    ] {
        assert_eq!(Storm::try_new(failures, within, spread), Err(expected));
    }
    for (failures, within, spread) in [(2, minutes(1), minutes(1)), (200, minutes(60), minutes(1_440))] {
        assert!(Storm::try_new(failures, within, spread).is_ok());
    }
}

#[test]
fn windows_follow_each_other() {
    let start = at(0).as_millisecond();
    let key = |start_ms| WindowKey { within_ms: 300_000, start_ms };
    assert_eq!(STORM.windows(at(0)), [key(start), key(start - 300_000)]);
    assert_eq!(STORM.windows(at(299)), [key(start), key(start - 300_000)]);
    assert_eq!(STORM.windows(at(300)), [key(start + 300_000), key(start)]);
    let long_ago = Timestamp::from_second(-1).unwrap();
    assert_eq!(STORM.window(long_ago).start_ms, -300_000);
}

#[test]
fn as_many_pipelines_as_the_policy_says_are_a_storm() {
    let mut windows = Windows::new();
    for number in 0..19 {
        assert!(fail(&mut windows, number, at(200), at(200)));
    }
    assert!(!is_storm(&windows, at(200)));
    assert!(fail(&mut windows, 19, at(201), at(201)));
    assert!(is_storm(&windows, at(201)));
}

#[test]
fn a_pipeline_counts_once_however_often_it_fails() {
    let mut windows = Windows::new();
    assert!(fail(&mut windows, 1, at(290), at(290)));
    for second in 291..300 {
        assert!(!fail(&mut windows, 1, at(second), at(second)));
    }
    // In the next window it is noted anew, and still it is one.
    for number in 0..10 {
        fail(&mut windows, number, at(295), at(295));
        fail(&mut windows, number, at(305), at(305));
    }
    assert_eq!(STORM.weather(&windows, at(306)).pipelines, 10);
}

#[test]
fn what_failed_before_the_window_that_ends_now_does_not_count() {
    let mut windows = Windows::new();
    for number in 0..10 {
        fail(&mut windows, number, at(100), at(100));
        fail(&mut windows, 10 + number, at(350), at(350));
    }
    assert!(is_storm(&windows, at(350)));
    assert!(is_storm(&windows, at(399)));
    assert!(!is_storm(&windows, at(400)));
    assert_eq!(STORM.weather(&windows, at(400)).pipelines, 10);
}

#[test]
fn a_window_that_has_enough_stands_for_a_storm_until_the_next_is_over() {
    let mut windows = Windows::new();
    let noted = (0..1_000).filter(|number| fail(&mut windows, *number, at(0), at(1))).count();
    assert_eq!(noted, 22);
    assert!(is_storm(&windows, at(299)));
    assert!(is_storm(&windows, at(599)));
    assert!(!is_storm(&windows, at(600)));
}

#[test]
fn a_failure_that_is_old_when_it_is_heard_of_is_not_noted() {
    let mut windows = Windows::new();
    assert!(!fail(&mut windows, 1, at(0), at(300)));
    assert!(fail(&mut windows, 1, at(0), at(299)));
}

#[test]
fn windows_of_another_width_are_not_looked_at() {
    let mut windows = Windows::new();
    for number in 0..30 {
        fail(&mut windows, number, at(0), at(0));
    }
    let wider = Storm::try_new(20, SignedDuration::from_mins(10), STORM.spread()).unwrap();
    assert!(!wider.weather(&windows, at(1)).is_storm);
}

#[test]
fn a_few_come_soon_and_the_others_spread_evenly() {
    let mut windows = Windows::new();
    for number in 0..1_000 {
        fail(&mut windows, number, at(i64::from(number) / 20), at(i64::from(number) / 20));
    }
    let give_up_after = SignedDuration::from_hours(2);
    let mut by_tenth = [0; 10];
    for number in 19..1_000 {
        let failed = at(i64::from(number) / 20);
        let jitter = Jitter::of(&format!("run {number}"));
        let turn = STORM.turn(&windows, &name(number), failed, give_up_after, jitter);
        assert_eq!(turn, STORM.turn(&windows, &name(number), failed, give_up_after, jitter));
        let held = turn.duration_since(failed).as_millis();
        assert!((0..=1_200_000).contains(&held), "{held}");
        by_tenth[usize::try_from(held.min(1_199_999) / 120_000).unwrap()] += 1;
    }
    assert_eq!(by_tenth[0], 3);
    assert!(by_tenth[1..].iter().all(|count| (80..140).contains(count)), "{by_tenth:?}");
}

#[test]
fn nobody_is_held_for_longer_than_half_of_what_it_is_worth_waiting_for() {
    let turn = |give_up_after, jitter| {
        STORM.turn(&Windows::new(), &name(1), at(0), SignedDuration::from_mins(give_up_after), Jitter(jitter))
    };
    assert_eq!(turn(120, u64::MAX), at(1_200));
    assert_eq!(turn(120, 0), at(120));
    assert_eq!(turn(10, u64::MAX), at(300));
    assert_eq!(turn(10, 0), at(30));
}

#[test]
fn it_is_told_in_words() {
    let mut windows = Windows::new();
    fail(&mut windows, 1, at(0), at(0));
    let words = |windows: &Windows| STORM.weather(windows, at(1)).in_words();
    assert_eq!(words(&windows), "no storm: 1 of 20 pipelines failed within 5m");
    for number in 0..20 {
        fail(&mut windows, number, at(0), at(0));
    }
    assert_eq!(words(&windows), "a storm: 20 or more pipelines failed within 5m");
}
