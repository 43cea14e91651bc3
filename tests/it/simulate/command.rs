//! The command as people meet it.

use std::process::Output;

use codepipeline_retrier::replay::fleet::Fleet;
use serde_json::Value;

use crate::command::{output_with_input, retrier, shown};

fn simulate(arguments: &[&str], input: &str) -> Output {
    output_with_input(&mut retrier(&[&["simulate"], arguments].concat()), input.as_bytes())
}

const FOUR_LINES: &str = "fleet: 1\npipelines:\n  - name: shop\n    count: 20\n";

#[test]
fn a_table_for_people() {
    insta::assert_snapshot!(shown(&simulate(&["-", "--lasting", "5d", "--seeds", "3"], FOUR_LINES)));
}

#[test]
fn one_play_has_no_interval() {
    insta::assert_snapshot!(shown(&simulate(&["-", "--lasting", "12h", "--seeds", "1"], FOUR_LINES)));
}

#[test]
fn a_document_for_programs() {
    let output = simulate(&["-", "--lasting", "2d", "--seeds", "2", "--format", "json"], FOUR_LINES);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["schema"], 1);
    assert_eq!((&document["pipelines"], &document["hours"]), (&20.into(), &48.0.into()));
    let contenders = document["contenders"].as_array().unwrap();
    let names: Vec<&str> = contenders.iter().map(|of| of["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["none", "native", "defaults"]);
    for contender in contenders {
        for figure in contender["figures"].as_array().unwrap() {
            assert_eq!(figure["values"].as_array().unwrap().len(), 2, "{figure}");
            assert!(figure["measure"].is_string() && figure["mean"].is_f64(), "{figure}");
            assert!(figure["margin"].is_f64(), "{figure}");
        }
        assert!(contender["series"]["failures"].is_array());
    }
}

#[test]
fn every_example_is_a_fleet_that_can_be_simulated() {
    for name in ["small", "outages", "month"] {
        let file = format!("examples/fleets/{name}.yaml");
        let fleet = Fleet::read(&file, &std::fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(fleet.pipelines.len() == 1_000, name == "month");
        let output = simulate(&[&file, "--seeds", "1", "--lasting", "6h"], "");
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    }
    assert_eq!(std::fs::read_dir("examples/fleets").unwrap().count(), 3, "an example that no test holds");
}

#[test]
fn several_policies_stand_side_by_side() {
    let folder = std::env::temp_dir().join(format!("retrier-simulate-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let policy = |name: &str, retries: u32| {
        let text = format!(
            "version: 1\nrules: [{{ name: a, match: {{ pipeline: '*' }}, max-retries: {retries} }}]\n"
        );
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let (strict, generous) = (policy("strict.yaml", 1), policy("generous.yaml", 3));
    let fleet = folder.join("fleet.yaml");
    std::fs::write(&fleet, format!("{FOUR_LINES}policy: strict.yaml\n")).unwrap();
    let fleet = fleet.display().to_string();
    let names = |arguments: &[&str]| {
        let few = ["--format", "json", "--seeds", "1", "--lasting", "6h"];
        let output = simulate(&[arguments, few.as_slice()].concat(), "");
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let contenders = document["contenders"].as_array().unwrap().iter().skip(2);
        contenders.map(|of| of["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&[&fleet]), ["strict.yaml"], "the fleet's own, beside its file");
    assert_eq!(names(&[&fleet, "--policy", &strict, "--policy", &generous]), [strict, generous]);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_cannot_be_read_is_refused_with_a_hint() {
    for (arguments, input, said) in [
        (vec!["no-such.yaml"], "", "there is no file `no-such.yaml`"),
        (vec!["-"], "fleet: 1\npipeline: []", "did you mean `pipelines`?"),
        (vec!["-", "--policy", "no-such.yaml"], FOUR_LINES, "there is no file `no-such.yaml`"),
        (vec!["-", "--policy", "examples/fleets/small.yaml"], FOUR_LINES, "is not a valid policy"),
        (vec!["-", "--seeds", "0"], FOUR_LINES, "0 is not in 1..=1000"),
        (vec!["-", "--lasting", "0d"], FOUR_LINES, "not a duration such as `12h` or `30d`"),
    ] {
        let output = simulate(&arguments, input);
        let told = shown(&output);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(said), "{told}");
        assert!(output.stdout.is_empty(), "{told}");
    }
}
