//! How messages leave without becoming a flood: a few at once, and what comes beyond them is gathered into one message after a
//! while, then after ever longer ones.

use jiff::{SignedDuration, Timestamp};

use super::stage_run::after;

/// Messages of their own within [`BURST_WITHIN`].
const BURST: usize = 2;
/// The time within which they count.
const BURST_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// How long messages are gathered, the first time and then again; the last one repeats.
const GATHERED: [SignedDuration; 3] =
    [SignedDuration::from_mins(10), SignedDuration::from_mins(40), SignedDuration::from_mins(160)];

/// What was sent of late, and until when messages are gathered: one record for all processes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Outlet {
    /// Counts the writes; 0 has never been written.
    pub version: u64,
    /// When the last messages of their own were sent, at most two.
    pub sent: Vec<Timestamp>,
    /// Until when messages are gathered.
    pub gathering_until: Option<Timestamp>,
    /// How often they have been gathered in a row.
    pub rounds: u32,
}

/// Whether a message may be sent by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It may, once that is written.
    Now(Outlet),
    /// It is gathered with others until then; the outlet is to be written where it begins with this one.
    Gathered {
        /// When it is sent with the others.
        until: Timestamp,
        /// What to write first.
        outlet: Option<Outlet>,
    },
}

impl Outlet {
    /// What becomes of a message.
    pub fn admit(&self, now: Timestamp) -> Admission {
        if let Some(until) = self.gathering_until {
            return Admission::Gathered { until, outlet: None };
        }
        let mut sent = self.sent.clone();
        sent.retain(|at| now < after(*at, BURST_WITHIN));
        let version = self.version + 1;
        if sent.len() < BURST {
            sent.push(now);
            return Admission::Now(Self { version, sent, gathering_until: None, rounds: 0 });
        }
        let until = after(now, gathered(0));
        let outlet = Self { version, sent, gathering_until: Some(until), rounds: 1 };
        Admission::Gathered { until, outlet: Some(outlet) }
    }

    /// Whether what was gathered is to be sent by now.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.gathering_until.is_some_and(|until| until <= now)
    }

    /// After what was gathered has been sent: longer, if there was anything; over, if there was nothing.
    #[must_use]
    pub fn emptied(&self, had_messages: bool, now: Timestamp) -> Self {
        let version = self.version + 1;
        if !had_messages {
            return Self { version, ..Self::default() };
        }
        let until = after(now, gathered(self.rounds));
        Self { version, sent: self.sent.clone(), gathering_until: Some(until), rounds: self.rounds + 1 }
    }
}

/// How long messages are gathered for the so many-th time in a row, from 0.
fn gathered(round: u32) -> SignedDuration {
    let last = GATHERED.len().saturating_sub(1);
    let index = usize::try_from(round).map_or(last, |round| round.min(last));
    GATHERED.get(index).copied().unwrap_or(SignedDuration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    /// Messages that come at these minutes, and the minutes at which something is sent, until all is quiet.
    fn sent(coming: &[i64]) -> Vec<i64> {
        let (mut outlet, mut waiting, mut sent) = (Outlet::default(), 0, Vec::new());
        for minute in 0..2_000 {
            if outlet.is_due(at(minute)) {
                outlet = outlet.emptied(waiting > 0, at(minute));
                sent.extend((waiting > 0).then_some(minute));
                waiting = 0;
            }
            for _ in coming.iter().filter(|coming| **coming == minute) {
                match outlet.admit(at(minute)) {
                    Admission::Now(next) => {
                        outlet = next;
                        sent.push(minute);
                    }
                    Admission::Gathered { outlet: next, .. } => {
                        outlet = next.unwrap_or(outlet);
                        waiting += 1;
                    }
                }
            }
        }
        assert_eq!((waiting, outlet.gathering_until), (0, None));
        sent
    }

    #[test]
    fn a_message_now_and_then_is_sent_at_once() {
        assert_eq!(sent(&[0]), [0]);
        assert_eq!(sent(&[0, 1, 10, 11, 60]), [0, 1, 10, 11, 60]);
    }

    #[test]
    fn what_comes_beyond_a_few_is_gathered() {
        assert_eq!(sent(&[0, 0, 0, 3, 9]), [0, 0, 10]);
        // After a while without any, they are sent at once again.
        assert_eq!(sent(&[0, 0, 0, 51, 51, 51, 52]), [0, 0, 10, 51, 51, 61]);
    }

    #[test]
    fn a_flood_becomes_a_handful() {
        let flood: Vec<i64> = (0..1_000).map(|number| number / 8).collect();
        assert_eq!(sent(&flood), [0, 0, 10, 50, 210]);
    }

    #[test]
    fn every_write_is_the_next_version() {
        let Admission::Now(first) = Outlet::default().admit(at(0)) else { panic!() };
        let Admission::Now(second) = first.admit(at(0)) else { panic!() };
        let Admission::Gathered { outlet: Some(third), until } = second.admit(at(1)) else { panic!() };
        assert_eq!([first.version, second.version, third.version], [1, 2, 3]);
        assert_eq!(until, at(11));
        assert_eq!(third.admit(at(5)), Admission::Gathered { until, outlet: None });
        assert_eq!(third.emptied(true, at(11)).version, 4);
        assert_eq!(third.emptied(false, at(11)), Outlet { version: 4, ..Outlet::default() });
    }
}
