//! The policy in the ledger as the function meets it: pushed, rolled back, overtaken by a deployment, damaged.

use std::fmt::Write as _;
use std::fs;

use codepipeline_retrier::domain::decision::{Decision, Ruling};
use codepipeline_retrier::domain::live::{Pushed, Source};
use codepipeline_retrier::domain::policy::PolicyVersion;
use codepipeline_retrier::domain::sweep::Tick;
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::faults::{Fault, Operation};
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::event::tick_body;
use codepipeline_retrier::function::{Function, InvalidPolicy, PolicyNews, Response};
use codepipeline_retrier::policy_file::load;
use codepipeline_retrier::ports::KeptPolicy;
use codepipeline_retrier::replay::player::{deployed_function, run};
use codepipeline_retrier::replay::scenario::Scenario;
use codepipeline_retrier::replay::script::Script;
use jiff::{SignedDuration, Timestamp};

use super::figure;
use super::policy_file::cases;

/// A rule for every pipeline, by that name, with so many retries.
fn policy(rule: &str, retries: u32) -> String {
    format!(
        "version: 1\ndefaults: {{ backoff: {{ initial: 0s, max: 0s, jitter: none }} }}\nrules:\n  - {{ name: {rule}, match: \
         {{ pipeline: \"*\" }}, max-retries: {retries} }}\n"
    )
}

fn version(text: &str) -> PolicyVersion {
    load("policy", text).policy.unwrap().version
}

fn push(text: &str) -> Act {
    Act::PushPolicy { version: version(text), text: text.to_owned() }
}

fn deploy(text: &str) -> Act {
    Act::Deploy { policy: Some(Box::new(load("policy", text).policy.unwrap())) }
}

type Process = Function<SharedWorld, SharedWorld, SharedWorld, SharedWorld, SharedWorld, SharedWorld>;

/// A fleet of pipelines that fail a minute after one another, under the packaged policy `packaged`, and a process.
struct Bench {
    script: Script,
    process: Process,
    invocations: u32,
}

impl Bench {
    fn new() -> Self {
        Self::with(20)
    }

    fn with(pipelines: u32) -> Self {
        let mut text = "scenario: 1\nabout: failures\npolicy: |\n".to_owned();
        for line in policy("packaged", 1).lines() {
            let _ = writeln!(text, "  {line}");
        }
        text.push_str("pipelines:\n");
        for number in 0..pipelines {
            let _ = write!(
                text,
                "  - name: p-{number}\n    stages:\n      - name: Deploy\n        actions:\n          - name: Stack\n            \
                 category: Deploy\n            runs: [{{ fail: {{ after: 1s, message: Rate exceeded }} }}, {{ succeed: 1h }}]\n"
            );
        }
        text.push_str("timeline:\n");
        for number in 0..pipelines {
            let _ = writeln!(text, "  - {{ at: {number}m, start: p-{number} }}");
        }
        let script = Script::new(&Scenario::read("live", &text).unwrap()).unwrap();
        let process = deployed_function(script.world());
        Self { script, process, invocations: 0 }
    }

    fn world(&self) -> &SharedWorld {
        self.script.world()
    }

    fn act(&self, act: &Act) {
        self.world().lock().act(act).unwrap();
    }

    /// A new process with whatever is deployed.
    fn start(&mut self) {
        self.process = deployed_function(self.world());
    }

    /// Lets so much time pass, in which nothing is handled, and forgets what happened.
    fn pass(&mut self, minutes: i64) {
        let to = self.world().now() + SignedDuration::from_mins(minutes);
        while self.script.next_due().is_some_and(|next| next <= to) {
            let next = self.script.next_due().unwrap();
            self.script.go_to(next, &mut |_| {});
            let mut world = self.world().lock();
            let now = world.now();
            while let Some(message) = world.queue.receive(now) {
                world.queue.delete(message.id);
            }
        }
        self.script.go_to(to, &mut |_| {});
    }

    fn invoke(&mut self, body: &str) -> Response {
        self.invocations += 1;
        let name = format!("invocation-{}", self.invocations);
        let world = self.world().clone();
        run(self.process.invoke(body, &name, Timestamp::MAX, &|| world.now()), &world).unwrap()
    }

