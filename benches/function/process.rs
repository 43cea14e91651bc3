//! A function's process, and what it takes of the machine.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::time::TimeSpec;
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use crate::runtime_api::RuntimeApi;

/// How a function is started.
#[derive(Debug, Clone)]
pub struct Program {
    pub name: &'static str,
    pub path: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
}

/// What something took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Took {
    pub wall: Duration,
    pub processor: Duration,
}

/// A process that has asked for its first work. It is killed when it is dropped.
pub struct Process {
    pub api: RuntimeApi,
    child: Child,
    pid: i32,
    /// From its start to the first poll.
    pub start: Took,
    written: Arc<AtomicU64>,
}

impl Process {
    pub async fn start(program: &Program) -> Self {
        let mut api = RuntimeApi::start().await;
        let begun = Instant::now();
        let mut child = command(program)
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.path.display()));
        let pid = i32::try_from(child.id().expect("it runs")).expect("a process id");
        let written = Arc::new(AtomicU64::new(0));
        let (counted, mut output) = (Arc::clone(&written), child.stdout.take().expect("its output"));
        tokio::spawn(async move {
            let mut buffer = vec![0; 16 * 1024];
            while let Ok(length @ 1..) = output.read(&mut buffer).await {
                counted.fetch_add(length as u64, Ordering::Relaxed);
            }
        });
        let polled = tokio::select! {
            polled = api.polled() => polled,
            ended = child.wait() => panic!("{} ended before its first poll: {ended:?}", program.name),
            () = tokio::time::sleep(Duration::from_mins(1)) => panic!("{} does not poll", program.name),
        };
        let start = Took { wall: polled - begun, processor: processor_time(pid) };
        Self { api, child, pid, start, written }
    }

    /// Handles one event to its end, and until the process asks for the next.
    pub async fn handle(&mut self, payload: String) -> (Took, serde_json::Value) {
        let before = processor_time(self.pid);
        let (wall, end) = self.api.invoke(payload).await;
        self.api.polled().await;
        let answer = end.answer.unwrap_or_else(|error| panic!("the function failed: {error}"));
        (Took { wall, processor: processor_time(self.pid).saturating_sub(before) }, answer)
    }

    /// Most memory that it ever had, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
        let kilobytes = line.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok());
        kilobytes.expect("a number") * 1024
    }

    /// Bytes that it has written to its log.
    pub async fn logged(&self) -> u64 {
        // They come by another way than answers.
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.written.load(Ordering::Relaxed)
    }

    pub async fn end(mut self) {
        let _ = self.child.kill().await;
    }
}

/// The command as Lambda would run it, without where the Runtime API is.
pub fn command(program: &Program) -> Command {
    let mut command = Command::new(&program.path);
    command
        .args(&program.arguments)
        .env_clear()
        .envs(program.environment.iter().cloned())
        .env("AWS_LAMBDA_FUNCTION_NAME", "retrier")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    command
}

/// Size of a file, in bytes.
pub fn size(file: &Path) -> u64 {
    std::fs::metadata(file).unwrap_or_else(|error| panic!("{}: {error}", file.display())).len()
}

/// Processor time that all threads of a process have had.
fn processor_time(pid: i32) -> Duration {
    let clock = nix::time::clock_getcpuclockid(Pid::from_raw(pid)).expect("it runs");
    let time: TimeSpec = clock.now().expect("it runs");
    Duration::from(time)
}
