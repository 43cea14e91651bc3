//! Expressions over the fields of an event.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::vec::IntoIter;

use jiff::Timestamp;
use regex::Regex;

use super::tokens::Token;
use super::{Row, Value};

pub type Tokens = Peekable<IntoIter<Token>>;

/// An expression.
#[derive(Debug, Clone)]
pub enum Expression {
    Field(String),
    Constant(Value),
    /// Of numbers.
    Arithmetic(Box<Self>, &'static str, Box<Self>),
    Compare(Box<Self>, &'static str, Box<Self>),
    Like(Box<Self>, Box<Regex>),
    In(Box<Self>, Vec<Value>),
    IsPresent(String),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    /// The beginning of the span of so many seconds that an event is in.
    Bin(i64),
}

use Expression as E;

/// Takes the sign if it comes next.
pub fn takes(tokens: &mut Tokens, sign: &str) -> bool {
    tokens.next_if(|token| matches!(token, Token::Sign(found) if *found == sign)).is_some()
}

/// Takes the keyword if it comes next.
pub fn takes_word(tokens: &mut Tokens, word: &str) -> bool {
    tokens.next_if(|token| matches!(token, Token::Name(found) if found == word)).is_some()
}

pub fn expect(tokens: &mut Tokens, sign: &str) -> Result<(), String> {
    if takes(tokens, sign) { Ok(()) } else { Err(format!("`{sign}` is missing before {:?}", tokens.peek())) }
}

impl Expression {
    /// A condition: comparisons with `and`, `or` and `not`.
    pub fn condition(tokens: &mut Tokens) -> Result<Self, String> {
        let mut left = Self::conjunction(tokens)?;
        while takes_word(tokens, "or") {
            left = E::Or(Box::new(left), Box::new(Self::conjunction(tokens)?));
        }
        Ok(left)
    }

    fn conjunction(tokens: &mut Tokens) -> Result<Self, String> {
        let mut left = Self::comparison(tokens)?;
        while takes_word(tokens, "and") {
            left = E::And(Box::new(left), Box::new(Self::comparison(tokens)?));
        }
        Ok(left)
    }

    fn comparison(tokens: &mut Tokens) -> Result<Self, String> {
        if takes_word(tokens, "not") {
            return Ok(E::Not(Box::new(Self::comparison(tokens)?)));
        }
        if takes(tokens, "(") {
            let inner = Self::condition(tokens)?;
            expect(tokens, ")")?;
            return Ok(inner);
        }
        let left = Self::value(tokens)?;
        if matches!(left, E::IsPresent(_)) {
            return Ok(left);
        }
        let left = Box::new(left);
        for sign in ["!=", ">=", "<=", "=", ">", "<"] {
            if takes(tokens, sign) {
                return Ok(E::Compare(left, sign, Box::new(Self::value(tokens)?)));
            }
        }
        if takes_word(tokens, "like") {
            let pattern = match tokens.next() {
                Some(Token::Pattern(pattern)) => pattern,
                Some(Token::Text(text)) => regex::escape(&text),
                other => return Err(format!("nothing is like {other:?}")),
            };
            let pattern = Regex::new(&pattern).map_err(|error| error.to_string())?;
            return Ok(E::Like(left, Box::new(pattern)));
        }
        if takes_word(tokens, "in") {
            expect(tokens, "[")?;
            let mut values = Vec::new();
            loop {
                match Self::value(tokens)? {
                    E::Constant(value) => values.push(value),
                    other => return Err(format!("{other:?} in a list")),
                }
                if !takes(tokens, ",") {
                    break;
                }
            }
            expect(tokens, "]")?;
            return Ok(E::In(left, values));
        }
        Err(format!("no comparison before {:?}", tokens.peek()))
    }

    /// A value: sums and products of fields and constants.
    pub fn value(tokens: &mut Tokens) -> Result<Self, String> {
        let mut left = Self::product(tokens)?;
        loop {
            let sign = if takes(tokens, "+") {
                "+"
            } else if takes(tokens, "-") {
                "-"
            } else {
                return Ok(left);
            };
            left = E::Arithmetic(Box::new(left), sign, Box::new(Self::product(tokens)?));
        }
    }

    fn product(tokens: &mut Tokens) -> Result<Self, String> {
        let mut left = Self::single(tokens)?;
        loop {
            let sign = if takes(tokens, "*") {
                "*"
            } else if takes(tokens, "/") {
                "/"
            } else {
                return Ok(left);
            };
            left = E::Arithmetic(Box::new(left), sign, Box::new(Self::single(tokens)?));
        }
    }

    fn single(tokens: &mut Tokens) -> Result<Self, String> {
        match tokens.next() {
            Some(Token::Number(number)) => Ok(E::Constant(Value::Number(number))),
            Some(Token::Text(text)) => Ok(E::Constant(Value::Text(text))),
            Some(Token::Quoted(name)) => Ok(E::Field(name)),
            Some(Token::Name(name)) if !takes(tokens, "(") => Ok(E::Field(name)),
            Some(Token::Name(function)) => {
                let argument = tokens.next();
                expect(tokens, ")")?;
                match (function.as_str(), argument) {
                    ("bin", Some(Token::Duration(seconds))) => Ok(E::Bin(seconds)),
                    ("ispresent", Some(Token::Name(name) | Token::Quoted(name))) => Ok(E::IsPresent(name)),
                    (_, argument) => Err(format!("`{function}` of {argument:?} is not known here")),
                }
            }
            other => Err(format!("{other:?} is no value")),
        }
    }

    /// The fields that it looks at.
    pub fn fields(&self, names: &mut BTreeSet<String>) {
        match self {
            E::Field(name) | E::IsPresent(name) => {
                names.insert(name.clone());
            }
            E::Constant(_) | E::Bin(_) => {}
            E::Like(inner, _) | E::In(inner, _) | E::Not(inner) => inner.fields(names),
            E::Arithmetic(left, _, right)
            | E::Compare(left, _, right)
            | E::And(left, right)
            | E::Or(left, right) => {
                left.fields(names);
                right.fields(names);
            }
        }
    }

    /// What it is for an event. A comparison with what is missing does not hold.
    pub fn of(&self, row: &Row) -> Value {
        let holds = |expression: &Self| expression.of(row) == Value::Truth(true);
        match self {
            E::Field(name) => row.get(name).cloned().unwrap_or(Value::Missing),
            E::Constant(value) => value.clone(),
            E::Arithmetic(left, sign, right) => match (left.of(row), right.of(row)) {
                (Value::Number(left), Value::Number(right)) => Value::Number(match *sign {
                    "+" => left + right,
                    "-" => left - right,
                    "*" => left * right,
                    _ => left / right,
                }),
                _ => Value::Missing,
            },
            E::Compare(left, sign, right) => Value::Truth(compares(&left.of(row), sign, &right.of(row))),
            E::Like(inner, pattern) => {
                Value::Truth(matches!(inner.of(row), Value::Text(text) if pattern.is_match(&text)))
            }
            E::In(inner, values) => Value::Truth(values.contains(&inner.of(row))),
            E::IsPresent(name) => Value::Truth(row.contains_key(name)),
            E::Not(inner) => Value::Truth(!holds(inner)),
            E::And(left, right) => Value::Truth(holds(left) && holds(right)),
            E::Or(left, right) => Value::Truth(holds(left) || holds(right)),
            E::Bin(seconds) => match row.get("@timestamp") {
                Some(Value::Text(at)) => {
                    let at = at.parse::<Timestamp>().unwrap().as_second();
                    let begin = Timestamp::from_second(at.div_euclid(*seconds) * seconds).unwrap();
                    Value::Text(format!("{begin:.3}"))
                }
                _ => Value::Missing,
            },
        }
    }
}

/// Truths are written 0 and 1 in queries, as Insights shows them.
fn compares(left: &Value, sign: &str, right: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Number(number) => Some(*number),
        Value::Truth(truth) => Some(f64::from(u8::from(*truth))),
        Value::Text(_) | Value::Missing => None,
    };
    let order = match (number(left), number(right), left, right) {
        (Some(left), Some(right), ..) => left.partial_cmp(&right),
        (.., Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        _ => None,
    };
    order.is_some_and(|order| match sign {
        "=" => order.is_eq(),
        "!=" => order.is_ne(),
        ">" => order.is_gt(),
        "<" => order.is_lt(),
        ">=" => order.is_ge(),
        _ => order.is_le(),
    })
}
