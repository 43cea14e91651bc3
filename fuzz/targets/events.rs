//! Whatever the function is invoked with, reading it ends with triggers, or with messages that are set aside.
#![no_main]

mod slowest;

use codepipeline_retrier::domain::trigger::Trigger;
use codepipeline_retrier::event::{Invocation, Message, read, wake_up_body};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    slowest::timed(bytes.len(), || {
        let invocation = read(text);
        assert_eq!(invocation, read(text));
        match &invocation {
            Invocation::Single(message) => check(message),
            Invocation::Batch(records) => records.iter().for_each(|record| check(&record.message)),
        }
    });
});

fn check(message: &Message) {
    match message {
        // A wake-up that was understood comes back from what would be sent for it.
        Message::Trigger(Trigger::WakeUp(wake_up)) => {
            let body = wake_up_body(wake_up, Timestamp::UNIX_EPOCH);
            let again = Invocation::Single(Message::Trigger(Trigger::WakeUp(wake_up.clone())));
            assert_eq!(read(&body), again);
        }
        Message::Malformed(malformed) => {
            assert_eq!(malformed.fingerprint.len(), 64);
            assert!(!malformed.problem.is_empty());
        }
        _ => {}
    }
}
