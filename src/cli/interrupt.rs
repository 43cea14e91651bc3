//! Waits until the user, or whoever started the command, wants it to end.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C and SIGTERM, listened to from its making on.
pub(super) struct Signals([Signal; 2]);

impl Signals {
    /// Listens from now on. Has to be called inside a runtime.
    pub fn listen() -> io::Result<Self> {
        Ok(Self([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?]))
    }

    /// Waits for the first of them.
    pub async fn come(&mut self) {
        poll_fn(|context| {
            let has_come = self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if has_come { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// The same for what runs on threads.
#[cfg(feature = "serve")]
pub(super) struct Interrupt {
    runtime: tokio::runtime::Runtime,
    signals: Signals,
}

#[cfg(feature = "serve")]
impl Interrupt {
    pub fn new() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let signals = {
            let _inside = runtime.enter();
            Signals::listen()?
        };
        Ok(Self { runtime, signals })
    }

    /// Waits for the first of them.
    pub fn wait(self) {
        let Self { runtime, mut signals } = self;
        runtime.block_on(signals.come());
    }
}
