//! `retrier demo`: the whole story on the emulated world, without an account.

mod ending;
mod story;
mod summary;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::Args;

use super::error::CliError;
use super::exit::Exit;
use super::output::{self, Format};
use super::scenario;
use crate::document::document;
use crate::function::Handled;
use crate::replay::expectation::Expectation;
use crate::replay::moment::{Happening, Moment};
use crate::replay::player::Player;
use crate::replay::scenario::Scenario;
use story::Story;
use summary::Summary;

/// Watch a fleet of pipelines fail and recover, without an AWS account
///
/// The pipelines run in memory on a virtual clock, and decisions, claims and retries are made by the function's
/// own code. Each line is one moment: what failed, what was decided and why, what people did meanwhile.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier demo
  retrier demo --fast
  retrier demo --format json | jq -r '.verdict + \"/\" + .reason'
  retrier demo --scenario my-fleet.yaml

A scenario is a file like those in `examples/scenarios/`; docs/scenarios.md says how one is written.

Exit codes:
  0  played to the end
  1  something came out differently from what the scenario expects
  2  the scenario cannot be read")]
pub(super) struct Demo {
    /// Play this scenario file instead of the built-in fleet, or `-` for standard input
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Do not pause between lines on a terminal
    #[arg(long)]
    fast: bool,
    /// Text for people, or one decision document a line
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

const FLEET: &str = include_str!("fleet.yaml");
/// Pause after each line on a terminal: slow enough to read along, short enough to stay.
const PAUSE: Duration = Duration::from_millis(150);

impl Demo {
    pub fn run(self) -> Result<Exit, CliError> {
        let scenario = scenario::read(self.scenario.as_deref(), FLEET)?;
        let mut player = Player::new(&scenario).map_err(|refusal| {
            CliError::usage(format!("CodePipeline would refuse the scenario: {refusal}"))
        })?;
        match self.format {
            Format::Text => self.tell(&scenario, &mut player),
            Format::Json => list(&scenario, &mut player),
        }
    }

    fn tell(&self, scenario: &Scenario, player: &mut Player) -> Result<Exit, CliError> {
        let pause = (!self.fast && io::stdout().is_terminal()).then_some(PAUSE);
        let mut story = Story::new(scenario);
        let mut summary = Summary::new(scenario);
        output::data(&Story::opening(scenario))?;
        let found = watch(player, |moment| {
            summary.record(moment);
            let Some(lines) = story.lines(moment) else {
                return Ok(());
            };
            output::data(&lines)?;
            if let Some(pause) = pause {
                thread::sleep(pause);
            }
            Ok(())
        })?;
        output::data(&summary.text(&player.world().lock()))?;
        Ok(conclude(scenario, &found))
    }
}

/// One decision document a line.
fn list(scenario: &Scenario, player: &mut Player) -> Result<Exit, CliError> {
    let found = watch(player, |moment| match &moment.what {
        Happening::Handled(handled) => match handled.as_ref() {
            Handled::Worked(outcome) => match &outcome.decision {
                Some(decision) => output::data(&format!("{}\n", document(decision))),
                None => Ok(()),
            },
            _ => Ok(()),
        },
        _ => Ok(()),
    })?;
    Ok(conclude(scenario, &found))
}

/// Plays to the end or to the first line that cannot be printed.
fn watch(
    player: &mut Player,
    mut tell: impl FnMut(&Moment) -> Result<(), CliError>,
) -> Result<Expectation, CliError> {
    let mut found = Expectation::default();
    let mut told = Ok(());
    while told.is_ok() {
        let goes_on = player.step(&mut |moment: &Moment| {
            found.record(moment);
            if told.is_ok() {
                told = tell(moment);
            }
        });
        if !goes_on {
            break;
        }
    }
    told?;
    found.conclude(&player.world().lock());
    Ok(found)
}

fn conclude(scenario: &Scenario, found: &Expectation) -> Exit {
    let differences = scenario.expectation.as_ref().map(|expected| expected.differences(found));
    match differences {
        Some(lines) if !lines.is_empty() => {
            output::findings(&format!("the scenario expects something else:\n  {}\n", lines.join("\n  ")));
            Exit::Findings
        }
        _ => Exit::Fine,
    }
}
