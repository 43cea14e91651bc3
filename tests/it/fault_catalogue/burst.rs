//! microburst, a proxy that knows AWS's protocols: faults are rules, each for the credentials of one row.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::ministack::tool;

/// A running proxy. It ends when it is dropped.
pub struct Burst {
    pub address: String,
    process: Child,
}

impl Burst {
    /// In front of what listens at that `host:port`.
    pub fn start(upstream: &str) -> Self {
        let mut process = Command::new(tool("microburst/bin/python"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/microburst.py"))
            .arg(format!("http://{upstream}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let read = BufReader::new(process.stdout.take().unwrap()).read_line(&mut line);
        let Some(port) = line.trim().strip_prefix("ready ").filter(|_| read.is_ok()) else {
            process.kill().unwrap();
            process.wait().unwrap();
            panic!("microburst did not start: `{line}`");
        };
        Self { address: format!("127.0.0.1:{port}"), process }
    }

    /// From now on this befalls the operation, for requests with that access key.
    pub fn begin(&self, key: &str, service: &str, operation: &str, fault: &Value) {
        let mut rule = fault.clone();
        rule["service"] = service.into();
        rule["operation"] = operation.into();
        rule["headers"] = owner(key);
        self.control("PATCH", "rules", &json!([rule]));
    }

    /// How often it befell somebody.
    pub fn befell(&self, key: &str) -> u64 {
        let rules = self.control("GET", "rules", &Value::Null);
        let mine = rules.as_array().unwrap().iter().filter(|rule| rule["headers"] == owner(key));
        mine.map(|rule| rule["fired_count"].as_u64().unwrap_or(0)).sum()
    }

    /// It is over.
    pub fn end(&self, key: &str) {
        self.control("DELETE", "rules", &json!([{ "headers": owner(key) }]));
    }

    fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} /_microburst/{path} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "microburst refused {method} {path}: {body}");
        serde_json::from_str(body).unwrap()
    }
}

fn owner(key: &str) -> Value {
    json!({ "Authorization": format!("Credential={key}/") })
}

impl Drop for Burst {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}
