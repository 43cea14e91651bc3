//! Lambda's Runtime API on loopback, as much of it as a function uses
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>): it hands out invocations and takes their ends.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::sync::oneshot;

/// One invocation to be handed out.
pub struct Invocation {
    pub id: String,
    pub payload: String,
    /// Milliseconds since the epoch.
    pub deadline: i64,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    Response(Value),
    /// The type of the error, and its message.
    Error(String, String),
}

type Waiting = (Invocation, mpsc::Sender<End>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Vec<Waiting>>,
    running: Mutex<BTreeMap<String, mpsc::Sender<End>>>,
}

/// A Runtime API for one function. It stops when it is dropped.
pub struct RuntimeApi {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl RuntimeApi {
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// Hands out an invocation; its end comes through the channel, or nothing does when the function dies.
    pub fn invoke(&self, invocation: Invocation) -> mpsc::Receiver<End> {
        let (sender, receiver) = mpsc::channel();
        self.shared.queue.lock().unwrap().push((invocation, sender));
        receiver
    }

    /// Forgets what was handed out: whoever had it is dead.
    pub fn forget(&self) {
        self.shared.running.lock().unwrap().clear();
        self.shared.queue.lock().unwrap().clear();
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().unwrap().join();
    }
}

async fn accept(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
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
    let path = request.uri().path().to_owned();
    let body =
        request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let parts: Vec<_> = path.trim_start_matches("/2018-06-01/runtime/").split('/').collect();
    let (status, text) = match parts.as_slice() {
        ["invocation", "next"] => return Ok(next(&shared).await),
        ["invocation", id, "response"] => {
            finish(&shared, id, End::Response(serde_json::from_slice(&body).unwrap()));
            (StatusCode::ACCEPTED, "")
        }
        ["invocation", id, "error"] => {
            let error: Value = serde_json::from_slice(&body).unwrap();
            let text = |key: &str| error[key].as_str().unwrap().to_owned();
            finish(&shared, id, End::Error(text("errorType"), text("errorMessage")));
            (StatusCode::ACCEPTED, "")
        }
        _ => (StatusCode::NOT_FOUND, "no such operation"),
    };
    Ok(Response::builder().status(status).body(Full::from(text)).unwrap())
}

fn finish(shared: &Shared, id: &str, end: End) {
    if let Some(sender) = shared.running.lock().unwrap().remove(id) {
        let _ = sender.send(end);
    }
}

/// Waits for an invocation, as long as it takes.
async fn next(shared: &Shared) -> Response<Full<Bytes>> {
    loop {
        let waiting = shared.queue.lock().unwrap().pop();
        if let Some((invocation, sender)) = waiting {
            shared.running.lock().unwrap().insert(invocation.id.clone(), sender);
            return Response::builder()
                .header("lambda-runtime-aws-request-id", &invocation.id)
                .header("lambda-runtime-deadline-ms", invocation.deadline)
                .header("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
                .header(
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:eu-central-1:111122223333:function:retrier",
                )
                .body(Full::from(invocation.payload))
                .unwrap();
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}
