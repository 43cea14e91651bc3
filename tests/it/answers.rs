//! CodePipeline's answers as the AWS CLI prints them, value by value, and the complaints about those that cannot be used.

mod errors;

use std::fs;
use std::path::Path;

use codepipeline_retrier::answers::{
    action_executions, pipeline_execution, pipeline_state, pipeline_structure,
};
use codepipeline_retrier::domain::ids::{
    ActionExecutionId, ActionName, ExecutionId, PipelineName, Region, StageName,
};
use codepipeline_retrier::domain::pipeline::{
    ActionDeclaration, ActionExecution, ActionRun, ActionState, ActionStatus, Category, ChangeSet,
    ChangeSetPart, ErrorDetails, ExecutionKind, ExecutionMode, ExecutionStatus, PipelineExecution,
    PipelineState, PipelineStructure, RetryMetadata, StageDeclaration, StageExecution, StageState,
    Transition,
};
use codepipeline_retrier::domain::policy::RetryMode;
use codepipeline_retrier::domain::text::EvidenceText;

fn document(name: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/answers");
    fs::read_to_string(directory.join(name)).unwrap()
}

fn execution(text: &str) -> ExecutionId {
    ExecutionId::parse(text).unwrap()
}

fn newest() -> ExecutionId {
    execution("3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41")
}

fn action_run_id(number: u32) -> ActionExecutionId {
    ActionExecutionId::parse(format!("0d7be2a4-6c1f-4e58-b93a-{number:012}")).unwrap()
}

fn stage_name(name: &str) -> StageName {
    StageName::parse(name).unwrap()
}

fn action_name(name: &str) -> ActionName {
    ActionName::parse(name).unwrap()
}

fn error(code: Option<&str>, message: &str, summary: &str) -> ErrorDetails {
    ErrorDetails {
        code: code.map(str::to_owned),
        message: EvidenceText::new(message),
        summary: EvidenceText::new(summary),
    }
}

fn action_state(
    name: &str,
    number: u32,
    status: ActionStatus,
    last_change: &str,
    error: ErrorDetails,
) -> ActionState {
    ActionState {
        name: action_name(name),
        latest: Some(ActionRun {
            id: action_run_id(number),
            status,
            last_change: last_change.parse().unwrap(),
            error,
        }),
    }
}

fn never_ran(name: &str) -> ActionState {
    ActionState { name: action_name(name), latest: None }
}

#[test]
fn a_pipeline_state_is_read() {
    let expected = PipelineState {
        version: 7,
        stages: vec![
            StageState {
                name: stage_name("Source"),
                latest: Some(StageExecution {
                    execution: newest(),
                    status: ExecutionStatus::Succeeded,
                    kind: ExecutionKind::Standard,
                }),
                transition: Transition::Enabled,
                actions: vec![action_state(
                    "Repository",
                    1,
                    ActionStatus::Succeeded,
                    "2026-11-22T09:58:31.407Z",
                    error(None, "", "8f1d0c: shorter labels"),
                )],
                retries: None,
                waiting: false,
            },
            StageState {
                name: stage_name("Test"),
                latest: Some(StageExecution {
                    execution: newest(),
                    status: ExecutionStatus::Failed,
                    kind: ExecutionKind::Standard,
                }),
                transition: Transition::Enabled,
                actions: vec![
                    action_state(
                        "Browser",
                        2,
                        ActionStatus::Failed,
                        "2026-11-22T10:13:01.958Z",
                        error(Some("JobFailed"), "Build terminated with state: FAILED", ""),
                    ),
                    action_state(
                        "Unit",
                        3,
                        ActionStatus::InProgress,
                        "2026-11-22T10:13:01.25Z",
                        ErrorDetails::default(),
                    ),
                ],
                retries: Some(RetryMetadata { automatic: 1, manual: 2 }),
                waiting: false,
            },
            StageState {
                name: stage_name("Production"),
                latest: Some(StageExecution {
                    execution: execution("d94c2b07-6a1e-4f83-b5d2-17e60a9c8f34"),
                    status: ExecutionStatus::Stopped,
                    kind: ExecutionKind::Rollback,
                }),
                transition: Transition::Disabled,
                actions: vec![
                    action_state(
                        "Deploy",
                        4,
                        ActionStatus::Abandoned,
                        "2026-11-19T14:53:20Z",
                        ErrorDetails::default(),
                    ),
                    // It succeeded before runs of actions had ids.
                    never_ran("Old"),
                    never_ran("New"),
                ],
                retries: None,
                waiting: false,
            },
        ],
    };
    assert_eq!(pipeline_state(&document("get-pipeline-state.json")), Ok(expected));
}

#[test]
fn a_pipeline_state_may_leave_out_what_is_optional() {
    assert_eq!(
        pipeline_state(&document("get-pipeline-state-least.json")),
        Ok(PipelineState {
            version: 1,
            stages: vec![StageState {
                name: stage_name("Source"),
                latest: None,
                transition: Transition::Enabled,
                actions: vec![never_ran("Repository")],
                retries: None,
                waiting: false,
            }],
        })
    );
}

#[test]
fn a_pipeline_execution_is_read() {
    assert_eq!(
        pipeline_execution(&document("get-pipeline-execution.json")),
        Ok(PipelineExecution {
            status: ExecutionStatus::Failed,
            kind: ExecutionKind::Rollback,
            version: 7,
            mode: ExecutionMode::Parallel,
        })
    );
    assert_eq!(
        pipeline_execution(&document("get-pipeline-execution-least.json")),
        Ok(PipelineExecution {
            status: ExecutionStatus::InProgress,
            kind: ExecutionKind::Standard,
            version: 1,
            mode: ExecutionMode::Superseded,
        })
    );
}

