//! Failures as they are read: plain text, or one JSON object a line.

use serde::Deserialize;
use serde_json::Value;

use crate::classify::Subject;
use crate::domain::evidence::{Place, Text};
use crate::domain::pipeline::Category;
use crate::domain::text::EvidenceText;

/// One failure.
#[derive(Debug)]
pub(super) struct Failure {
    /// As it was given; null where it was not.
    pub(super) id: Value,
    /// What was read.
    pub(super) texts: Vec<Text>,
    provider: String,
    category: Option<Category>,
    code: Option<String>,
}

impl Failure {
    /// A text of which nothing else is known.
    pub(super) fn of_text(text: &str) -> Self {
        let place = place_of(text, "CodeBuild");
        Self {
            id: Value::Null,
            texts: texts(place, text),
            provider: String::new(),
            category: None,
            code: None,
        }
    }

    /// What is to be classified.
    pub(super) fn subject(&self) -> Subject<'_> {
        Subject {
            run: None,
            action: None,
            provider: &self.provider,
            category: self.category,
            code: self.code.as_deref(),
            texts: &self.texts,
        }
    }
}

/// One line of input. Members that are not known are somebody's notes.
#[derive(Debug, Deserialize)]
struct Row {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    provider: Option<String>,
    #[serde(default)]
    category: Option<String>,
    #[serde(default)]
    code: Option<Value>,
    message: Option<String>,
    #[serde(default, rename = "where")]
    place: Option<String>,
}

/// Whether the line begins a JSON object, so that the input is JSON lines.
pub(super) fn is_json(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.starts_with(b"{\"") || line.starts_with(b"{ \"") || line == b"{}"
}

/// Reads one line; none where it is empty. What is wrong with it is said in words.
pub(super) fn read(line: &[u8]) -> Result<Option<Failure>, String> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let row: Row = serde_json::from_slice(line).map_err(|error| {
        if error.is_data() {
            "a failure is an object whose `message`, `provider`, `category` and `where` are texts".to_owned()
        } else {
            format!("not JSON: column {}", error.column())
        }
    })?;
    let message = row.message.ok_or("there is no `message`")?;
    let provider = row.provider.unwrap_or_default();
    let category = match row.category.filter(|category| !category.is_empty()) {
        Some(name) => Some(Category::parse(&name).ok_or_else(|| format!("there is no category `{name}`"))?),
        None => None,
    };
    let place = row.place.as_deref().and_then(parse).unwrap_or_else(|| place_of(&message, &provider));
    let code = match row.code {
        None | Some(Value::Null) => None,
        Some(Value::String(code)) => Some(code),
        Some(other) => Some(other.to_string()),
    };
    Ok(Some(Failure { id: row.id, texts: texts(place, &message), provider, category, code }))
}

fn texts(place: Place, text: &str) -> Vec<Text> {
    let text = if place == Place::BuildLog { EvidenceText::tail(text) } else { EvidenceText::new(text) };
    vec![Text { place, code: None, text }]
}

/// Many lines of a build are its log; everything else is taken for the error message.
fn place_of(text: &str, provider: &str) -> Place {
    let has_lines = text.trim().contains('\n');
    if has_lines && matches!(provider, "CodeBuild" | "Commands") {
        Place::BuildLog
    } else {
        Place::ErrorMessage
    }
}

fn parse(name: &str) -> Option<Place> {
    Some(match name {
        "errorDetails" => Place::ErrorMessage,
        "summary" => Place::Summary,
        "phaseContext" => Place::BuildPhase,
        "log" => Place::BuildLog,
        "deployment" => Place::Deployment,
        "diagnostics" => Place::LifecycleEvent,
        "stackEvent" => Place::StackEvent,
        "changeSet" => Place::ChangeSet,
        _ => return None,
    })
}
