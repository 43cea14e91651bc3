//! The command as people and scripts meet it: exit code, standard output and standard error of the real binary.

use std::io::Read;
use std::process::{Command, Output, Stdio};

use codepipeline_retrier::policy_file;

use crate::command::{self, output_with_input, shown};

/// The command in the folder of the cases.
fn retrier(arguments: &[&str]) -> Command {
    let mut command = command::retrier(arguments);
    command.current_dir("tests/cases/policy");
    command
}

fn run(arguments: &[&str]) -> Output {
    retrier(arguments).output().unwrap()
}

fn run_with_input(arguments: &[&str], input: &[u8]) -> Output {
    output_with_input(&mut retrier(arguments), input)
}

#[test]
fn validating_a_good_policy() {
    insta::assert_snapshot!(shown(&run(&["validate", "good/everything.yaml"])));
}

#[test]
fn validating_a_bad_policy() {
    insta::assert_snapshot!(shown(&run(&["validate", "bad/unknown-key.yaml"])));
}

#[test]
fn validating_a_policy_with_a_warning() {
    insta::assert_snapshot!(shown(&run(&["validate", "bad/unused-budget.yaml"])));
}

#[test]
fn validating_for_programs() {
    let bad = run(&["validate", "--format", "json", "bad/unknown-key.yaml"]);
    insta::assert_snapshot!(shown(&bad));
    let good = run(&["validate", "--format", "json", "good/smallest.yaml"]);
    insta::assert_snapshot!("validating_a_good_policy_for_programs", shown(&good));
}

#[test]
fn validating_standard_input() {
    let bad = run_with_input(&["validate", "-"], b"version: 1\nrules: yes\n");
    insta::assert_snapshot!(shown(&bad));
}

#[test]
fn validating_endless_input_ends() {
    let endless = std::fs::File::open("/dev/zero").unwrap();
    let output = retrier(&["validate", "-"]).stdin(endless).output().unwrap();
    insta::assert_snapshot!(shown(&output));
}

#[test]
fn validating_a_file_that_is_not_there() {
    insta::assert_snapshot!(shown(&run(&["validate"])));
}

#[test]
fn validating_a_folder() {
    insta::assert_snapshot!(shown(&run(&["validate", "good"])));
}

#[test]
fn the_schema_is_data() {
    let output = run(&["schema"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, policy_file::schema().as_bytes());
    assert_eq!(output.stderr, b"");
}

#[test]
fn completions_know_the_subcommands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert_eq!(output.stderr, b"", "{shell}");
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["validate", "schema", "completions", "format"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn an_unknown_flag() {
    insta::assert_snapshot!(shown(&run(&["validate", "--fromat", "json"])));
}

#[test]
fn an_unknown_shell() {
    insta::assert_snapshot!(shown(&run(&["completions", "bsh"])));
}

#[cfg(all(feature = "aws", feature = "serve"))]
#[test]
fn no_arguments() {
    insta::assert_snapshot!(shown(&run(&[])));
}

#[cfg(all(feature = "aws", feature = "serve"))]
#[test]
fn help() {
    for (name, arguments) in [
        ("help", &["--help"][..]),
        ("help_validate", &["validate", "--help"]),
        ("help_schema", &["schema", "--help"]),
        ("help_completions", &["completions", "--help"]),
    ] {
        insta::assert_snapshot!(name, shown(&run(arguments)));
    }
}

#[test]
fn help_may_be_asked_for_as_a_subcommand() {
    assert_eq!(run(&["help"]).stdout, run(&["--help"]).stdout);
    let explained = run(&["help", "explain"]);
    assert_eq!(explained.status.code(), Some(0));
    assert!(explained.stdout.starts_with(b"Explain what is decided"), "{}", shown(&explained));
}

#[test]
fn short_help_tells_the_exit_codes() {
    for subcommand in ["demo", "validate", "explain", "completions"] {
        let output = shown(&run(&[subcommand, "-h"]));
        assert!(output.contains("\nExit codes: 0 fine, 1 "), "{output}");
    }
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    for (arguments, code) in [
        (&["schema"][..], 0),
        (&["completions", "bash"], 0),
        (&["--help"], 0),
        (&["validate", "bad/ten-mistakes.yaml"], 1),
    ] {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut child =
            retrier(arguments).stdout(writer.try_clone().unwrap()).stderr(Stdio::piped()).spawn().unwrap();
        // Nobody is left to read when the command writes, or soon after.
        drop(writer);
        let _ = reader.read(&mut [0; 1]).unwrap();
        drop(reader);
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{arguments:?}");
        assert_eq!(stderr, "", "{arguments:?}");
    }
}

#[test]
fn a_closed_standard_output_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = retrier(&["schema"]).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
}

#[test]
fn colour_is_for_those_who_ask() {
    let coloured =
        retrier(&["validate", "bad/unknown-key.yaml"]).env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(coloured.stdout.contains(&0x1b));
    let plain = retrier(&["validate", "bad/unknown-key.yaml"])
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert!(!plain.stdout.contains(&0x1b), "{}", shown(&plain));
}

#[cfg(feature = "reports")]
#[test]
fn the_manual_has_a_page_for_every_command() {
    let page = run(&["man"]);
    assert!(String::from_utf8(page.stdout).unwrap().contains(".TH retrier 1"));
    let folder = std::env::temp_dir().join(format!("retrier-man-{}", std::process::id()));
    let output = retrier(&["man", "--to"]).arg(&folder).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let pages: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    std::fs::remove_dir_all(&folder).unwrap();
    for command in ["retrier", "retrier-explain", "retrier-test", "retrier-simulate", "retrier-backtest"] {
        assert!(pages.contains(&format!("{command}.1")), "{command}: {pages:?}");
    }
}

#[cfg(feature = "reports")]
#[test]
fn a_policy_to_start_from_is_written_once() {
    let folder = std::env::temp_dir().join(format!("retrier-init-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let init = |arguments: &[&str]| {
        let mut command = command::retrier(&["init"]);
        command.args(arguments).current_dir(&folder).output().unwrap()
    };
    let first = init(&[]);
    assert_eq!(first.status.code(), Some(0), "{}", shown(&first));
    let text = std::fs::read_to_string(folder.join("policy.yaml")).unwrap();
    assert!(policy_file::load("policy.yaml", &text).policy.is_some());
    std::fs::write(folder.join("policy.yaml"), "mine").unwrap();
    let second = init(&[]);
    assert_eq!(second.status.code(), Some(2), "{}", shown(&second));
    assert!(shown(&second).contains("--force"), "{}", shown(&second));
    assert_eq!(std::fs::read_to_string(folder.join("policy.yaml")).unwrap(), "mine");
    assert_eq!(init(&["--force"]).status.code(), Some(0));
    let printed = init(&["-"]);
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), text);
    std::fs::remove_dir_all(&folder).unwrap();
}
