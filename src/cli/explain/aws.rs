//! The commands of the AWS CLI that print what `retrier explain` reads. Nothing here runs them.

use crate::domain::ids::StageRunId;

/// An answer of CodePipeline that the command takes from a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    State,
    Actions,
    Execution,
    Pipeline,
}

impl Source {
    /// The flag that takes it.
    pub const fn flag(self) -> &'static str {
        match self {
            Self::State => "--state",
            Self::Actions => "--actions",
            Self::Execution => "--execution",
            Self::Pipeline => "--pipeline",
        }
    }

    /// The source that answers an operation of CodePipeline's interface.
    pub fn of_operation(name: &str) -> Option<Self> {
        match name {
            "GetPipelineState" => Some(Self::State),
            "ListActionExecutions" => Some(Self::Actions),
            "GetPipelineExecution" => Some(Self::Execution),
            "GetPipeline" => Some(Self::Pipeline),
            _ => None,
        }
    }

    /// The command that prints it for this stage run, indented and broken into lines for a shell. Every part of the
    /// stage run is safe in a shell.
    pub fn command(self, run: &StageRunId) -> String {
        let (name, execution, region) = (&run.pipeline.name, &run.execution, &run.pipeline.region);
        let (command, filter) = match self {
            Self::State => (format!("get-pipeline-state --name {name}"), None),
            Self::Actions => (
                format!("list-action-executions --pipeline-name {name}"),
                Some(format!("--filter pipelineExecutionId={execution}")),
            ),
            Self::Execution => (
                format!("get-pipeline-execution --pipeline-name {name}"),
                Some(format!("--pipeline-execution-id {execution}")),
            ),
            Self::Pipeline => (format!("get-pipeline --name {name}"), None),
        };
        let filter = filter.map(|filter| format!(" \\\n      {filter}")).unwrap_or_default();
        format!("  aws codepipeline {command}{filter} \\\n      --region {region}")
    }

    /// A name for the file that it goes into.
    pub const fn file(self) -> &'static str {
        match self {
            Self::State => "state.json",
            Self::Actions => "actions.json",
            Self::Execution => "execution.json",
            Self::Pipeline => "pipeline.json",
        }
    }

    /// The command that makes that file.
    pub fn command_into_file(self, run: &StageRunId) -> String {
        format!("{} > {}", self.command(run), self.file())
    }
}
