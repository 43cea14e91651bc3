//! The real binary reads what failed where builds tell of it: CodePipeline says the same of every one of these failures.

use codepipeline_retrier::domain::ids::PipelineName;
use codepipeline_retrier::emulator::codepipeline::{BuildCause, BuildPhase, BuildStatus, Cause, Outcome};
use jiff::SignedDuration;
use serde_json::json;

use super::runtime_api::End;
use super::scene::{RETRIES_AT_ONCE, Scene};
use crate::classify::secrets::a_thousand;
use crate::contract::pipelines::{shop, succeeds};

/// A build that ended with this log, of which neither CodePipeline nor the build's phases say more than that it failed.
fn fails_with(log: &str) -> Outcome {
    let cause = Cause::Build(BuildCause {
        status: BuildStatus::Failed,
        phase: BuildPhase::Build,
        code: Some("COMMAND_EXECUTION_ERROR".into()),
        message: "Error while executing command: make. Reason: exit status 2".into(),
        log: log.into(),
    });
    Outcome::fail(SignedDuration::from_secs(10), "Build terminated with state: FAILED").because(cause)
}

const THROTTLED: &str = "\
[Container] 2026/11/22 10:12:40 Running command make
Step 1/9 : FROM public.example/base:3
toomanyrequests: You have reached your pull rate limit
make: *** [Makefile:4: image] Error 1";
const DOES_NOT_COMPILE: &str = "\
[Container] 2026/11/22 10:12:40 Running command make
error[E0425]: cannot find value `TooManyRequests` in this scope
  --> src/limit.rs:429:17
error: could not compile `shop` (lib) due to 1 previous error
make: *** [Makefile:9: build] Error 101";

#[test]
fn a_throttled_build_is_retried_and_a_compile_error_left_alone_from_their_logs() {
    let scene = Scene::new("evidence", RETRIES_AT_ONCE);
    for (name, log, verdict, class) in [
        ("throttled", THROTTLED, "retry", "throttling"),
        ("does-not-compile", DOES_NOT_COMPILE, "give-up", "build-error"),
    ] {
        let name = PipelineName::parse(name).unwrap();
        let mut script = shop([fails_with(log), succeeds()]);
        script.name = name.clone();
        let (run, event) = scene.failed(&name, script);
        let End::Response(document) = scene.function().invoke(&event) else { panic!("a response") };
        assert_eq!(document["verdict"], verdict, "{document:#}");
        assert_eq!(document["classes"], json!({ "Unit": class }), "{document:#}");
        let used = scene.record(&run).unwrap().live.used;
        assert_eq!(used, u32::from(verdict == "retry"));
        let text = document.to_string();
        assert!(text.contains("of the build log"), "{text}");
        assert!(!text.contains("pull rate limit") && !text.contains("limit.rs"), "nothing raw: {text}");
    }
    assert_eq!(scene.world.lock().service.retry_calls().len(), 1);
}

#[test]
fn where_no_log_may_be_read_the_build_is_unknown_and_the_decision_says_why() {
    use codepipeline_retrier::emulator::evidence::Source;
    let scene = Scene::new("evidence-denied", RETRIES_AT_ONCE);
    scene.world.lock().denied.insert(Source::Logs);
    let name = PipelineName::parse("shop").unwrap();
    let (_, event) = scene.failed(&name, shop([fails_with(THROTTLED), succeeds()]));
    let End::Response(document) = scene.function().invoke(&event) else { panic!("a response") };
    assert_eq!((&document["verdict"], &document["reason"]), (&json!("give-up"), &json!("not-retryable")));
    assert!(document.to_string().contains("GetLogEvents could not be read: access denied"), "{document:#}");
}

#[test]
fn no_secret_of_a_failure_is_answered_logged_or_kept() {
    let policy = RETRIES_AT_ONCE.replacen("defaults:\n", "defaults:\n  excerpts: redacted\n", 1);
    let scene = Scene::new("evidence-secrets", &policy);
    // One of each format.
    let secrets: Vec<_> = a_thousand().into_iter().take(25).collect();
    for (number, spilled) in secrets.iter().enumerate() {
        let name = PipelineName::parse(format!("p-{number}")).unwrap();
        let log =
            format!("{0}\ntoomanyrequests: {0}\nmake: *** [Makefile:4: image] Error 1 {0}", spilled.line);
        let mut script = shop([fails_with(&log), succeeds()]);
        script.name = name.clone();
        let (_, event) = scene.failed(&name, script);
        let function = scene.function();
        let End::Response(document) = function.invoke(&event) else { panic!("a response") };
        assert_eq!(document["classes"], json!({ "Unit": "throttling" }), "{}: {document:#}", spilled.format);
        let told = function.kill().join("\n");
        assert!(told.contains("of the build log): \u{201c}"), "the line is cited: {told}");
        assert!(!spilled.is_in(&document.to_string()) && !spilled.is_in(&told), "{}", spilled.format);
    }
    let kept = scene.items();
    assert!(kept.len() > secrets.len());
    for spilled in &secrets {
        assert!(!kept.iter().any(|item| spilled.is_in(item)), "{}", spilled.format);
    }
}
