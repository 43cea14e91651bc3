//! Looking again and again, until somebody wants it to end. A look that fails is told, and tried again.

use std::time::Duration;

use clap::Args;

use super::error::CliError;
use super::exit::Exit;
use super::interrupt::Signals;

/// Whether to go on looking.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct WatchArguments {
    /// Look again every so many seconds (5 unless given), until Ctrl-C
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5", value_parser = seconds)]
    watch: Option<u32>,
}

/// The longest time between two looks, a day.
const LONGEST: u32 = 86_400;

fn seconds(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(seconds @ 1..=LONGEST) => Ok(seconds),
        Ok(_) => Err(format!("not 1 to {LONGEST} seconds")),
        Err(_) => {
            Err("not a number of seconds; what comes after `--watch` alone is taken for one".to_owned())
        }
    }
}

impl WatchArguments {
    /// How long it is from one look to the next, where there is to be another.
    pub fn every(self) -> Option<Duration> {
        self.watch.map(|seconds| Duration::from_secs(u64::from(seconds)))
    }
}

/// Looks, shows what was seen, waits, and looks again. It ends well when a signal comes or nobody reads any more, which
/// `show` says by `false`. The first look has to succeed: what it is told of is a mistake more often than bad luck.
pub(super) async fn repeat<T>(
    every: Duration,
    mut look: impl AsyncFnMut() -> Result<T, CliError>,
    mut show: impl FnMut(Result<T, CliError>) -> Result<bool, CliError>,
) -> Result<Exit, CliError> {
    let mut signals = Signals::listen()
        .map_err(|error| CliError::unexpected(format!("cannot listen to signals: {error}")))?;
    let mut is_first = true;
    loop {
        let looked = tokio::select! {
            biased;
            () = signals.come() => return Ok(Exit::Fine),
            looked = look() => looked,
        };
        match looked {
            Err(error) if is_first => return Err(error),
            looked => {
                if !show(looked)? {
                    return Ok(Exit::Fine);
                }
            }
        }
        is_first = false;
        tokio::select! {
            () = signals.come() => return Ok(Exit::Fine),
            () = tokio::time::sleep(every) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use clap::Parser;

    use super::*;
    use crate::cli::account::block_on;

    #[derive(Debug, Parser)]
    struct Command {
        pipeline: Option<String>,
        #[command(flatten)]
        watch: WatchArguments,
    }

    fn every(arguments: &[&str]) -> Result<Option<Duration>, String> {
        let command = Command::try_parse_from(["command"].iter().chain(arguments));
        command.map(|command| command.watch.every()).map_err(|error| error.to_string())
    }

    #[test]
    fn seconds_are_a_matter_of_choice() {
        let seconds = |seconds| Ok(Some(Duration::from_secs(seconds)));
        assert_eq!(every(&[]), Ok(None));
        assert_eq!(every(&["shop", "--watch"]), seconds(5));
        assert_eq!(every(&["--watch", "1", "shop"]), seconds(1));
        assert_eq!(every(&["--watch=30"]), seconds(30));
        for wrong in [&["--watch", "0"][..], &["--watch", "86401"], &["--watch", "shop"]] {
            assert!(every(wrong).unwrap_err().contains("seconds"), "{wrong:?}");
        }
    }

    /// What is shown of these looks, one after the other, until the last.
    fn shown(looks: &[Result<u8, CliError>]) -> (Result<Exit, CliError>, Vec<Result<u8, CliError>>) {
        let (next, seen) = (Cell::new(0), RefCell::new(Vec::new()));
        let ended = block_on(async {
            repeat(
                Duration::ZERO,
                async || {
                    next.set(next.get() + 1);
                    looks[next.get() - 1].clone()
                },
                |looked| {
                    seen.borrow_mut().push(looked);
                    Ok(next.get() < looks.len())
                },
            )
            .await
        });
        (ended, seen.into_inner())
    }

    #[test]
    fn a_look_that_fails_is_shown_and_tried_again() {
        let looks = vec![Ok(1), Err(CliError::unexpected("busy")), Ok(2)];
        assert_eq!(shown(&looks), (Ok(Exit::Fine), looks));
    }

    #[test]
    fn the_first_look_has_to_succeed() {
        let error = CliError::usage("there is no table");
        assert_eq!(shown(&[Err(error.clone()), Ok(1)]), (Err(error), Vec::new()));
    }
}
