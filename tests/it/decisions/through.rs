//! The same question put through the protocol: an event comes, ledger and CodePipeline answer, and the decision is
//! what is about to be written.

use codepipeline_retrier::classify::examine;
use codepipeline_retrier::domain::decision::Decision;
use codepipeline_retrier::domain::ids::CalendarArn;
use codepipeline_retrier::domain::protocol::{Answer, Effect, Input, State, View, step};
use codepipeline_retrier::domain::screen::screen;
use codepipeline_retrier::domain::stage_run::Owner;
use codepipeline_retrier::domain::trigger::{Delivery, StageEvent, StageEventState, Trigger};

use super::case::Case;
use super::subject::Subject;

/// The decision that the protocol writes, or reports where it writes nothing.
pub fn protocol(case: &Case, subject: &Subject) -> Decision {
    let environment = subject.environment();
    let event = StageEvent {
        run: subject.run.clone(),
        state: StageEventState::Failed,
        time: subject.hint.time,
        key: subject.hint.key.clone(),
    };
    let mut state = State::Idle;
    let mut answer = Answer::Begin {
        trigger: Trigger::StageEvent(event),
        delivery: Delivery::First,
        owner: Owner("me".into()),
    };
    loop {
        let (next, effect) = step(&environment, state, Input { now: subject.now, answer });
        state = next;
        answer = match effect {
            Effect::ReadTags { .. } => Answer::Tags(subject.tags.clone()),
            Effect::ReadLedger { .. } => {
                let covered = screen(&environment, &subject.run, &subject.tags, subject.now);
                let buckets = covered.map(|covered| subject.buckets(case, &covered)).unwrap_or_default();
                let record = Some(subject.record.clone());
                Answer::Ledger(Ok(Box::new(View {
                    controls: subject.controls(),
                    record,
                    buckets,
                    windows: subject.windows.clone(),
                })))
            }
            Effect::Observe { .. } => {
                Answer::Observed { reading: Box::new(subject.reading.clone()), jitter: subject.jitter }
            }
            Effect::Examine { run, failed, .. } => Answer::Examined(examine(&[], &run, &failed, &[], false)),
            Effect::ReadCalendars { calendars } => {
                let of_case = |arn: &CalendarArn| (arn.clone(), subject.calendars[arn]);
                Answer::Calendars(calendars.iter().map(of_case).collect())
            }
            Effect::Commit(commit) => return commit.decision.expect("a decision is written with its record"),
            Effect::Finish(outcome) => return outcome.decision.expect("an event ends with a decision"),
            effect => panic!("not on the way to a decision: {effect:?}"),
        };
    }
}
