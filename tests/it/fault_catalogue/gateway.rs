//! What stands between a row of the catalogue and the servers: it knows a row by its credentials, sends each request on to
//! the server that it is for, keeps what was really carried out, and does what microburst cannot: answer badly after the
//! server has done it, never answer, answer without end, or with what is not AWS's.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::codepipeline::stub::form;

/// What is done about a request, before the server hears of it or after it has done it.
#[derive(Debug, Clone, PartialEq)]
pub struct Own {
    pub after: bool,
    pub answer: Answer,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A whole answer: status, further header lines, body.
    Whole(u16, &'static str, String),
    /// The connection is closed.
    Close,
    /// Nothing, until the client has had enough.
    Silence,
    /// The head of an answer, and then a byte now and then.
    Drip,
    /// The connection is closed in the middle of the head.
    HalfAHead,
}

/// What concerns one row.
#[derive(Debug, Default)]
pub struct Lane {
    /// `host:port` of CodePipeline.
    pub codepipeline: String,
    /// `host:port` of everything else.
    pub aws: String,
    /// The operation that the fault befalls, and how many more times.
    pub fault: Option<(&'static str, usize, Own)>,
    /// How often it did.
    pub befell: usize,
    /// What the servers carried out, in order: operation and input.
    pub done: Vec<(String, Value)>,
}

type Lanes = Arc<Mutex<BTreeMap<String, Lane>>>;

/// The server. It ends when it is dropped.
pub struct Gateway {
    pub address: String,
    lanes: Lanes,
    is_over: Arc<AtomicBool>,
    /// Every address that somebody listens at.
    addresses: Mutex<Vec<String>>,
}

impl Gateway {
    pub fn start() -> Self {
        let gateway = Self {
            address: free_address(),
            lanes: Lanes::default(),
            is_over: Arc::default(),
            addresses: Mutex::default(),
        };
        gateway.listen(&gateway.address);
        gateway
    }

    /// Listens at one more address.
    pub fn listen(&self, address: &str) {
        let listener = TcpListener::bind(address).unwrap();
        self.addresses.lock().unwrap().push(address.to_owned());
        let (shared, over) = (Arc::clone(&self.lanes), Arc::clone(&self.is_over));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(stream), lanes, over) = (stream, Arc::clone(&shared), Arc::clone(&over)) else {
                    continue;
                };
                thread::spawn(move || {
                    // Whoever asked may have gone.
                    let _ = serve(&stream, &lanes, &over);
                });
            }
        });
    }

    /// The rows' lanes by their access keys.
    pub fn lanes(&self) -> MutexGuard<'_, BTreeMap<String, Lane>> {
        lock(&self.lanes)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // So that those who listen look.
        for address in self.addresses.lock().unwrap().iter() {
            let _ = TcpStream::connect(address);
        }
    }
}

/// An address at which nobody listens: the port was free a moment ago.
pub fn free_address() -> String {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().to_string()
}

fn lock(lanes: &Lanes) -> MutexGuard<'_, BTreeMap<String, Lane>> {
    lanes.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Request {
    first: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        let header = self.headers.iter().find(|(of, _)| of.eq_ignore_ascii_case(name));
        header.map_or("", |(_, value)| value.as_str())
    }

    /// The access key that it was signed with.
    fn key(&self) -> &str {
        let credential = self.header("authorization").split_once("Credential=");
        credential.and_then(|(_, rest)| rest.split('/').next()).unwrap_or("")
    }

    fn operation(&self) -> &str {
        match self.header("x-amz-target").rsplit('.').next() {
            Some(name) if !name.is_empty() => name,
            _ if self.first.starts_with("POST /schedules/") => "CreateSchedule",
            _ if self.body.starts_with(b"Action=Publish&") => "Publish",
            _ => "",
        }
    }
}

/// One request on each connection.
fn serve(stream: &TcpStream, lanes: &Lanes, over: &AtomicBool) -> std::io::Result<()> {
    let Some(request) = read(stream)? else { return Ok(()) };
    let operation = request.operation().to_owned();
    let (upstream, own) = {
        let mut lanes = lock(lanes);
        let Some(lane) = lanes.get_mut(request.key()) else { return Ok(()) };
        let due = lane.fault.as_mut().filter(|(of, times, _)| *of == operation && *times > 0);
        let own = due.map(|(_, times, own)| {
            *times -= 1;
            own.clone()
        });
        lane.befell += usize::from(own.is_some());
        let to_codepipeline = request.header("x-amz-target").starts_with("CodePipeline");
        (if to_codepipeline { lane.codepipeline.clone() } else { lane.aws.clone() }, own)
    };
    let real = match &own {
        Some(Own { after: false, .. }) => None,
        _ => Some(pass_on(&request, &operation, &upstream, lanes)?),
    };
    let mut writer = stream;
    match (own.map(|own| own.answer), real) {
        (None, Some(real)) => writer.write_all(&real),
        (Some(Answer::Whole(status, headers, body)), _) => {
            let head = format!(
                "HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
                body.len()
            );
            writer.write_all((head + &body).as_bytes())
        }
        (Some(Answer::HalfAHead), _) => writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-le"),
        (Some(Answer::Silence), _) => hold(stream, over, b""),
        (Some(Answer::Drip), _) => {
            writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{")?;
            hold(stream, over, b" ")
        }
        (Some(Answer::Close) | None, _) => Ok(()),
    }
}

/// Keeps the connection open, and writes this now and then, until the client is gone.
fn hold(mut stream: &TcpStream, over: &AtomicBool, now_and_then: &[u8]) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    while !over.load(Ordering::SeqCst) {
        stream.write_all(now_and_then)?;
        match stream.read(&mut [0; 64]) {
            Ok(0) => return Ok(()),
            Err(error)
                if !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                return Err(error);
            }
            _ => {}
        }
    }
    Ok(())
}

fn read(stream: &TcpStream) -> std::io::Result<Option<Request>> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut headers) = (String::new(), Vec::new());
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Request { first: first.trim_end().to_owned(), headers, body: Vec::new() };
    request.body = vec![0; request.header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut request.body)?;
    Ok(Some(request))
}

/// The server's whole answer. What it carried out is kept.
fn pass_on(request: &Request, operation: &str, upstream: &str, lanes: &Lanes) -> std::io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(upstream)?;
    let mut head = format!("{}\r\nhost: {upstream}\r\nconnection: close\r\n", request.first);
    for (name, value) in &request.headers {
        if !["host", "connection", "expect"].contains(&name.to_ascii_lowercase().as_str()) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
    }
    server.write_all((head + "\r\n").as_bytes())?;
    server.write_all(&request.body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    if answer.starts_with(b"HTTP/1.1 2")
        && let Some(lane) = lock(lanes).get_mut(request.key())
    {
        let input = serde_json::from_slice(&request.body).ok().or_else(|| form(&request.body));
        let input = input.unwrap_or(Value::Null);
        lane.done.push((operation.to_owned(), input));
    }
    Ok(answer)
}
