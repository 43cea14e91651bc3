//! The two members by which an event is recognised when it comes again. They are compared and never interpreted, so odd
//! values are kept in some stable form and never refused.

use std::borrow::Cow;

use serde_json::Value;

use crate::domain::trigger::EventKey;
use crate::json::shown::shown;
use crate::json::{Node, Object};

/// Longest attempt that is kept, in characters.
const LONGEST_ATTEMPT: usize = 32;

pub(super) fn event_key(detail: &Object<'_>) -> EventKey {
    let attempt = scalar(&detail.member("pipeline-execution-attempt"));
    let last_retry = scalar(&detail.member("stage-last-retry-attempt-time"));
    EventKey {
        attempt: shown(shortest_decimal(&attempt)).chars().take(LONGEST_ATTEMPT).collect(),
        last_retry: shown(&last_retry),
    }
}

/// Text or a number as text; anything else counts as absent.
fn scalar<'a>(node: &Node<'a>) -> Cow<'a, str> {
    match node.value() {
        Some(Value::String(text)) => Cow::Borrowed(text),
        Some(Value::Number(number)) => Cow::Owned(number.to_string()),
        _ => Cow::Borrowed(""),
    }
}

/// A decimal without the zeros that add nothing: `2` for `2.0` and `02`. Any other text is returned as it is.
fn shortest_decimal(text: &str) -> &str {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return text;
    }
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    // The last digit of the whole part stays, be it a zero.
    let zeros = whole.len() - whole.trim_start_matches('0').len();
    text.get(zeros.min(whole.len() - 1)..).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attempt(value: &Value) -> String {
        let detail = json!({"pipeline-execution-attempt": value});
        event_key(&Node::root(&detail).object().unwrap()).attempt
    }

    #[test]
    fn spellings_of_one_number_are_one_attempt() {
        for same in [json!(2), json!(2.0), json!("2"), json!("2.0"), json!("02.00")] {
            assert_eq!(attempt(&same), "2", "{same}");
        }
        for (value, expected) in [
            (json!(0), "0"),
            (json!(0.0), "0"),
            (json!("00"), "0"),
            (json!(10), "10"),
            (json!(10.0), "10"),
            (json!(2.50), "2.5"),
            (json!(-1), "-1"),
            (json!(u64::MAX), "18446744073709551615"),
        ] {
            assert_eq!(attempt(&value), expected, "{value}");
        }
    }

    #[test]
    fn what_is_no_number_is_kept_and_cut() {
        for (value, expected) in [
            (json!(null), ""),
            (json!(true), ""),
            (json!([2]), ""),
            (json!({"a": 2}), ""),
            (json!(""), ""),
            (json!("."), "."),
            (json!("2."), "2."),
            (json!("NaN"), "NaN"),
            (json!("1e400"), "1e400"),
            (json!("second\n"), "second\\n"),
        ] {
            assert_eq!(attempt(&value), expected, "{value}");
        }
        assert_eq!(attempt(&json!("9".repeat(5000))).len(), 32);
        assert!(attempt(&json!(1e300)).len() <= 32);
    }

    #[test]
    fn the_last_retry_is_kept_as_sent() {
        let detail = json!({"stage-last-retry-attempt-time": "2026-11-22T10:13:02.305Z"});
        let key = event_key(&Node::root(&detail).object().unwrap());
        assert_eq!(key.last_retry, "2026-11-22T10:13:02.305Z");
        assert_eq!(key.to_string(), "/2026-11-22T10:13:02.305Z");
    }
}
