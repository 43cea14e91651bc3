//! Approvals: actions that wait for a person's answer, `PutApprovalResult`, and the end of the waiting.

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::{ActionExecutionId, ActionName, PipelineName, StageName};
use crate::domain::pipeline::{ActionStatus, ErrorDetails};
use crate::domain::text::EvidenceText;

use super::CodePipeline;
use super::error::{Exception, ServiceError};
use super::execution::ActionRecord;
use super::scene::Scene;

/// Time after which an approval that nobody answered fails (User Guide, *Quotas*: 7 days).
pub(super) const APPROVAL_TIMEOUT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A person's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "CodePipeline's own names")]
pub enum ApprovalVerdict {
    Approved,
    Rejected,
}

/// `PutApprovalResult`'s result and token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalAnswer {
    /// Yes or no.
    pub verdict: ApprovalVerdict,
    /// What the person has to say.
    pub summary: String,
    /// Which request is answered; `None` is the oldest open one, for callers that cannot confuse two.
    pub token: Option<String>,
}

impl CodePipeline {
    /// Answers an approval, and says when it was answered. A rejection fails the action.
    ///
    /// Refused with `PipelineNotFound`, `StageNotFound`, `ActionNotFound`, `InvalidApprovalToken`,
    /// `ApprovalAlreadyCompleted`.
    pub fn put_approval_result(
        &mut self,
        now: Timestamp,
        pipeline: &PipelineName,
        stage: &StageName,
        action: &ActionName,
        answer: ApprovalAnswer,
    ) -> Result<Timestamp, ServiceError> {
        let mut scene = self.open(now, pipeline)?;
        let declared = scene.pipeline.stage(stage)?.action(action);
        if declared.is_none() {
            return Err(ServiceError::action_not_found(stage, action));
        }
        let run = scene.approval_to_answer(stage, action, answer.token.as_deref())?;
        let (status, summary) = match answer.verdict {
            ApprovalVerdict::Approved => (ActionStatus::Succeeded, answer.summary),
            ApprovalVerdict::Rejected => (ActionStatus::Failed, answer.summary),
        };
        scene.answer_approval(&run, status, summary);
        Ok(scene.now)
    }

    /// The token that answers the oldest open request of an approval.
    pub fn approval_token(
        &self,
        pipeline: &PipelineName,
        stage: &StageName,
        action: &ActionName,
    ) -> Result<Option<String>, ServiceError> {
        let open =
            self.pipeline(pipeline)?.runs.values().filter(|record| {
                record.status == ActionStatus::InProgress && is_request(record, stage, action)
            });
        let oldest = open.min_by_key(|record| record.number);
        Ok(oldest.and_then(|record| record.token.clone()))
    }
}

/// Whether the run is an approval's, of this action.
fn is_request(record: &ActionRecord, stage: &StageName, action: &ActionName) -> bool {
    record.token.is_some() && record.key.stage == *stage && record.action == *action
}

impl Scene<'_> {
    fn approval_to_answer(
        &self,
        stage: &StageName,
        action: &ActionName,
        token: Option<&str>,
    ) -> Result<ActionExecutionId, ServiceError> {
        let requests: Vec<_> = self
            .pipeline
            .runs
            .values()
            .filter(|record| is_request(record, stage, action))
            .filter(|record| token.is_none() || record.token.as_deref() == token)
            .collect();
        let open = requests
            .iter()
            .filter(|record| record.status == ActionStatus::InProgress)
            .min_by_key(|record| record.number);
        match open {
            Some(record) => Ok(record.id.clone()),
            None if requests.is_empty() => Err(ServiceError::new(
                Exception::InvalidApprovalToken,
                format!("Action '{action}' does not wait for this approval"),
            )),
            None => Err(ServiceError::new(
                Exception::ApprovalAlreadyCompleted,
                format!("The approval of action '{action}' is completed"),
            )),
        }
    }

    fn answer_approval(
        &mut self,
        run: &ActionExecutionId,
        status: ActionStatus,
        summary: String,
    ) -> Option<()> {
        let error = ErrorDetails { summary: EvidenceText::new(summary), ..ErrorDetails::default() };
        self.end_action(run, status, error)
    }

    /// Nobody answered in time.
    pub(super) fn expire_approval(&mut self, run: &ActionExecutionId) -> Option<()> {
        let summary = "The approval was not answered in time".to_owned();
        self.answer_approval(run, ActionStatus::Failed, summary)
    }
}
