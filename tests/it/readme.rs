//! What the README shows is what the product prints.

use std::fs;

use codepipeline_retrier::domain::ids::{ExecutionId, PipelineArn, StageName, StageRunId};
use codepipeline_retrier::domain::policy::{Mode, Policy};
use codepipeline_retrier::domain::tags::NO_TAGS;
use codepipeline_retrier::policy_file;

use crate::command::retrier;

fn readme() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(named), None) => open = Some((named == language, String::new())),
            (Some(_), Some(_)) => {
                if let Some((true, block)) = open.take() {
                    blocks.push(block);
                }
            }
            (None, Some((_, block))) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

fn stdout_of(arguments: &[&str], folder: &str) -> String {
    let folder = format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"));
    let output = retrier(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// The policy that it shows.
fn policy() -> Policy {
    let shown = blocks(&readme(), "yaml").concat();
    let loaded = policy_file::load("README.md", &shown);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    loaded.policy.unwrap()
}

#[test]
fn its_policy_keeps_off_what_it_calls_hands_off() {
    let run = StageRunId {
        pipeline: PipelineArn::parse("arn:aws:codepipeline:eu-central-1:111122223333:payments-api").unwrap(),
        execution: ExecutionId::parse("e-1").unwrap(),
        stage: StageName::parse("Production").unwrap(),
    };
    assert_eq!(policy().rule_for(&run, &NO_TAGS).unwrap().settings.mode, Mode::Disabled);
}

#[test]
fn its_lines_of_the_demo_are_the_demos_first() {
    let printed = stdout_of(&["demo"], ".");
    let is_moment = |line: &&str| line.starts_with("09:");
    let text = readme();
    let shown: Vec<&str> = text.lines().filter(is_moment).collect();
    assert!(shown.len() >= 5, "the README shows some of the demo");
    let first: Vec<&str> = printed.lines().filter(is_moment).take(shown.len()).collect();
    assert_eq!(shown, first);
}

#[test]
fn its_explanation_is_what_explain_prints() {
    let text = readme();
    let command = text.lines().find_map(|line| line.strip_prefix("retrier explain --event")).unwrap();
    let mut arguments = vec!["explain", "--event"];
    arguments.extend(command.split_whitespace());
    let printed = stdout_of(&arguments, "examples/explain");
    assert!(blocks(&text, "").contains(&printed), "the README shows something else than:\n{printed}");
}
