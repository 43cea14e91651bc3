//! Long lists in pages. A token names the last entry of its page and fits only the request that it came from.

use std::fmt::Write;

use serde_json::Value;

use super::error::ApiError;
use super::request::Input;
use crate::fingerprint::sha256_hex;

/// How much of the checksum a token carries, in hexadecimal digits.
const CHECKSUM: usize = 32;

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    pub entries: Vec<T>,
    pub next_token: Option<String>,
}

/// The page of `all` that the request asks for, at most `most` entries where it does not say how many.
///
/// `key` tells the entries apart, and `request` the lists: what the list is of, and how it is filtered. An entry that comes
/// to the front of the list between two pages shifts nothing.
pub fn page<T>(
    input: Input<'_>,
    request: &[&str],
    most: usize,
    all: Vec<T>,
    key: impl Fn(&T) -> &str,
) -> Result<Page<T>, ApiError> {
    page_of(input.optional_text("nextToken"), request, input.whole("maxResults").unwrap_or(most), all, key)
}

/// The page that a token leads to, of at most `most` entries.
pub fn page_of<T>(
    token: Option<&str>,
    request: &[&str],
    most: usize,
    all: Vec<T>,
    key: impl Fn(&T) -> &str,
) -> Result<Page<T>, ApiError> {
    let start = match token {
        None => 0,
        Some(token) => {
            let invalid = || ApiError::new("InvalidNextTokenException", "The next token is not valid");
            let last = last_key(request, token);
            let last = last.and_then(|last| all.iter().position(|entry| key(entry) == last));
            last.ok_or_else(invalid)? + 1
        }
    };
    let has_more = all.len() > start.saturating_add(most);
    let entries: Vec<T> = all.into_iter().skip(start).take(most).collect();
    let next_token = entries.last().filter(|_| has_more).map(|entry| token_for(request, key(entry)));
    Ok(Page { entries, next_token })
}

impl<T> Page<T> {
    /// The answer's document.
    pub fn document(self, name: &str, show: impl Fn(T) -> Value) -> Value {
        let entries = self.entries.into_iter().map(show).collect();
        let mut members = serde_json::Map::from_iter([(name.to_owned(), Value::Array(entries))]);
        if let Some(token) = self.next_token {
            members.insert("nextToken".to_owned(), Value::from(token));
        }
        Value::Object(members)
    }
}

fn token_for(request: &[&str], key: &str) -> String {
    let mut token = checksum(request, key);
    for byte in key.bytes() {
        let _ = write!(token, "{byte:02x}");
    }
    token
}

/// The key that a token of this request was made for.
fn last_key(request: &[&str], token: &str) -> Option<String> {
    let (told, digits) = token.split_at_checked(CHECKSUM)?;
    let bytes = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    let key = String::from_utf8(bytes.collect::<Option<_>>()?).ok()?;
    (checksum(request, &key) == told).then_some(key)
}

fn checksum(request: &[&str], key: &str) -> String {
    let mut checksum = sha256_hex(&[request, &[key]].concat());
    checksum.truncate(CHECKSUM);
    checksum
}
