//! Reads a pipeline's history: what CodePipeline remembers of it, and why what failed did.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Course, ExecutionHistory, PipelineHistory};
use crate::classify::examine;
use crate::domain::classifier::Classifier;
use crate::domain::evidence::{Depth, Evidence, Examination};
use crate::domain::facts::{FailedAction, attempts};
use crate::domain::ids::{ExecutionId, PipelineArn, StageRunId};
use crate::domain::pipeline::{ActionExecution, ErrorDetails, ExecutionKind, Gap};
use crate::ports::{Chronicle, EvidenceSource, Page, PageToken, PastExecution, Pipelines};

/// Where a history is read, and how.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a, C, E> {
    /// What CodePipeline remembers.
    pub chronicle: &'a C,
    /// Those who carry actions out.
    pub evidence: &'a E,
    /// A policy's own classifiers, tried before the built-in signatures.
    pub classifiers: &'a [Classifier],
    /// How deep to look at what failed.
    pub depth: Depth,
    /// Executions that started before that are left out.
    pub since: Timestamp,
    /// Whether the policy asks for tags.
    pub with_tags: bool,
}

/// What came of reading a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathered {
    /// Its history.
    pub pipeline: PipelineHistory,
    /// Failed runs of which something could not be read, by operation and why.
    pub gaps: BTreeMap<(&'static str, Gap), u64>,
}

impl<C: Chronicle + Pipelines, E: EvidenceSource> Sources<'_, C, E> {
    /// Reads one pipeline's history. `turn` is waited for before every so many requests.
    pub async fn gather(
        &self,
        arn: &PipelineArn,
        now: Timestamp,
        turn: &impl AsyncFn(u32),
    ) -> Result<Gathered, Gap> {
        turn(1).await;
        let structure = self.chronicle.structure(arn).await?;
        let tags = if self.with_tags {
            turn(1).await;
            Some(self.chronicle.tags(arn, now).await?)
        } else {
            None
        };
        let past = self.executions(arn, turn).await?;
        let mut runs = self.runs(arn, turn).await?;
        let (mut executions, mut gaps) = (Vec::with_capacity(past.len()), BTreeMap::new());
        for past in past {
            let runs = runs.remove(&past.id).unwrap_or_default();
            let examination = if past.kind == ExecutionKind::Standard {
                self.examine(arn, &past.id, &runs, turn, &mut gaps).await
            } else {
                Examination::new()
            };
            let runs = runs.into_iter().map(without_texts).collect();
            executions.push(ExecutionHistory {
                id: past.id,
                status: past.status,
                kind: past.kind,
                started: past.started,
                last_change: past.last_change,
                course: Course::of(runs, examination),
            });
        }
        executions.sort_by_key(|execution| execution.started);
        Ok(Gathered { pipeline: PipelineHistory { structure, tags, executions }, gaps })
    }

    async fn executions(
        &self,
        arn: &PipelineArn,
        turn: &impl AsyncFn(u32),
    ) -> Result<Vec<PastExecution>, Gap> {
        let (mut all, mut next): (Vec<PastExecution>, Option<PageToken>) = (Vec::new(), None);
        loop {
            turn(1).await;
            let Page { entries, next: following } =
                self.chronicle.past_executions(arn, next.as_ref()).await?;
            let is_older = |past: &PastExecution| past.started < self.since;
            let has_enough = !entries.is_empty() && entries.iter().all(is_older);
            all.extend(entries.into_iter().filter(|past| !is_older(past)));
            next = following.filter(|_| !has_enough);
            if next.is_none() {
                return Ok(all);
            }
        }
    }

    async fn runs(
        &self,
        arn: &PipelineArn,
        turn: &impl AsyncFn(u32),
    ) -> Result<BTreeMap<ExecutionId, Vec<ActionExecution>>, Gap> {
        let mut all: BTreeMap<ExecutionId, Vec<ActionExecution>> = BTreeMap::new();
        let mut next: Option<PageToken> = None;
        loop {
            turn(1).await;
            let Page { entries, next: following } = self.chronicle.past_runs(arn, next.as_ref()).await?;
            // No run is older than its execution.
            let is_older = |run: &ActionExecution| run.started < self.since && run.last_change < self.since;
            let has_enough = !entries.is_empty() && entries.iter().all(is_older);
            for run in entries {
                all.entry(run.execution.clone()).or_default().push(run);
            }
            next = following.filter(|_| !has_enough);
            if next.is_none() {
                return Ok(all);
            }
        }
    }

    /// The class of each failed run of an execution.
    async fn examine(
        &self,
        arn: &PipelineArn,
        execution: &ExecutionId,
        runs: &[ActionExecution],
        turn: &impl AsyncFn(u32),
        gaps: &mut BTreeMap<(&'static str, Gap), u64>,
    ) -> Examination {
        let mut examination = Examination::new();
        for (stage, attempt) in attempts(runs) {
            let failed: Vec<FailedAction> = (runs.iter())
                .filter(|run| attempt.failure.failed.contains(&run.id))
                .map(FailedAction::of)
                .collect();
            let run = StageRunId { pipeline: arn.clone(), execution: execution.clone(), stage };
            let evidence: Vec<Evidence> = if self.depth == Depth::State {
                Vec::new()
            } else {
                turn(u32::try_from(failed.len()).unwrap_or(u32::MAX)).await;
                self.evidence.gather(&run, &failed, self.depth).await
            };
            for gap in evidence.iter().flat_map(|evidence| &evidence.gaps) {
                *gaps.entry(*gap).or_default() += 1;
            }
            examination.extend(examine(self.classifiers, &run, &failed, &evidence, false));
        }
        examination
    }
}

/// What is kept of a run: neither what it said nor what its provider calls it.
fn without_texts(run: ActionExecution) -> ActionExecution {
    ActionExecution { error: ErrorDetails::default(), external_id: None, region: None, ..run }
}
