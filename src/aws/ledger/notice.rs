//! A message to a team as JSON and back, as it waits in the table to be sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::{instant, optional};
use crate::domain::class::Class;
use crate::domain::decision::Ruling;
use crate::domain::ids::{
    ActionName, BudgetName, ExecutionId, PipelineArn, Region, RuleName, StageName, StageRunId,
};
use crate::domain::notice::{Build, Notice, Occasion};
use crate::domain::policy::PolicyVersion;

/// Members that a later release may add are passed over: the message is sent without them rather than not at all.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct NoticeDocument {
    occasion: String,
    at: String,
    pipeline: String,
    execution: String,
    stage: String,
    failed_at: Option<String>,
    ruling: Option<String>,
    until: Option<String>,
    rule: Option<String>,
    policy_version: Option<String>,
    classes: BTreeMap<String, String>,
    /// Region, project and number of each.
    builds: BTreeMap<String, (String, String, String)>,
    detail: String,
    retries: u32,
    max_retries: u32,
    budgets: Vec<(String, u32, u32)>,
}

impl NoticeDocument {
    pub(super) fn of(notice: &Notice) -> Self {
        let Notice { run, classes, budgets, .. } = notice;
        Self {
            occasion: notice.occasion.as_str().to_owned(),
            at: notice.at.to_string(),
            pipeline: run.pipeline.to_string(),
            execution: run.execution.to_string(),
            stage: run.stage.to_string(),
            failed_at: notice.failed_at.map(|at| at.to_string()),
            ruling: notice.ruling.map(|ruling| ruling.to_string()),
            until: notice.until.map(|at| at.to_string()),
            rule: notice.rule.as_ref().map(RuleName::to_string),
            policy_version: notice.policy_version.as_ref().map(|version| version.0.clone()),
            classes: (classes.iter())
                .map(|(action, class)| (action.to_string(), class.as_str().to_owned()))
                .collect(),
            builds: (notice.builds.iter())
                .map(|(action, Build { region, project, number })| {
                    (action.to_string(), (region.to_string(), project.clone(), number.clone()))
                })
                .collect(),
            detail: notice.detail.clone(),
            retries: notice.retries,
            max_retries: notice.max_retries,
            budgets: budgets.iter().map(|(name, left, of)| (name.to_string(), *left, *of)).collect(),
        }
    }

    /// The message, unless something in it is not what it should be.
    pub(super) fn notice(self) -> Option<Notice> {
        Some(Notice {
            occasion: Occasion::parse(&self.occasion)?,
            at: instant(&self.at)?,
            run: StageRunId {
                pipeline: PipelineArn::parse(&self.pipeline).ok()?,
                execution: ExecutionId::parse(self.execution).ok()?,
                stage: StageName::parse(self.stage).ok()?,
            },
            failed_at: optional(self.failed_at, |text| instant(&text))?,
            ruling: optional(self.ruling, |text| Ruling::parse(&text))?,
            until: optional(self.until, |text| instant(&text))?,
            rule: optional(self.rule, |text| RuleName::parse(text).ok())?,
            policy_version: self.policy_version.map(PolicyVersion),
            classes: (self.classes.into_iter())
                .map(|(action, class)| Some((ActionName::parse(action).ok()?, Class::parse(&class)?)))
                .collect::<Option<_>>()?,
            builds: (self.builds.into_iter())
                .map(|(action, (region, project, number))| {
                    let build = Build::parse(Region::parse(region).ok()?, &format!("{project}:{number}"))?;
                    Some((ActionName::parse(action).ok()?, build))
                })
                .collect::<Option<_>>()?,
            detail: self.detail,
            retries: self.retries,
            max_retries: self.max_retries,
            budgets: (self.budgets.into_iter())
                .map(|(name, left, of)| Some((BudgetName::parse(name).ok()?, left, of)))
                .collect::<Option<_>>()?,
        })
    }
}
