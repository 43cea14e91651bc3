//! The one place that prints. Data goes to standard output, everything else to standard error; styles are stripped
//! where they do not belong.

#[cfg(feature = "aws")]
use std::io::IsTerminal;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

use super::error::CliError;
use super::exit::Exit;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// The exit codes on one line, for the short help.
pub(super) const EXIT_CODES_IN_SHORT: &str =
    "Exit codes: 0 fine, 1 findings, 2 wrong usage or an input that cannot be read, 70 unexpected";

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Prints data. A reader that has seen enough and closed the pipe is no failure.
pub(super) fn data(text: &str) -> Result<(), CliError> {
    let mut stdout = anstream::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::unexpected(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints more data; `false` where nobody reads any more.
#[cfg(feature = "aws")]
pub(super) fn more_data(text: &str) -> Result<bool, CliError> {
    let mut stdout = anstream::stdout().lock();
    is_read(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// Prints what a terminal is to do as well as to show; `false` where nobody reads any more.
#[cfg(feature = "aws")]
pub(super) fn unchanged(text: &str) -> Result<bool, CliError> {
    let mut stdout = io::stdout().lock();
    is_read(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

#[cfg(feature = "aws")]
fn is_read(written: io::Result<()>) -> Result<bool, CliError> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(CliError::unexpected(format!("cannot write to standard output: {error}"))),
    }
}

/// Whether a person looks at standard output.
#[cfg(feature = "aws")]
pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// The text with its styles, or without where they do not belong on standard output.
#[cfg(feature = "aws")]
pub(super) fn plain_where_it_has_to_be(text: &str) -> String {
    if anstream::stdout().current_choice() == anstream::ColorChoice::Never {
        anstream::adapter::strip_str(text).to_string()
    } else {
        text.to_owned()
    }
}

/// Prints why a command could not do its work. When that fails too, the exit code still tells.
pub(super) fn error(error: &CliError) -> Exit {
    let mut stderr = anstream::stderr().lock();
    let _ = writeln!(stderr, "{ERROR}error{ERROR:#}: {error}");
    if let Some(hint) = error.hint() {
        let _ = writeln!(stderr, "\n{HINT}hint{HINT:#}: {hint}");
    }
    error.exit()
}

/// Prints what to do about data that was printed before.
pub(super) fn hint(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "\n{HINT}hint{HINT:#}: {text}");
}

/// Prints something to be known beside the data.
#[cfg(feature = "reports")]
pub(super) fn aside(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "note: {text}");
}

/// Prints that a file was written.
#[cfg(feature = "reports")]
pub(super) fn written(path: &std::path::Path) {
    let _ = writeln!(anstream::stderr().lock(), "written: {}", path.display());
}

/// Prints what a user wants to know beside the data.
#[cfg(feature = "serve")]
pub(super) fn message(text: &str) {
    let _ = write!(anstream::stderr().lock(), "{text}");
}

/// Prints a line about something that went wrong while the command goes on.
#[cfg(any(feature = "aws", feature = "serve"))]
pub(super) fn notice(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{ERROR}warning{ERROR:#}: {text}");
}

/// Prints what is wrong with an input, where other data was asked for.
pub(super) fn findings(text: &str) {
    let _ = write!(anstream::stderr().lock(), "{text}");
}

/// Prints what the argument parser has to say: help that was asked for, or what is wrong with the arguments.
pub(super) fn usage(error: &clap::Error) -> Exit {
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Fine }
}
