//! The policy file: from YAML text to [`Policy`], or to everything that is wrong with it at once.
//!
//! It reads no files: text comes in, findings with exact places go out. What a policy means is [`crate::domain`]'s.
//!
//! The budgets of a file are added to the built-in `region` and `pipeline`, and one of the same name replaces them. A
//! `backoff` is given whole, with `factor: 2` and `jitter: equal` unless it says otherwise.

mod classifiers;
mod compile;
mod diagnostic;
mod document;
mod form;
mod freezes;
mod keys;
pub mod limits;
pub(crate) mod near;
mod node;
mod order;
mod patterns;
mod quantity;
mod reach;
mod read;
pub mod render;
mod schema;
mod settings;
mod source;
mod version;

pub use diagnostic::{Code, Diagnostic, Related, Severity};
pub use quantity::duration;
pub use schema::schema;
pub use source::{Place, Source, Span};

use serde_json::{Value, json};

use crate::domain::policy::Policy;

use document::Document;
use read::Findings;

/// What came of a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The policy, if no finding is an error.
    pub policy: Option<Policy>,
    /// Every finding, in the order of their places.
    pub diagnostics: Vec<Diagnostic>,
    /// The text that the places belong to.
    pub source: Source,
}

/// Reads a policy; `name` is what the findings call it.
pub fn load(name: &str, text: &str) -> Loaded {
    let mut findings = Findings::default();
    let policy = read(text, &mut findings);
    Loaded { policy, diagnostics: findings.into_sorted(), source: Source::new(name, text) }
}

/// Reads a policy from bytes that may turn out not to be text.
pub fn load_bytes(name: &str, bytes: &[u8]) -> Loaded {
    let bytes = bytes.get(..limits::FILE_BYTES + 1).unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Err(error) if bytes.len() <= limits::FILE_BYTES => {
            let at = error.valid_up_to();
            let span = Span { start: at, end: at };
            let finding = Diagnostic::new(Code::Syntax, span, "the file is not text in UTF-8");
            Loaded {
                policy: None,
                diagnostics: vec![finding],
                source: Source::new(name, String::from_utf8_lossy(bytes)),
            }
        }
        _ => load(name, &String::from_utf8_lossy(bytes)),
    }
}

/// The errors among the findings as a log line has them: code, place and message, and nothing more of the text.
pub fn errors(source: &Source, findings: &[Diagnostic]) -> Vec<Value> {
    let errors = findings.iter().filter(|finding| finding.severity() == Severity::Error);
    let shown = errors.map(|finding| {
        let Place { line, column } = source.place(finding.span);
        json!({ "code": finding.code.as_str(), "line": line, "column": column, "message": finding.message })
    });
    shown.collect()
}

fn read(text: &str, findings: &mut Findings) -> Option<Policy> {
    if text.len() > limits::FILE_BYTES {
        let message = format!("a policy has at most {} KiB", limits::FILE_BYTES / 1024);
        findings.push(Diagnostic::new(Code::TooLarge, Span::START, message));
        return None;
    }
    let root = node::parse(text).map_err(|finding| findings.push(finding)).ok()?;
    let document = Document::read(&root, findings);
    compile::compile(document, version::of(text), findings)
}
