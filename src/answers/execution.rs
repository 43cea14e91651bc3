//! `get-pipeline-execution`.

use super::{AnswerError, execution_kind, execution_mode, read};
use crate::domain::pipeline::{ExecutionStatus, PipelineExecution};

/// Reads the answer of `aws codepipeline get-pipeline-execution`. An absent `executionMode` is SUPERSEDED, an absent
/// `executionType` STANDARD.
pub fn pipeline_execution(text: &str) -> Result<PipelineExecution, AnswerError> {
    read("get-pipeline-execution", text, |answer| {
        let execution = answer.member("pipelineExecution").object()?;
        Ok(PipelineExecution {
            status: execution.member("status").one_of("status", ExecutionStatus::parse)?,
            kind: execution_kind(execution.member("executionType"))?,
            version: execution.member("pipelineVersion").count()?,
            mode: execution_mode(&execution)?,
        })
    })
}