fn declaration(
    name: &str,
    category: Category,
    provider: &str,
    change_set: Option<ChangeSetPart>,
) -> ActionDeclaration {
    ActionDeclaration {
        name: action_name(name),
        category,
        provider: provider.to_owned(),
        run_order: 1,
        change_set,
    }
}

fn stage_declaration(
    name: &str,
    native_retry: Option<RetryMode>,
    actions: Vec<ActionDeclaration>,
) -> StageDeclaration {
    StageDeclaration { name: stage_name(name), native_retry, actions }
}

#[test]
fn a_pipeline_structure_is_read() {
    let change_set = || ChangeSet { stack: "web-shop".to_owned(), name: "web-shop-staging".to_owned() };
    let expected = PipelineStructure {
        name: PipelineName::parse("web-shop").unwrap(),
        version: 7,
        mode: ExecutionMode::Queued,
        stages: vec![
            stage_declaration(
                "Source",
                None,
                vec![declaration("Repository", Category::Source, "CodeStarSourceConnection", None)],
            ),
            stage_declaration(
                "Test",
                Some(RetryMode::AllActions),
                vec![
                    declaration("Browser", Category::Test, "CodeBuild", None),
                    declaration("Lint", Category::Compute, "Commands", None),
                ],
            ),
            stage_declaration(
                "Staging",
                None,
                vec![
                    declaration(
                        "Prepare",
                        Category::Deploy,
                        "CloudFormation",
                        Some(ChangeSetPart::Makes(change_set())),
                    ),
                    declaration(
                        "Execute",
                        Category::Deploy,
                        "CloudFormation",
                        Some(ChangeSetPart::Executes(change_set())),
                    ),
                    declaration("Notify", Category::Invoke, "Lambda", None),
                ],
            ),
            stage_declaration(
                "Approve",
                None,
                vec![declaration("Release", Category::Approval, "Manual", None)],
            ),
            stage_declaration(
                "Production",
                Some(RetryMode::FailedActions),
                vec![declaration("Deploy", Category::Deploy, "CloudFormation", None)],
            ),
        ],
    };
    assert_eq!(pipeline_structure(&document("get-pipeline.json")), Ok(expected));
}

#[test]
fn a_pipeline_structure_may_leave_out_what_is_optional() {
    assert_eq!(
        pipeline_structure(&document("get-pipeline-least.json")),
        Ok(PipelineStructure {
            name: PipelineName::parse("web-shop").unwrap(),
            version: 1,
            mode: ExecutionMode::Superseded,
            stages: vec![stage_declaration(
                "Build",
                None,
                vec![declaration("Compile", Category::Build, "CloudFormation", None)],
            )],
        })
    );
}

#[test]
fn action_executions_are_read_in_their_order() {
    assert_eq!(
        action_executions(&document("list-action-executions.json")),
        Ok(vec![
            ActionExecution {
                execution: newest(),
                stage: stage_name("Test"),
                action: action_name("Browser"),
                id: action_run_id(2),
                status: ActionStatus::Failed,
                category: Category::Test,
                provider: "CodeBuild".to_owned(),
                region: Some(Region::parse("eu-west-1").unwrap()),
                external_id: Some("web-shop-browser:2b9f3e6c".into()),
                started: "2026-11-22T10:02:42.88Z".parse().unwrap(),
                last_change: "2026-11-22T10:13:01.958Z".parse().unwrap(),
                error: error(
                    Some("JobFailed"),
                    "Error calling startBuild: Rate exceeded",
                    "Build terminated with state: FAILED",
                ),
            },
            ActionExecution {
                execution: newest(),
                stage: stage_name("Approve"),
                action: action_name("Release"),
                id: action_run_id(5),
                status: ActionStatus::InProgress,
                category: Category::Approval,
                provider: "Manual".to_owned(),
                region: None,
                external_id: None,
                started: "2026-11-22T10:13:02Z".parse().unwrap(),
                last_change: "2026-11-22T10:13:02.5Z".parse().unwrap(),
                error: ErrorDetails::default(),
            },
            ActionExecution {
                execution: newest(),
                stage: stage_name("Test"),
                action: action_name("Lint"),
                id: action_run_id(7),
                status: ActionStatus::Failed,
                category: Category::Compute,
                provider: "Commands".to_owned(),
                region: None,
                // The one id by which what CodePipeline ran itself can be looked into.
                external_id: Some(
                    "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/codepipeline/web:log-stream:5c0e"
                        .to_owned(),
                ),
                started: "2026-11-22T10:13:02Z".parse().unwrap(),
                last_change: "2026-11-22T10:13:02.5Z".parse().unwrap(),
                error: ErrorDetails::default(),
            },
        ])
    );
}

#[test]
fn an_action_execution_may_leave_out_what_is_optional() {
    assert_eq!(
        action_executions(&document("list-action-executions-least.json")),
        Ok(vec![ActionExecution {
            execution: newest(),
            stage: stage_name("Build"),
            action: action_name("Compile"),
            id: action_run_id(6),
            status: ActionStatus::Abandoned,
            category: Category::Build,
            provider: "CodeBuild".to_owned(),
            region: None,
            external_id: None,
            started: "2026-11-22T10:02:42Z".parse().unwrap(),
            last_change: "2026-11-22T10:02:42Z".parse().unwrap(),
            error: ErrorDetails::default(),
        }])
    );
}
