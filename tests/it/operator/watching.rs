//! `--watch`: on a terminal, in a pipe, and while the table does not answer.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::spawn;
use std::time::Duration;

use codepipeline_retrier::domain::decision::{Decision, Ruling};
use codepipeline_retrier::domain::protocol::Commit;
use codepipeline_retrier::domain::stage_run::StageRun;
use serde_json::Value;

use super::Desk;
use super::reading::run_of;
use crate::contract::recording;
use crate::ministack::tool;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A command that goes on until it is told to end.
struct Watcher {
    process: Child,
    output: Receiver<String>,
    errors: Receiver<String>,
}

impl Watcher {
    fn start(desk: &Desk, arguments: &[&str]) -> Self {
        let mut command = desk.command(arguments);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output: ChildStdout = process.stdout.take().unwrap();
        let errors: ChildStderr = process.stderr.take().unwrap();
        Self { output: lines(output), errors: lines(errors), process }
    }

    /// The next line that has these words.
    fn line_with(&self, words: &str) -> String {
        loop {
            let line =
                self.output.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no line with `{words}`"));
            if line.contains(words) {
                return line;
            }
        }
    }

    fn interrupt(mut self) -> (ExitStatus, Vec<String>) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        (self.process.wait().unwrap(), self.output.iter().collect())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn lines(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Desk {
    /// One more decision about `shop`, by the name of the execution.
    fn decided(&self, execution: &str, seconds: i64) {
        let run = run_of("shop", "Test", execution);
        let decision = Decision::bare(Ruling::GiveUpTooOld, &run, self.at(seconds));
        let record = StageRun { revision: 1, ..StageRun::unwritten(&run) };
        self.commit(&Commit { decision: Some(decision), ..recording(record) });
    }
}

#[test]
fn new_decisions_are_appended_and_never_told_twice() {
    let desk = Desk::new();
    for number in 1..=3 {
        desk.decided(&format!("e-{number}"), -60 + number);
    }
    let watcher = Watcher::start(&desk, &["history", "shop", "--watch", "1", "--limit", "2"]);
    assert!(watcher.line_with("TIME").contains("DECISION"));
    assert!(watcher.line_with("e-").contains("e-2"), "oldest first, and no more than two");
    watcher.line_with("e-3");
    desk.decided("e-4", -10);
    watcher.line_with("e-4");
    // Decided before the last one, and written after it.
    desk.decided("e-5", -20);
    watcher.line_with("e-5");
    desk.decided("e-6", 0);
    watcher.line_with("e-6");
    let (status, rest) = watcher.interrupt();
    assert_eq!((status.code(), rest), (Some(0), Vec::new()));
}

#[test]
fn programs_get_one_document_a_line() {
    let desk = Desk::new();
    desk.decided("e-1", -60);
    let watcher = Watcher::start(&desk, &["history", "shop", "--watch", "1", "--format", "json"]);
    let execution = |line: &str| {
        let document: Value = serde_json::from_str(line).unwrap();
        document["execution-id"].as_str().unwrap().to_owned()
    };
    assert_eq!(execution(&watcher.line_with("{")), "e-1");
    desk.decided("e-2", -10);
    assert_eq!(execution(&watcher.line_with("{")), "e-2");
    assert_eq!(watcher.interrupt().0.code(), Some(0));

    let watcher = Watcher::start(&desk, &["status", "--watch=1", "--format", "json"]);
    for _ in 0..2 {
        let document: Value = serde_json::from_str(&watcher.line_with("{")).unwrap();
        assert_eq!(document["headline"]["standing"], "not-at-work-yet");
    }
    assert_eq!(watcher.interrupt().0.code(), Some(0));
}

#[test]
fn a_status_that_is_not_on_a_terminal_is_appended_with_its_time() {
    let desk = Desk::new();
    let watcher = Watcher::start(&desk, &["status", "--watch", "1"]);
    let first = watcher.line_with("--- 20");
    assert!(watcher.line_with("not at work yet").starts_with("not at work yet"));
    assert_ne!(watcher.line_with("--- 20"), first);
    let (status, rest) = watcher.interrupt();
    assert_eq!(status.code(), Some(0));
    assert!(rest.iter().all(|line| !line.contains('\u{1b}')), "{rest:?}");
}

#[test]
fn a_look_that_fails_is_told_and_tried_again() {
    let desk = Desk::new();
    let watcher = Watcher::start(&desk, &["status", "--watch", "1"]);
    watcher.line_with("messages not understood");
    let delete = desk.table.clients.dynamodb().delete_table().table_name(&desk.table.name).send();
    desk.runtime.block_on(delete).unwrap();
    for _ in 0..2 {
        let line = watcher.errors.recv_timeout(PATIENCE).unwrap();
        assert!(line.starts_with("warning: there is no table") && line.contains("tried again"), "{line}");
    }
    assert_eq!(watcher.interrupt().0.code(), Some(0));
}

#[test]
fn a_mistake_is_told_at_once() {
    let desk = Desk::new();
    let output =
        super::reaching(desk.server.url(), &["status", "--watch", "--table", "nothing"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
}

#[test]
fn it_ends_when_nobody_reads_any_more() {
    let desk = Desk::new();
    let mut process = desk.command(&["status", "--watch", "1"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(process.stdout.take());
    assert_eq!(process.wait().unwrap().code(), Some(0));
}

/// Runs a command on a terminal of 40 rows, presses Ctrl-C after the third drawing, and hands on what was written.
const TERMINAL: &str = r#"
import fcntl, os, pty, struct, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
written, pressed = b"", False
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    written += piece
    if not pressed and written.count(b"\x1b[J") >= 3:
        pressed = True
        os.write(terminal, b"\x03")
sys.stdout.buffer.write(written)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

/// What is written to a terminal until Ctrl-C, and how it ends.
fn on_a_terminal(desk: &Desk, arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let watcher = desk.command(arguments);
    let mut command = Command::new(tool("ministack/bin/python"));
    command.args(["-c", TERMINAL]).arg(watcher.get_program()).args(watcher.get_args()).env_clear();
    for (name, value) in watcher.get_envs() {
        command.env(name, value.unwrap());
    }
    let output = command.envs(environment.iter().copied()).stdin(Stdio::null()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn on_a_terminal_it_is_drawn_in_place() {
    let desk = Desk::new();
    let arguments = ["status", "--watch", "1"];
    let (code, written) = on_a_terminal(&desk, &arguments, &[("TERM", "xterm-256color")]);
    assert_eq!(code, Some(0), "{written:?}");
    let count = |what: &str| written.matches(what).count();
    assert!(written.starts_with("\u{1b}[?25l"), "{written:?}");
    assert_eq!((count("\u{1b}[?25l"), count("\u{1b}[?25h")), (1, 1), "the cursor comes back");
    assert_eq!(count("\u{1b}[2J"), 1, "nothing blinks");
    assert!(count("not at work yet:") >= 3 && count("\u{1b}[H") >= 3, "{written:?}");
    assert!(!written.contains("--- 20"));
    assert!(written.contains("\u{1b}[1m"), "headings are bold");
}

#[test]
fn a_terminal_without_colour_gets_none() {
    let desk = Desk::new();
    let arguments = ["status", "--watch", "1"];
    let environment = [("TERM", "xterm-256color"), ("NO_COLOR", "1")];
    let (code, written) = on_a_terminal(&desk, &arguments, &environment);
    assert_eq!(code, Some(0), "{written:?}");
    assert!(written.contains("\u{1b}[H") && !written.contains("\u{1b}[1m"), "{written:?}");
}