    /// The next message.
    fn next(&mut self) -> String {
        loop {
            let next = self.script.next_due().unwrap();
            self.script.go_to(next, &mut |_| {});
            let mut world = self.world().lock();
            let now = world.now();
            if let Some(message) = world.queue.receive(now) {
                world.queue.delete(message.id);
                return message.body;
            }
        }
    }

    /// Handles the next failure.
    fn fail(&mut self) -> (Decision, Vec<PolicyNews>) {
        loop {
            let body = self.next();
            if body.contains("\"FAILED\"") || body.starts_with("{\"retrier\"") {
                let response = self.invoke(&body);
                let decision = response.handled[0].decision().cloned();
                return (decision.unwrap_or_else(|| panic!("{response:?}")), response.news);
            }
        }
    }

    fn rule(&mut self) -> (String, Vec<PolicyNews>) {
        let (decision, news) = self.fail();
        (decision.rule.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string), news)
    }

    fn retries(&self) -> usize {
        self.world().lock().service.retry_calls().len()
    }
}

fn pushed(number: u64, text: &str, restores: Option<u64>) -> Pushed {
    Pushed { number, version: version(text), restores }
}

fn in_force(source: Source, text: &str) -> Vec<PolicyNews> {
    vec![PolicyNews::InForce { source, version: Some(version(text)) }]
}

#[test]
fn a_running_process_works_by_what_is_pushed_from_its_next_message_on() {
    let mut bench = Bench::new();
    assert_eq!(bench.rule(), ("packaged".to_owned(), vec![]));
    let (one, two) = (policy("one", 1), policy("two", 1));
    bench.act(&push(&one));
    assert_eq!(bench.rule(), ("one".to_owned(), in_force(Source::Pushed(pushed(1, &one, None)), &one)));
    let reads = bench.world().lock().faults.count(Operation::PolicyRead);
    assert_eq!(bench.rule(), ("one".to_owned(), vec![]));
    bench.act(&push(&two));
    assert_eq!(bench.rule().0, "two");
    bench.act(&Act::RestorePolicy { number: 1 });
    assert_eq!(bench.rule(), ("one".to_owned(), in_force(Source::Pushed(pushed(3, &one, Some(1))), &one)));
    let world = bench.world().lock();
    assert_eq!(world.faults.count(Operation::PolicyRead), reads + 2, "a policy is fetched once");
    assert_eq!(world.service.retry_calls().len(), 5);
}

#[test]
fn a_policy_without_a_rule_for_the_stage_is_not_the_last_word() {
    let mut bench = Bench::new();
    bench.act(&deploy("version: 1\nrules:\n  - { name: other, match: { pipeline: other } }\n"));
    bench.start();
    assert_eq!(bench.fail().0.ruling, Ruling::IgnoreNoRule);
    bench.act(&push(&policy("one", 1)));
    assert_eq!(bench.rule().0, "one");
}

#[test]
fn a_deployment_that_brings_another_package_takes_over_and_old_instances_follow() {
    let mut bench = Bench::with(60);
    let (one, new) = (policy("one", 1), policy("new", 1));
    bench.act(&push(&one));
    assert_eq!(bench.rule().0, "one");
    // A new process of the same package, as every cold start.
    bench.start();
    assert_eq!(bench.rule().0, "one");
    let old = bench.process.clone();

    bench.act(&deploy(&new));
    bench.start();
    let over = in_force(Source::PackagedOver(pushed(1, &one, None)), &new);
    assert_eq!(bench.rule(), ("new".to_owned(), over.clone()), "it says so");
    let live = bench.world().lock().ledger.controls().live.clone().unwrap();
    assert_eq!(live.taken_over.unwrap().0, version(&new));
    let deployed = std::mem::replace(&mut bench.process, old);
    assert_eq!(bench.rule().0, "one", "the roll-out is under way");
    let old = std::mem::replace(&mut bench.process, deployed);
    assert_eq!(bench.rule().0, "new");
    bench.pass(16);
    bench.process = old;
    assert_eq!(
        bench.rule().0,
        "packaged",
        "no instance of the old package stays with the pushed policy for good"
    );
    // What is pushed then is in force again, beside the new package.
    bench.pass(16);
    bench.start();
    bench.act(&push(&policy("two", 1)));
    assert_eq!(bench.rule().0, "two");
    assert_eq!(bench.rule().0, "two");
    let live = bench.world().lock().ledger.controls().live.clone().unwrap();
    assert_eq!((live.beside, live.taken_over), (Some(version(&new)), None));
}

