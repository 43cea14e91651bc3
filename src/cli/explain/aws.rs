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

    /// The command that prints it for this stage run. Every part of the stage run is safe in a shell.
    pub fn command(self, run: &StageRunId) -> String {
        let (name, execution) = (&run.pipeline.name, &run.execution);
        let rest = match self {
            Self::State => format!("get-pipeline-state --name {name}"),
            Self::Actions => format!(
                "list-action-executions --pipeline-name {name} --filter pipelineExecutionId={execution}"
            ),
            Self::Execution => {
                format!("get-pipeline-execution --pipeline-name {name} --pipeline-execution-id {execution}")
            }
            Self::Pipeline => format!("get-pipeline --name {name}"),
        };
        format!("aws codepipeline {rest} --region {}", run.pipeline.region)
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
