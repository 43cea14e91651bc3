//! Holds the rules of the source tree that no compiler knows: who may use whom, what the pure core keeps out, how files
//! are kept. Every rule is a test of its own, and each checker is tried on code that breaks its rule. It reads tokens,
//! it does not compile: names that a macro makes up are beyond it.

mod habits;
mod layers;
mod lexer;
mod links;
mod machine;
mod paths;
mod purity;
// It holds the README against all of the commands.
#[cfg(all(feature = "aws", feature = "serve"))]
mod readme;
mod scoreboard;
mod tree;

use std::fmt;

/// One place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Fails with every finding, the rule and what to do instead.
#[track_caller]
fn hold(rule: &str, findings: &[Finding]) {
    let list: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(findings.is_empty(), "{rule}\n  {}\n", list.join("\n  "));
}

/// `path:line` of every finding, for the tests of the checkers.
fn places(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{}:{}", finding.path, finding.line)).collect()
}
