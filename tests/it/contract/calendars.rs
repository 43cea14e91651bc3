//! The contract of the port of change calendars: what each says at present; what cannot be had is a gap. The implementation
//! reads the calendars of a world, itself or over HTTP.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use codepipeline_retrier::domain::freeze::CalendarState;
use codepipeline_retrier::domain::ids::CalendarArn;
use codepipeline_retrier::domain::pipeline::Gap;
use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::emulator::evidence::Source;
use codepipeline_retrier::emulator::faults::{Fault, Operation};
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::ports::Calendars;

/// Who asks the calendars of a world.
pub trait Asking: Calendars {
    /// The world whose calendars they are.
    fn world(&self) -> &SharedWorld;
}

impl Asking for SharedWorld {
    fn world(&self) -> &SharedWorld {
        self
    }
}

/// One test for each clause. The first argument drives a clause to its end, the second makes an implementation over a world in
/// which no calendar is closed.
macro_rules! suite {
    ($run:path, $make:path) => {
        $crate::contract::clauses! {
            $run, $make, calendars:
            a_calendar_that_nobody_closed_is_open
            each_calendar_speaks_for_itself
            a_calendar_is_asked_in_its_own_region
            a_calendar_says_until_when_it_is_closed
            one_that_is_closed_opens_in_its_time
            what_may_not_be_asked_is_a_gap
            throttling_is_a_gap
            one_that_does_not_answer_is_a_gap
            one_that_does_not_exist_is_a_gap_and_leaves_the_rest
            a_gap_is_not_believed_for_long
        }
    };
}
pub(crate) use suite;

fn calendar(region: &str, name: &str) -> CalendarArn {
    CalendarArn::parse(format!("arn:aws:ssm:{region}:111122223333:document/{name}")).unwrap()
}

fn releases() -> CalendarArn {
    calendar("eu-central-1", "Releases")
}

async fn asked(port: &impl Asking, calendars: &[CalendarArn]) -> Vec<Result<CalendarState, Gap>> {
    let set: BTreeSet<_> = calendars.iter().cloned().collect();
    let now = port.world().now();
    let states = port.states(&set, now).await;
    assert_eq!(states.len(), set.len());
    calendars.iter().map(|arn| states[arn]).collect()
}

pub async fn a_calendar_that_nobody_closed_is_open(port: &impl Asking) {
    assert_eq!(asked(port, &[releases()]).await, [Ok(CalendarState::Open)]);
    assert_eq!(port.states(&BTreeSet::new(), port.world().now()).await.len(), 0);
}

pub async fn each_calendar_speaks_for_itself(port: &impl Asking) {
    let [first, second, third] =
        ["Releases", "Holidays", "Audits"].map(|name| calendar("eu-central-1", name));
    let until = after(port.world().now(), SignedDuration::from_hours(1));
    port.world().lock().calendars.close(second.clone(), None);
    port.world().lock().calendars.close(third.clone(), Some(until));
    assert_eq!(
        asked(port, &[third, first, second]).await,
        [
            Ok(CalendarState::Closed { until: Some(until) }),
            Ok(CalendarState::Open),
            Ok(CalendarState::Closed { until: None })
        ]
    );
}

pub async fn a_calendar_is_asked_in_its_own_region(port: &impl Asking) {
    let abroad = calendar("us-east-1", "Releases");
    port.world().lock().calendars.close(abroad.clone(), None);
    let closed = Ok(CalendarState::Closed { until: None });
    assert_eq!(asked(port, &[releases(), abroad]).await, [Ok(CalendarState::Open), closed]);
}

pub async fn a_calendar_says_until_when_it_is_closed(port: &impl Asking) {
    let until = after(port.world().now(), SignedDuration::from_hours(3));
    port.world().lock().calendars.close(releases(), Some(until));
    assert_eq!(asked(port, &[releases()]).await, [Ok(CalendarState::Closed { until: Some(until) })]);
}

pub async fn one_that_is_closed_opens_in_its_time(port: &impl Asking) {
    let until = after(port.world().now(), SignedDuration::from_secs(30));
    port.world().lock().calendars.close(releases(), Some(until));
    assert_eq!(asked(port, &[releases()]).await, [Ok(CalendarState::Closed { until: Some(until) })]);
    port.world().lock().advance(until);
    assert_eq!(asked(port, &[releases()]).await, [Ok(CalendarState::Open)]);
}

pub async fn what_may_not_be_asked_is_a_gap(port: &impl Asking) {
    port.world().lock().denied.insert(Source::Calendars);
    assert_eq!(asked(port, &[releases()]).await, [Err(Gap::Denied)]);
}

pub async fn throttling_is_a_gap(port: &impl Asking) {
    // Whoever asks again is throttled again.
    for nth in 1..=3 {
        port.world().lock().faults.plan(Operation::Calendars, nth, Fault::NotDone);
    }
    assert_eq!(asked(port, &[releases()]).await, [Err(Gap::Throttled)]);
}

pub async fn one_that_does_not_answer_is_a_gap(port: &impl Asking) {
    for nth in 1..=3 {
        port.world().lock().faults.plan(Operation::Calendars, nth, Fault::LostUnsent);
    }
    assert_eq!(asked(port, &[releases()]).await, [Err(Gap::Unavailable)]);
}

pub async fn one_that_does_not_exist_is_a_gap_and_leaves_the_rest(port: &impl Asking) {
    let (deleted, closed) = (calendar("eu-central-1", "Deleted"), calendar("eu-central-1", "Holidays"));
    port.world().lock().calendars.delete(deleted.clone());
    port.world().lock().calendars.close(closed.clone(), None);
    assert_eq!(
        asked(port, &[releases(), deleted, closed]).await,
        [Ok(CalendarState::Open), Err(Gap::Unavailable), Ok(CalendarState::Closed { until: None })]
    );
}

pub async fn a_gap_is_not_believed_for_long(port: &impl Asking) {
    port.world().lock().denied.insert(Source::Calendars);
    assert_eq!(asked(port, &[releases()]).await, [Err(Gap::Denied)]);
    port.world().lock().denied.clear();
    assert_eq!(asked(port, &[releases()]).await, [Ok(CalendarState::Open)]);
}
