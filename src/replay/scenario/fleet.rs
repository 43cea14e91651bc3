//! The names that a scenario may use: those of its pipelines, of what edits make of them, and of what is sent by hand.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{EntryDocument, ExpectDocument, PipelineDocument, StageDocument};
use crate::emulator::acts::Act;
use crate::policy_file::near;
use crate::replay::values::Built;

/// Every pipeline and stage that a scenario speaks of.
pub(super) struct Fleet {
    /// Stages by pipeline, whenever they exist.
    stages: BTreeMap<String, BTreeSet<String>>,
    /// Messages sent by hand, which may be about pipelines of others.
    sent: Vec<String>,
}

impl Fleet {
    pub fn of(pipelines: &[PipelineDocument], timeline: &[EntryDocument]) -> Self {
        let names = |given: &[StageDocument]| given.iter().map(|stage| stage.name.clone()).collect();
        let mut stages: BTreeMap<String, BTreeSet<String>> =
            pipelines.iter().map(|pipeline| (pipeline.name.clone(), names(&pipeline.stages))).collect();
        for edit in timeline.iter().filter_map(|entry| entry.edit.as_ref()) {
            let given = edit.stages.iter().flatten().map(|stage| stage.name.clone());
            if let Some(known) = stages.get_mut(&edit.pipeline) {
                known.extend(given);
            }
        }
        Self { stages, sent: timeline.iter().filter_map(|entry| entry.send.clone()).collect() }
    }

    /// Refuses an act upon what the scenario does not have.
    pub fn check_act(&self, act: &Act) -> Built<()> {
        let Some(pipeline) = act.pipeline() else {
            return Ok(());
        };
        let does = match act {
            Act::Start { .. } => "starts",
            Act::Retry { .. } => "retries",
            Act::Stop { .. } => "stops",
            Act::Rollback { .. } => "rolls back",
            Act::Approve { .. } => "answers for",
            Act::Transition { .. } => "opens or closes",
            Act::Edit { .. } => "edits",
            Act::Delete { .. } => "deletes",
            _ => "names",
        };
        self.check(&format!("the timeline {does}"), pipeline.as_str(), None)?;
        match act {
            Act::Retry { stage, .. }
            | Act::Rollback { stage, .. }
            | Act::Approve { stage, .. }
            | Act::Transition { stage, .. } => {
                self.check(&format!("the timeline {does}"), pipeline.as_str(), Some(stage.as_str()))
            }
            _ => Ok(()),
        }
    }

    /// Refuses an expectation of what neither the scenario nor a message has.
    pub fn check_expectation(&self, expect: &ExpectDocument) -> Built<()> {
        let subjects = (expect.decisions.keys())
            .chain(expect.retries.keys())
            .chain(expect.modes.keys())
            .chain(expect.outcomes.keys())
            .chain(expect.executions.keys());
        for subject in subjects {
            let (pipeline, stage) = match subject.split_once('/') {
                Some((pipeline, stage)) => (pipeline, Some(stage)),
                None => (subject.as_str(), None),
            };
            let is_sent = |name: &str| self.sent.iter().any(|body| body.contains(name));
            if !is_sent(pipeline) || stage.is_some_and(|stage| !is_sent(stage)) {
                self.check("`expect` names", pipeline, stage)?;
            }
        }
        Ok(())
    }

    fn check(&self, who: &str, pipeline: &str, stage: Option<&str>) -> Built<()> {
        let Some(stages) = self.stages.get(pipeline) else {
            let hint = hint(pipeline, self.stages.keys());
            return Err(format!("{who} `{pipeline}`, which is no pipeline of the scenario{hint}"));
        };
        match stage {
            Some(stage) if !stages.contains(stage) => {
                let hint = hint(stage, stages);
                Err(format!("{who} `{pipeline}/{stage}`, but `{pipeline}` has no stage `{stage}`{hint}"))
            }
            _ => Ok(()),
        }
    }
}

fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a String>) -> String {
    near::hint(name, known.into_iter().map(String::as_str))
        .map(|hint| format!("; {hint}"))
        .unwrap_or_default()
}