#[test]
fn a_rollback_while_a_deployment_rolls_out_is_in_force_for_old_and_new_instances() {
    let mut bench = Bench::with(40);
    let (one, two, new) = (policy("one", 1), policy("two", 1), policy("new", 1));
    bench.act(&push(&one));
    bench.act(&push(&two));
    assert_eq!(bench.rule().0, "two");
    let old = bench.process.clone();
    bench.act(&deploy(&new));
    bench.start();
    assert_eq!(bench.rule().0, "new");
    bench.act(&Act::RestorePolicy { number: 1 });
    assert_eq!(bench.rule().0, "one");
    let before = bench.world().lock().ledger.controls().live.clone();
    assert_eq!(before.as_ref().unwrap().beside, Some(version(&new)));
    bench.process = old;
    assert_eq!(bench.rule().0, "one", "an instance that is on its way out does not take over");
    assert_eq!(bench.world().lock().ledger.controls().live, before);
    bench.start();
    bench.pass(16);
    assert_eq!(bench.rule().0, "one");
}

#[test]
fn a_push_between_decision_and_claim_is_obeyed() {
    for operation in
        [Operation::LedgerRead, Operation::Observe, Operation::LedgerCommit, Operation::PolicyRead]
    {
        for nth in 1..=3 {
            let mut bench = Bench::new();
            // The pushed policy allows no retry at all.
            let body = bench.next();
            bench.act(&push(&policy("one", 1)));
            bench.world().lock().before(operation, nth, push(&policy("none", 0)));
            let response = bench.invoke(&body);
            let decision = response.handled[0].decision().unwrap();
            let world = bench.world().lock();
            // The second transaction settles the claim that the first one made.
            let is_in_time = operation != Operation::LedgerCommit || nth == 1;
            let is_second = is_in_time && world.ledger.policy(2) != world.ledger.policy(3);
            let expected = if is_second { "none" } else { "one" };
            assert_eq!(decision.rule.as_ref().unwrap().as_str(), expected, "{operation:?} {nth}");
            assert_eq!(world.service.retry_calls().len(), usize::from(!is_second), "{operation:?} {nth}");
        }
    }
}

/// Handles whatever comes for a quarter of an hour as queue and Lambda do: again until it is acknowledged, by a new process where the
/// last one died.
fn play(bench: &mut Bench) {
    let end = bench.world().now() + SignedDuration::from_mins(17);
    let mut handling = 0;
    while let Some(next) = bench.script.next_due().filter(|next| *next <= end) {
        bench.script.go_to(next, &mut |_| {});
        let message = {
            let mut world = bench.world().lock();
            let now = world.now();
            world.queue.receive(now)
        };
        let Some(message) = message else { continue };
        bench.invocations += 1;
        let name = format!("invocation-{}", bench.invocations);
        let world = bench.world().for_handling(handling);
        match run(bench.process.invoke(&message.body, &name, Timestamp::MAX, &|| world.now()), &world) {
            Some(response) if response.body.is_ok() => world.lock().queue.delete(message.id),
            Some(_) => {}
            None => {
                handling += 1;
                bench.process = deployed_function(&bench.world().for_handling(handling));
            }
        }
        bench.script.deliver(&mut |_| {});
    }
}

