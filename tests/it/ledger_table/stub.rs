//! A server on loopback that plays a script of answers and keeps what it heard. It speaks just enough HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::Value;

/// What it does with one request.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Answers with this status and body.
    Json(u16, Value),
    /// Answers with this status and something that is not JSON.
    Garbage(u16),
    /// Hears the request out and breaks the connection.
    Reset,
    /// Hears the request out and never answers.
    Hang,
    /// From here on nothing listens any more.
    Refuse,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Heard {
    pub operation: String,
    pub body: Value,
}

/// The server. It ends when it is dropped.
pub struct Stub {
    url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Stub {
    /// Plays the script; its last answer is given for ever.
    pub fn start(script: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(AtomicBool::new(false));
        if script == [Answer::Refuse] {
            drop(listener);
            return Self { url, heard, over, thread: None };
        }
        let (script, keep, stop) = (script.to_vec(), heard.clone(), over.clone());
        let thread = std::thread::spawn(move || play(&listener, &script, &keep, &stop));
        Self { url, heard, over, thread: Some(thread) }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Whoever waits for a connection looks up.
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// One request on each connection.
fn play(listener: &TcpListener, script: &[Answer], heard: &Mutex<Vec<Heard>>, over: &AtomicBool) {
    let (mut turn, mut hanging) = (0, Vec::new());
    loop {
        let (mut stream, _) = listener.accept().unwrap();
        if over.load(Ordering::SeqCst) {
            return;
        }
        // A client may open a connection more than it needs.
        let Some(request) = hear(&stream) else { continue };
        heard.lock().unwrap().push(request);
        let answer = &script[turn.min(script.len() - 1)];
        turn += 1;
        match answer {
            Answer::Json(status, body) => reply(&mut stream, *status, &body.to_string()),
            Answer::Garbage(status) => reply(&mut stream, *status, "<html>what?</html>"),
            Answer::Hang => hanging.push(stream),
            Answer::Reset | Answer::Refuse => {}
        }
        if script.get(turn) == Some(&Answer::Refuse) {
            return;
        }
    }
}

fn hear(stream: &TcpStream) -> Option<Heard> {
    let mut reader = BufReader::new(stream);
    let (mut operation, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        let Some((name, value)) = line.trim().split_once(": ") else {
            if line.trim().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "x-amz-target" => value.clone_into(&mut operation),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Some(Heard { operation, body: serde_json::from_slice(&body).unwrap() })
}

fn reply(stream: &mut TcpStream, status: u16, body: &str) {
    let head = format!(
        "HTTP/1.1 {status} Scripted\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // Whoever asked may have gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}
