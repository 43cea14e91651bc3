//! Resolves the paths that a file mentions, in `use` and elsewhere, as far as its own imports tell. It knows no rule.

use std::collections::BTreeMap;
use std::iter::{Peekable, Skip};
use std::slice::Iter;

use super::lexer::Token;
use super::tree::Source;

/// A path from its root on: `crate`, or the name of another crate. An unknown capitalised root is a type of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub line: usize,
    pub path: Vec<String>,
}

impl Reference {
    /// Whether this is `of` (such as `std::env`) or lies within it, or is a glob that brings it in.
    pub fn is_within(&self, of: &str) -> bool {
        let mut own = self.path.iter();
        for wanted in of.split("::") {
            match own.next().map(String::as_str) {
                Some("*") => return true,
                Some(name) if name == wanted => {}
                _ => return false,
            }
        }
        true
    }

    /// The path as Rust writes it.
    pub fn spelled(&self) -> String {
        self.path.join("::")
    }
}

/// Every path that production code mentions.
pub fn references(source: &Source) -> Vec<Reference> {
    let tokens = &source.production;
    let modules = modules(tokens, &source.module());
    let module_at = |index: usize| modules.get(index).map_or(&[][..], Vec::as_slice);
    let mut names = Names::default();
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if starts_import(tokens, index) {
            let mut leaves = Vec::new();
            let mut rest = tokens.iter().skip(index + 1).peekable();
            import_leaves(&mut rest, Vec::new(), &mut leaves);
            for leaf in leaves {
                let path = names.resolve(&leaf.path, module_at(index));
                if let Some(name) = leaf.binds {
                    names.0.insert(name, path.clone());
                }
                let line = leaf.line;
                found.push(Reference { line, path });
            }
        } else if preceded_by(tokens, index, "crate") && preceded_by(tokens, index - 1, "extern") {
            let line = token.line;
            let path = vec![token.text.clone()];
            found.push(Reference { line, path });
        } else if token.is_identifier() && preceded_by(tokens, index, "mod") {
            let module = module_at(index.saturating_sub(1));
            let path = ["crate"].into_iter().chain(module.iter().map(String::as_str));
            let path = path.chain([token.text.as_str()]).map(str::to_owned).collect();
            names.0.insert(token.text.clone(), path);
        }
    }
    let mut importing = false;
    for (index, token) in tokens.iter().enumerate() {
        importing = starts_import(tokens, index) || importing && token.text != ";";
        if !importing && let Some(path) = inline_path(tokens, index) {
            let line = token.line;
            let path = names.resolve(&path, module_at(index));
            found.push(Reference { line, path });
        }
    }
    found.sort_by_key(|reference| reference.line);
    found
}

/// Whether a `use` declaration starts here; `use<'a>` in a type is none.
fn starts_import(tokens: &[Token], index: usize) -> bool {
    let next = tokens.get(index + 1);
    tokens.get(index).is_some_and(|token| token.text == "use")
        && next.is_some_and(|next| next.is_identifier() || matches!(next.text.as_str(), "::" | "{"))
}

fn preceded_by(tokens: &[Token], index: usize, text: &str) -> bool {
    index.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|token| token.text == text)
}

/// `a::b::c` that starts at this token; nothing for the middle of a path and for a macro's own `$name::b`.
fn inline_path(tokens: &[Token], index: usize) -> Option<Vec<String>> {
    let first = tokens.get(index)?;
    let in_macro = preceded_by(tokens, index, "$") && first.text != "crate";
    if !first.is_identifier() || preceded_by(tokens, index, "::") && !is_rooted(tokens, index) || in_macro {
        return None;
    }
    let mut path = vec![first.text.clone()];
    let mut rest = tokens.get(index + 1..)?;
    while let [colons, name, after @ ..] = rest
        && colons.text == "::"
        && name.is_identifier()
    {
        path.push(name.text.clone());
        rest = after;
    }
    let called = rest.first().is_some_and(|token| token.text == "!");
    if called {
        // A macro: `std::env!` is not the module `std::env`.
        let name = path.last_mut()?;
        name.push('!');
    }
    (path.len() > 1).then_some(path)
}

/// `::name`, with nothing before it that it could belong to.
fn is_rooted(tokens: &[Token], index: usize) -> bool {
    index
        .checked_sub(2)
        .and_then(|before| tokens.get(before))
        .is_none_or(|token| !token.is_identifier() && token.text != ">")
}

