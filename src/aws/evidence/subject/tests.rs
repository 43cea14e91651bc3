//! Ids as providers give them, and as nobody should.

use jiff::Timestamp;

use super::*;
use crate::domain::ids::{ActionExecutionId, ActionName};
use crate::domain::pipeline::ErrorDetails;

const UUID: &str = "2b9f3e6c-58a1-4c07-8d4e-9e61f0a7b3d2";

fn action(category: Category, provider: &str, id: &str) -> FailedAction {
    FailedAction {
        name: ActionName::parse("Unit").unwrap(),
        id: ActionExecutionId::parse("0d7be2a4").unwrap(),
        category,
        provider: provider.to_owned(),
        region: None,
        external_id: Some(id.to_owned()),
        started: Timestamp::UNIX_EPOCH,
        failed_at: Timestamp::UNIX_EPOCH,
        error: ErrorDetails::default(),
    }
}

fn is(category: Category, provider: &str, id: &str, expected: Subject<'_>) {
    assert_eq!(subject(&action(category, provider, id)), expected, "{provider}: {id}");
}

#[test]
fn builds() {
    let id = format!("web-shop_Browser:{UUID}");
    is(Category::Build, "CodeBuild", &id, Subject::Build(&id));
    is(Category::Test, "CodeBuild", &format!(" {id}\n"), Subject::Build(&id));
    let arn = format!("arn:aws-cn:codebuild:cn-north-1:111122223333:build/{id}");
    is(Category::Build, "CodeBuild", &arn, Subject::Build(&id));
    let odd = Subject::Odd("BatchGetBuilds");
    for id in ["web-shop", ":", "web shop:1", "a:b:c", "arn:aws:codebuild:x", "arn:aws:s3:::build/a:b", "é:1"]
    {
        is(Category::Build, "CodeBuild", id, odd);
    }
    is(Category::Build, "CodeBuild", &format!("{}:1", "p".repeat(300)), odd);
    for nothing in ["", "  "] {
        is(Category::Build, "CodeBuild", nothing, Subject::Nothing);
    }
    is(Category::Build, "Jenkins", &id, Subject::Nothing);
}

#[test]
fn logs() {
    let arn =
        format!("arn:aws:logs:eu-central-1:111122223333:log-group:/aws/codepipeline/shop:log-stream:{UUID}");
    let log = LogStream { group: "/aws/codepipeline/shop", stream: UUID };
    is(Category::Compute, "Commands", &arn, Subject::Log(log));
    let of_no_build = "arn:aws:logs:eu-central-1:111122223333:log-group:null:log-stream:null";
    for odd in [UUID, of_no_build, "arn:aws:logs:a:b:log-group:x", "arn:aws:logs:a:b:log-group::log-stream:"]
    {
        is(Category::Compute, "Commands", odd, Subject::Odd("GetLogEvents"));
    }
}

#[test]
fn deployments() {
    for provider in ["CodeDeploy", "CodeDeployToECS"] {
        is(Category::Deploy, provider, "d-ABC123XYZ", Subject::Deployment("d-ABC123XYZ"));
        for id in ["d-", "D-ABC", "ABC", "d-A/B", "d-A B"] {
            is(Category::Deploy, provider, id, Subject::Odd("GetDeployment"));
        }
    }
}

#[test]
fn stacks_and_change_sets() {
    let of = |resource: &str| format!("arn:aws:cloudformation:eu-central-1:111122223333:{resource}");
    let stack = of(&format!("stack/web-shop/{UUID}"));
    is(Category::Deploy, "CloudFormation", &stack, Subject::Stack(&stack));
    let change_set = of(&format!("changeSet/release/{UUID}"));
    is(Category::Deploy, "CloudFormation", &change_set, Subject::ChangeSet(&change_set));
    for named in ["web-shop".to_owned(), format!("web-shop/{UUID}"), format!("stack/web-shop/{UUID}")] {
        is(Category::Deploy, "CloudFormation", &named, Subject::Stack("web-shop"));
    }
    for odd in ["/", "a stack", "stack/", &of("type/x"), &of("stack/"), &of("stack/a b")] {
        is(Category::Deploy, "CloudFormation", odd, Subject::Odd("DescribeStackEvents"));
    }
    for message_only in ["CloudFormationStackSet", "CloudFormationStackInstances", "ECS", "S3"] {
        is(Category::Deploy, message_only, &stack, Subject::Nothing);
    }
    for message_only in ["Lambda", "StepFunctions"] {
        is(Category::Invoke, message_only, &stack, Subject::Nothing);
    }
}
