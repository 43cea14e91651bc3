//! What the function logs: one JSON object a line, as Lambda's own JSON log format has it.
//!
//! Nothing goes in that is not made to be shown: no message, no summary, no event.

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum LogLevel {
    /// Only what kept a message from being handled.
    Error,
    /// And what an operator should look at.
    Warn,
    /// And every decision.
    #[default]
    Info,
    /// And what was ignored, and how long each invocation took.
    Debug,
}

impl LogLevel {
    const ALL: [Self; 4] = [Self::Error, Self::Warn, Self::Info, Self::Debug];

    /// The name used in settings, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text))
    }

    /// The name used in log lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
        }
    }
}
