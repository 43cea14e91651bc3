//! A policy's own classifiers, and what is known of one failed run.

use jiff::Timestamp;

use codepipeline_retrier::classify::{Subject, classify, examine, pattern};
use codepipeline_retrier::domain::class::Class;
use codepipeline_retrier::domain::classifier::Classifier;
use codepipeline_retrier::domain::evidence::{Classified, Evidence, Examined, Found, Place, Text};
use codepipeline_retrier::domain::facts::FailedAction;
use codepipeline_retrier::domain::glob::Glob;
use codepipeline_retrier::domain::ids::{
    ActionExecutionId, ActionName, ExecutionId, PipelineArn, StageName, StageRunId,
};
use codepipeline_retrier::domain::pipeline::{Category, ErrorDetails};
use codepipeline_retrier::domain::text::EvidenceText;

fn run() -> StageRunId {
    StageRunId {
        pipeline: PipelineArn::parse("arn:aws:codepipeline:eu-west-1:111122223333:web-shop").unwrap(),
        execution: ExecutionId::parse("9f0d7e20-0000-4000-8000-000000000001").unwrap(),
        stage: StageName::parse("Build").unwrap(),
    }
}

fn action(message: &str) -> FailedAction {
    FailedAction {
        name: ActionName::parse("Compile").unwrap(),
        id: ActionExecutionId::parse("9f0d7e20-0000-4000-8000-000000000002").unwrap(),
        category: Category::Build,
        provider: "CodeBuild".into(),
        region: None,
        external_id: None,
        started: Timestamp::UNIX_EPOCH,
        failed_at: Timestamp::UNIX_EPOCH,
        error: ErrorDetails {
            code: Some("JobFailed".into()),
            message: EvidenceText::new(message),
            summary: EvidenceText::default(),
        },
    }
}

fn text(place: Place, text: &str) -> Text {
    Text { place, code: None, text: EvidenceText::new(text) }
}

fn evidence(texts: &[(Place, &str)]) -> Evidence {
    Evidence { texts: texts.iter().map(|(place, of)| text(*place, of)).collect(), gaps: Vec::new() }
}

fn classifier(change: impl FnOnce(&mut Classifier)) -> Classifier {
    let mut classifier = Classifier {
        name: "ours".into(),
        class: Class::Capacity,
        provider: Vec::new(),
        category: Vec::new(),
        pipeline: Vec::new(),
        stage: Vec::new(),
        action: Vec::new(),
        code: Vec::new(),
        message: Vec::new(),
    };
    change(&mut classifier);
    classifier
}

/// One failed run, with what was read beside.
fn examined(own: &[Classifier], action: &FailedAction, evidence: &Evidence, excerpts: bool) -> Examined {
    let (failed, evidence) = (std::slice::from_ref(action), std::slice::from_ref(evidence));
    examine(own, &run(), failed, evidence, excerpts).remove(&action.id).unwrap()
}

fn of_run(own: &[Classifier], action: &FailedAction, evidence: &Evidence) -> Classified {
    examined(own, action, evidence, false).classified
}

const WRAPPED: &str = "Build terminated with state: FAILED";

#[test]
fn what_was_read_beside_says_more_than_the_wrapper() {
    let log = evidence(&[
        (
            Place::BuildPhase,
            "COMMAND_EXECUTION_ERROR: Error while executing command: make. Reason: exit status 2",
        ),
        (
            Place::BuildLog,
            "pulling\ntoomanyrequests: You have reached your pull rate limit\nmake: *** [image] Error 1",
        ),
    ]);
    let classified = of_run(&[], &action(WRAPPED), &log);
    assert_eq!(classified.class, Class::Throttling);
    assert_eq!(classified.found, Some(Found { text: 2, place: Place::BuildLog, line: 2 }));

    let alone = of_run(&[], &action(WRAPPED), &Evidence::default());
    assert_eq!((alone.class, alone.signature.as_str()), (Class::Unknown, "build-failed"));
}

#[test]
fn where_it_is_wanted_the_line_that_decided_is_cited_without_secrets() {
    let events = evidence(&[
        (Place::StackEvent, "Resource creation cancelled"),
        (Place::StackEvent, "begin\nRate exceeded for token=Zq83hfTTx0a91LmPq"),
        (Place::StackEvent, "Resource creation cancelled"),
    ]);
    let action = action(WRAPPED);
    assert_eq!(examined(&[], &action, &events, false).excerpt, None);
    let cited = examined(&[], &action, &events, true).excerpt.unwrap();
    assert_eq!(cited, "Rate exceeded for token=[redacted]");
    let unknown = examined(&[], &action, &Evidence::default(), true);
    assert_eq!(unknown.excerpt.as_deref(), Some(WRAPPED));
}

