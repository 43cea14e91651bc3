//! How the command ends. The numbers are fixed: scripts depend on them.

use std::process::ExitCode;

/// An exit code of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Fine.
    Fine = 0,
    /// The command did its work and found something wrong, such as an invalid policy.
    Findings = 1,
    /// Wrong usage, or an input that cannot be read. The number is that of the argument parser.
    Usage = 2,
    /// An unexpected failure (`EX_SOFTWARE` of `sysexits.h`).
    Unexpected = 70,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
