//! The AWS Lambda function: wiring only.

use std::io::{self, Write};
use std::process::ExitCode;

use codepipeline_retrier::aws::settings::{Settings, variable};
use codepipeline_retrier::lambda::serve;
use jiff::Timestamp;

const OUTSIDE: &str = "\
error: this is the AWS Lambda function, and it runs in Lambda only
hint: `retrier` is the command; events/README.md says how to try the function on your machine
";

fn main() -> ExitCode {
    if variable("AWS_LAMBDA_RUNTIME_API").is_none() {
        let _ = io::stderr().write_all(OUTSIDE.as_bytes());
        return ExitCode::from(2);
    }
    // One message at a time needs one thread.
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(lambda_runtime::Error::from)
        .and_then(|runtime| runtime.block_on(serve(Settings::from_environment(), now)));
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::disallowed_methods, reason = "an entry point reads the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}
