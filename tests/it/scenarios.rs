//! Every scenario file is played, and must come out as it says.

use std::fs;
use std::path::{Path, PathBuf};

use codepipeline_retrier::replay::expectation::Expectation;
use codepipeline_retrier::replay::player::{Happening, Player};
use codepipeline_retrier::replay::scenario::Scenario;

fn scenario_files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

fn play(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let scenario = match Scenario::read(&name, &text) {
        Ok(scenario) => scenario,
        Err(error) => return vec![error.to_string()],
    };
    let mut player = Player::new(&scenario).unwrap();
    let mut found = Expectation::default();
    let mut lines = Vec::new();
    player.play(|moment| {
        found.record(moment);
        if let Happening::Acted(act, Err(refusal)) = &moment.what {
            lines.push(format!("{act:?} was refused: {refusal}"));
        }
    });
    let world = player.world().lock();
    found.conclude(&world);
    lines.extend(world.refused_acts().iter().map(|refusal| format!("a hooked act was refused: {refusal}")));
    lines.extend(world.queue.dead_letters().iter().map(|_| "a message went to the dead letters".to_owned()));
    match &scenario.expectation {
        Some(expectation) => lines.extend(expectation.differences(&found)),
        None => lines.push("it expects nothing".to_owned()),
    }
    lines
}

#[test]
fn every_scenario_comes_out_as_it_says() {
    let mut failures = Vec::new();
    for path in scenario_files() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        failures.extend(play(&path).into_iter().map(|line| format!("{name}: {line}")));
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
