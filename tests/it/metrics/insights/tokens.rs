//! The words of a query.

/// One word.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// A name, with or without back-ticks; keywords are names too.
    Name(String),
    /// A name in back-ticks, which is never a keyword.
    Quoted(String),
    Text(String),
    Pattern(String),
    Number(f64),
    /// A number with a unit of time, in seconds.
    Duration(i64),
    Sign(&'static str),
}

const SIGNS: [&str; 16] = ["!=", ">=", "<=", "=", ">", "<", "(", ")", "[", "]", ",", "|", "+", "-", "*", "/"];

/// Takes a query apart. A comment goes from `#` to the end of its line.
pub fn tokens(query: &str) -> Result<Vec<Token>, String> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        let until = |rest: &str, end: char| -> Result<(String, usize), String> {
            let inner = &rest[1..];
            let at = inner.find(end).ok_or_else(|| format!("`{end}` is not closed"))?;
            Ok((inner[..at].to_owned(), at + 2))
        };
        let after_like = matches!(tokens.last(), Some(Token::Name(name)) if name == "like");
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '\'' | '"' => {
                let (text, length) = until(rest, first)?;
                tokens.push(Token::Text(text));
                length
            }
            '`' => {
                let (name, length) = until(rest, '`')?;
                tokens.push(Token::Quoted(name));
                length
            }
            '/' if after_like => {
                let (pattern, length) = until(rest, '/')?;
                tokens.push(Token::Pattern(pattern));
                length
            }
            '0'..='9' => {
                let length =
                    rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
                tokens.push(number(&rest[..length])?);
                length
            }
            c if c.is_ascii_alphabetic() || c == '@' || c == '_' => {
                let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@');
                let length = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
                tokens.push(Token::Name(rest[..length].to_owned()));
                length
            }
            c => {
                let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
                let sign = sign.ok_or_else(|| format!("`{c}` is not known here"))?;
                tokens.push(Token::Sign(sign));
                sign.len()
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn number(text: &str) -> Result<Token, String> {
    if let Ok(number) = text.parse() {
        return Ok(Token::Number(number));
    }
    let unknown = || format!("`{text}` is no number");
    let (digits, unit) = text.split_at(text.len() - 1);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(unknown()),
    };
    digits.parse::<i64>().map(|number| Token::Duration(number * seconds)).map_err(|_| unknown())
}
