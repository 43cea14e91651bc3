//! What can go wrong between the function and the world, planned ahead and counted per operation.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

/// The calls that the function makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Reading the ledger.
    LedgerRead,
    /// A transaction on the ledger.
    LedgerCommit,
    /// Noting a failure for the sake of storms.
    FailureNote,
    /// Writing the controls.
    ControlsWrite,
    /// Reading a policy that was pushed.
    PolicyRead,
    /// A note of a malformed message.
    Quarantine,
    /// Reading the tags of a pipeline.
    Tags,
    /// Reading everything about a stage run.
    Observe,
    /// Reading what the providers of failed actions know.
    Evidence,
    /// Asking change calendars.
    Calendars,
    /// Reading the stage again before the call.
    Fence,
    /// `RetryStageExecution`.
    Retry,
    /// Arming a wake-up.
    Arm,
    /// Reading how far the sweep has come.
    SweepRead,
    /// Writing how far the sweep has come.
    SweepWrite,
    /// Listing what is overdue.
    Overdue,
    /// Listing pipelines, executions or the runs of actions.
    Catalogue,
    /// Sending the tick that a sweep goes on with.
    Tick,
    /// Reading what is to be told, or what was sent of late.
    OutboxRead,
    /// Noting that something is told, taking it in hand, or writing what was sent of late.
    OutboxWrite,
    /// Sending a message to the teams.
    Publish,
    /// Announcing decisions to other programs.
    Announce,
    /// Sending a reminder of the outbox.
    Remind,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 23] = [
        Self::LedgerRead,
        Self::LedgerCommit,
        Self::FailureNote,
        Self::ControlsWrite,
        Self::PolicyRead,
        Self::Quarantine,
        Self::Tags,
        Self::Observe,
        Self::Evidence,
        Self::Calendars,
        Self::Fence,
        Self::Retry,
        Self::Arm,
        Self::SweepRead,
        Self::SweepWrite,
        Self::Overdue,
        Self::Catalogue,
        Self::Tick,
        Self::OutboxRead,
        Self::OutboxWrite,
        Self::Publish,
        Self::Announce,
        Self::Remind,
    ];

    /// The name used in scenarios.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LedgerRead => "ledger-read",
            Self::LedgerCommit => "ledger-commit",
            Self::FailureNote => "failure-note",
            Self::ControlsWrite => "controls-write",
            Self::PolicyRead => "policy-read",
            Self::Quarantine => "quarantine",
            Self::Tags => "tags",
            Self::Observe => "observe",
            Self::Evidence => "evidence",
            Self::Calendars => "calendars",
            Self::Fence => "fence",
            Self::Retry => "retry",
            Self::Arm => "arm",
            Self::SweepRead => "sweep-read",
            Self::SweepWrite => "sweep-write",
            Self::Overdue => "overdue",
            Self::Catalogue => "catalogue",
            Self::Tick => "tick",
            Self::OutboxRead => "outbox-read",
            Self::OutboxWrite => "outbox-write",
            Self::Publish => "publish",
            Self::Announce => "announce",
            Self::Remind => "remind",
        }
    }

    /// The operation of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.as_str() == name)
    }
}

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// It is refused before anything happened: throttled, not reached.
    NotDone,
    /// It happens, and its answer is lost.
    ReplyLost,
    /// It never happens, and that cannot be told from a lost answer.
    LostUnsent,
    /// The function dies before it.
    CrashBefore,
    /// The function dies after it.
    CrashAfter,
    /// It never happens, and the function waits for it until its time is up.
    HangBefore,
    /// It happens, and the function waits for its answer until its time is up.
    HangAfter,
    /// The right is missing.
    Denied,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 8] = [
        Self::NotDone,
        Self::ReplyLost,
        Self::LostUnsent,
        Self::CrashBefore,
        Self::CrashAfter,
        Self::HangBefore,
        Self::HangAfter,
        Self::Denied,
    ];

    /// The name used in scenarios.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotDone => "not-done",
            Self::ReplyLost => "reply-lost",
            Self::LostUnsent => "lost-unsent",
            Self::CrashBefore => "crash-before",
            Self::CrashAfter => "crash-after",
            Self::HangBefore => "hang-before",
            Self::HangAfter => "hang-after",
            Self::Denied => "denied",
        }
    }

    /// The fault of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.as_str() == name)
    }

    /// Whether the call itself takes place.
    pub const fn happens(self) -> bool {
        matches!(self, Self::ReplyLost | Self::CrashAfter | Self::HangAfter)
    }

    /// Whether the function never gets past it.
    pub const fn kills(self) -> bool {
        matches!(self, Self::CrashBefore | Self::CrashAfter) || self.hangs()
    }

    /// Whether the function dies of it only when its time is up.
    pub const fn hangs(self) -> bool {
        matches!(self, Self::HangBefore | Self::HangAfter)
    }
}

/// How long a call waits for an answer that does not come.
pub const CALL_TIMEOUT: SignedDuration = SignedDuration::from_secs(5);

/// What is planned to go wrong, and how many calls there were.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    by_operation: BTreeMap<(Operation, u64), Fault>,
    by_call: BTreeMap<u64, Fault>,
    from_then_on: BTreeMap<Operation, (Timestamp, Timestamp, Fault)>,
    counts: BTreeMap<Operation, u64>,
    calls: u64,
    last: Option<(Operation, Option<Fault>)>,
}

impl Faults {
    /// Lets the `nth` call of an operation (from 1) go wrong.
    pub fn plan(&mut self, operation: Operation, nth: u64, fault: Fault) {
        self.by_operation.insert((operation, nth), fault);
    }

    /// Lets the `nth` call of all (from 1) go wrong, whatever its operation.
    pub fn plan_call(&mut self, nth: u64, fault: Fault) {
        self.by_call.insert(nth, fault);
    }

    /// Lets every call of an operation go wrong for a while.
    pub fn plan_outage(&mut self, operation: Operation, from: Timestamp, until: Timestamp, fault: Fault) {
        self.from_then_on.insert(operation, (from, until, fault));
    }

    /// Lets nothing more go wrong.
    pub fn forget_plans(&mut self) {
        self.by_operation.clear();
        self.by_call.clear();
        self.from_then_on.clear();
    }

    /// Counts a call, and says what goes wrong with it.
    pub fn next(&mut self, operation: Operation, now: Timestamp) -> Option<Fault> {
        self.calls += 1;
        let count = self.counts.entry(operation).or_default();
        *count += 1;
        let planned = self.by_operation.get(&(operation, *count)).or(self.by_call.get(&self.calls));
        let fault = planned.copied().or_else(|| {
            let (from, until, fault) = self.from_then_on.get(&operation)?;
            (*from <= now && now < *until).then_some(*fault)
        });
        self.last = Some((operation, fault));
        fault
    }

    /// The last call, and what went wrong with it.
    pub fn last(&self) -> Option<(Operation, Option<Fault>)> {
        self.last
    }

    /// How often an operation was called.
    pub fn count(&self, operation: Operation) -> u64 {
        self.counts.get(&operation).copied().unwrap_or_default()
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.calls
    }
}
