//! The end of a log, where what went wrong is usually written.

use aws_sdk_cloudwatchlogs::types::OutputLogEvent;

use super::Asking;
use super::effort::Missing;
use super::subject::LogStream;
use crate::domain::evidence::{Place, Text};
use crate::domain::text::EvidenceText;

/// Lines that are read.
const LINES: usize = 200;
/// The same as the service takes it; an event of a build's log is one line.
const EVENTS: i32 = 200;
/// Most pages. The service may answer with an empty one although there are events before it.
const PAGES: u32 = 2;

/// The last lines of a log, if it has any.
pub(super) async fn tail(asking: Asking<'_>, log: LogStream<'_>) -> Result<Option<Text>, Missing> {
    let mut token = None;
    for _ in 0..PAGES {
        let request = asking
            .services
            .logs()
            .get_log_events()
            .log_group_name(log.group)
            .log_stream_name(log.stream)
            .start_from_head(false)
            .limit(EVENTS)
            .set_next_token(token.clone())
            .send();
        let answer = asking.effort.ask("GetLogEvents", request).await?;
        let lines = last_lines(answer.events());
        if !lines.is_empty() {
            let text = EvidenceText::tail(lines);
            return Ok(Some(Text { place: Place::BuildLog, code: None, text }));
        }
        // At the beginning of the log the token stays what it was.
        if answer.next_backward_token.is_none() || answer.next_backward_token == token {
            break;
        }
        token = answer.next_backward_token;
    }
    Ok(None)
}

fn last_lines(events: &[OutputLogEvent]) -> String {
    let (mut lines, mut length) = (Vec::new(), 0);
    let messages = events.iter().rev().filter_map(OutputLogEvent::message);
    for line in messages.flat_map(|message| message.trim_end_matches(['\r', '\n']).split('\n').rev()) {
        if lines.len() == LINES || length > EvidenceText::LONGEST_TAIL {
            break;
        }
        length += line.len() + 1;
        lines.push(line);
    }
    lines.reverse();
    lines.join("\n").trim_matches('\n').to_owned()
}
