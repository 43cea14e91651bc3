//! Bringing a stage back to its last success after a failure was given up: once for a stage run, on record before it is
//! called, and never called twice.

use super::ids::ExecutionId;
use super::stage_run::Owner;

/// What is done when a failure is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OnGiveUp {
    /// Nothing: a person has to look.
    Nothing,
    /// The stage is brought back to what last succeeded there.
    Rollback,
}

impl OnGiveUp {
    /// The name used in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Rollback => "rollback",
        }
    }
}

/// The rollback of a stage run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rollback {
    /// The execution whose success is brought back.
    pub target: ExecutionId,
    /// Who may call.
    pub owner: Owner,
    /// How it went.
    pub progress: RollbackProgress,
}

/// How a rollback went. Only ever moves on from `Begun`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RollbackProgress {
    /// It is on record; whether it was called is not known.
    Begun,
    /// CodePipeline runs it as this execution.
    Started(ExecutionId),
    /// It was certainly not made: something had changed, or CodePipeline refused.
    NotMade,
    /// It was called, and nobody heard what came of it.
    Unknown,
}

impl RollbackProgress {
    /// The name used in documents.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Started(_) => "started",
            Self::NotMade => "not-made",
            Self::Unknown => "unknown",
        }
    }
}

/// The answer to `RollbackStage`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RollbackReply {
    /// It runs as this execution.
    Started(ExecutionId),
    /// CodePipeline refused, with this exception.
    Refused(&'static str),
    /// It was certainly not sent.
    NotSent,
    /// It may have been done.
    Unknown,
}
