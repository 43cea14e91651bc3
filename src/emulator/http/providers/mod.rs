//! Those who carry actions out, as clients ask them why a run failed, and who keeps change calendars: CodeBuild, CloudWatch
//! Logs, CodeDeploy and Systems Manager in JSON, CloudFormation in its query protocol. Each answers for the Region that it is asked in, and only reads.

mod builds;
mod calendars;
mod change_sets;
mod deployments;
mod inputs;
mod logs;
pub mod query;
mod stacks;

use serde_json::{Map, Value};

use super::directory::Directory;
use super::error::ApiError;
use super::model::{Objection, Shape};
use super::request::Input;
use crate::emulator::codepipeline::{CodePipeline, Provider, ProviderRun};
use crate::emulator::evidence::Source;
use crate::emulator::world::World;

/// What an operation answers from.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    world: &'a World,
    directory: &'a Directory,
    region: &'a str,
}

/// One operation.
#[derive(Debug)]
pub struct Operation {
    /// What `X-Amz-Target` says; for CloudFormation its action behind [`query::SERVICE`].
    pub target: &'static str,
    /// Whose it is.
    pub source: Source,
    /// The error that an input meets which breaks constraints.
    invalid: &'static str,
    input: &'static Shape,
    answer: fn(Desk<'_>, Input<'_>) -> Result<Value, ApiError>,
}

#[rustfmt::skip]
const OPERATIONS: [Operation; 8] = [
    Operation {
        target: "AmazonSSM.GetCalendarState", source: Source::Calendars, invalid: "ValidationException",
        input: &inputs::GET_CALENDAR_STATE_INPUT, answer: calendars::get_calendar_state,
    },
    Operation {
        target: "CloudFormation_20100515.DescribeChangeSet", source: Source::Stacks, invalid: "ValidationException",
        input: &inputs::DESCRIBE_CHANGE_SET_INPUT, answer: change_sets::describe_change_set,
    },
    Operation {
        target: "CloudFormation_20100515.DescribeStackEvents", source: Source::Stacks, invalid: "ValidationException",
        input: &inputs::DESCRIBE_STACK_EVENTS_INPUT, answer: stacks::describe_stack_events,
    },
    Operation {
        target: "CodeBuild_20161006.BatchGetBuilds", source: Source::Builds, invalid: "InvalidInputException",
        input: &inputs::BATCH_GET_BUILDS_INPUT, answer: builds::batch_get_builds,
    },
    Operation {
        target: "CodeDeploy_20141006.BatchGetDeploymentTargets", source: Source::Deployments, invalid: "ValidationException",
        input: &inputs::BATCH_GET_DEPLOYMENT_TARGETS_INPUT, answer: deployments::batch_get_deployment_targets,
    },
    Operation {
        target: "CodeDeploy_20141006.GetDeployment", source: Source::Deployments, invalid: "ValidationException",
        input: &inputs::GET_DEPLOYMENT_INPUT, answer: deployments::get_deployment,
    },
    Operation {
        target: "CodeDeploy_20141006.ListDeploymentTargets", source: Source::Deployments, invalid: "ValidationException",
        input: &inputs::LIST_DEPLOYMENT_TARGETS_INPUT, answer: deployments::list_deployment_targets,
    },
    Operation {
        target: "Logs_20140328.GetLogEvents", source: Source::Logs, invalid: "InvalidParameterException",
        input: &inputs::GET_LOG_EVENTS_INPUT, answer: logs::get_log_events,
    },
];

/// The operation that a target names.
pub fn find(target: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.target == target)
}

/// The targets of all operations of providers.
pub fn provider_targets() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().map(|operation| operation.target)
}

impl Operation {
    /// Whether it is spoken to in the query protocol.
    fn is_query(&self) -> bool {
        self.target.starts_with(query::SERVICE)
    }

    /// What it answers in that Region, the world's own where none is said.
    pub fn answer(
        &self,
        world: &World,
        directory: &Directory,
        region: Option<&str>,
        mut members: Map<String, Value>,
    ) -> Result<Value, ApiError> {
        if self.is_query() {
            self.input.read_flags(&mut members);
        }
        let input = Value::Object(members);
        self.input.check(&input).map_err(|objection| match objection {
            Objection::Breaks(_) => ApiError { name: self.invalid, ..objection.into() },
            Objection::Unreadable(_) => objection.into(),
        })?;
        let Value::Object(members) = &input else { return Err(ApiError::unreadable("no structure")) };
        let region = region.unwrap_or(world.place.region.as_str());
        (self.answer)(Desk { world, directory, region }, Input::new(members))
    }
}

impl<'a> Desk<'a> {
    fn service(self) -> &'a CodePipeline {
        &self.world.service
    }

    /// The runs of a provider in the Region that go by a handle, see [`Directory`].
    fn runs(self, provider: Provider, handle: &str) -> impl Iterator<Item = ProviderRun<'a>> {
        let all = self.directory.runs(&self.world.service, handle);
        all.filter(move |run| run.provider == provider && run.region.as_str() == self.region)
    }

    /// The ARN of something in the Region.
    fn arn(self, service: &str, resource: &str) -> String {
        let place = &self.world.place;
        format!("arn:{}:{service}:{}:{}:{resource}", place.partition, self.region, place.account)
    }
}
