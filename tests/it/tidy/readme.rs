//! Keeps the commands that the README shows runnable: targets of the Makefile, and subcommands of the binary.

use std::fs;
use std::process::Command;

use super::tree::root;
use super::{Finding, hold, places};

/// A piece of code in a Markdown text: one line of a fenced block, or what stands between back-ticks.
#[derive(Debug, PartialEq, Eq)]
struct Fragment<'a> {
    line: usize,
    code: &'a str,
}

fn fragments(markdown: &str) -> Vec<Fragment<'_>> {
    let mut fenced = false;
    let mut fragments = Vec::new();
    for (index, text) in markdown.lines().enumerate() {
        let line = index + 1;
        if text.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            fragments.push(Fragment { line, code: text });
        } else {
            let inline = text.split('`').skip(1).step_by(2);
            fragments.extend(inline.map(|code| Fragment { line, code }));
        }
    }
    fragments
}

/// The commands of a piece of shell, each as its words; comments, prompts and variables before a command are dropped.
fn commands(code: &str) -> Vec<Vec<&str>> {
    let code = code.split(" #").next().unwrap_or_default();
    code.split(['|', '&', ';'])
        .map(|command| {
            command.split_whitespace().skip_while(|word| *word == "$" || word.contains('=')).collect()
        })
        .collect()
}

/// The targets that `make` is asked for.
fn targets<'a>(words: &[&'a str]) -> Vec<&'a str> {
    match words {
        ["make", rest @ ..] => {
            rest.iter().copied().filter(|word| !word.starts_with('-') && !word.contains('=')).collect()
        }
        _ => Vec::new(),
    }
}

/// The subcommand that the binary is asked for; nothing where only its options are.
fn subcommand<'a>(words: &[&'a str]) -> Option<&'a str> {
    let arguments = match words {
        ["retrier", arguments @ ..] => arguments,
        ["cargo", "run", rest @ ..] => {
            let (options, arguments) = rest.split_at(rest.iter().position(|word| *word == "--")?);
            if options.contains(&"--example") || options.contains(&"retrier-lambda") {
                return None;
            }
            arguments.get(1..)?
        }
        _ => return None,
    };
    let first = arguments.first().copied()?;
    first.starts_with(|c: char| c.is_ascii_lowercase()).then_some(first)
}

fn makefile_targets(makefile: &str) -> Vec<&str> {
    makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', '#', '.']))
        .filter_map(|line| line.split_once(':'))
        .filter(|(_, rest)| !rest.starts_with('='))
        .flat_map(|(names, _)| names.split_whitespace())
        .collect()
}

/// What stands under `Commands:` in a help text.
fn known_subcommands(help: &str) -> Vec<&str> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

fn findings(readme: &str, makefile: &str, help: &str) -> Vec<Finding> {
    let targets_known = makefile_targets(makefile);
    let subcommands_known = known_subcommands(help);
    let mut findings = Vec::new();
    for fragment in fragments(readme) {
        let finding = |what| Finding { path: "README.md".to_owned(), line: fragment.line, what };
        for words in commands(fragment.code) {
            for target in targets(&words) {
                if !targets_known.contains(&target) {
                    findings.push(finding(format!("`make {target}` is no target of the Makefile")));
                }
            }
            if let Some(name) = subcommand(&words)
                && !subcommands_known.contains(&name)
            {
                findings.push(finding(format!("`{name}` is no subcommand of `retrier`")));
            }
        }
    }
    findings
}

#[test]
fn the_readme_names_only_commands_that_exist() {
    let Ok(readme) = fs::read_to_string(root().join("README.md")) else {
        println!("skipped: there is no README.md");
        return;
    };
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let help = Command::new(env!("CARGO_BIN_EXE_retrier")).arg("--help").output().unwrap();
    assert!(help.status.success(), "`retrier --help` failed");
    let help = String::from_utf8_lossy(&help.stdout);
    hold("the README shows a command that does not exist", &findings(&readme, &makefile, &help));
}

#[test]
fn commands_that_do_not_exist_are_found() {
    let makefile = "VERSION := 1\n.PHONY: ghost\n## Comment: no\ntest lint: build ## Runs it\n\techo: no\n";
    let help = "What it does\n\nUsage: retrier <COMMAND>\n\nCommands:\n  decide    Decides\n            more: text\n  demo      Shows\n\n\
                Options:\n  -h, --help\n";
    let readme = "# make nothing of it: retrier words\n\
                  `make test`, `make -j2 lint V=1`, `retrier decide x`, `cargo run -- demo`, `retrier`, `cargo run`\n\
                  `make ghost` and `make VERSION`\n\
                  ```console\n$ retrier nope | cat\nretrier demo && make more  # make it\nretrier --help\nA=1 cargo run -q -- gone --flag\n\
                  error: retrier failed\n```\n\
                  `retrier more:` and `codepipeline-retrier x`, `retrier SCENARIO`, `cargo run --bin retrier-lambda -- x`\n";
    assert_eq!(
        places(&findings(readme, makefile, help)),
        ["README.md:3", "README.md:3", "README.md:5", "README.md:6", "README.md:8", "README.md:11"]
    );
}