#[test]
fn whatever_goes_wrong_while_the_policy_moves_each_failure_is_retried_once_and_by_it() {
    let mut plays = 0;
    for is_restored in [false, true] {
        for nth in 1..=14 {
            for fault in
                [Fault::NotDone, Fault::ReplyLost, Fault::LostUnsent, Fault::CrashBefore, Fault::CrashAfter]
            {
                let mut bench = Bench::with(4);
                bench.act(&push(&policy("one", 1)));
                if is_restored {
                    bench.act(&push(&policy("none", 0)));
                    bench.act(&Act::RestorePolicy { number: 1 });
                }
                bench.world().lock().faults.plan_call(nth, fault);
                play(&mut bench);
                let world = bench.world().lock();
                for number in 0..4 {
                    let pipeline = format!("p-{number}");
                    let calls = world.service.retry_calls().iter();
                    let calls =
                        calls.filter(|call| call.pipeline.as_str() == pipeline && call.outcome.is_ok());
                    assert_eq!(calls.count(), 1, "{pipeline}: {fault:?} at call {nth}, {is_restored}");
                }
                let mut rules = world.ledger.decisions().iter().filter_map(|decision| decision.rule.as_ref());
                assert!(rules.all(|rule| rule.as_str() == "one"), "{fault:?} at call {nth}, {is_restored}");
                plays += 1;
            }
        }
    }
    println!("{plays} plays");
}

#[test]
fn a_policy_that_cannot_be_fetched_keeps_the_message_for_later() {
    let mut bench = Bench::new();
    bench.act(&push(&policy("one", 1)));
    bench.world().lock().faults.plan(Operation::PolicyRead, 1, Fault::NotDone);
    let body = bench.next();
    let response = bench.invoke(&body);
    assert_eq!(response.body.unwrap_err().0, "ledger-unavailable");
    assert_eq!(bench.invoke(&body).handled[0].decision().unwrap().rule.as_ref().unwrap().as_str(), "one");
}

/// A round by the packaged policy alone would leave out the pipelines that only the pushed one is about.
#[test]
fn a_sweep_that_cannot_fetch_the_policy_looks_at_nothing_and_loses_nothing() {
    let mut bench = Bench::new();
    bench.act(&deploy(&policy("none", 1).replace('*', "other-*")));
    bench.start();
    bench.act(&push(&policy("one", 1)));
    assert_eq!(bench.rule().0, "one");
    sweep(&mut bench);
    assert_eq!(bench.retries(), 1);
    bench.pass(25);
    bench.start();
    bench.world().lock().faults.plan(Operation::PolicyRead, 2, Fault::NotDone);
    assert_eq!(bench.invoke(&tick()).body.unwrap_err().0, "policy-moved");
    bench.pass(15);
    sweep(&mut bench);
    assert_eq!(bench.retries(), 20);
}

fn tick() -> String {
    tick_body(Tick::Scheduled { every: SignedDuration::from_mins(15) })
}

/// Sweeps to the end of the round.
fn sweep(bench: &mut Bench) {
    while bench.invoke(&tick()).body.unwrap()["end"] != "complete" {}
}

/// A pushed policy that is broken: files that do not compile, and what may happen to a good one in the table.
fn broken() -> Vec<(String, KeptPolicy)> {
    let good = policy("good", 3);
    let text = |text: &str| KeptPolicy::Text { version: version(&good), text: text.to_owned() };
    let mut broken: Vec<_> = (cases("bad").iter())
        .filter_map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let bad = String::from_utf8(fs::read(path).unwrap()).ok()?;
            load(&name, &bad).policy.is_none().then(|| (name, text(&bad)))
        })
        .collect();
    for (name, kept) in [
        ("cut off", text(&good[..good.len() - 20])),
        ("empty", text("")),
        ("of a newer release", text(&good.replace("version: 1", "version: 2"))),
        ("valid, but not what was pushed", text(&policy("good", 20))),
        ("gone", KeptPolicy::Unreadable("policy 1 is not in the table".to_owned())),
        ("without a policy", KeptPolicy::Packaged),
    ] {
        broken.push((name.to_owned(), kept));
    }
    broken
}

fn invalid(news: &[PolicyNews]) -> Vec<&InvalidPolicy> {
    let invalid = news.iter().filter_map(|news| match news {
        PolicyNews::Invalid(invalid) => Some(&**invalid),
        PolicyNews::InForce { .. } => None,
    });
    invalid.collect()
}

