//! AWS on loopback, over TLS as in production: the emulated CodePipeline with what tells of failed builds, a table, a queue and
//! a scheduler. It answers at once, and counts what it is asked.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use codepipeline_retrier::emulator::http::{Call, Reply, Service};
use codepipeline_retrier::emulator::world::SharedWorld;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::dynamodb::{Table, Units};

/// Requests and bytes of one kind of call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    pub requests: u64,
    pub bytes: u64,
}

/// By operation, as `service:Operation`.
pub type Counts = BTreeMap<String, Traffic>;

struct Shared {
    codepipeline: Service,
    table: Mutex<Table>,
    counts: Mutex<Counts>,
}

/// The servers. They end when it is dropped.
pub struct Aws {
    pub endpoint: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What a server needs to speak TLS, made once.
pub struct Identity {
    authority: String,
    config: Arc<ServerConfig>,
}

impl Identity {
    /// An authority and a certificate of it.
    pub fn new() -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "benchmark authority");
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(authority, key).expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let server = CertificateParams::new(names).expect("names");
        let server = server.signed_by(&key, &authority).expect("a certificate");
        let chain = vec![server.der().clone(), authority.der().clone()];
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, private);
        Self {
            authority: authority.pem(),
            config: Arc::new(config.expect("a certificate that fits its key")),
        }
    }

    /// A file with these authorities and its own.
    pub fn beside(&self, authorities: &Path, folder: &Path, name: &str) -> PathBuf {
        let known = fs::read_to_string(authorities);
        let known = known.unwrap_or_else(|error| panic!("{}: {error}", authorities.display()));
        let file = folder.join(name);
        fs::write(&file, known + "\n" + &self.authority).expect("a folder that can be written to");
        std::path::absolute(file).expect("a path")
    }
}

impl Aws {
    pub async fn start(world: SharedWorld, identity: &Identity) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("https://127.0.0.1:{}", listener.local_addr().expect("an address").port());
        let shared = Arc::new(Shared {
            codepipeline: Service::new(world),
            table: Mutex::default(),
            counts: Mutex::default(),
        });
        let acceptor = TlsAcceptor::from(Arc::clone(&identity.config));
        let server = tokio::spawn(accept(listener, acceptor, Arc::clone(&shared)));
        Self { endpoint, shared, server }
    }

    /// What was asked since the last time.
    pub fn counts(&self) -> Counts {
        std::mem::take(&mut *self.shared.counts.lock().expect("no panic"))
    }

    /// What the table was charged for since the last time.
    pub fn units(&self) -> Units {
        std::mem::take(&mut self.shared.table.lock().expect("no panic").units)
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(move |request| answer(Arc::clone(&shared), request));
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
    let target = target.map_or_else(|| format!("Scheduler.{}", request.uri().path()), str::to_owned);
    let body =
        request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let (status, document) = carry_out(&shared, &target, &body);
    let text = document.to_string();
    let traffic = Traffic { requests: 1, bytes: (body.len() + text.len()) as u64 };
    let name = shown(&target);
    let mut counts = shared.counts.lock().expect("no panic");
    let known = counts.entry(name).or_default();
    known.requests += traffic.requests;
    known.bytes += traffic.bytes;
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amzn-requestid", "00000000-0000-0000-0000-000000000000");
    Ok(response.body(Full::from(text)).expect("a response"))
}

fn carry_out(shared: &Shared, target: &str, body: &[u8]) -> (u16, Value) {
    let request = || serde_json::from_slice::<Value>(body).unwrap_or_default();
    let (service, operation) = target.split_once('.').unwrap_or_default();
    match service {
        "DynamoDB_20120810" => {
            let answer = shared.table.lock().expect("no panic").answer(operation, &request());
            answer.map_or_else(|| refused(target), |answer| (200, answer))
        }
        "AmazonSQS" => (200, json!({ "MessageId": "1", "MD5OfMessageBody": "0".repeat(32) })),
        "Scheduler" => {
            (200, json!({ "ScheduleArn": "arn:aws:scheduler:eu-central-1:111122223333:schedule/retrier/1" }))
        }
        _ => {
            let operation = target.strip_prefix("CodePipeline_20150709.").unwrap_or(target);
            let call = Call { operation, body, caller: "benchmark", region: None, now: now() };
            match shared.codepipeline.call(call) {
                Reply::Document(document) => (200, document),
                Reply::Refused(error) => (error.status, error.document()),
                Reply::Lost => refused(target),
            }
        }
    }
}

fn refused(target: &str) -> (u16, Value) {
    (400, json!({ "__type": "UnknownOperationException", "message": target }))
}

/// `DynamoDB_20120810.BatchGetItem` as `dynamodb:BatchGetItem`.
fn shown(target: &str) -> String {
    let (service, operation) = target.split_once('.').unwrap_or(("", target));
    let service = service.split('_').next().unwrap_or_default();
    let service = service.trim_start_matches("Amazon").to_lowercase();
    match operation.strip_prefix("/schedules/") {
        Some(_) => format!("{service}:CreateSchedule"),
        None => format!("{service}:{operation}"),
    }
}

/// The present.
pub fn now() -> Timestamp {
    Timestamp::now()
}
