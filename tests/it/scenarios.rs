//! Every scenario file is played, twice, and must come out as it says; and in none may the product overstep.

mod bad_files;
mod coverage;
mod faults;
mod horizon;
mod story;
mod truth;

use story::{Story, files, name_of, read};

/// Each scenario's file, by its name.
pub fn scenario_files() -> impl Iterator<Item = (String, std::path::PathBuf)> {
    files().into_iter().map(|path| (name_of(&path), path))
}

/// Each scenario, by its name.
#[cfg(feature = "serve")]
pub fn scenarios() -> impl Iterator<Item = (String, codepipeline_retrier::replay::scenario::Scenario)> {
    files().into_iter().map(|path| (name_of(&path), read(&path).unwrap()))
}

/// The world that each scenario leaves, by its name.
#[cfg(feature = "serve")]
pub fn worlds() -> impl Iterator<Item = (String, codepipeline_retrier::emulator::world::World)> {
    files().into_iter().map(|path| (name_of(&path), Story::of(&read(&path).unwrap()).world))
}

#[test]
fn every_scenario_comes_out_as_it_says() {
    let mut failures = Vec::new();
    for path in files() {
        let name = name_of(&path);
        match read(&path) {
            Ok(scenario) => {
                let story = Story::of(&scenario);
                let lines = story.differences().into_iter().chain(truth::violations(&story));
                failures.extend(lines.map(|line| format!("{name}: {line}")));
            }
            Err(error) => failures.push(error),
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn the_same_scenario_is_the_same_story() {
    for path in files() {
        let scenario = read(&path).unwrap();
        assert!(
            Story::of(&scenario).in_words() == Story::of(&scenario).in_words(),
            "{} came out in two ways",
            name_of(&path)
        );
    }
}
