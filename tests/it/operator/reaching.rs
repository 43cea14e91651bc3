//! Which table a command works on, and what it says when that does not answer.

use super::{Desk, reaching};
use crate::command::{retrier, shown};

#[test]
fn help_of_each_command() {
    for command in ["status", "history", "pause", "resume", "policy"] {
        insta::assert_snapshot!(
            format!("help_{command}"),
            shown(&retrier(&[command, "--help"]).output().unwrap())
        );
    }
    for command in ["push", "show", "history", "rollback"] {
        let output = retrier(&["policy", command, "--help"]).output().unwrap();
        insta::assert_snapshot!(format!("help_policy_{command}"), shown(&output));
    }
}

#[test]
fn the_environment_may_name_the_table() {
    let desk = Desk::new();
    let output =
        reaching(desk.server.url(), &["status"]).env("RETRIER_TABLE", &desk.table.name).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
}

#[test]
fn a_table_that_is_not_there_is_said_to_be_so() {
    let desk = Desk::new();
    let missing = |arguments: &[&str]| shown(&reaching(desk.server.url(), arguments).output().unwrap());
    insta::assert_snapshot!("no_table", missing(&["status"]));
    insta::assert_snapshot!("no_table_of_a_stack", missing(&["history", "shop", "--stack-name", "other"]));
    for arguments in [&["pause", "--reason", "incident"][..], &["resume", "--table", "nothing"]] {
        assert!(missing(arguments).starts_with("exit code: 2\n"), "{}", missing(arguments));
    }
}

#[test]
fn nobody_listens() {
    let output = reaching("http://127.0.0.1:9", &["status"]).output().unwrap();
    insta::assert_snapshot!(shown(&output));
}

#[test]
fn no_credentials() {
    let output = retrier(&["status", "--region", "eu-central-1", "--endpoint-url", "http://127.0.0.1:9"])
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
}