/// The module that each token is in, with `mod name { … }` counted.
fn modules(tokens: &[Token], file: &[String]) -> Vec<Vec<String>> {
    let mut current = file.to_vec();
    let mut inner: Vec<usize> = Vec::new();
    let mut depth = 0;
    let mut opens: Option<&str> = None;
    let mut modules = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => {
                depth += 1;
                if let Some(name) = opens.take() {
                    current.push(name.to_owned());
                    inner.push(depth);
                }
            }
            "}" => {
                if inner.last() == Some(&depth) {
                    inner.pop();
                    current.pop();
                }
                depth = depth.saturating_sub(1);
            }
            ";" => opens = None,
            _ if preceded_by(tokens, index, "mod") => opens = Some(&token.text),
            _ => {}
        }
        modules.push(current.clone());
    }
    modules
}

/// What the file's imports and module declarations call what.
#[derive(Default)]
struct Names(BTreeMap<String, Vec<String>>);

impl Names {
    fn resolve(&self, path: &[String], module: &[String]) -> Vec<String> {
        let mut rest = path.iter().map(String::as_str).peekable();
        let here = || ["crate"].into_iter().chain(module.iter().map(String::as_str));
        let mut resolved: Vec<String> = match rest.next_if(|name| *name != "super") {
            Some("crate") => vec!["crate".to_owned()],
            Some("self") | None => here().map(str::to_owned).collect(),
            Some(root) => self.0.get(root).cloned().unwrap_or_else(|| vec![root.to_owned()]),
        };
        while rest.next_if_eq(&"super").is_some() {
            resolved.pop();
        }
        resolved.extend(rest.map(str::to_owned));
        resolved
    }
}

/// One leaf of `use a::{b, c as d, e::*};` and the name that it binds.
struct Leaf {
    line: usize,
    path: Vec<String>,
    binds: Option<String>,
}

fn import_leaves(rest: &mut Peekable<Skip<Iter<'_, Token>>>, mut path: Vec<String>, leaves: &mut Vec<Leaf>) {
    let outside = path.clone();
    while let Some(token) = rest.next() {
        let line = token.line;
        match token.text.as_str() {
            "::" => continue,
            "{" => {
                while rest.next_if(|token| token.text == "}").is_none() && rest.peek().is_some() {
                    import_leaves(rest, path.clone(), leaves);
                    rest.next_if(|token| token.text == ",");
                }
                return;
            }
            "*" => {
                path.push("*".to_owned());
                leaves.push(Leaf { line, path, binds: None });
                return;
            }
            "self" if !outside.is_empty() => {}
            name => path.push(name.to_owned()),
        }
        if rest.peek().is_some_and(|token| token.text == "::") {
            continue;
        }
        let renamed = rest.next_if(|token| token.text == "as").and_then(|_| rest.next());
        let binds = renamed.map(|name| name.text.clone()).or_else(|| path.last().cloned());
        leaves.push(Leaf { line, path, binds });
        return;
    }
}

#[test]
fn paths_are_resolved_from_their_root() {
    let text = "use std::{env, fmt::{self, Display as D}, fs::*};\nuse super::ids::Name;\nuse crate::engine;\n\
                mod inner { use super::super::far; fn f() { self::g(); } }\n\
                fn f() -> impl D + use<'a> { env::var(); engine::run(); Name::new::<u8>(); serde_json::json!(1); fmt::Error }\n\
                fn g() { inner::h(); ::rand::random(); <T as Iterator>::next(); $name::Variant; $crate::x; later::y }\n\
                mod later;\nfn h() { super::k(); Vec::new(); } extern crate old;";
    let sources = super::tree::snippets(&[("src/domain/budget.rs", text)]);
    let spelled: Vec<String> = sources
        .iter()
        .flat_map(references)
        .map(|found| format!("{} {}", found.line, found.spelled()))
        .collect();
    assert_eq!(
        spelled,
        [
            "1 std::env",
            "1 std::fmt",
            "1 std::fmt::Display",
            "1 std::fs::*",
            "2 crate::domain::ids::Name",
            "3 crate::engine",
            "4 crate::domain::far",
            "4 crate::domain::budget::inner::g",
            "5 std::env::var",
            "5 crate::engine::run",
            "5 crate::domain::ids::Name::new",
            "5 serde_json::json!",
            "5 std::fmt::Error",
            "6 crate::domain::budget::inner::h",
            "6 rand::random",
            "6 crate::x",
            "6 crate::domain::budget::later::y",
            "8 old",
            "8 crate::domain::k",
            "8 Vec::new",
        ]
    );
}

#[test]
fn a_glob_may_bring_anything_in() {
    let within = |path: &str, of| {
        let path = path.split("::").map(str::to_owned).collect();
        Reference { line: 1, path }.is_within(of)
    };
    assert!(within("std::env", "std::env"));
    assert!(within("std::env::var", "std::env"));
    assert!(within("std::*", "std::env"));
    assert!(!within("std::env!", "std::env"));
    assert!(!within("std", "std::env"));
    assert!(!within("std::fs", "std::env"));
}
