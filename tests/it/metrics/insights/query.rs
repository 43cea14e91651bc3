//! Queries: commands one after the other, each on what the one before left.

use std::collections::{BTreeMap, BTreeSet};

use super::expression::{Expression, Tokens, expect, takes, takes_word};
use super::tokens::{Token, tokens};
use super::{Row, Value};
use crate::metrics::cloudwatch::{float, of as of_statistic};

/// A query.
#[derive(Debug)]
pub struct Query(Vec<Command>);

#[derive(Debug)]
enum Command {
    Fields(Vec<(Expression, String)>),
    Filter(Expression),
    Stats(Vec<(Aggregate, String)>, Vec<(Expression, String)>),
    Sort(Vec<(Expression, bool)>),
    Limit(usize),
}

#[derive(Debug)]
struct Aggregate {
    function: String,
    /// None for `count(*)`.
    of: Option<Expression>,
    /// The percentile.
    rank: f64,
}

/// How many rows Insights shows where a query does not say.
const MOST_ROWS: usize = 10_000;

impl Query {
    pub fn read(text: &str) -> Result<Self, String> {
        let mut tokens = tokens(text)?.into_iter().peekable();
        let mut commands = Vec::new();
        loop {
            commands.push(command(&mut tokens)?);
            if tokens.peek().is_none() {
                return Ok(Self(commands));
            }
            expect(&mut tokens, "|")?;
        }
    }

    /// The fields of events that it looks at.
    pub fn fields(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for command in &self.0 {
            match command {
                Command::Fields(all) => {
                    for (expression, _) in all {
                        expression.fields(&mut names);
                    }
                }
                Command::Filter(condition) => condition.fields(&mut names),
                Command::Stats(aggregates, by) => {
                    aggregates
                        .iter()
                        .filter_map(|(of, _)| of.of.as_ref())
                        .for_each(|of| of.fields(&mut names));
                    for (expression, _) in by {
                        expression.fields(&mut names);
                    }
                    // What follows looks at what this has made.
                    return names;
                }
                Command::Sort(_) | Command::Limit(_) => {}
            }
        }
        names
    }

    /// Its columns, and the rows of its answer.
    pub fn run(&self, events: &[Row]) -> (Vec<String>, Vec<Vec<Value>>) {
        let mut rows: Vec<Row> = events.to_vec();
        let mut columns: Vec<String> = Vec::new();
        for command in &self.0 {
            match command {
                Command::Fields(all) => {
                    for row in &mut rows {
                        for (expression, name) in all {
                            let value = expression.of(row);
                            if value != Value::Missing {
                                row.insert(name.clone(), value);
                            }
                        }
                    }
                    columns.extend(all.iter().map(|(_, name)| name.clone()));
                }
                Command::Filter(condition) => rows.retain(|row| condition.of(row) == Value::Truth(true)),
                Command::Stats(aggregates, by) => {
                    rows = grouped(&rows, aggregates, by);
                    columns = by.iter().map(|(_, name)| name.clone()).collect();
                    columns.extend(aggregates.iter().map(|(_, name)| name.clone()));
                }
                Command::Sort(keys) => rows.sort_by(|left, right| {
                    let orders = keys.iter().map(|(key, descending)| {
                        let order = order(&key.of(left), &key.of(right));
                        if *descending { order.reverse() } else { order }
                    });
                    orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
                }),
                Command::Limit(most) => rows.truncate(*most),
            }
        }
        rows.truncate(MOST_ROWS);
        let cell = |row: &Row, name: &String| row.get(name).cloned().unwrap_or(Value::Missing);
        let cells = rows.iter().map(|row| columns.iter().map(|name| cell(row, name)).collect());
        let cells = cells.collect();
        (columns, cells)
    }
}

fn order(left: &Value, right: &Value) -> std::cmp::Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.total_cmp(right),
        (left, right) => left.shown().cmp(&right.shown()),
    }
}

/// `as NAME`, or the text of what it stands for.
fn alias(tokens: &mut Tokens, otherwise: &str) -> Result<String, String> {
    if !takes_word(tokens, "as") {
        return Ok(otherwise.to_owned());
    }
    match tokens.next() {
        Some(Token::Name(name) | Token::Quoted(name)) => Ok(name),
        other => Err(format!("{other:?} is no name")),
    }
}

/// A value with its name.
fn named(tokens: &mut Tokens) -> Result<(Expression, String), String> {
    let expression = Expression::value(tokens)?;
    let otherwise = match &expression {
        Expression::Field(name) => name.clone(),
        other => format!("{other:?}"),
    };
    let name = alias(tokens, &otherwise)?;
    Ok((expression, name))
}

