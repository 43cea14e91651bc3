//! One line of evidence: what CI systems put around it taken off, and what kind of line it is.
//!
//! Most texts that speak of a failure without being it are of a kind: a test's name, an assertion, quoted source, a
//! warning about something that was tried again. Signatures look at kinds before they look at words.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use super::matcher::Matcher;

/// Longest line that is looked at, in bytes; of a longer one the beginning and the end are.
const LONGEST: usize = 4 * 1024;
/// How much of the end of a longer line is kept.
const END: usize = 1024;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// Says what it says.
    Plain,
    /// Announces that something is tried again, or warns.
    Warning,
    /// Progress, information, debugging output.
    Info,
    /// A compiler, linter or parser points at a place in a source.
    Diagnostic,
    /// A test compares what is with what should be.
    Assertion,
    /// Source or output that is quoted.
    Quoted,
    /// Names a test or a suite.
    TestName,
    /// A frame of a stack.
    Frame,
    /// A command that is run.
    Command,
}

impl Kind {
    /// Whether a failure that passes by itself may be told by such a line.
    pub(super) const fn tells_of_transient(self) -> bool {
        matches!(self, Self::Plain)
    }

    /// Whether a failure that stays may be told by such a line.
    pub(super) const fn tells_of_lasting(self) -> bool {
        matches!(self, Self::Plain | Self::Diagnostic | Self::Assertion)
    }
}

/// A line as signatures see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number in the text, from 1.
    pub(super) number: u32,
    /// What it is.
    pub(super) kind: Kind,
    /// What is left of it.
    pub(super) text: String,
}

impl Line {
    /// Whether it tells that something was done in the end, so that what went wrong before was not the end of it.
    pub(super) fn goes_on(&self) -> bool {
        static DONE: OnceLock<Regex> = OnceLock::new();
        let done = DONE.get_or_init(|| {
            expression(concat!(
                r"^\W*successfully (?:installed|built|downloaded|pulled|fetched|uploaded|connected|logged in|tagged)\b",
                r"|^(?:added|audited|changed|installed) \d+ packages?\b|^login succeeded\b|^\W*got it\b|^Done in \d",
                r"|^\W*(?:retry|attempt|download|pull|fetch|upload|connection)\b.{0,40}\b(?:succeeded|successful)\b"
            ))
        });
        matches!(self.kind, Kind::Plain | Kind::Info) && done.is_match(self.text.as_bytes())
    }
}

/// The lines of a text that are not empty.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut quotes_source = false;
    for (number, raw) in (1_u32..).zip(text.split('\n')) {
        let (text, level) = plain(raw);
        if text.trim().is_empty() {
            continue;
        }
        let mut kind = kind(&text, level);
        if quotes_source && kind == Kind::Plain && raw.starts_with("    ") {
            kind = Kind::Quoted;
        }
        quotes_source = text.trim_start().starts_with("File \"");
        // What is tried again did not fail for good: its last failure is told by a line that no retry follows.
        if kind == Kind::Warning
            && is_retry(&text)
            && let Some(before) = lines.last_mut()
            && before.number + 1 == number
            && before.kind == Kind::Plain
        {
            before.kind = Kind::Warning;
        }
        lines.push(Line { number, kind, text });
    }
    lines
}

/// What a prefix says of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    None,
    Error,
    Warning,
    Info,
    Command,
}

/// Marks that say how grave a line is, and nothing else. The innermost counts: `[INFO] npm error` is an error.
const MARKS: &[(&str, Level)] = &[
    ("[error]", Level::Error),
    ("##[error]", Level::Error),
    ("##[warning]", Level::Warning),
    ("##[command]", Level::Command),
    ("##[debug]", Level::Info),
    ("[fatal]", Level::Error),
    ("[warning]", Level::Warning),
    ("[warn]", Level::Warning),
    ("[info]", Level::Info),
    ("[debug]", Level::Info),
    ("[notice]", Level::Info),
    ("[trace]", Level::Info),
    ("level=error msg=", Level::Error),
    ("level=fatal msg=", Level::Error),
    ("level=warning msg=", Level::Warning),
    ("level=warn msg=", Level::Warning),
    ("level=info msg=", Level::Info),
    ("level=debug msg=", Level::Info),
    ("npm err!", Level::Error),
    ("npm error", Level::Error),
    ("npm warn", Level::Warning),
    ("npm notice", Level::Info),
    ("[container]", Level::None),
];

