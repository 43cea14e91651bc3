//! The events in `events/`, each with what its description says that comes of it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// An event of the folder.
pub struct Described {
    pub file: PathBuf,
    pub payload: String,
    outcome: String,
}

/// All of them, as `events/README.md` lists them.
pub fn events() -> Vec<Described> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let table = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut events = Vec::new();
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [file, _, outcome] = cells.as_slice() else { panic!("{row}") };
        let file = folder.join(file.trim_matches('`'));
        let payload = fs::read_to_string(&file).unwrap();
        events.push(Described { file, payload, outcome: (*outcome).to_owned() });
    }
    assert!(events.len() > 30, "{}", events.len());
    events
}

impl Described {
    /// Whether it can be handed to a function at all.
    pub fn is_json(&self) -> bool {
        serde_json::from_str::<Value>(&self.payload).is_ok()
    }

    /// Compares what the function returned with the description.
    #[track_caller]
    pub fn check(&self, answer: &Value) {
        let file = self.file.display();
        let is_so = match self.outcome.split([',', ';']).next().unwrap_or_default() {
            _ if self.payload.contains("\"Records\"") => answer["batchItemFailures"].is_array(),
            // Lambda refuses what is not JSON before it reaches a function; its emulators may hand it on.
            _ if !self.is_json() => answer["errorType"].is_string(),
            "ignored" => answer["verdict"] == "ignore" && answer["reason"] == "not-a-failure",
            "malformed" => answer["conclusion"] == "malformed",
            "wake-up" => answer["conclusion"] == "stale-wake-up",
            "tick of the sweep" => answer["conclusion"] == "swept",
            "stage event" => answer["schema"] == 1 || answer["conclusion"] == "handled",
            other => panic!("`{other}` is not known"),
        };
        assert!(is_so, "{file}: {answer}");
    }
}
