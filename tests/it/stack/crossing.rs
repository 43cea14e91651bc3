//! CodePipeline of several accounts at one address, as AWS has it: who asks says by an access key which account is meant,
//! and STS says whose key it is.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A request or an answer: its head, and its body.
struct Message {
    head: Vec<String>,
    body: Vec<u8>,
}

impl Message {
    /// None where the connection ends before there is one.
    fn read(from: &TcpStream) -> Option<Self> {
        let mut from = BufReader::new(from);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if from.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            head.push(line);
        }
        let mut message = Self { head, body: Vec::new() };
        let length = message.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        message.body = vec![0; length];
        from.read_exact(&mut message.body).ok()?;
        Some(message)
    }

    fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.iter().filter_map(|line| line.split_once(':'));
        headers.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// As it was, but for what is said of the connection: it serves this message alone.
    fn write(&self, to: &mut TcpStream) -> std::io::Result<()> {
        let stays = |line: &&String| !line.to_ascii_lowercase().starts_with("connection:");
        let head: Vec<&str> = self.head.iter().filter(stays).map(String::as_str).collect();
        to.write_all(format!("{}\r\nconnection: close\r\n\r\n", head.join("\r\n")).as_bytes())?;
        to.write_all(&self.body)
    }
}

/// Sends a message and waits for the answer.
fn exchange(address: &str, message: &Message) -> Option<Message> {
    let mut stream = TcpStream::connect(address).ok()?;
    message.write(&mut stream).ok()?;
    Message::read(&stream)
}

/// The crossing. It is closed when it is dropped.
pub struct Crossing {
    port: u16,
    is_over: Arc<AtomicBool>,
}

impl Crossing {
    /// Listens at that port. `accounts` says where each account's CodePipeline is, `sts` whom to ask about keys; both as
    /// `http://host:port`.
    pub fn open(port: u16, sts: &str, accounts: &[(&str, &str)]) -> Self {
        let address = |url: &str| url.strip_prefix("http://").unwrap().to_owned();
        let accounts: BTreeMap<String, String> =
            accounts.iter().map(|(account, url)| ((*account).to_owned(), address(url))).collect();
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, sts) = (Arc::clone(&is_over), address(sts));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (accounts, sts) = (accounts.clone(), sts.clone());
                thread::spawn(move || cross(stream, &sts, &accounts));
            }
        });
        Self { port, is_over }
    }
}

impl Drop for Crossing {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Who listens looks up.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Whoever cannot be told by a key, or whose account has no CodePipeline here, is left without an answer.
fn cross(mut stream: TcpStream, sts: &str, accounts: &BTreeMap<String, String>) -> Option<()> {
    let request = Message::read(&stream)?;
    let (_, credential) = request.header("authorization")?.split_once("Credential=")?;
    let account = account_of(sts, credential.split('/').next()?)?;
    exchange(accounts.get(&account)?, &request)?.write(&mut stream).ok()
}

/// `GetAccessKeyInfo`.
fn account_of(sts: &str, key: &str) -> Option<String> {
    let body = format!("Action=GetAccessKeyInfo&Version=2011-06-15&AccessKeyId={key}").into_bytes();
    let head = [
        "POST / HTTP/1.1".to_owned(),
        format!("Host: {sts}"),
        "Content-Type: application/x-www-form-urlencoded".to_owned(),
        "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/sts/aws4_request, \
         SignedHeaders=host, Signature=0"
            .to_owned(),
        format!("Content-Length: {}", body.len()),
    ];
    let answer = exchange(sts, &Message { head: head.into(), body })?;
    let text = String::from_utf8(answer.body).ok()?;
    let (account, _) = text.split_once("<Account>")?.1.split_once("</Account>")?;
    Some(account.to_owned())
}
