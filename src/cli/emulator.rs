//! `retrier emulator`: CodePipeline on the loopback interface, for the AWS CLI and every SDK.

mod notes;
mod play;
mod welcome;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::SignedDuration;

use super::clock;
use super::error::CliError;
use super::exit::Exit;
use super::interrupt::Interrupt;
use super::output;
use super::scenario;
use crate::domain::stage_run::after;
use crate::emulator::http::{Destination, Server, Setup};
use play::Play;

/// Serve an emulated CodePipeline to the AWS CLI and SDKs
///
/// The pipelines run in real time: stages fail, a retry runs the failed actions again and the pipeline goes on,
/// approvals wait, and everything is refused that CodePipeline refuses. Without a scenario there are five pipelines to
/// try, `MyFirstPipeline` of AWS's user guide among them, with a stage that has failed and that a retry brings through.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier emulator --port 4599
  aws codepipeline list-pipelines --endpoint-url http://127.0.0.1:4599
  retrier emulator --port 0 --events-to file:events.jsonl
  retrier emulator --port 4599 --scenario examples/scenarios/throttled-deployment.yaml

The endpoint is printed on standard output, all else on standard error. It is on 127.0.0.1 only,
and takes any credentials. docs/emulator.md says what is emulated, docs/scenarios.md how a scenario
is written.

Exit codes:
  0  ended by Ctrl-C or SIGTERM
  2  the scenario cannot be read, or the port is taken")]
pub(super) struct Emulator {
    /// The port on 127.0.0.1; 0 is any free one
    #[arg(long, value_name = "N")]
    port: u16,
    /// Play this scenario file, from now on, or `-` for standard input
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Send events to `file:PATH`, `http://HOST:PORT/PATH` or `eventbridge:http://HOST:PORT`
    #[arg(long, value_name = "WHERE")]
    events_to: Option<Destination>,
}

const FLEET: &str = include_str!("emulator/fleet.yaml");
/// How far in the past the built-in fleet begins: what it is to show has happened by then.
const PAST: SignedDuration = SignedDuration::from_mins(10);

impl Emulator {
    pub fn run(self) -> Result<Exit, CliError> {
        let now = clock::now();
        let mut scenario = scenario::read(self.scenario.as_deref(), FLEET)?;
        let past = if self.scenario.is_none() { PAST } else { SignedDuration::ZERO };
        scenario.start = after(now, -past);
        if let Some(destination) = &self.events_to {
            destination.try_out().map_err(|error| {
                CliError::usage(format!("events cannot be sent to `{destination}`: {error}"))
            })?;
        }
        let mut play = Play::new(&scenario).map_err(|refusal| {
            CliError::usage(format!("CodePipeline would refuse the scenario: {refusal}"))
        })?;
        let world = play.world().clone();
        let mut first = play.go_on(now);
        let setup = Setup {
            port: self.port,
            driver: Box::new(move || {
                let now = clock::now();
                let mut events = std::mem::take(&mut first);
                events.extend(play.go_on(now));
                (now, events)
            }),
            events: self.events_to.clone(),
            tell: Arc::new(output::notice),
        };
        let interrupt = Interrupt::new()
            .map_err(|error| CliError::unexpected(format!("cannot listen to signals: {error}")))?;
        let server = Server::start_with(world.clone(), setup).map_err(|error| self.cannot_listen(&error))?;
        output::data(&format!("{}\n", server.endpoint()))?;
        let ignored = notes::without_effect(&scenario);
        output::message(&welcome::text(&world.lock(), &server.endpoint(), self.events_to.as_ref(), &ignored));
        interrupt.wait();
        drop(server);
        output::message("\nstopped\n");
        Ok(Exit::Fine)
    }

    fn cannot_listen(&self, error: &io::Error) -> CliError {
        let port = self.port;
        match error.kind() {
            io::ErrorKind::AddrInUse => CliError::usage(format!("port {port} is taken"))
                .with_hint("`--port 0` takes any free port, and prints which"),
            io::ErrorKind::PermissionDenied => {
                CliError::usage(format!("no permission to listen on port {port}"))
                    .with_hint("ports from 1024 on need none")
            }
            _ => CliError::unexpected(format!("cannot listen on port {port}: {error}")),
        }
    }
}
