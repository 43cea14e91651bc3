//! A queue in front of the function, as SQS is one: at least once, with a visibility timeout and a dead-letter queue.
//!
//! Wake-ups are messages with a delay. A name that is pending already is not armed twice, as with schedules.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::domain::stage_run::after;

/// How long a message that was handed out stays hidden before it comes again. Longer than the function can run.
const VISIBILITY: SignedDuration = SignedDuration::from_secs(180);
/// How often a message is handed out before it goes to the dead letters.
pub const MOST_RECEIVES: u32 = 6;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id in this queue.
    pub id: u64,
    /// Its text.
    pub body: String,
    /// How often it has been handed out, this time included.
    pub receives: u32,
}

#[derive(Debug, Clone)]
struct Stored {
    body: String,
    receives: u32,
    visible_at: Timestamp,
    /// Until it is handed out.
    name: Option<String>,
}

/// The messages, in the order in which they were sent.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    messages: BTreeMap<u64, Stored>,
    /// Every message by when it is visible, then by its id.
    by_time: BTreeSet<(Timestamp, u64)>,
    /// Names of messages that were never handed out.
    pending: BTreeSet<String>,
    last_id: u64,
    dead: Vec<String>,
}

impl Queue {
    /// Puts in a message that is visible from then on.
    pub fn send(&mut self, body: String, visible_at: Timestamp) {
        self.insert(body, visible_at, None);
    }

    /// Puts in a message under a name, unless one of that name is there and was never handed out.
    pub fn send_named(&mut self, name: String, body: String, visible_at: Timestamp) {
        if self.pending.insert(name.clone()) {
            self.insert(body, visible_at, Some(name));
        }
    }

    fn insert(&mut self, body: String, visible_at: Timestamp, name: Option<String>) {
        self.last_id += 1;
        self.by_time.insert((visible_at, self.last_id));
        self.messages.insert(self.last_id, Stored { body, receives: 0, visible_at, name });
    }

    /// When the next message becomes visible.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(visible_at, _)| *visible_at)
    }

    /// Hands out the message that has been visible longest, and hides it.
    pub fn receive(&mut self, now: Timestamp) -> Option<Message> {
        loop {
            let (visible_at, id) = *self.by_time.first().filter(|(visible_at, _)| *visible_at <= now)?;
            self.by_time.remove(&(visible_at, id));
            let message = self.messages.get_mut(&id)?;
            if message.receives >= MOST_RECEIVES {
                let message = self.messages.remove(&id)?;
                self.dead.push(message.body);
                continue;
            }
            message.receives += 1;
            message.visible_at = after(now, VISIBILITY);
            self.by_time.insert((message.visible_at, id));
            if let Some(name) = message.name.take() {
                self.pending.remove(&name);
            }
            return Some(Message { id, body: message.body.clone(), receives: message.receives });
        }
    }

    /// Deletes a message that is done with.
    pub fn delete(&mut self, id: u64) {
        if let Some(message) = self.messages.remove(&id) {
            self.by_time.remove(&(message.visible_at, id));
            if let Some(name) = message.name {
                self.pending.remove(&name);
            }
        }
    }

    /// Loses the wake-up that would come `nth` (from 0) of those that were never handed out, if there are so many. SQS does
    /// not do that; a schedule whose deliveries all fail does.
    pub fn lose_wake_up(&mut self, nth: usize) -> bool {
        let lost = self.by_time.iter().map(|(_, id)| *id);
        let mut lost = lost.filter(|id| self.messages.get(id).is_some_and(|message| message.name.is_some()));
        let lost = lost.nth(nth);
        if let Some(id) = lost {
            self.delete(id);
        }
        lost.is_some()
    }

    /// Messages that were handed out too often.
    pub fn dead_letters(&self) -> &[String] {
        &self.dead
    }

    /// What the messages say that are there, visible or not.
    pub fn bodies(&self) -> impl Iterator<Item = &str> {
        self.messages.values().map(|message| message.body.as_str())
    }

    /// How many messages there are, visible or not.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_message_comes_again_until_it_is_deleted() {
        let mut queue = Queue::default();
        queue.send("a".into(), at(0));
        let first = queue.receive(at(0)).unwrap();
        assert_eq!(queue.receive(at(179)), None);
        let second = queue.receive(at(180)).unwrap();
        assert_eq!((first.receives, second.receives), (1, 2));
        queue.delete(second.id);
        assert_eq!(queue.receive(at(10_000)), None);
        assert!(queue.is_empty());
    }

    #[test]
    fn after_six_receives_a_message_is_dead() {
        let mut queue = Queue::default();
        queue.send("a".into(), at(0));
        for round in 0..6 {
            assert!(queue.receive(at(round * 180)).is_some(), "{round}");
        }
        assert_eq!(queue.receive(at(6 * 180)), None);
        assert_eq!(queue.dead_letters(), ["a"]);
    }

    #[test]
    fn a_pending_name_is_not_armed_twice_and_a_handed_out_one_is() {
        let mut queue = Queue::default();
        queue.send_named("n".into(), "a".into(), at(5));
        queue.send_named("n".into(), "a".into(), at(7));
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.receive(at(4)), None);
        assert!(queue.receive(at(5)).is_some());
        queue.send_named("n".into(), "a".into(), at(9));
        assert_eq!(queue.len(), 2);
    }

    #[test]
    fn the_longest_visible_message_comes_first() {
        let mut queue = Queue::default();
        queue.send("late".into(), at(5));
        queue.send("early".into(), at(1));
        assert_eq!(queue.next_due(), Some(at(1)));
        assert_eq!(queue.receive(at(9)).unwrap().body, "early");
    }
}
