//! `retrier classify`: failure texts in, classes out.

mod input;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::error::CliError;
use super::exit::Exit;
use super::output::{self, Format};
use super::validate;
use crate::classify::{classify, excerpt, is_transient};
use crate::domain::class::{Class, Group};
use crate::domain::classifier::Classifier;
use crate::domain::evidence::{Classified, Text};
use input::Failure;

/// Longest line of input that is read, in bytes.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;

/// Tell what kind of failure a text speaks of
///
/// Plain text is one failure. JSON lines are one failure each, with `message` and, where they are known, `id`,
/// `provider`, `category`, `code` and `where` (errorDetails, summary, phaseContext, log, deployment, diagnostics,
/// stackEvent, changeSet); they are answered in order, one JSON line each. Secrets are taken out of what is cited.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier classify build.log
  aws logs tail /aws/codebuild/shop | retrier classify -
  retrier classify failures.jsonl --policy policy.yaml | jq -r 'select(.retryable) | .id'

Exit codes:
  0  every failure was classified
  1  some lines were refused; the others were classified
  2  the input or the policy cannot be read")]
pub(super) struct Classify {
    /// The text or the JSON lines, or `-` for standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Try the classifiers of this policy first
    #[arg(long)]
    policy: Option<PathBuf>,
    /// How to print the answers; unless given, plain text is answered in words and JSON lines in JSON
    #[arg(long, value_enum)]
    format: Option<Format>,
}

impl Classify {
    pub fn run(self) -> Result<Exit, CliError> {
        let classifiers = match &self.policy {
            Some(file) => own(file)?,
            None => Vec::new(),
        };
        let mut input = open(&self.file)?;
        let unreadable = |error: io::Error| CliError::unreadable(&self.file, &error);
        let mut first = Vec::new();
        let mut number = 0_u64;
        while first.trim_ascii().is_empty() {
            first.clear();
            number += 1;
            if next(&mut *input, &mut first).map_err(unreadable)? == 0 {
                break;
            }
        }
        if !input::is_json(&first) {
            input.take(LONGEST_LINE).read_to_end(&mut first).map_err(unreadable)?;
            let failure = Failure::of_text(&String::from_utf8_lossy(&first));
            output::data(&answer(&classifiers, &failure, self.format.unwrap_or(Format::Text))?)?;
            return Ok(Exit::Fine);
        }
        let format = self.format.unwrap_or(Format::Json);
        let mut exit = Exit::Fine;
        let mut line = first;
        loop {
            match input::read(&line) {
                Ok(None) => {}
                Ok(Some(failure)) => output::data(&answer(&classifiers, &failure, format)?)?,
                Err(what) => {
                    output::findings(&format!("error: line {number}: {what}\n"));
                    exit = Exit::Findings;
                }
            }
            line.clear();
            number += 1;
            if next(&mut *input, &mut line).map_err(unreadable)? == 0 {
                return Ok(exit);
            }
        }
    }
}

/// The classifiers of a policy.
fn own(file: &Path) -> Result<Vec<Classifier>, CliError> {
    let loaded = validate::load(file, "name a policy file: `retrier classify --policy FILE`")?;
    match &loaded.policy {
        Some(policy) => Ok(policy.classifiers.clone()),
        None => Err(CliError::usage(format!("`{}` is not a valid policy", file.display()))
            .with_hint(format!("see what is wrong with it: `retrier validate {}`", file.display()))),
    }
}

fn open(file: &Path) -> Result<Box<dyn BufRead>, CliError> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let opened = File::open(file).map_err(|error| CliError::unreadable(file, &error))?;
    Ok(Box::new(BufReader::new(opened)))
}

/// The next line with its end, of which [`LONGEST_LINE`] bytes are kept; 0 bytes at the end of the input.
fn next(input: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    let read = input.take(LONGEST_LINE).read_until(b'\n', line)?;
    if line.ends_with(b"\n") || read == 0 {
        return Ok(read);
    }
    input.skip_until(b'\n')?;
    Ok(read)
}

/// What is printed of one failure. The order of the fields is that of the documentation.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    id: &'a serde_json::Value,
    class: &'static str,
    group: Option<&'static str>,
    retryable: bool,
    signature: &'a str,
    why: String,
}

fn answer(classifiers: &[Classifier], failure: &Failure, format: Format) -> Result<String, CliError> {
    let classified = classify(classifiers, &failure.subject());
    let cited = cited(&failure.texts, &classified);
    match format {
        Format::Json => {
            let why = match &cited {
                Some((place, line)) => format!("{}; {place}: {line}", classified.reason),
                None => classified.reason.clone(),
            };
            let answer = Answer {
                id: &failure.id,
                class: classified.class.as_str(),
                group: group(classified.class).map(Group::as_str),
                retryable: is_transient(classified.class),
                signature: &classified.signature,
                why,
            };
            let mut json =
                serde_json::to_string(&answer).map_err(|error| CliError::unexpected(error.to_string()))?;
            json.push('\n');
            Ok(json)
        }
        Format::Text => Ok(in_words(failure, &classified, cited)),
    }
}

/// The line that decided, without secrets, and where it stands.
fn cited(texts: &[Text], classified: &Classified) -> Option<(String, String)> {
    let found = classified.found?;
    let line = excerpt(texts, classified)?;
    Some((format!("line {} of {}", found.line, found.place.as_str()), line))
}

fn in_words(failure: &Failure, classified: &Classified, cited: Option<(String, String)>) -> String {
    let named = match &failure.id {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(id) => format!("{id}: "),
        id => format!("{id}: "),
    };
    let retried = match (is_transient(classified.class), group(classified.class)) {
        (true, _) => "retried under `retry-on: [transient]`",
        (false, Some(Group::Tests)) => "not retried under `retry-on: [transient]`, but under `[tests]`",
        (false, _) => "not retried under `retry-on: [transient]`",
    };
    let Classified { class, signature, reason, .. } = classified;
    let mut text = format!("{named}{class}, {retried}\n  signature  {signature}\n  because    {reason}\n");
    if let Some((place, line)) = cited {
        let _ = write!(text, "  read       {place}\n             {line}\n");
    }
    text
}

/// The group of a class beside the one that holds nearly all of them.
fn group(class: Class) -> Option<Group> {
    [Group::Transient, Group::Tests].into_iter().find(|group| group.classes().contains(&class))
}
