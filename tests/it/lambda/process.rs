//! The function's real binary, started as Lambda starts it, and invoked through the Runtime API.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::runtime_api::{End, Invocation, RuntimeApi};

/// The account and Region of the events in `events/`.
pub const ACCOUNT: &str = "111122223333";
pub const REGION: &str = "eu-central-1";

/// Longest time for an answer: far longer than the function's own.
const PATIENCE: Duration = Duration::from_mins(1);

/// The present, for what runs outside this process.
#[expect(clippy::disallowed_methods, reason = "real processes live in real time")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A running function. It is killed when it is dropped.
pub struct FunctionProcess {
    api: RuntimeApi,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    /// Seconds by which its clock is ahead.
    ahead: i64,
}

static INVOCATIONS: AtomicU64 = AtomicU64::new(0);

/// The settings of a function whose ledger, queue and pipelines are at these endpoints.
pub fn settings(
    policy: &Path,
    table: &str,
    queue_url: &str,
    aws: &str,
    codepipeline: &str,
) -> Vec<(String, String)> {
    [
        ("RETRIER_TABLE", table),
        ("RETRIER_QUEUE_URL", queue_url),
        ("RETRIER_SCHEDULE_GROUP", "retrier"),
        ("RETRIER_SCHEDULER_ROLE_ARN", &format!("arn:aws:iam::{ACCOUNT}:role/retrier-scheduler")),
        ("RETRIER_POLICY", policy.to_str().unwrap()),
        ("RETRIER_LOG", "debug"),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL", aws),
        ("AWS_ENDPOINT_URL_CODEPIPELINE", codepipeline),
        // The emulator knows why an action failed as well.
        ("AWS_ENDPOINT_URL_CODEBUILD", codepipeline),
        ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", codepipeline),
        ("AWS_ENDPOINT_URL_CODEDEPLOY", codepipeline),
        ("AWS_ENDPOINT_URL_CLOUDFORMATION", codepipeline),
        // And whether a change calendar is closed.
        ("AWS_ENDPOINT_URL_SSM", codepipeline),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

impl FunctionProcess {
    pub fn start(environment: &[(String, String)]) -> Self {
        Self::start_ahead(environment, 0)
    }

    /// Starts it in an environment in which its clock is ahead by so many seconds.
    pub fn start_ahead(environment: &[(String, String)], ahead: i64) -> Self {
        let api = RuntimeApi::start();
        let mut command = Command::new(env!("CARGO_BIN_EXE_retrier-lambda"));
        command
            .env_clear()
            .envs(environment.iter().cloned())
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "retrier")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        let output = BufReader::new(child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                written.lock().unwrap().push(line);
            }
        });
        Self { api, child, lines, reader: Some(reader), ahead }
    }

    /// Hands out an invocation of thirty seconds, and does not wait for its end.
    pub fn begin(&self, payload: &Value) -> mpsc::Receiver<End> {
        let number = INVOCATIONS.fetch_add(1, Ordering::Relaxed);
        let deadline = now().as_millisecond() + (self.ahead + 30) * 1_000;
        let id = format!("{}-{number}", std::process::id());
        self.api.invoke(Invocation { id, payload: payload.to_string(), deadline })
    }

    /// One invocation to its end.
    pub fn invoke(&self, payload: &Value) -> End {
        self.begin(payload).recv_timeout(PATIENCE).expect("the function answers")
    }

    /// Kills it as Lambda or the machine would: at once, whatever it is doing.
    pub fn kill(mut self) -> Vec<String> {
        self.stop();
        let lines = self.lines.lock().unwrap();
        lines.clone()
    }

    /// What it has logged, each line as JSON, once there are at least so many lines: they come by another way than answers.
    pub fn log(&self, lines: usize) -> Vec<Value> {
        for _ in 0..600 {
            if self.lines.lock().unwrap().len() >= lines {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.lines.lock().unwrap().iter().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.api.forget();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Drop for FunctionProcess {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A batch of the queue with one message.
pub fn batch_of_one(message_id: &str, body: &Value, receives: u32) -> Value {
    json!({ "Records": [{
        "messageId": message_id,
        "body": body.to_string(),
        "attributes": { "ApproximateReceiveCount": receives.to_string() },
        "eventSource": "aws:sqs",
    }]})
}
