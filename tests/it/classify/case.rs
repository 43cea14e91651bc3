//! The cases as they are written: one JSON object a line, as `retrier classify` reads them, with what is expected.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use codepipeline_retrier::classify::Subject;
use codepipeline_retrier::domain::evidence::{Place, Text};
use codepipeline_retrier::domain::pipeline::Category;
use codepipeline_retrier::domain::text::EvidenceText;

/// One failure and what it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub id: String,
    pub provider: String,
    pub category: String,
    #[serde(rename = "where")]
    pub place: String,
    pub code: Option<String>,
    pub message: String,
    pub class: String,
    pub signature: String,
    #[serde(skip)]
    pub texts: Vec<Text>,
}

impl Case {
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            run: None,
            action: None,
            provider: &self.provider,
            category: Some(Category::parse(&self.category).unwrap()),
            code: self.code.as_deref(),
            texts: &self.texts,
        }
    }

    /// Class and signature.
    pub fn expected(&self) -> (&str, &str) {
        (&self.class, &self.signature)
    }
}

/// Every case.
pub fn all() -> Vec<Case> {
    let mut cases: Vec<Case> = text_of_all()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for case in &mut cases {
        let text = EvidenceText::new(case.message.as_str());
        case.texts = vec![Text { place: place(&case.place), code: None, text }];
    }
    cases
}

/// All files one after another, by name.
pub fn text_of_all() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/classify");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

fn place(name: &str) -> Place {
    match name {
        "errorDetails" => Place::ErrorMessage,
        "summary" => Place::Summary,
        "phaseContext" => Place::BuildPhase,
        "log" => Place::BuildLog,
        "diagnostics" => Place::LifecycleEvent,
        "stackEvent" => Place::StackEvent,
        other => panic!("there is no place `{other}`"),
    }
}
