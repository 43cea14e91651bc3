//! The operator's command: wiring only.

use std::process::ExitCode;

fn main() -> ExitCode {
    codepipeline_retrier::cli::run(std::env::args_os()).into()
}
