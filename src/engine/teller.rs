//! Tells outside what has been written down to be told: right after it was written, and again by the sweep where that did
//! not succeed. Whatever goes wrong here, the decisions stand.
//!
//! An entry is noted as told after it was told. Who dies in between leaves it to be told twice, with the same name; there is
//! nothing in between that could be asked, since neither SNS nor EventBridge knows a message again.

use jiff::{SignedDuration, Timestamp};

use crate::domain::notice::Notice;
use crate::domain::outbox::{OWN_TURN, TOO_LATE, Tidings};
use crate::domain::outlet::{Admission, Outlet};
use crate::domain::protocol::Fault;
use crate::domain::stage_run::after;
use crate::ports::{Bulletin, Content, Entry, EntryId, MOST_ANNOUNCED, Messenger, Outbox, Pending};

/// What must be left of the invocation for something to be told: a request, and the note that it was made.
const TO_TELL: SignedDuration = SignedDuration::from_secs(5);
/// How often the outlet is tried again when others were quicker.
const MOST_ROUNDS: u8 = 5;
/// The longest time after which one can be reminded at once.
const LONGEST_REMINDER: SignedDuration = SignedDuration::from_mins(15);

/// What was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Told {
    /// Messages about one stage run that were sent.
    pub sent: u32,
    /// Messages about several that were sent.
    pub digests: u32,
    /// Messages that were put by, to be sent with others.
    pub gathered: u32,
    /// Decisions that were announced.
    pub announced: u32,
    /// Entries that could not be told, and are left to the next sweep.
    pub left: u32,
    /// Entries that were given up since they were too old.
    pub dropped: u32,
}

impl Told {
    /// Counts what else was told.
    pub fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.digests += other.digests;
        self.gathered += other.gathered;
        self.announced += other.announced;
        self.left += other.left;
        self.dropped += other.dropped;
    }
}

/// Tells through an outbox and a messenger.
#[derive(Debug, Clone, Copy)]
pub struct Teller<'a, L, M, C> {
    /// What is to be told.
    pub outbox: &'a L,
    /// Who carries it outside.
    pub messenger: &'a M,
    /// The present.
    pub clock: &'a C,
    /// When nothing more is begun.
    pub deadline: Timestamp,
}

