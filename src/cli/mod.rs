//! The operator's command: arguments and subcommands, one file each. Decisions and formats live elsewhere.

#[cfg(feature = "aws")]
pub mod account;
#[cfg(feature = "reports")]
mod backtest;
mod classify;
mod clock;
#[cfg(any(feature = "aws", feature = "reports"))]
mod columns;
mod completions;
mod demo;
#[cfg(feature = "serve")]
mod emulator;
mod error;
mod exit;
mod explain;
#[cfg(feature = "reports")]
mod figure;
#[cfg(feature = "aws")]
mod history;
#[cfg(feature = "aws")]
mod identity;
#[cfg(feature = "reports")]
mod init;
#[cfg(any(feature = "aws", feature = "serve"))]
mod interrupt;
#[cfg(feature = "reports")]
mod man;
mod output;
#[cfg(feature = "reports")]
mod past;
#[cfg(feature = "aws")]
mod pause;
#[cfg(feature = "aws")]
mod pauses;
#[cfg(feature = "aws")]
mod policy;
#[cfg(feature = "reports")]
mod progress;
mod prose;
#[cfg(all(feature = "aws", feature = "reports"))]
mod report;
#[cfg(feature = "aws")]
mod resume;
mod scenario;
mod schema;
#[cfg(feature = "aws")]
mod screen;
#[cfg(feature = "reports")]
mod simulate;
#[cfg(any(feature = "aws", feature = "reports"))]
mod since;
#[cfg(feature = "aws")]
mod status;
#[cfg(feature = "aws")]
mod table;
#[cfg(feature = "reports")]
mod test;
mod validate;
#[cfg(feature = "aws")]
mod waking;
#[cfg(feature = "aws")]
mod watch;
#[cfg(feature = "reports")]
mod web_page;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

pub use error::CliError;
pub use exit::Exit;

/// Retries failed AWS CodePipeline stages by policy.
#[derive(Debug, Parser)]
#[command(
    name = "retrier",
    version,
    about = "Retries failed AWS CodePipeline stages by policy",
    long_about = "Retries failed AWS CodePipeline stages by policy: within a budget, never twice, with a reason for \
                  every decision.\n\nThis command checks policies and shows what they do, without an AWS account. \
                  `explain --live` and `backtest` read one, and `status`, `history`, `report`, `pause`, `resume` and \
                  `policy` work on what is deployed.",
    after_help = output::EXIT_CODES_IN_SHORT,
    after_long_help = EXIT_CODES,
    arg_required_else_help = true,
    subcommand_required = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
   0  fine
   1  findings, such as an invalid policy
   2  wrong usage, or an input that cannot be read
  70  an unexpected failure

Data goes to standard output, everything else to standard error. Colour is used on terminals only, and never when \
NO_COLOR is set.";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    #[cfg(feature = "reports")]
    Init(init::Init),
    Validate(validate::Validate),
    Explain(explain::Explain),
    Classify(classify::Classify),
    #[cfg(feature = "reports")]
    Test(test::Test),
    #[cfg(feature = "reports")]
    Simulate(simulate::Simulate),
    #[cfg(feature = "reports")]
    Backtest(backtest::Backtest),
    #[cfg(feature = "aws")]
    Status(status::Status),
    #[cfg(feature = "aws")]
    History(history::History),
    #[cfg(all(feature = "aws", feature = "reports"))]
    Report(report::Report),
    #[cfg(feature = "aws")]
    Pause(pause::Pause),
    #[cfg(feature = "aws")]
    Resume(resume::Resume),
    #[cfg(feature = "aws")]
    Policy(policy::Policy),
    #[cfg(feature = "serve")]
    Emulator(emulator::Emulator),
    Schema(schema::Schema),
    Completions(completions::Completions),
    #[cfg(feature = "reports")]
    #[command(name = "man")]
    Manual(man::Manual),
}

/// Runs one command line, the name of the program first, and says how the process should end.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let outcome = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli.command.run(),
        Err(error) => return output::usage(&error),
    };
    outcome.unwrap_or_else(|error| output::error(&error))
}

impl Command {
    fn run(self) -> Result<Exit, CliError> {
        match self {
            Self::Demo(command) => command.run(),
            #[cfg(feature = "reports")]
            Self::Init(command) => command.run(),
            Self::Validate(command) => command.run(),
            Self::Explain(command) => command.run(),
            Self::Classify(command) => command.run(),
            #[cfg(feature = "reports")]
            Self::Test(command) => command.run(),
            #[cfg(feature = "reports")]
            Self::Simulate(command) => command.run(),
            #[cfg(feature = "reports")]
            Self::Backtest(command) => command.run(),
            #[cfg(feature = "aws")]
            Self::Status(command) => command.run(),
            #[cfg(feature = "aws")]
            Self::History(command) => command.run(),
            #[cfg(all(feature = "aws", feature = "reports"))]
            Self::Report(command) => command.run(),
            #[cfg(feature = "aws")]
            Self::Pause(command) => command.run(),
            #[cfg(feature = "aws")]
            Self::Resume(command) => command.run(),
            #[cfg(feature = "aws")]
            Self::Policy(command) => command.run(),
            #[cfg(feature = "serve")]
            Self::Emulator(command) => command.run(),
            Self::Schema(_) => schema::run(),
            Self::Completions(command) => command.run(),
            #[cfg(feature = "reports")]
            Self::Manual(command) => command.run(),
        }
    }
}