/// The line without colours, times and marks, with addresses cut to their host.
fn plain(raw: &str) -> (String, Level) {
    let raw = bounded(raw);
    let uncoloured = without_colours(&raw);
    // A progress bar overwrites its line: what was written last stands.
    let mut rest = uncoloured.trim_end().rsplit('\r').next().unwrap_or_default();
    let mut level = Level::None;
    let mut is_npm = false;
    loop {
        let trimmed = rest.trim_start_matches(|c: char| {
            c.is_whitespace() || matches!(c, '│' | '╷' | '╵' | '┃' | '├' | '└' | '─' | '❌' | '✖' | '⨯' | '×')
        });
        let after = without_time(trimmed);
        if let Some((mark, found)) = MARKS.iter().find(|(mark, _)| starts_with(after, mark)) {
            is_npm = mark.starts_with("npm e");
            level = *found;
            rest = after.get(mark.len()..).unwrap_or_default();
        } else if after.len() < trimmed.len() {
            rest = after;
        } else {
            break;
        }
    }
    let indented = rest;
    let rest = rest.trim_start_matches(['│', '╷', '╵', '┃', '├', '└', '─', ' ']);
    let rest = if rest.len() < indented.len() && indented.starts_with("  ") { indented } else { rest };
    let rest = without_addresses(rest);
    let rest = without_own_address(&rest);
    let text = if is_npm { format!("npm error {}", rest.trim_start()) } else { rest.into_owned() };
    (without_command(text), level)
}

fn starts_with(text: &str, mark: &str) -> bool {
    text.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark))
}

fn bounded(raw: &str) -> Cow<'_, str> {
    if raw.len() <= LONGEST {
        return Cow::Borrowed(raw);
    }
    let head = (0..=LONGEST - END).rev().find(|at| raw.is_char_boundary(*at)).unwrap_or(0);
    let tail = (raw.len() - END..raw.len()).find(|at| raw.is_char_boundary(*at)).unwrap_or(raw.len());
    Cow::Owned(format!("{} {}", raw.get(..head).unwrap_or_default(), raw.get(tail..).unwrap_or_default()))
}

