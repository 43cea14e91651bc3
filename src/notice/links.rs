//! Pages of the AWS console, in whichever partition.

use crate::domain::ids::{PipelineArn, StageRunId};
use crate::domain::notice::Build;

/// The console's domain; none of a partition whose console is not known.
fn domain(pipeline: &PipelineArn) -> Option<&'static str> {
    match pipeline.partition.as_str() {
        "aws" => Some("console.aws.amazon.com"),
        "aws-cn" => Some("console.amazonaws.cn"),
        "aws-us-gov" => Some("console.amazonaws-us-gov.com"),
        _ => None,
    }
}

/// The execution's page: its timeline with every run of every action, from where builds and logs are one click away.
pub(super) fn execution(run: &StageRunId) -> Option<String> {
    let PipelineArn { region, name, .. } = &run.pipeline;
    let domain = domain(&run.pipeline)?;
    let execution = &run.execution;
    Some(format!(
        "https://{region}.{domain}/codesuite/codepipeline/pipelines/{name}/executions/{execution}/timeline?region={region}"
    ))
}

/// The page of a build, with its log.
pub(super) fn build(run: &StageRunId, build: &Build) -> Option<String> {
    let domain = domain(&run.pipeline)?;
    let account = &run.pipeline.account;
    let Build { region, project, number } = build;
    Some(format!(
        "https://{region}.{domain}/codesuite/codebuild/{account}/projects/{project}/build/{project}%3A{number}/?region={region}"
    ))
}

/// The command that shows the decisions about the pipeline.
pub(super) fn history(run: &StageRunId) -> String {
    format!("retrier history {} --region {}", run.pipeline.name, run.pipeline.region)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ExecutionId, Region, StageName};

    fn run(partition: &str) -> StageRunId {
        StageRunId {
            pipeline: PipelineArn::parse(&format!(
                "arn:{partition}:codepipeline:xx-west-1:111122223333:shop"
            ))
            .unwrap(),
            execution: ExecutionId::parse("e-1").unwrap(),
            stage: StageName::parse("Test").unwrap(),
        }
    }

    #[test]
    fn what_is_no_build_is_linked_to_nowhere() {
        let region = || Region::parse("xx-west-1").unwrap();
        for id in ["", "unit", ":0a", "unit:", "un/it:0a", "unit:0a/../x", "unit:0a?b", "a b:0a"] {
            assert_eq!(Build::parse(region(), id), None, "{id}");
        }
    }

    #[test]
    fn every_partition_has_its_own_console() {
        let page = "/codesuite/codepipeline/pipelines/shop/executions/e-1/timeline?region=xx-west-1";
        for (partition, domain) in [
            ("aws", Some("console.aws.amazon.com")),
            ("aws-cn", Some("console.amazonaws.cn")),
            ("aws-us-gov", Some("console.amazonaws-us-gov.com")),
            ("aws-iso", None),
        ] {
            let expected = domain.map(|domain| format!("https://xx-west-1.{domain}{page}"));
            assert_eq!(execution(&run(partition)), expected, "{partition}");
            let failed = Build::parse(Region::parse("yy-east-1").unwrap(), "unit-tests:0a1b-2c").unwrap();
            let page = "/codesuite/codebuild/111122223333/projects/unit-tests/build/unit-tests%3A0a1b-2c/?region=yy-east-1";
            let expected = domain.map(|domain| format!("https://yy-east-1.{domain}{page}"));
            assert_eq!(build(&run(partition), &failed), expected, "{partition}");
        }
    }
}
