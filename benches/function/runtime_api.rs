//! Lambda's Runtime API for one process, on loopback
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>): it says when the process asks for work, hands it out, and
//! says when it is done.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use crate::scene::epoch_ms;

/// What a function has for an invocation, in milliseconds.
const MOST: i64 = 30_000;

/// How an invocation ended.
pub struct End {
    pub at: Instant,
    /// What the function returned, or the error that it told.
    pub answer: Result<Value, Value>,
}

struct Sides {
    polled: mpsc::UnboundedSender<Instant>,
    ended: mpsc::UnboundedSender<End>,
    work: Mutex<mpsc::UnboundedReceiver<String>>,
}

/// The API. It ends when it is dropped.
pub struct RuntimeApi {
    pub address: SocketAddr,
    polled: mpsc::UnboundedReceiver<Instant>,
    ended: mpsc::UnboundedReceiver<End>,
    work: mpsc::UnboundedSender<String>,
    server: JoinHandle<()>,
}

impl RuntimeApi {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (polled, polls) = mpsc::unbounded_channel();
        let (ended, ends) = mpsc::unbounded_channel();
        let (work, works) = mpsc::unbounded_channel();
        let sides = Arc::new(Sides { polled, ended, work: Mutex::new(works) });
        let server = tokio::spawn(accept(listener, sides));
        Self { address, polled: polls, ended: ends, work, server }
    }

    /// When the process asks for work.
    pub async fn polled(&mut self) -> Instant {
        self.polled.recv().await.expect("the server runs")
    }

    /// Hands out an invocation and waits for its end; how long that took.
    pub async fn invoke(&mut self, payload: String) -> (std::time::Duration, End) {
        let begun = Instant::now();
        self.work.send(payload).expect("the server runs");
        let end = self.ended.recv().await.expect("the server runs");
        (end.at - begun, end)
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, sides: Arc<Sides>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let sides = Arc::clone(&sides);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&sides), request));
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(sides: Arc<Sides>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body =
        request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let json = || serde_json::from_slice(&body).unwrap_or_default();
    let parts: Vec<_> = path.trim_start_matches("/2018-06-01/runtime/").split('/').collect();
    let at = Instant::now();
    let status = match parts.as_slice() {
        ["invocation", "next"] => {
            let _ = sides.polled.send(at);
            let work = sides.work.lock().await.recv().await;
            return Ok(invocation(work.unwrap_or_default()));
        }
        ["invocation", _, "response"] => {
            let _ = sides.ended.send(End { at, answer: Ok(json()) });
            StatusCode::ACCEPTED
        }
        ["invocation", _, "error"] | ["init", "error"] => {
            let _ = sides.ended.send(End { at, answer: Err(json()) });
            StatusCode::ACCEPTED
        }
        _ => StatusCode::NOT_FOUND,
    };
    Ok(Response::builder().status(status).body(Full::from("{}")).expect("a response"))
}

fn invocation(payload: String) -> Response<Full<Bytes>> {
    let id = format!("{:016x}", epoch_ms().wrapping_mul(0x9E37_79B9));
    Response::builder()
        .header("lambda-runtime-aws-request-id", id)
        .header("lambda-runtime-deadline-ms", epoch_ms() + MOST)
        .header("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
        .header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:111122223333:function:retrier",
        )
        .header("content-type", "application/json")
        .body(Full::from(payload))
        .expect("a response")
}
