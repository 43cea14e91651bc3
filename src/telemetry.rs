//! What the function logs: one JSON object a line, as Lambda's own JSON log format has it.
//!
//! Nothing goes in that is not made to be shown: no message, no summary, no event.

use std::fmt::{self, Write as _};
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::domain::text::is_steering;

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
        let mut text = plain(Value::Object(line).to_string());
        text.push('\n');
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
    }
}

/// JSON in which nothing steers a terminal or turns text around: JSON itself escapes no more than the oldest control
/// characters. Others stand within strings alone, and mean the same when they are escaped.
fn plain(json: String) -> String {
    if json.is_ascii() && !json.contains('\u{7f}') {
        return json;
    }
    json.chars().fold(String::with_capacity(json.len()), |mut plain, character| {
        if is_steering(character) {
            // None of them is beyond what four digits can say.
            let _ = write!(plain, "\\u{:04x}", u32::from(character));
        } else {
            plain.push(character);
        }
        plain
    })
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_text_steers_whoever_reads_a_line() {
        let every = (0..=0x1_ffff).filter_map(char::from_u32).collect::<String>();
        let kept = Kept::default();
        let log = Log::new(LogLevel::Debug, kept.clone());
        log.line(LogLevel::Info, "text", Timestamp::UNIX_EPOCH, json!({ "text": every, (every.clone()): 1 }));
        let written = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let line = written.strip_suffix('\n').unwrap();
        assert_eq!(line.chars().find(|character| is_steering(*character)), None);
        let read: Value = serde_json::from_str(line).unwrap();
        assert_eq!((read["text"].as_str(), &read[every.as_str()]), (Some(every.as_str()), &json!(1)));
    }
}
