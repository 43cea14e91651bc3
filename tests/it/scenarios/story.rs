//! Plays one scenario file and tells what came of it; whether that is right is judged elsewhere.

use std::fs;
use std::path::{Path, PathBuf};

use codepipeline_retrier::emulator::faults::Fault;
use codepipeline_retrier::emulator::world::World;
use codepipeline_retrier::replay::expectation::Expectation;
use codepipeline_retrier::replay::moment::Moment;
use codepipeline_retrier::replay::player::Player;
use codepipeline_retrier::replay::scenario::Scenario;

/// Everything that happened in a scenario, and the world that it left.
pub(super) struct Story {
    pub(super) scenario: Scenario,
    pub(super) moments: Vec<Moment>,
    pub(super) found: Expectation,
    pub(super) world: World,
}

/// The folder of the scenario files.
pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// Every scenario file in every folder, by path.
pub(super) fn files() -> Vec<PathBuf> {
    let mut folders = vec![folder()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert!(
                    path.extension().is_some_and(|extension| extension == "yaml"),
                    "{} is no scenario",
                    path.display()
                );
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// What a file is called in messages: its path below the folder, without the extension.
pub(super) fn name_of(path: &Path) -> String {
    path.strip_prefix(folder()).unwrap().with_extension("").to_string_lossy().replace('\\', "/")
}

/// Reads a scenario file.
pub(super) fn read(path: &Path) -> Result<Scenario, String> {
    let text = fs::read_to_string(path).unwrap();
    Scenario::read(&name_of(path), &text).map_err(|error| error.to_string())
}

impl Story {
    /// Plays a scenario to its end.
    pub(super) fn of(scenario: &Scenario) -> Self {
        Self::with_fault(scenario, None)
    }

    /// Plays a scenario in which one more call goes wrong: the one of that number, from 1, whatever it is.
    pub(super) fn with_fault(scenario: &Scenario, fault: Option<(u64, Fault)>) -> Self {
        let player = Player::new(scenario).unwrap();
        if let Some((nth, fault)) = fault {
            player.world().lock().faults.plan_call(nth, fault);
        }
        Self::told_by(player, scenario)
    }

    /// Plays a scenario to its end whose world has been prepared.
    pub(super) fn told_by(mut player: Player, scenario: &Scenario) -> Self {
        let mut found = Expectation::default();
        let mut moments = Vec::new();
        player.play(|moment| {
            found.record(moment);
            moments.push(moment.clone());
        });
        let world = player.world().lock().clone();
        found.conclude(&world);
        Self { scenario: scenario.clone(), moments, found, world }
    }

    /// All of it in words, for comparing one play with another.
    pub(super) fn in_words(&self) -> String {
        format!("{:#?}\n{:#?}\n{:#?}", self.moments, self.world.ledger, self.world.deeds())
    }

    /// How it differs from what the scenario expects of it. A test names every stage that anything is decided about.
    pub(super) fn differences(&self) -> Vec<String> {
        let refused = self.world.deeds().iter().filter_map(|deed| Some((&deed.act, deed.refusal.as_ref()?)));
        let mut lines: Vec<_> =
            refused.map(|(act, refusal)| format!("{act:?} was refused: {refusal}")).collect();
        let Some(expectation) = &self.scenario.expectation else {
            lines.push("it expects nothing".to_owned());
            return lines;
        };
        lines.extend(expectation.differences(&self.found));
        for (subject, rulings) in &self.found.decisions {
            if !expectation.decisions.contains_key(subject) {
                lines.push(format!("{subject}: nothing is expected of it, got {rulings:?}"));
            }
        }
        lines
    }
}
