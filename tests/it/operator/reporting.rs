//! `retrier report` on a real table: what the function left there in a played month of a fleet, against what really happened.

use jiff::SignedDuration;
use serde_json::Value;

use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::policy_file;
use codepipeline_retrier::ports::Ledger;
use codepipeline_retrier::replay::fleet::truth::{By, RetryEnd, Truth};
use codepipeline_retrier::replay::fleet::{Fleet, Memory, Native, Play};
use codepipeline_retrier::replay::player::{batch, deployed_function, run};
use codepipeline_retrier::replay::script::matches_rule;

use super::Desk;

const FLEET: &str = "
lasting: 26d
pipelines:
  - name: service
    count: 8
    mode: QUEUED
    runs: 3/d
    stages:
      - { name: Source, takes: 20s, fails: {} }
      - { name: Build, takes: 5m, fails: { network: 4%, build-error: 2% } }
      - { name: E2E, takes: 12m, fails: { timeout: 3%, test-failure: 3% } }
      - { name: Deploy, takes: 4m, fails: { throttling: 4% } }
classes:
  network: { lasts: 10s, clears: 95% }
  throttling: { lasts: 10s, clears: 95% }
  timeout: { clears: 5% }
  build-error: { clears: 0% }
people: { retry: 40%, after: 3h }
";

const POLICY: &str = "version: 1\nrules:\n  - name: everything\n    match: { pipeline: '*' }\n    budgets: [plenty]\nbudgets:\n  plenty: { capacity: 500, refill: 500/h }\n";

/// Plays the fleet with the function at work, until about now.
fn played(desk: &Desk) -> (SharedWorld, Truth) {
    let start = after(desk.now, SignedDuration::from_hours(-28 * 24));
    let fleet =
        Fleet::read("fleet", &format!("fleet: 1\nabout: a month\nstart: {start:.0}\n{FLEET}")).unwrap();
    let mut play = Play::new(&fleet, 7, Native::Nowhere, Memory::Everything).unwrap();
    let world = play.world().clone();
    world.lock().deployed.policy = policy_file::load("policy.yaml", POLICY).policy;
    let function = deployed_function(&world);
    let mut handled = 0_u64;
    let mut hear = |at, event: &Value| {
        if matches_rule(event) {
            world.lock().queue.send(event.to_string(), after(at, SignedDuration::from_secs(1)));
        }
    };
    loop {
        let message = world.lock().queue.next_due().filter(|at| *at <= desk.now);
        let Some(next) = [message, play.next_due()].into_iter().flatten().min() else { break };
        play.go_to(next, &mut hear);
        let received = {
            let mut world = world.lock();
            let now = world.now();
            world.queue.receive(now)
        };
        let Some(message) = received else { continue };
        handled += 1;
        let deadline = after(world.now(), SignedDuration::from_secs(30));
        let (batch, name, clock) = (batch(&message), format!("h-{handled}"), || world.now());
        run(function.invoke(&batch, &name, deadline, &clock), &world).unwrap();
        world.lock().queue.delete(message.id);
        play.take_note(&mut hear);
    }
    play.conclude()
}

#[test]
fn a_month_of_a_fleet_is_told_as_it_was() {
    let desk = Desk::new();
    let (world, truth) = played(&desk);
    let commits = world.lock().ledger.commits().to_vec();
    for commit in &commits {
        // What the table is asked here, it was asked in memory: records and decisions, without the tokens.
        let commit = codepipeline_retrier::domain::protocol::Commit {
            withdrawals: Vec::new(),
            deposits: Vec::new(),
            slot: None,
            controls: None,
            ..commit.clone()
        };
        desk.runtime.block_on(desk.ledger.commit(&commit)).unwrap();
    }
    let folder = std::env::temp_dir().join(format!("retrier-report-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let page = folder.join("report.html");
    let page_name = page.display().to_string();
    let output = desk.run(&[
        "report",
        "--since",
        "30d",
        "--format",
        "json",
        "--hourly-rate",
        "80",
        "--html",
        &page_name,
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = &document["figures"];
    let count =
        |path: &str| figures.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("{path}"));

    let ours: Vec<_> = truth.retries().filter(|retry| retry.by == By::Function).collect();
    let ended = |wanted: fn(&RetryEnd) -> bool| {
        ours.iter().filter(|retry| retry.end.as_ref().is_some_and(wanted)).count() as u64
    };
    assert_eq!(count("/outcomes/retries"), ours.len() as u64);
    assert_eq!(count("/outcomes/recovered"), ended(|end| matches!(end, RetryEnd::Recovered(_))));
    assert_eq!(count("/outcomes/failed-again"), ended(|end| matches!(end, RetryEnd::FailedAgain(_))));
    assert!(ours.len() > 40, "{}", ours.len());
    assert_eq!(count("/failures"), truth.failures().count() as u64);
    // A failure that somebody else had taken in hand is left alone before anybody asks why it failed.
    let told = |class: &str| {
        let rows = figures["classes"].as_array().unwrap();
        rows.iter()
            .find(|row| row["class"] == class)
            .and_then(|row| row["failures"].as_u64())
            .unwrap_or_default()
    };
    let unknown = told("not-examined");
    for (class, failures) in truth.failures_by_class() {
        let of_class = told(class.as_str());
        assert!(of_class <= failures && failures <= of_class + unknown, "{class}: {of_class} of {failures}");
    }
    assert_eq!(told("unknown"), 0);
    // Retries of what hangs hardly ever help, and that is said.
    let futile: Vec<&str> =
        figures["futile"].as_array().unwrap().iter().filter_map(|row| row["stage"].as_str()).collect();
    assert!(futile.iter().all(|stage| *stage == "E2E"), "{futile:?}");

    let html = std::fs::read_to_string(&page).unwrap();
    for number in [count("/outcomes/retries"), count("/failures")] {
        assert!(html.contains(&format!(">{number}<")), "{number} is not on the page");
    }
    if let Some(keep) = option_env!("RETRIER_KEEP_PAGE") {
        std::fs::copy(&page, keep).unwrap();
    }
    let text = desk.shown(&["report", "--since", "30d"]);
    assert!(text.contains("Stages that fail most") && text.contains("recovered"), "{text}");
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn nothing_on_record_is_a_report_too() {
    let desk = Desk::new();
    let text = desk.shown(&["report"]);
    assert!(text.starts_with("exit code: 0"), "{text}");
    assert!(text.contains("no failure of a stage is on record"), "{text}");
    let output = desk.run(&["report", "--since", "100d"]);
    assert_eq!(output.status.code(), Some(2));
}
