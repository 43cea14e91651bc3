//! The AWS Lambda function: wiring only.

use std::process::ExitCode;

use codepipeline_retrier::aws::settings::Settings;
use codepipeline_retrier::lambda::serve;
use jiff::Timestamp;

fn main() -> ExitCode {
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