pub(super) fn without_colours(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = match after.strip_prefix('[') {
            Some(sequence) => {
                let end =
                    sequence.find(|c: char| ('@'..='~').contains(&c)).map_or(sequence.len(), |end| end + 1);
                sequence.get(end..).unwrap_or_default()
            }
            None => after,
        };
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The text after a time of day or a build step's number and seconds (`#12 0.643`), if it begins with one.
fn without_time(text: &str) -> &str {
    static TIME: OnceLock<Regex> = OnceLock::new();
    let begins = text.as_bytes().first().is_some_and(|b| b.is_ascii_digit() || matches!(b, b'[' | b'#'));
    if !begins {
        return text;
    }
    let time = TIME.get_or_init(|| {
        expression(concat!(
            r"^(?:\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z| ?[+-]\d\d:?\d\d)?\]?",
            r"|\[?\d\d?:\d\d:\d\d(?:[.,]\d+)?(?: [AP]M)?\]?(?: \|)?",
            r"|#\d+ \d+\.\d+)(?:\s+|$)"
        ))
    });
    let end = time.find(text.as_bytes()).map_or(0, |found| found.end());
    text.get(end..).unwrap_or(text)
}

/// Paths of addresses hold anything, and say nothing: only the host is kept.
fn without_addresses(text: &str) -> Cow<'_, str> {
    static ADDRESS: OnceLock<Regex> = OnceLock::new();
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let address = ADDRESS.get_or_init(|| {
        expression(
            r#"([a-z+]{2,10}://)(?:[^\s/@"'<>]{0,200}@)?([^\s/"'<>()?]+)[/?][^\s"'<>()\]]*[^\s"'<>()\],.;:]"#,
        )
    });
    let replaced = address.replace_all(text.as_bytes(), &b"$1$2"[..]);
    match replaced {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// Go's errors name the asking side as well (`read udp 10.0.1.17:54321->10.0.0.2:53`, `lookup a.b on 10.0.0.2:53`), which
/// is always a machine of one's own and says nothing of who failed.
fn without_own_address(text: &str) -> Cow<'_, str> {
    static OWN: OnceLock<Regex> = OnceLock::new();
    if !text.contains("->") && !text.contains(":53") {
        return Cow::Borrowed(text);
    }
    let own = OWN.get_or_init(|| {
        expression(r"(?: on \[?[\da-f.:]+\]?:53\b|\[?[\da-f.:]+\]?:\d+->(?:\[?[\da-f.:]+\]?:53\b)?)")
    });
    match own.replace_all(text.as_bytes(), &b" "[..]) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// `Error while executing command: … Reason: exit status 1` quotes a command of the user's, which says nothing.
fn without_command(text: String) -> String {
    const QUOTES: &str = "while executing command:";
    let Some((before, quoted)) = text.split_once(QUOTES) else { return text };
    match quoted.rfind("Reason:") {
        Some(at) => format!("{before}{QUOTES} {}", quoted.get(at..).unwrap_or_default()),
        None => format!("{before}{QUOTES}"),
    }
}

/// What makes a line of a kind, first match first.
const KINDS: [(Kind, &str); 24] = [
    // A summary of tests that names the client whose error ended the test: no assertion did.
    (
        Kind::Plain,
        r"^(?:FAILED|ERROR) \S+::\S+ - (?:requests|urllib3|httpx|aiohttp|botocore|socket|ssl|http\.client)\.\S*(?:Error|Timeout|Exception|Disconnected|Read):",
    ),
    (Kind::Frame, r"^\s*at (?:[\w$.<>/\[\] ]+ )?\(?[^\s()]+(?:\.\w+)?(?::\d+|\([^)]*\))"),
    (Kind::Frame, r#"^\s*File "[^"]+", line \d+"#),
    (Kind::Frame, r"^\s*(?:goroutine \d+ \[|from \S+:\d+:in |\.\.\. \d+ (?:more|common frames))"),
    (Kind::Quoted, r"^\s*(?:>+\s*)?\d+\s*\|"),
    (Kind::Quoted, r"^\s*(?:\||-->|>>>|\^+~*\s*$|~+\s*$)"),
    (Kind::Quoted, r"^\s*(?:symbol|location):\s"),
    (
        Kind::Quoted,
        r"^\s*(?:raise|throw|return|catch|import|from|def|fn|func|class|if|for|while|const|let|var|public|private|async|await)\b.*[;:({)]\s*$",
    ),
    (
        Kind::TestName,
        r"^\s*(?:\d+\) |--- (?:FAIL|PASS|SKIP)|=== (?:RUN|PAUSE|CONT|NAME)|(?:FAIL|PASS|FAILED|PASSED|ERROR|RUNS)\s+\S+[./:]\S*(?:::|\.(?:test|spec)\.|_test|tests?[./])|(?:✓|✔|✕|✗|✘|●|○)\s)",
    ),
    (
        Kind::TestName,
        r"^\s*(?:test \S+ \.\.\. |FAIL: (?:test|\w+ \(|\S+\.go:)|ERROR: test_|ok \d+ |not ok \d+ |# Subtest: |Scenario: |Test(?:ing)? (?:case|suite) )",
    ),
    (
        Kind::Command,
        r"^\s*(?:\++ \S|\$ \S|> \S+@\S+ |Running command |Step \d+/\d+ :|RUN |COPY |#\d+ \[|>\s+\[|executing: )",
    ),
    (
        Kind::Warning,
        r"\b(?:retrying (?:in|after|\(|with|request|fetch|download|\d)|will (?:be )?retr(?:y|ied)|retrying\.\.\.|trying again in|(?:tries|attempts|retries) (?:remaining|left)|retry (?:attempt )?#?\d+|attempt #?\d+ (?:of \d+ )?failed)",
    ),
    (
        Kind::Warning,
        r"^\s*(?:retrying\b|(?:warning|warn|deprecated|deprecationwarning)\b(?:\[[^\]]*\])?\s*:|warning: |WARN(?:ING)? )",
    ),
    (
        Kind::Warning,
        r"\b(?:continuing(?: (?:anyway|without|with) .{0,60}| anyway)?|ignor(?:ed|ing)|non-fatal|not fatal)[.)\]]*\s*$",
    ),
    // What a commit, a vulnerability or a check of a script is about.
    (Kind::Quoted, r"^HEAD is now at |^Switched to |^\W*input: |^\[[\w/.-]+ [0-9a-f]{7,}\] "),
    (Kind::Diagnostic, r"\bCVE-\d{4}-\d|\bGHSA-\w{4}-|\bSC\d{4}\b"),
    (Kind::Warning, r"^\S+:\d+(?::\d+)?: (?:warning|note)\b|\): warning |\bwarning (?:TS|CS|MSB|NU)\d+"),
    (Kind::Diagnostic, r"^error\[[A-Z]+\d+\]"),
    (
        Kind::Diagnostic,
        r"(?:^|[\s(])(?:[\w@.~+-]*[/\\])*[\w@.+-]+\.(?:c|cc|cpp|cxx|h|hpp|go|rs|[cm]?[jt]sx?|java|kts?|scala|swift|py|cs|vb|fs|proto|mm?|php|rb|dart|zig|hs|mli?|exs?|vue|svelte|s[ac]ss|less|tf|sol)(?::\[?\d+[,:]\d+\]?|\(\d+,\d+\)|:\d+)\s*[:)-]?\s",
    ),
    (Kind::Diagnostic, r"\berror (?:TS|CS|MSB|NU|LNK|C|FS|BC)\d{3,5}\b|^\s+\d+:\d+\s+error\s"),
    (Kind::Diagnostic, r"^[ew]: (?:file:|/|\S+\.kts?\b)"),
    (
        Kind::Assertion,
        r"\b(?:assert(?:ion)?(?:_\w+| failed|error)|assertionfailed\w*|comparisonfailure|asserterror|expectationfailed)\b|\bassert(?:s|that|equals|true|false)?\s*[(.]|^e\s+assert\b",
    ),
    (
        Kind::Assertion,
        r"\bexpect(?:ed)?\b\W.*\b(?:but|got|actual|received|to (?:be|equal|have|contain|match|include|throw|return|find|see))\b|\bexpect\(|^\s*(?:expected|actual|received|got|want|left|right|messages)\s*[:=]|\b(?:got|want)\b.+\b(?:want|got)\b|\bshould (?:be|equal|have|return|contain|match)\b.+\b(?:but|was|got|found)\b",
    ),
    (Kind::Info, r"^\s*(?:info|debug|trace|notice|verbose)\b\s*[:\]|]"),
];

fn kind(text: &str, level: Level) -> Kind {
    static SET: OnceLock<Matcher> = OnceLock::new();
    let set = SET.get_or_init(|| Matcher::new(&KINDS.map(|(_, pattern)| pattern)));
    let found = set.first(text).and_then(|index| KINDS.get(index));
    match (found, level) {
        (Some((kind, _)), _) => *kind,
        (None, Level::None | Level::Error) => Kind::Plain,
        (None, Level::Warning) => Kind::Warning,
        (None, Level::Info) => Kind::Info,
        (None, Level::Command) => Kind::Command,
    }
}

fn is_retry(text: &str) -> bool {
    text.to_ascii_lowercase().contains("retr")
}

/// One expression of this module, without regard to case. All of them are constants, and a test compiles
/// each; one that does not compile would match nothing.
pub(super) fn expression(pattern: &str) -> Regex {
    let nothing = || Regex::new(r"[^\s\S]");
    #[expect(clippy::expect_used, reason = "the second expression is a constant that a test compiles")]
    RegexBuilder::new(pattern)
        .unicode(false)
        .case_insensitive(true)
        .build()
        .or_else(|_| nothing())
        .expect("a constant expression compiles")
}