impl<L: Outbox, M: Messenger, C: Fn() -> Timestamp + Sync> Teller<'_, L, M, C> {
    /// Tells what has just been written down.
    pub async fn tell(&self, tidings: &[Tidings]) -> Told {
        let mut told = Told::default();
        let entries: Vec<Entry> = tidings.iter().map(|tidings| self.outbox.entry(tidings)).collect();
        let (notices, decisions) = parted(entries);
        self.announce(&decisions, &mut told).await;
        for (entry, notice) in notices {
            self.send(&entry, &notice, false, &mut told).await;
        }
        told
    }

    /// Tells what others have left, and sends what was gathered if it is time.
    pub async fn go_through(&self) -> Told {
        let mut told = Told::default();
        let now = (self.clock)();
        // Without it no message leaves; decisions are announced all the same.
        let outlet = self.outbox.outlet().await.ok();
        told.left += u32::from(outlet.is_none());
        if let Some(outlet) = outlet.as_ref().filter(|outlet| outlet.is_due(now)) {
            self.send_gathered(outlet, &mut told).await;
        }
        let is_gathering = outlet.is_none_or(|outlet| outlet.gathering_until.is_some());
        let Ok(pending) = self.pending(now).await else {
            told.left += 1;
            return told;
        };
        let mut mine = Vec::new();
        for pending in pending {
            let is_gathered = is_gathering && matches!(pending.entry.content, Content::Notice(_));
            if is_gathered || !self.has_time() {
                continue;
            }
            match self.outbox.take(&pending, after((self.clock)(), OWN_TURN)).await {
                Ok(true) => mine.push(pending.entry),
                Ok(false) => {}
                Err(_) => told.left += 1,
            }
        }
        let (notices, decisions) = parted(self.fresh(mine, &mut told).await);
        self.announce(&decisions, &mut told).await;
        for (entry, notice) in notices {
            self.send(&entry, &notice, true, &mut told).await;
        }
        told
    }

    /// Sees to it that somebody comes back when what is gathered is to be sent.
    pub async fn remind(&self) {
        if let Ok(outlet) = self.outbox.outlet().await {
            self.remind_of(&outlet).await;
        }
    }

    async fn remind_of(&self, outlet: &Outlet) {
        let Some(until) = outlet.gathering_until else { return };
        let delay = until.duration_since((self.clock)());
        // One that is lost is made up for by the next sweep.
        let _ = self.messenger.remind(delay.clamp(SignedDuration::ZERO, LONGEST_REMINDER)).await;
    }

    fn has_time(&self) -> bool {
        after((self.clock)(), TO_TELL) <= self.deadline
    }

    /// Everything that is due by then.
    async fn pending(&self, by: Timestamp) -> Result<Vec<Pending>, Fault> {
        let mut all = Vec::new();
        let mut next = None;
        loop {
            let page = self.outbox.pending(by, next.as_ref()).await?;
            all.extend(page.entries);
            next = page.next;
            if next.is_none() {
                return Ok(all);
            }
        }
    }

    /// What somebody may still want to hear; the rest is given up.
    async fn fresh(&self, entries: Vec<Entry>, told: &mut Told) -> Vec<Entry> {
        let now = (self.clock)();
        let (fresh, stale): (Vec<Entry>, Vec<Entry>) =
            entries.into_iter().partition(|entry| now <= after(entry.at, TOO_LATE));
        if !stale.is_empty() && self.outbox.told(&stale, now).await.is_ok() {
            told.dropped += count(stale.len());
        }
        fresh
    }

    async fn announce(&self, decisions: &[(Entry, String)], told: &mut Told) {
        for some in decisions.chunks(MOST_ANNOUNCED) {
            if !self.has_time() {
                told.left += count(some.len());
                continue;
            }
            let documents: Vec<&str> = some.iter().map(|(_, document)| document.as_str()).collect();
            let taken = self.messenger.announce(&documents).await.unwrap_or_default();
            let taken: Vec<Entry> = (some.iter().zip(taken.into_iter().chain(std::iter::repeat(false))))
                .filter(|(_, is_taken)| *is_taken)
                .map(|((entry, _), _)| entry.clone())
                .collect();
            told.left += count(some.len() - taken.len());
            if !taken.is_empty() {
                told.announced += count(taken.len());
                // Otherwise it is announced once more: a copy does no harm, a lost one would.
                let _ = self.outbox.told(&taken, (self.clock)()).await;
            }
        }
    }

    /// Sends a message by itself, or puts it by where there have been many of late.
    async fn send(&self, entry: &Entry, notice: &Notice, repeated: bool, told: &mut Told) {
        for _ in 0..MOST_ROUNDS {
            if !self.has_time() {
                break;
            }
            let Ok(outlet) = self.outbox.outlet().await else { break };
            match outlet.admit((self.clock)()) {
                Admission::Now(next) => match self.outbox.write_outlet(&next).await {
                    Ok(true) => {
                        let bulletin = Bulletin::Single {
                            id: entry.id.clone(),
                            notice: Box::new(notice.clone()),
                            repeated,
                        };
                        if self.messenger.publish(&bulletin).await.is_err() {
                            break;
                        }
                        told.sent += 1;
                        let _ = self.outbox.told(std::slice::from_ref(entry), (self.clock)()).await;
                        return;
                    }
                    Ok(false) => {}
                    Err(_) => break,
                },
                Admission::Gathered { outlet: None, .. } => {
                    told.gathered += 1;
                    return;
                }
                Admission::Gathered { outlet: Some(next), .. } => match self.outbox.write_outlet(&next).await
                {
                    Ok(true) => {
                        told.gathered += 1;
                        self.remind_of(&next).await;
                        return;
                    }
                    Ok(false) => {}
                    Err(_) => break,
                },
            }
        }
        told.left += 1;
    }

    /// Sends everything that was gathered as one message.
    async fn send_gathered(&self, outlet: &Outlet, told: &mut Told) {
        let Ok(pending) = self.pending(Timestamp::MAX).await else {
            told.left += 1;
            return;
        };
        let is_notice = |pending: &Pending| matches!(pending.entry.content, Content::Notice(_));
        let entries = pending.into_iter().filter(is_notice).map(|pending| pending.entry).collect();
        let (mut notices, _) = parted(self.fresh(entries, told).await);
        notices.sort_by(|(one, a), (other, b)| (a.at, &one.id).cmp(&(b.at, &other.id)));
        let next = outlet.emptied(!notices.is_empty(), (self.clock)());
        // Whoever writes this sends the message, and nobody else.
        if !matches!(self.outbox.write_outlet(&next).await, Ok(true)) {
            return;
        }
        if !notices.is_empty() {
            let named: Vec<(EntryId, Notice)> =
                notices.iter().map(|(entry, notice)| (entry.id.clone(), (**notice).clone())).collect();
            if self.messenger.publish(&Bulletin::Digest { notices: named }).await.is_err() {
                // They are still there, and come with the next one.
                told.left += count(notices.len());
            } else {
                told.digests += 1;
                let entries: Vec<Entry> = notices.into_iter().map(|(entry, _)| entry).collect();
                let _ = self.outbox.told(&entries, (self.clock)()).await;
            }
        }
        self.remind_of(&next).await;
    }
}

type Parted = (Vec<(Entry, Box<Notice>)>, Vec<(Entry, String)>);

fn parted(entries: Vec<Entry>) -> Parted {
    let (mut notices, mut decisions) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry.content.clone() {
            Content::Notice(notice) => notices.push((entry, notice)),
            Content::Decision(document) => decisions.push((entry, document)),
        }
    }
    (notices, decisions)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