/// Without any good policy nothing is retried, every failure waits on record, and the next message after the fix is handled
/// by it. With a good one before it, that one goes on working.
#[test]
fn a_broken_policy_retries_nothing_and_never_stops_the_last_good_one() {
    let broken = broken();
    let (mut retried, mut on_record, mut recovered, mut went_on) = (0, 0, 0, 0);
    for (name, kept) in &broken {
        let mut bench = Bench::new();
        bench.act(&Act::Deploy { policy: None });
        bench.start();
        bench.act(&push(&policy("good", 3)));
        bench.act(&Act::DamagePolicy { number: 1, kept: kept.clone() });
        let (decision, news) = bench.fail();
        assert_eq!(decision.ruling, Ruling::WaitPolicyInvalid, "{name}");
        let [told] = *invalid(&news) else { panic!("{name}: {news:?}") };
        assert_eq!((told.policy.number, told.instead, &told.version_instead), (1, None, &None), "{name}");
        assert!(!told.problem.is_empty(), "{name}");
        assert!(invalid(&bench.fail().1).is_empty(), "{name}: it is told once");
        retried += bench.retries();
        let world = bench.world().lock();
        on_record +=
            usize::from(world.ledger.decisions().iter().any(|it| it.ruling == Ruling::WaitPolicyInvalid));
        assert_eq!(world.ledger.controls().activated, None, "{name}: nothing was put to work");
        drop(world);
        bench.act(&push(&policy("mended", 1)));
        let (decision, _) = bench.fail();
        recovered += usize::from(decision.ruling == Ruling::RetryEligible);

        let mut bench = Bench::new();
        bench.act(&push(&policy("before", 1)));
        assert_eq!(bench.rule().0, "before", "{name}");
        let activated = bench.world().lock().ledger.controls().activated.clone();
        bench.act(&push(&policy("good", 3)));
        bench.act(&Act::DamagePolicy { number: 2, kept: kept.clone() });
        let (decision, news) = bench.fail();
        let [told] = *invalid(&news) else { panic!("{name}: {news:?}") };
        assert_eq!((told.policy.number, told.instead), (2, Some(1)), "{name}");
        assert_eq!(
            bench.world().lock().ledger.controls().activated,
            activated,
            "{name}: nothing was put to work"
        );
        let by_the_last_good = decision.rule.as_ref().is_some_and(|rule| rule.as_str() == "before");
        went_on += usize::from(by_the_last_good && decision.ruling == Ruling::RetryEligible);
        // Somebody mends the item itself.
        let text = policy("good", 3);
        bench.act(&Act::DamagePolicy { number: 2, kept: KeptPolicy::Text { version: version(&text), text } });
        assert_eq!(bench.rule().0, "good", "{name}");
    }
    let count = broken.len();
    let measured = format!(
        "{count} broken policies: {retried} retries, {on_record} of {count} failures on record as waiting, {recovered} of \
         {count} decided by the next message after the fix; with a good one before it, {went_on} of {count} went on by that"
    );
    let holds = count >= 20 && retried == 0 && [on_record, recovered, went_on] == [count; 3];
    figure::record("broken-policies", &measured, holds);
    assert!(holds, "{measured}");
}

#[test]
fn a_broken_rollback_falls_back_to_what_it_brought_back() {
    let mut bench = Bench::new();
    for (name, retries) in [("one", 1), ("two", 1), ("three", 1)] {
        bench.act(&push(&policy(name, retries)));
    }
    bench.act(&Act::RestorePolicy { number: 1 });
    bench.act(&Act::DamagePolicy { number: 4, kept: KeptPolicy::Unreadable("gone".to_owned()) });
    assert_eq!(bench.rule().0, "one", "not the one that was rolled back from");
    bench.act(&Act::DamagePolicy { number: 1, kept: KeptPolicy::Unreadable("gone".to_owned()) });
    bench.start();
    assert_eq!(bench.rule().0, "packaged");
}

#[test]
fn a_package_takes_over_from_a_broken_policy() {
    let mut bench = Bench::new();
    bench.act(&push(&policy("one", 1)));
    bench.act(&Act::DamagePolicy { number: 1, kept: KeptPolicy::Packaged });
    assert_eq!(bench.rule().0, "packaged");
    bench.act(&deploy(&policy("new", 1)));
    bench.start();
    assert_eq!(bench.rule().0, "new");
    assert!(bench.world().lock().ledger.controls().live.as_ref().unwrap().taken_over.is_some());
}
