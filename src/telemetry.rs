//! What the function logs: one JSON object a line, as Lambda's own JSON log format has it.
//!
//! Nothing goes in that is not made to be shown: no message, no summary, no event.

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value};

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

/// Where log lines go.
pub struct Log {
    level: LogLevel,
    to: Mutex<Box<dyn Write + Send>>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("level", &self.level).finish_non_exhaustive()
    }
}

impl Log {
    /// Logs what is at least as grave as `level`.
    pub fn new(level: LogLevel, to: impl Write + Send + 'static) -> Self {
        Self { level, to: Mutex::new(Box::new(to)) }
    }

    /// Writes one line: `timestamp`, `level` and `message` as Lambda's JSON log format names them, and `fields` beside
    /// them. A line that cannot be written is lost: logging never keeps a failure from being handled.
    pub fn line(&self, level: LogLevel, message: &str, now: Timestamp, fields: Value) {
        if level > self.level {
            return;
        }
        self.write(Some(level), message, now, fields);
    }

    /// Writes one line of metrics, at whatever level is logged. It has no level of its own, so that nothing filters it and
    /// nobody counts it as an error.
    pub fn metrics(&self, now: Timestamp, document: Map<String, Value>) {
        self.write(None, "metric", now, Value::Object(document));
    }

    fn write(&self, level: Option<LogLevel>, message: &str, now: Timestamp, fields: Value) {
        let mut line = Map::new();
        line.insert("timestamp".into(), format!("{now:.3}").into());
        if let Some(level) = level {
            line.insert("level".into(), level.as_str().into());
        }
        line.insert("message".into(), message.into());
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
    }
}