fn list<T>(tokens: &mut Tokens, one: impl Fn(&mut Tokens) -> Result<T, String>) -> Result<Vec<T>, String> {
    let mut all = vec![one(tokens)?];
    while takes(tokens, ",") {
        all.push(one(tokens)?);
    }
    Ok(all)
}

fn command(tokens: &mut Tokens) -> Result<Command, String> {
    let Some(Token::Name(name)) = tokens.next() else { return Err("a command is missing".into()) };
    match name.as_str() {
        "fields" => list(tokens, named).map(Command::Fields),
        "filter" => Expression::condition(tokens).map(Command::Filter),
        "stats" => {
            let aggregates = list(tokens, aggregate)?;
            let by = if takes_word(tokens, "by") { list(tokens, named)? } else { Vec::new() };
            Ok(Command::Stats(aggregates, by))
        }
        "sort" => {
            let keys = list(tokens, |tokens| {
                let key = Expression::value(tokens)?;
                let descending = takes_word(tokens, "desc");
                let _ = takes_word(tokens, "asc");
                Ok((key, descending))
            });
            keys.map(Command::Sort)
        }
        "limit" => match tokens.next() {
            Some(Token::Number(most)) => {
                most.to_string().parse().map(Command::Limit).map_err(|_| format!("a limit of {most}"))
            }
            other => Err(format!("a limit of {other:?}")),
        },
        other => Err(format!("command `{other}` is not known here")),
    }
}

/// The functions that are known here.
const KNOWN: [&str; 8] = ["count", "count_distinct", "sum", "avg", "min", "max", "pct", "latest"];

fn aggregate(tokens: &mut Tokens) -> Result<(Aggregate, String), String> {
    let Some(Token::Name(function)) = tokens.next() else { return Err("no function to count with".into()) };
    if !KNOWN.contains(&function.as_str()) {
        return Err(format!("`{function}` is not known here"));
    }
    expect(tokens, "(")?;
    let of = if function == "count" && takes(tokens, "*") { None } else { Some(Expression::value(tokens)?) };
    let mut rank = 0.0;
    if function == "pct" {
        expect(tokens, ",")?;
        let Some(Token::Number(number)) = tokens.next() else { return Err("no percentile".into()) };
        rank = number;
    }
    expect(tokens, ")")?;
    let name = alias(tokens, &function)?;
    Ok((Aggregate { function, of, rank }, name))
}

fn grouped(rows: &[Row], aggregates: &[(Aggregate, String)], by: &[(Expression, String)]) -> Vec<Row> {
    let mut groups: BTreeMap<Vec<String>, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let key = by.iter().map(|(expression, _)| expression.of(row).shown()).collect();
        groups.entry(key).or_default().push(row);
    }
    if by.is_empty() {
        groups.entry(Vec::new()).or_default();
    }
    let of_group = |rows: Vec<&Row>| {
        let mut result = Row::new();
        if let Some(first) = rows.first() {
            for (expression, name) in by {
                result.insert(name.clone(), expression.of(first));
            }
        }
        for (aggregate, name) in aggregates {
            result.insert(name.clone(), aggregate.over(&rows));
        }
        result
    };
    groups.into_values().map(of_group).collect()
}

impl Aggregate {
    fn over(&self, rows: &[&Row]) -> Value {
        let Some(of) = &self.of else { return Value::Number(float(rows.len())) };
        let values: Vec<Value> =
            rows.iter().map(|row| of.of(row)).filter(|value| *value != Value::Missing).collect();
        let numbers = || -> Vec<f64> {
            let number = |value: &Value| match value {
                Value::Number(number) => Some(*number),
                _ => None,
            };
            values.iter().filter_map(number).collect()
        };
        match self.function.as_str() {
            "count" => Value::Number(float(values.len())),
            "count_distinct" => {
                let distinct: BTreeSet<String> = values.iter().map(Value::shown).collect();
                Value::Number(float(distinct.len()))
            }
            "latest" => values.last().cloned().unwrap_or(Value::Missing),
            _ if numbers().is_empty() => Value::Missing,
            "sum" => Value::Number(numbers().iter().sum()),
            "avg" => Value::Number(numbers().iter().sum::<f64>() / float(numbers().len())),
            "min" => Value::Number(numbers().into_iter().fold(f64::INFINITY, f64::min)),
            "max" => Value::Number(numbers().into_iter().fold(f64::NEG_INFINITY, f64::max)),
            _ => Value::Number(of_statistic(&format!("p{}", self.rank), numbers())),
        }
    }
}
