//! A folder with the files of `examples/explain`, to be edited where a test needs another story, and the real binary in it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::command::{retrier, shown};

pub const EXECUTION: &str = "7c0e4a91-5d2b-4f36-9e18-b3a6f0c2d745";
pub const NEWER: &str = "90d3f5b7-2c48-4e1a-b6f9-5a8e0c7d1423";
pub const ALL: [&str; 3] = ["state", "actions", "pipeline"];

/// A folder with the files of the example.
pub struct Scene {
    pub folder: PathBuf,
}

impl Scene {
    pub fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("explain").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        for entry in fs::read_dir("examples/explain").unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
        Self { folder }
    }

    pub fn write(self, name: &str, text: &str) -> Self {
        fs::write(self.folder.join(name), text).unwrap();
        self
    }

    pub fn read(&self, name: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.folder.join(name)).unwrap()).unwrap()
    }

    /// Puts a value at a place of a file that is there.
    pub fn edit(self, name: &str, pointer: &str, value: Value) -> Self {
        let mut document = self.read(name);
        *document.pointer_mut(pointer).unwrap_or_else(|| panic!("{name} has no {pointer}")) = value;
        self.write(name, &document.to_string())
    }

    /// Adds to the history, newest first as CodePipeline lists it.
    pub fn history(self, mut entries: Vec<Value>) -> Self {
        let mut document = self.read("actions.json");
        let list = document["actionExecutionDetails"].as_array_mut().unwrap();
        entries.append(list);
        *list = entries;
        self.write("actions.json", &document.to_string())
    }

    /// The entry of the failed browser test, made another one.
    pub fn another_run(&self, id: &str, execution: &str, status: &str, started: &str, ended: &str) -> Value {
        let mut entry = self.read("actions.json")["actionExecutionDetails"][0].clone();
        entry["actionExecutionId"] = json!(id);
        entry["pipelineExecutionId"] = json!(execution);
        entry["status"] = json!(status);
        entry["startTime"] = json!(started);
        entry["lastUpdateTime"] = json!(ended);
        entry
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = retrier(&[&["explain"], arguments].concat());
        command.current_dir(&self.folder);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Explains the example's event by these files and with these further arguments.
    pub fn explain(&self, files: &[&str], more: &[&str]) -> Output {
        let files: Vec<String> =
            files.iter().flat_map(|name| [format!("--{name}"), format!("{name}.json")]).collect();
        let mut arguments = vec!["--event", "event.json"];
        arguments.extend(files.iter().map(String::as_str));
        arguments.extend(more);
        self.run(&arguments)
    }

    pub fn explain_as_json(&self, files: &[&str], more: &[&str]) -> Value {
        let output = self.explain(files, &[more, &["--format", "json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Verdict and reason of the decision and of those that would follow.
    pub fn course(&self, files: &[&str], more: &[&str]) -> Vec<String> {
        let explanation = self.explain_as_json(files, more);
        let then = explanation["then"].as_array().unwrap();
        [&explanation]
            .into_iter()
            .chain(then)
            .map(|decision| {
                format!("{}/{}", decision["verdict"].as_str().unwrap(), decision["reason"].as_str().unwrap())
            })
            .collect()
    }
}

/// What a run shows that could not explain anything: nothing on standard output.
pub fn refused(output: &Output) -> String {
    assert_eq!(output.stdout, b"", "{}", shown(output));
    shown(output)
}

/// An answer of `get-pipeline-execution` about the example's execution.
pub fn execution(mode: &str, version: u32) -> String {
    json!({"pipelineExecution": {
        "pipelineName": "web-shop", "pipelineVersion": version, "pipelineExecutionId": EXECUTION,
        "status": "Failed", "executionMode": mode, "executionType": "STANDARD",
    }})
    .to_string()
}
