//! The network around the service: a loopback listener on a thread of its own, until it is dropped.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http_body_util::Full;
use hyper::Response;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::delivery::{self, Destination, Tell};
use super::error::Reply;
use super::service::{Call, Service};
use super::wire::{self, Protocol, Unasked};
use crate::emulator::world::SharedWorld;
use crate::fingerprint::sha256_hex;

/// Longest time that the head of a request may take, and that an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// Longest time that events still on their way get when the server stops.
const LAST_EVENTS: Duration = Duration::from_secs(5);
/// How often a world is moved on that nobody asks.
const TICK: Duration = Duration::from_millis(50);

/// Moves a world on to the present, which it answers, and takes the events that are to be sent by now.
pub type Driver = Box<dyn FnMut() -> (Timestamp, Vec<Value>) + Send>;

/// How a world is served beyond its operations.
pub struct Setup {
    /// The port on the loopback interface; 0 is any free one.
    pub port: u16,
    /// What moves the world on: before and after each request, and all along.
    pub driver: Driver,
    /// Where events go.
    pub events: Option<Destination>,
    /// Who is told what went wrong with events.
    pub tell: Tell,
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("port", &self.port)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

/// Where events go, and who is told what went wrong with them.
type Sending = (Option<Destination>, Tell);

/// A server that runs. Dropping it ends it, and the requests under way with it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves a world on a free port of the loopback interface. Before each answer the world advances to what `clock`
    /// says; between requests it stands still, and its events stay in it.
    pub fn start(world: SharedWorld, clock: impl Fn() -> Timestamp + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let driver: Driver = Box::new(move || (clock(), Vec::new()));
        Self::run(listener, world, driver, None)
    }

    /// Serves a world that moves on by itself and sends its events.
    pub fn start_with(world: SharedWorld, setup: Setup) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, setup.port))?;
        Self::run(listener, world, setup.driver, Some((setup.events, setup.tell)))
    }

    fn run(
        listener: TcpListener,
        world: SharedWorld,
        driver: Driver,
        sending: Option<Sending>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("codepipeline-http".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let (events, queue) = mpsc::unbounded_channel();
                let face = Face {
                    world: world.clone(),
                    service: Service::new(world),
                    driver: Mutex::new(driver),
                    events,
                    requests: AtomicU64::new(0),
                };
                let face = Arc::new(face);
                let mut sender = None;
                if let Some((destination, tell)) = sending {
                    tokio::spawn(tick(Arc::clone(&face)));
                    let sending = delivery::send(destination, queue, Arc::clone(&tell));
                    sender = Some((tokio::spawn(sending), tell));
                }
                tokio::spawn(accept(listener, Arc::clone(&face)));
                // Whoever held the other end is gone, or has sent: either way it is over.
                let _ = stopped.await;
                face.go_on();
                face.finish_events(sender).await;
            });
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has been printed where it happened.
            let _ = thread.join();
        }
    }
}

/// What all connections share.
struct Face {
    world: SharedWorld,
    service: Service,
    driver: Mutex<Driver>,
    events: mpsc::UnboundedSender<Option<Value>>,
    requests: AtomicU64,
}

impl Face {
    /// Moves the world on, and passes its events to whoever sends them.
    fn go_on(&self) -> Timestamp {
        let (now, events) = (self.driver.lock().unwrap_or_else(PoisonError::into_inner))();
        for event in events {
            // Without a sender nobody waits for events.
            let _ = self.events.send(Some(event));
        }
        now
    }

    /// Gives the events under way some time to arrive.
    async fn finish_events(&self, sender: Option<(tokio::task::JoinHandle<()>, Tell)>) {
        let Some((sender, tell)) = sender else { return };
        let _ = self.events.send(None);
        if tokio::time::timeout(LAST_EVENTS, sender).await.is_err() {
            tell("stopped before all events were sent");
        }
    }

    async fn exchange(&self, request: hyper::Request<Incoming>) -> Result<Response<Full<Bytes>>, Closed> {
        let reply = match wire::read(request).await {
            Ok(asked) => {
                let now = self.go_on();
                let reply = self.service.call(Call {
                    operation: &asked.operation,
                    body: &asked.body,
                    caller: &asked.caller,
                    region: asked.region.as_deref(),
                    now,
                });
                self.go_on();
                if asked.protocol == Protocol::Query {
                    let written = wire::write_query(&reply, &asked.operation, &self.request_id());
                    return written.ok_or(Closed);
                }
                reply
            }
            Err(Unasked::Greeting) => {
                return Ok(wire::greeting(self.world.lock().service.list_pipelines().len()));
            }
            Err(Unasked::Refused(error)) => Reply::Refused(error),
            Err(Unasked::Gone) => Reply::Lost,
        };
        wire::write(reply, &self.request_id()).ok_or(Closed)
    }

    /// An id that looks like AWS's.
    fn request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let hex = sha256_hex(&["request", &number.to_string()]);
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
        [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
    }
}

/// The connection is to be closed without an answer.
#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("closed without an answer")
    }
}

impl std::error::Error for Closed {}

async fn tick(face: Arc<Face>) {
    loop {
        face.go_on();
        tokio::time::sleep(TICK).await;
    }
}

async fn accept(listener: TcpListener, face: Arc<Face>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Such as too many open files: others may be closed meanwhile.
            tokio::time::sleep(TICK).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let face = Arc::clone(&face);
        tokio::spawn(async move {
            let exchange = service_fn(move |request| {
                let face = Arc::clone(&face);
                async move { face.exchange(request).await }
            });
            // What goes wrong with a connection concerns its client only.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), exchange)
                .await;
        });
    }
}
