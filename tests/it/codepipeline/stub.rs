//! A server on loopback that answers with what a test hands it, and counts what was asked.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// One request, read to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `GetPipelineState`.
    pub operation: String,
    /// The members of the input; those of a form are all text.
    pub body: Value,
    /// What it is signed for: `eu-central-1/codepipeline`.
    pub scope: String,
    /// The number of the connection that it came on.
    pub connection: usize,
}

/// What is done about a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A whole HTTP answer, and the connection stays open.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// The connection is closed, once the request was read.
    Close,
    /// These bytes, and the connection is closed.
    Bytes(String),
    /// Nothing, for longer than anybody waits.
    Silence,
}

impl Reply {
    pub fn ok(body: &Value) -> Self {
        Self::Answer { status: 200, headers: Vec::new(), body: body.to_string() }
    }

    /// An error as CodePipeline spells it.
    pub fn error(status: u16, code: &str) -> Self {
        let body = serde_json::json!({"__type": code, "message": "no"}).to_string();
        Self::Answer { status, headers: Vec::new(), body }
    }
}

pub struct Stub {
    pub url: String,
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    is_over: Arc<AtomicBool>,
}

impl Stub {
    /// Serves until it is dropped.
    pub fn start(reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, is_over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (reply, seen, over) = (Arc::new(reply), Arc::clone(&requests), Arc::clone(&is_over));
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let (reply, seen, over) = (Arc::clone(&reply), Arc::clone(&seen), Arc::clone(&over));
                thread::spawn(move || serve(&stream.unwrap(), connection, &*reply, &seen, &over));
            }
        });
        Self { url: format!("http://127.0.0.1:{port}"), port, requests, is_over }
    }

    /// Answers every request with the same.
    pub fn always(reply: Reply) -> Self {
        Self::start(move |_| reply.clone())
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The operations asked for, in alphabetical order, since those that go out together come in any.
    pub fn operations(&self) -> Vec<String> {
        let mut operations: Vec<_> = self.requests().into_iter().map(|request| request.operation).collect();
        operations.sort_unstable();
        operations
    }

    /// Forgets what was asked.
    pub fn forget(&self) {
        self.requests.lock().unwrap().clear();
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // So that the listener looks.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(
    stream: &TcpStream,
    connection: usize,
    reply: &(impl Fn(&Request) -> Reply + ?Sized),
    seen: &Mutex<Vec<Request>>,
    is_over: &AtomicBool,
) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader, connection) {
        seen.lock().unwrap().push(request.clone());
        let mut writer = stream;
        match reply(&request) {
            Reply::Answer { status, headers, body } => {
                let mut head = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    let _ = write!(head, "{name}: {value}\r\n");
                }
                head.push_str("\r\n");
                if writer.write_all((head + &body).as_bytes()).is_err() {
                    return;
                }
            }
            Reply::Close => return,
            Reply::Bytes(bytes) => {
                let _ = writer.write_all(bytes.as_bytes());
                return;
            }
            Reply::Silence => {
                while !is_over.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(20));
                }
                return;
            }
        }
    }
}

fn read(reader: &mut impl BufRead, connection: usize) -> Option<Request> {
    let (mut operation, mut scope, mut length) = (String::new(), String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(": ") else { continue };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => {
                let parts: Vec<&str> = value.split('/').collect();
                scope = parts.get(2..4)?.join("/");
            }
            "x-amz-target" => operation = value.rsplit('.').next()?.to_owned(),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).ok().or_else(|| form(&body)).unwrap_or(Value::Null);
    if let Some(action) = body["Action"].as_str() {
        action.clone_into(&mut operation);
    }
    Some(Request { operation, body, scope, connection })
}

/// The members of a form, as the query protocol sends them.
pub fn form(body: &[u8]) -> Option<Value> {
    let fields = std::str::from_utf8(body).ok()?.split('&').map(|field| {
        let (name, value) = field.split_once('=')?;
        Some((decoded(name)?, Value::String(decoded(value)?)))
    });
    fields.collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(piece.get(..2)?, 16).ok()?);
        bytes.extend(piece.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}
