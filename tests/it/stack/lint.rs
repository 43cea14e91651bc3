//! What the linters say: of the template as it is written and as CloudFormation gets it, and of every IAM policy in it.

use std::fs;

use serde_json::{Value, json};

use super::process::{Folder, command, output_of, shown, succeed};
use super::spokes::{OF_A_HUB, SPOKE};
use super::template::{HOME, TEMPLATE, policies_of, resources, translated, translated_from};

#[test]
fn sam_accepts_the_template() {
    let home = Folder::new("validate");
    let said =
        succeed(command("sam/bin/sam", home.path()).args(["validate", "--lint", "--template", TEMPLATE]));
    assert!(said.contains("is a valid SAM Template"), "{said}");
}

#[test]
fn the_translated_template_is_clean() {
    let home = Folder::new("lint");
    let file = home.path().join("translated.json");
    fs::write(&file, serde_json::to_string_pretty(&translated()).unwrap()).unwrap();
    let said = succeed(command("sam/bin/cfn-lint", home.path()).arg("--").arg(file));
    assert_eq!(said.trim(), "");
}

#[test]
fn the_pipelines_of_the_live_checklist_are_clean() {
    let home = Folder::new("lint");
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/live/pipelines.yaml");
    let said = succeed(command("sam/bin/cfn-lint", home.path()).arg("--").arg(template));
    assert_eq!(said.trim(), "");
}

#[test]
fn the_template_of_spokes_is_clean() {
    let home = Folder::new("lint");
    let said = succeed(command("sam/bin/cfn-lint", home.path()).arg("--").arg(SPOKE));
    assert_eq!(said.trim(), "");
}

#[test]
fn a_mistake_in_the_translated_template_is_found() {
    let home = Folder::new("lint");
    let file = home.path().join("translated.json");
    let mut template = translated();
    template["Resources"]["Queue"]["Properties"]["VisibilityTimeout"] = "soon".into();
    fs::write(&file, serde_json::to_string_pretty(&template).unwrap()).unwrap();
    let output = output_of(command("sam/bin/cfn-lint", home.path()).arg("--").arg(file), "");
    assert!(!output.status.success() && shown(&output).contains("E3012"), "{}", shown(&output));
}

/// What the linter of policies finds, one finding a line.
fn findings(policies: &[(String, Value)]) -> String {
    let folder = Folder::new("policies");
    let mut files = Vec::new();
    for (name, policy) in policies {
        let file = folder.path().join(format!("{}.json", name.replace('/', "-")));
        fs::write(&file, policy.to_string()).unwrap();
        files.push(file.to_str().unwrap().to_owned());
    }
    let mut parliament = command("aws/bin/parliament", folder.path());
    let output = output_of(parliament.args(["--json", "--files", &files.join(",")]), "");
    let found = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.success(), found.is_empty(), "{}", shown(&output));
    found
}

#[test]
fn every_policy_is_clean() {
    let mut policies = policies_of(&resources(&translated(), HOME, &[("SpokeAccounts", "444455556666")]));
    policies.extend(policies_of(&resources(&translated_from(SPOKE), HOME, &OF_A_HUB)));
    assert!(policies.len() >= 7, "the policies were not found");
    assert_eq!(findings(&policies), "");
}

#[test]
fn mistakes_in_policies_are_found() {
    let policy = |action: &str, resource: &str| {
        let statement = json!({ "Sid": "A", "Effect": "Allow", "Action": action, "Resource": resource });
        json!({ "Version": "2012-10-17", "Statement": [statement] })
    };
    let wrong = [
        ("action".to_owned(), policy("codepipeline:RetryStage", "*")),
        (
            "resource".to_owned(),
            policy("scheduler:CreateSchedule", "arn:aws:scheduler:eu-central-1:111122223333:group/x"),
        ),
    ];
    let found = findings(&wrong);
    assert!(found.contains("UNKNOWN_ACTION") && found.contains("RESOURCE_MISMATCH"), "{found}");
}
