//! `MiniStack`, which stands in for AWS: the server that the whole test run shares, or one of this process's own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::region::Region;

use codepipeline_retrier::aws::clients::{Clients, common};
use codepipeline_retrier::aws::settings::{Endpoints, Trust, variable};

/// The Region that everything lies in.
pub const REGION: &str = "eu-central-1";

/// A running server. One that was started here ends with the last who holds it.
pub struct MiniStack {
    url: String,
    process: Option<Child>,
}

impl MiniStack {
    /// The one that `RETRIER_TEST_MINISTACK` names, else one that all tests of this process share.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<MiniStack>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(match variable("RETRIER_TEST_MINISTACK") {
                Some(url) => Self { url, process: None },
                None => Self::start(&[], &[]),
            });
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// One of its own, with these arguments for the launcher, and this environment on top of the test's.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let python = tool("ministack/bin/python");
        let mut process = Command::new(&python)
            .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tools/ministack.py"))
            .args(["--region", REGION])
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap_or_else(|error| panic!("`{}`: {error}", python.display()));
        let mut line = String::new();
        let read = BufReader::new(process.stdout.take().unwrap()).read_line(&mut line);
        let Some(port) = line.trim().strip_prefix("ready ").filter(|_| read.is_ok()) else {
            process.kill().unwrap();
            process.wait().unwrap();
            panic!("MiniStack did not start: `{line}`");
        };
        Self { url: format!("http://127.0.0.1:{port}"), process: Some(process) }
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Clients that take it for AWS.
    pub fn clients(&self) -> Arc<Clients> {
        clients_at(&self.url)
    }
}

impl Drop for MiniStack {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // It ends with its input, and ends what it has started itself.
            drop(process.stdin.take());
            process.wait().unwrap();
        }
    }
}

/// Clients that take what answers at that address for all of AWS.
pub fn clients_at(url: &str) -> Arc<Clients> {
    let endpoint = Some(url.to_owned());
    let endpoints = Endpoints {
        codepipeline: endpoint.clone(),
        dynamodb: endpoint.clone(),
        eventbridge: endpoint.clone(),
        scheduler: endpoint.clone(),
        sns: endpoint.clone(),
        sqs: endpoint,
        ..Endpoints::default()
    };
    // DynamoDB Local wants letters and digits alone in a key's id.
    let credentials = Credentials::new("test", "test", None, None, "tests");
    let config = common(&Trust::Amazon)
        .region(Region::from_static(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    Arc::new(Clients::new(config, endpoints))
}

/// A name that nothing else has on a shared server.
pub fn unique(name: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{name}-{}-{:08x}-{number}", std::process::id(), fastrand::u32(..))
}

/// A file of the tools that `make tools` installs.
pub fn tool(path: &str) -> PathBuf {
    let folder = variable("RETRIER_TOOLS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".tools"), PathBuf::from);
    let file = folder.join(path);
    assert!(file.exists(), "`{}` is missing: run `make tools` first", file.display());
    file
}
