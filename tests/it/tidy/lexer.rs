//! Takes Rust source apart into code and comments, and code into tokens. Literals are dropped: nothing that a rule looks
//! for counts inside one.

use std::iter::Peekable;
use std::str::Chars;

/// The same text twice, each with the other's characters blanked, so that lines stay where they are.
#[derive(Debug, Default)]
pub struct Masked {
    /// Without comments and literals.
    pub code: String,
    /// The comments alone.
    pub comments: String,
}

/// One identifier, number or lifetime name, `::`, or other single character of the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub line: usize,
    pub text: String,
}

impl Token {
    pub fn is_identifier(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

enum Kind {
    Code,
    Comment,
    Literal,
}

impl Masked {
    fn push(&mut self, c: char, kind: &Kind) {
        let blank = if c == '\n' { '\n' } else { ' ' };
        self.code.push(if matches!(kind, Kind::Code) { c } else { blank });
        self.comments.push(if matches!(kind, Kind::Comment) { c } else { blank });
    }

    /// Moves characters over until `text` has been moved.
    fn push_through(&mut self, rest: &mut Peekable<Chars<'_>>, text: &str, kind: &Kind) {
        let mut seen = String::new();
        for c in rest.by_ref() {
            self.push(c, kind);
            seen.push(c);
            if seen.ends_with(text) {
                return;
            }
        }
    }
}

/// Separates code, comments and literals.
pub fn mask(text: &str) -> Masked {
    let mut masked = Masked::default();
    let mut rest = text.chars().peekable();
    let mut word = String::new();
    while let Some(c) = rest.next() {
        let before = std::mem::take(&mut word);
        match (c, rest.peek().copied()) {
            ('/', Some('/')) => {
                masked.push(c, &Kind::Comment);
                masked.push_through(&mut rest, "\n", &Kind::Comment);
            }
            ('/', Some('*')) => block_comment(&mut masked, &mut rest),
            ('"' | '#', _) if matches!(before.as_str(), "r" | "br" | "cr") => {
                raw_string(&mut masked, &mut rest, c);
            }
            ('"', _) => {
                masked.push(c, &Kind::Literal);
                quoted(&mut masked, &mut rest, '"');
            }
            ('\'', Some(first)) => {
                let mut ahead = rest.clone();
                ahead.next();
                if first == '\\' || ahead.next() == Some('\'') {
                    masked.push(c, &Kind::Literal);
                    quoted(&mut masked, &mut rest, '\'');
                } else {
                    masked.push(' ', &Kind::Code);
                }
            }
            _ => {
                masked.push(c, &Kind::Code);
                if c.is_alphanumeric() || c == '_' {
                    word = before;
                    word.push(c);
                }
            }
        }
    }
    masked
}

fn block_comment(masked: &mut Masked, rest: &mut Peekable<Chars<'_>>) {
    masked.push('/', &Kind::Comment);
    let mut depth = 0;
    let mut last = '/';
    for c in rest.by_ref() {
        masked.push(c, &Kind::Comment);
        match (last, c) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                last = c;
                continue;
            }
        }
        if depth == 0 {
            return;
        }
        last = ' ';
    }
}

/// From the first `#` or `"` after the `r` on; a raw identifier such as `r#type` stays code.
fn raw_string(masked: &mut Masked, rest: &mut Peekable<Chars<'_>>, first: char) {
    let mut hashes = String::new();
    if first == '#' {
        hashes.push('#');
        while rest.next_if_eq(&'#').is_some() {
            hashes.push('#');
        }
        if rest.next_if_eq(&'"').is_none() {
            masked.push(' ', &Kind::Code);
            return;
        }
    }
    for c in hashes.chars().chain(['"']) {
        masked.push(c, &Kind::Literal);
    }
    masked.push_through(rest, &format!("\"{hashes}"), &Kind::Literal);
}

fn quoted(masked: &mut Masked, rest: &mut Peekable<Chars<'_>>, end: char) {
    while let Some(c) = rest.next() {
        masked.push(c, &Kind::Literal);
        if c == end {
            return;
        }
        if c == '\\'
            && let Some(escaped) = rest.next()
        {
            masked.push(escaped, &Kind::Literal);
        }
    }
}

/// The tokens of masked code.
pub fn tokens(code: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let mut rest = line.chars().peekable();
        while let Some(c) = rest.next() {
            let mut text = String::from(c);
            if c.is_alphanumeric() || c == '_' {
                while let Some(more) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    text.push(more);
                }
            } else if c == ':' && rest.next_if_eq(&':').is_some() {
                text.push(':');
            } else if c.is_whitespace() {
                continue;
            }
            tokens.push(Token { line: index + 1, text });
        }
    }
    tokens
}

/// The tokens without the items under `#[cfg(test)]`, and the names of the modules among those whose text is in a file
/// of its own.
pub fn production(all: &[Token]) -> (Vec<Token>, Vec<String>) {
    const TEST_ONLY: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut test_modules = Vec::new();
    let mut rest = all;
    while let Some((token, after)) = rest.split_first() {
        let test_only = rest.len() >= TEST_ONLY.len()
            && rest.iter().zip(TEST_ONLY).all(|(token, text)| token.text == text);
        if !test_only {
            kept.push(token.clone());
            rest = after;
            continue;
        }
        let (item, beyond) = split_item(rest);
        rest = beyond;
        let tail: Vec<&str> = item.iter().map(|token| token.text.as_str()).collect();
        if let [.., "mod", name, ";"] = tail.as_slice() {
            test_modules.push((*name).to_owned());
        }
    }
    (kept, test_modules)
}

/// Cuts after the item that starts here: after its first block, or its semicolon outside brackets.
fn split_item(tokens: &[Token]) -> (&[Token], &[Token]) {
    let mut brackets = 0_i32;
    let mut braces = 0_i32;
    for (index, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "(" | "[" => brackets += 1,
            ")" | "]" => brackets -= 1,
            "{" => braces += 1,
            "}" => braces -= 1,
            ";" if brackets == 0 && braces == 0 => return tokens.split_at(index + 1),
            _ => continue,
        }
        if token.text == "}" && braces <= 0 {
            return tokens.split_at(index + 1);
        }
    }
    (tokens, &[])
}

#[test]
fn comments_and_literals_are_told_from_code() {
    let text = r##"let a = "async // no \" comment"; // await
/* one /* two */ unsafe */ let b = r#"raw " "async"#; let c = b'"'; let d: &'static str = '\'';
let r#type = x; /// rand::random"##;
    let masked = mask(text);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        words(&masked.code),
        "let a = ; let b = r ; let c = b ; let d: & static str = ; let r type = x;"
    );
    assert_eq!(words(&masked.comments), "// await /* one /* two */ unsafe */ /// rand::random");
    assert_eq!(masked.code.lines().count(), text.lines().count());
}

#[test]
fn items_for_tests_are_cut_out() {
    let text = "use a::b;\n#[cfg(test)]\nmod tests {\n fn f() { x } }\n#[cfg(test)]\n#[rustfmt::skip]\nmod far;\n\
                #[cfg(test)]\nfn g(x: [u8; 2]) { y }\nfn kept() {}\n#[cfg(not(test))]\nfn too() {}";
    let (kept, modules) = production(&tokens(&mask(text).code));
    let kept: Vec<&str> = kept.iter().map(|token| token.text.as_str()).collect();
    assert_eq!(kept.join(" "), "use a :: b ; fn kept ( ) { } # [ cfg ( not ( test ) ) ] fn too ( ) { }");
    assert_eq!(modules, ["far"]);
}
