//! Approvals.

use super::super::{ApprovalAnswer, ApprovalVerdict};
use super::*;

fn waiting() -> (Bench, ExecutionId) {
    let mut bench = Bench::new(pipeline([
        stage("Gate", [approval("Sign")]),
        stage("Prod", [action("Deploy", [succeeds(10)])]),
    ]));
    let id = bench.start_and_wait(10);
    (bench, id)
}

fn answer(
    bench: &mut Bench,
    verdict: ApprovalVerdict,
    token: Option<String>,
) -> Result<Timestamp, Exception> {
    let answer = ApprovalAnswer { verdict, summary: "looked at it".to_owned(), token };
    let (stage, action) = (stage_name("Gate"), action_name("Sign"));
    bench
        .service
        .put_approval_result(bench.now, &bench.name, &stage, &action, answer)
        .map_err(|error| error.exception)
}

fn token(bench: &Bench) -> Option<String> {
    let (stage, action) = (stage_name("Gate"), action_name("Sign"));
    bench.service.approval_token(&bench.name, &stage, &action).unwrap()
}

#[test]
fn an_approved_execution_goes_on() {
    let (mut bench, id) = waiting();
    assert_eq!(bench.stage_status("Gate"), Some(ExecutionStatus::InProgress));
    let given = answer(&mut bench, ApprovalVerdict::Approved, None);
    assert_eq!(given, Ok(bench.now));
    bench.wait(10);
    assert_eq!(bench.status(&id), ExecutionStatus::Succeeded);
    assert_eq!(bench.service.next_due(), None, "nothing expires any more");
}

#[test]
fn a_rejection_fails_action_and_stage_and_says_so_in_the_summary() {
    let (mut bench, id) = waiting();
    answer(&mut bench, ApprovalVerdict::Rejected, None).unwrap();
    assert_eq!(bench.status(&id), ExecutionStatus::Failed);
    let run = bench.action("Gate", "Sign").unwrap();
    assert_eq!(run.status, ActionStatus::Failed);
    assert_eq!(run.error.summary.expose(), "looked at it");
    assert_eq!(bench.runs(&id, "Sign")[0].category, Category::Approval);
}

#[test]
fn an_approval_that_nobody_answers_fails_after_seven_days() {
    let (mut bench, id) = waiting();
    bench.wait(7 * 24 * 3600 - 11);
    assert_eq!(bench.status(&id), ExecutionStatus::InProgress);
    bench.wait(1);
    assert_eq!(bench.status(&id), ExecutionStatus::Failed);
}

#[test]
fn a_retry_asks_anew_and_the_old_token_is_used_up() {
    let (mut bench, id) = waiting();
    let old = token(&bench);
    answer(&mut bench, ApprovalVerdict::Rejected, old.clone()).unwrap();
    bench.retry("Gate", &id);
    let new = token(&bench);
    assert!(new.is_some());
    assert_ne!(new, old);
    let again = answer(&mut bench, ApprovalVerdict::Approved, old);
    assert_eq!(again, Err(Exception::ApprovalAlreadyCompleted));
    answer(&mut bench, ApprovalVerdict::Approved, new).unwrap();
}

#[test]
fn without_a_token_the_oldest_request_is_answered() {
    let gate = stage("Gate", [approval("Sign")]);
    let mut bench = Bench::new(pipeline([gate]).in_mode(ExecutionMode::Parallel));
    let ids: Vec<_> = (0..5).map(|_| bench.start_and_wait(1)).collect();
    for id in &ids {
        assert_eq!(bench.status(id), ExecutionStatus::InProgress);
        let oldest = token(&bench);
        answer(&mut bench, ApprovalVerdict::Approved, None).unwrap();
        assert_eq!(bench.status(id), ExecutionStatus::Succeeded);
        let again = answer(&mut bench, ApprovalVerdict::Approved, oldest);
        assert_eq!(again, Err(Exception::ApprovalAlreadyCompleted));
    }
}

#[test]
fn answers_to_nothing_are_refused() {
    let (mut bench, _) = waiting();
    let unknown = answer(&mut bench, ApprovalVerdict::Approved, Some("x".to_owned()));
    assert_eq!(unknown, Err(Exception::InvalidApprovalToken));
    answer(&mut bench, ApprovalVerdict::Approved, None).unwrap();
    let late = answer(&mut bench, ApprovalVerdict::Approved, None);
    assert_eq!(late, Err(Exception::ApprovalAlreadyCompleted));

    let yes = ApprovalAnswer { verdict: ApprovalVerdict::Approved, summary: String::new(), token: None };
    let mut ask = |stage: &str, action: &str| {
        let (stage, action) = (stage_name(stage), action_name(action));
        let answer = bench.service.put_approval_result(bench.now, &bench.name, &stage, &action, yes.clone());
        answer.unwrap_err().exception
    };
    assert_eq!(ask("Nowhere", "Sign"), Exception::StageNotFound);
    assert_eq!(ask("Gate", "Nothing"), Exception::ActionNotFound);
    assert_eq!(ask("Prod", "Deploy"), Exception::InvalidApprovalToken);
}
