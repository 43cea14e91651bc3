//! Takes secrets out of one line of evidence, so that it can be shown to a person.
//!
//! What looks like a secret goes, and when in doubt more goes than has to: named values, tokens that say by their form
//! what they are, and whatever is as irregular as a key.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use crate::domain::text::is_steering;

/// Longest line that is shown, in bytes.
pub const LONGEST: usize = 512;
/// Longest line that is looked at, in bytes; what is beyond is not shown.
const LOOKED_AT: usize = 16 * 1024;
/// What stands for a secret.
const GONE: &str = "[redacted]";

/// What gives a secret away, and what is left of it. Later ones see what earlier ones left.
const FORMS: &[(&str, &str)] = &[
    // A block of key material runs to the end of what is seen of it.
    (r"-----BEGIN[ A-Z0-9]*(?:PRIVATE KEY|CERTIFICATE)[ A-Z]*-----.*", "[redacted]"),
    // User and password in an address. A password may hold anything but a space.
    (r#"([a-z][a-z0-9+.-]{1,20}://)[^\s/@:"']*:[^\s"']*@"#, "$1[redacted]@"),
    (r#"([a-z][a-z0-9+.-]{1,20}://)[^\s/@"']+@"#, "$1[redacted]@"),
    (
        r#"(hooks\.slack\.com/|discord(?:app)?\.com/api/webhooks/|\.webhook\.office\.com/)[^\s"']+"#,
        "$1[redacted]",
    ),
    // Headers, to the end of the line or of the quoted text.
    (
        r#"\b((?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]*(?:key|token|auth|signature)|private-token|job-token)(\\*["']?\s*[:=]\s*\\*["']?)[^"'\r\n]+"#,
        "$1$2[redacted]",
    ),
    (r#"\b(bearer|basic|aws4-hmac-sha256)\s+[^\s"',]{6,}"#, "$1 [redacted]"),
    // Arguments: `--password x`, `--token=x`, `-u user:password`, `-pPassword`.
    (
        r#"(\s--?[a-z-]*(?:passw(?:or)?d|passphrase|pass|pwd|token|secret|api-?key|access-?key|auth|credentials?|private-?key)[a-z-]*(?:=|\s+))("[^"]*"?|'[^']*'?|\S+)"#,
        "$1[redacted]",
    ),
    (r#"(\s(?:-u|--user)(?:=|\s*))("[^"]*"?|'[^']*'?|[^\s:]+:\S+)"#, "$1[redacted]"),
    (
        r"(\b(?:mysql|mysqldump|mariadb|sshpass|redis-cli|psql|docker login)\b.*?\s-[pa])\s*\S+",
        "$1[redacted]",
    ),
    // Assignments to names that speak of secrets, in shell, YAML, JSON and connection strings.
    (
        concat!(
            r"((?:[\w.-]*(?:passw(?:or)?d|passwd|passphrase|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|account[_-]?key|shared[_-]?key",
            r"|private[_-]?key|signing[_-]?key|encryption[_-]?key|master[_-]?key|license[_-]?key|credentials?|connection[_-]?string|webhook|dsn|jwt|otp|salt|signature)[\w.-]*",
            r#"|\b[\w.-]*(?:auth|pass|_pw|sig|_key|_pat)|\bx-amz-[a-z-]+)\\*["']?\s*(?::=|=>|=|:)\s*)"#,
            r#"(\\"(?:[^"\\]|\\[^"])*(?:\\")?|"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|\S+)"#
        ),
        "$1[redacted]",
    ),
    (r"((?:identified by|with password|password is|token is|secret is)\s+)\S+", "$1[redacted]"),
    // Tokens that say by their form what they are.
    (r"\b(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA|AGPA|ANPA)[A-Z0-9]{12,}", "[redacted]"),
    (r"\b(?:FwoGZXIvYXdz|IQoJb3JpZ2lu)[\w+/=]*", "[redacted]"),
    (r"\b(?:gh[pousr]|github_pat)_\w{10,}", "[redacted]"),
    (r"\b(?:glpat|gldt|glrt|glcbt|glptt|glft|glsoat)-[\w.-]{10,}", "[redacted]"),
    (
        r"\bnpm_[A-Za-z0-9]{10,}|\bpypi-[\w-]{10,}|\brubygems_[0-9a-f]{10,}|\bcio[A-Za-z0-9]{32}\b|\bdckr_(?:pat|oat)_[\w-]{10,}",
        "[redacted]",
    ),
    (r"\bxox[a-z]-[\w.-]{8,}|\bxapp-[\w-]{8,}|\bxoxe\.[\w.-]+", "[redacted]"),
    (r"\b(?:sk|pk|rk)_(?:live|test)_\w{8,}|\bwhsec_[\w+/=]{8,}|\bsk-[\w-]{16,}", "[redacted]"),
    (r"\bAIza[\w-]{20,}|\bya29\.[\w.-]+|\bGOCSPX-[\w-]+|\b1//0[\w-]{10,}", "[redacted]"),
    (r"[\w.~-]{3}\dQ~[\w.~-]{20,}", "[redacted]"),
    (r"\beyJ[\w-]{8,}(?:\.[\w-]*){0,4}", "[redacted]"),
    (
        r"\bSG\.[\w-]{8,}\.[\w-]{8,}|\bkey-[0-9a-f]{24,}|\bdop_v1_\w+|\bshp(?:at|ca|pa|ss)_\w+|\b[hsbr]v[sbr]?\.[\w-]{20,}|\bhv[sbr]\.[\w-]{10,}",
        "[redacted]",
    ),
    (
        r"\b(?:sq0[a-z]{3}-[\w-]+|lin_api_\w+|figd_[\w-]+|PMAK-[\w-]+|NRAK-\w+|dapi[0-9a-f]{20,}|atlasv1\.\S+|\w+\.atlasv1\.\S+)",
        "[redacted]",
    ),
];

/// The line without secrets, colours and control characters, cut to 512 bytes.
pub fn redact(line: &str) -> String {
    static COMPILED: OnceLock<Vec<(Regex, &'static str)>> = OnceLock::new();
    let forms = COMPILED
        .get_or_init(|| FORMS.iter().filter_map(|(form, left)| Some((compiled(form)?, *left))).collect());
    let mut text = cut(&printable(line), LOOKED_AT).to_owned();
    for (form, left) in forms {
        if form.is_match(text.as_bytes()) {
            let replaced = form.replace_all(text.as_bytes(), left.as_bytes());
            text = String::from_utf8_lossy(&replaced).into_owned();
        }
    }
    let text = without_irregular(&text);
    if text.len() <= LONGEST { text } else { format!("{}…", cut(&text, LONGEST - '…'.len_utf8())) }
}

/// All forms are constants, of which a test compiles each.
fn compiled(form: &str) -> Option<Regex> {
    RegexBuilder::new(form).unicode(false).case_insensitive(true).size_limit(4 * 1024 * 1024).build().ok()
}

/// The beginning, at most so many bytes, not within a character.
fn cut(text: &str, longest: usize) -> &str {
    let end = (0..=longest.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// What steers a terminal, or turns text around, is taken out: evidence may hold anything.
fn printable(line: &str) -> String {
    let uncoloured = super::line::without_colours(line);
    uncoloured.trim().chars().map(|c| if is_steering(c) { ' ' } else { c }).collect()
}

/// Replaces what is as irregular as a key: long, and changing between small letters, capitals and digits at every turn.
fn without_irregular(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '=' | '-' | '~' | '.') {
            word.push(c);
        } else {
            append(&mut out, &word);
            word.clear();
            out.push(c);
        }
    }
    append(&mut out, &word);
    out
}

fn append(out: &mut String, word: &str) {
    let is_digest =
        ["sha256:", "sha1:", "sha512-", "sha1-", "sha256-", "sha384-"].iter().any(|mark| out.ends_with(mark));
    let is_path = word.starts_with('/') || word.starts_with("./");
    if is_digest || is_uuid(word) {
        out.push_str(word);
    } else if is_irregular(word) && !is_path {
        out.push_str(GONE);
    } else {
        // A part of a path may be a key. Where only the whole is irregular, its parts are too short to tell.
        let parts: Vec<&str> = word.split('/').collect();
        let is_irregular_whole =
            is_irregular(word) && !parts.iter().any(|part| is_irregular(part) && !is_uuid(part));
        let shown: Vec<&str> = parts
            .iter()
            .map(
                |part| if (is_irregular_whole || is_irregular(part)) && !is_uuid(part) { GONE } else { part },
            )
            .collect();
        out.push_str(&shown.join("/"));
    }
}

/// Shortest word that can be a key.
const SHORTEST_KEY: usize = 18;

fn is_irregular(word: &str) -> bool {
    let longest_part = word.split(['.', '-', '_', '/']).map(str::len).max().unwrap_or(0);
    let (mut turns, mut digits, mut last) = (0_usize, 0_usize, 0_u8);
    for byte in word.bytes() {
        let kind = match byte {
            b'a'..=b'z' => 1,
            b'A'..=b'Z' => 2,
            b'0'..=b'9' => 3,
            _ => last,
        };
        turns += usize::from(kind != last);
        digits += usize::from(byte.is_ascii_digit());
        last = kind;
    }
    let is_hexadecimal = word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hexadecimal
        || word.len() >= SHORTEST_KEY && longest_part >= 8 && digits >= 1 && turns * 10 >= word.len() * 3
}

fn is_uuid(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_compiles() {
        for (form, _) in FORMS {
            assert!(compiled(form).is_some(), "{form}");
        }
    }

    #[test]
    fn nothing_steers_whoever_reads_the_line() {
        let line =
            "error:\u{1b}[31m \u{202e}dehcaer timil\u{2066} at\u{2028}line\u{7}\u{9b}2 of\u{200b}3\u{feff}";
        let shown = redact(line);
        assert!(!shown.chars().any(is_steering), "{shown:?}");
        assert!(shown.starts_with("error: "), "{shown:?}");
    }

    #[test]
    fn ordinary_lines_stay() {
        for line in [
            "npm error code ECONNRESET",
            "src/main.rs:12:5: error[E0433]: failed to resolve: use of undeclared type `Foo`",
            "Rate exceeded (Service: AmazonCloudFormation; Status Code: 400; Request ID: 2d5768a1-1dcc-42eb-9d7d-e3290f10f4ed)",
            "Could not transfer artifact org.springframework.boot:spring-boot-starter-web:pom:3.2.1 from/to central",
            "Stack arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-web/9f0d7e20-0000-11ee-be56-0242ac120002 is in ROLLBACK_COMPLETE state",
            "Get \"https://registry-1.docker.io/v2/library/node/manifests/20-alpine\": net/http: TLS handshake timeout",
            "at com.example.shop.checkout.CheckoutServiceIntegrationTest.paysTwice(CheckoutServiceIntegrationTest.java:142)",
            "FAILED tests/api/test_rate_limiting.py::TestRateLimit::test_blocked_after_10_requests",
        ] {
            assert_eq!(redact(line), line);
        }
    }

    #[test]
    fn named_values_go_and_their_names_stay() {
        for (line, left) in [
            ("export DB_PASSWORD=hunter2,and&more", "export DB_PASSWORD=[redacted]"),
            (r#"{"token": "a \"quoted\" word", "user": "x"}"#, r#"{"token": [redacted], "user": "x"}"#),
            (
                "psql postgres://shop:p@ss/word@db.example.com/shop",
                "psql postgres://[redacted]@db.example.com/shop",
            ),
            ("curl -H 'Authorization: Bearer abc def'", "curl -H 'Authorization: [redacted]'"),
            ("deploy --api-key s3cr3t --verbose", "deploy --api-key [redacted] --verbose"),
            ("Server=db;Password=a b;", "Server=db;Password=[redacted] b;"),
        ] {
            assert_eq!(redact(line), left);
        }
    }

    #[test]
    fn it_is_short_and_steers_no_terminal() {
        let shown = redact(&format!("\u{1b}[31merror\u{1b}[0m\u{7}: {}", "é ".repeat(2_000)));
        assert!(shown.len() <= LONGEST && shown.ends_with('…'), "{}", shown.len());
        assert!(shown.starts_with("error : é") && !shown.contains(char::is_control));
        assert_eq!(redact(""), "");
    }
}
