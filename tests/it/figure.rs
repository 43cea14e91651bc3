//! The figures of the scoreboard: how large a run is, how far it has come, and what it measured.
//!
//! A full run is an ignored test. It takes its size from the environment, keeps its progress where the next run finds it,
//! and leaves its figure in `target/scoreboard/`, from where `make scoreboard` collects it.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/scoreboard");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The number in the environment variable, or the default.
#[expect(clippy::disallowed_methods, reason = "whoever runs a proof says how large it is")]
pub fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable}={text} is not a whole number")),
        Err(_) => default,
    }
}

/// Leaves a figure: what was measured, in words for the table, and whether it reaches its target. Prints it as well.
pub fn record(name: &str, measured: &str, holds: bool) {
    println!("{name}: {measured}");
    let figure = json!({ "figure": name, "measured": measured, "holds": holds });
    fs::write(folder().join(format!("{name}.json")), format!("{figure}\n")).unwrap();
}

/// How far a long run has come. `make scoreboard` removes it where the code is not what it was.
pub struct Progress {
    file: PathBuf,
}

impl Progress {
    /// The progress of the run with that name.
    pub fn of(name: &str) -> Self {
        Self { file: folder().join(format!("{name}.progress.json")) }
    }

    /// What the last run left, if one did and was not finished.
    pub fn load(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&fs::read_to_string(&self.file).ok()?).ok()
    }

    /// Keeps how far this run has come.
    pub fn save(&self, progress: &serde_json::Value) {
        let written = self.file.with_extension("tmp");
        fs::write(&written, progress.to_string()).unwrap();
        fs::rename(written, &self.file).unwrap();
    }

    /// The run is finished; the next one begins anew.
    pub fn finish(&self) {
        let _ = fs::remove_file(&self.file);
    }
}