#[test]
fn a_compile_error_in_the_log_beats_a_reset_in_it() {
    let log = evidence(&[(
        Place::BuildLog,
        "npm error code ECONNRESET\nsrc/app.ts(3,1): error TS1128: Declaration or statement expected.",
    )]);
    let classified = of_run(&[], &action(WRAPPED), &log);
    assert_eq!(classified.class, Class::BuildError);
    assert_eq!(classified.found.map(|found| found.line), Some(2));
}

#[test]
fn a_classifier_of_ones_own_comes_first_and_in_order() {
    let own = [
        classifier(|c| c.message = vec![pattern("no such thing").unwrap()]),
        classifier(|c| {
            c.name = "second".into();
            c.message = vec![pattern("never").unwrap(), pattern("toomany").unwrap()];
        }),
        classifier(|c| c.name = "third".into()),
    ];
    let log = evidence(&[(Place::BuildLog, "one\ntwo toomanyrequests")]);
    let classified = of_run(&own, &action(WRAPPED), &log);
    assert_eq!((classified.class, classified.signature.as_str()), (Class::Capacity, "second"));
    assert_eq!(classified.found, Some(Found { text: 1, place: Place::BuildLog, line: 2 }));
}

#[test]
fn every_key_of_a_classifier_must_hold() {
    let holds = |classifier: &Classifier| {
        of_run(std::slice::from_ref(classifier), &action(WRAPPED), &Evidence::default()).signature == "ours"
    };
    let glob = |pattern: &str| vec![Glob::new("nothing"), Glob::new(pattern)];
    assert!(holds(&classifier(|_| {})));
    assert!(
        holds(&classifier(|c| c.provider = glob("Code*")))
            && !holds(&classifier(|c| c.provider = glob("ECS")))
    );
    assert!(
        holds(&classifier(|c| c.category = glob("Build")))
            && !holds(&classifier(|c| c.category = glob("Test")))
    );
    assert!(
        holds(&classifier(|c| c.pipeline = glob("web-*")))
            && !holds(&classifier(|c| c.pipeline = glob("api")))
    );
    assert!(
        holds(&classifier(|c| c.stage = glob("Bu?ld"))) && !holds(&classifier(|c| c.stage = glob("Prod")))
    );
    assert!(
        holds(&classifier(|c| c.action = glob("Compile")))
            && !holds(&classifier(|c| c.action = glob("Lint")))
    );
    assert!(holds(&classifier(|c| c.code = vec!["JobFailed".into()])));
    assert!(!holds(&classifier(|c| c.code = vec!["jobfailed".into()])));
    assert!(!holds(&classifier(|c| {
        c.stage = glob("Build");
        c.code = vec!["Other".into()];
    })));
    let with_run = classifier(|c| c.stage = glob("*"));
    let nobody = Subject { run: None, action: None, provider: "", category: None, code: None, texts: &[] };
    assert_eq!(classify(&[with_run], &nobody).signature, "none");
}

#[test]
fn a_code_beside_a_text_counts_and_job_failed_says_nothing() {
    let mut beside = text(Place::Deployment, "it went wrong");
    beside.code = Some("THROTTLED".into());
    let texts = [beside];
    let subject = Subject {
        run: None,
        action: None,
        provider: "CodeDeploy",
        category: Some(Category::Deploy),
        code: Some("JobFailed"),
        texts: &texts,
    };
    assert_eq!(classify(&[], &subject).class, Class::Throttling);
    assert_eq!(classify(&[], &Subject { texts: &[], ..subject }).signature, "none");
    let own = classifier(|c| c.code = vec!["THROTTLED".into()]);
    assert_eq!(classify(&[own], &subject).signature, "ours");
}

#[test]
fn an_approval_is_a_persons_no_unless_a_policy_says_otherwise() {
    let mut approval = action("Rate exceeded");
    approval.category = Category::Approval;
    assert_eq!(of_run(&[], &approval, &Evidence::default()).class, Class::ApprovalRejected);
}

#[test]
fn what_a_person_ended_stays_so_whatever_a_log_or_a_policy_says() {
    let own = [classifier(|_| {})];
    let log = (Place::BuildLog, "toomanyrequests: You have reached your pull rate limit");
    let mut stopped = evidence(&[(Place::BuildPhase, ""), log]);
    stopped.texts[0].code = Some("STOPPED".into());
    let rejected = FailedAction { category: Category::Approval, ..action("rejected") };
    for own in [&own[..], &[]] {
        let classified = of_run(own, &action(WRAPPED), &stopped);
        assert_eq!(
            (classified.class, classified.signature.as_str()),
            (Class::Stopped, "build-stopped-status")
        );
        let classified = of_run(own, &rejected, &evidence(&[log]));
        assert_eq!((classified.class, classified.signature.as_str()), (Class::ApprovalRejected, "approval"));
    }
}
