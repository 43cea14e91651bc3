//! What a write is told of: messages go into the same transaction as what they tell, so that none is lost and none tells of
//! what never happened.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::View;
use crate::domain::budget::Budget;
use crate::domain::decision::Decision;
use crate::domain::ids::{ActionName, BudgetName, RuleName};
use crate::domain::notice::{Build, Notice, Occasion};
use crate::domain::pipeline::{ActionExecution, Reading};
use crate::domain::policy::Rule;
use crate::domain::screen::{Environment, screen};
use crate::domain::stage_run::{Retry, StageRun};
use crate::domain::tags::TagsReading;

/// CodePipeline's name of CodeBuild as a provider of actions.
const CODE_BUILD: &str = "CodeBuild";

/// What is known when a write is told of.
#[derive(Clone, Copy)]
pub(super) struct Telling<'a> {
    pub(super) environment: &'a Environment<'a>,
    pub(super) tags: &'a TagsReading,
    pub(super) view: &'a View,
    /// What CodePipeline showed, where it was asked.
    pub(super) reading: Option<&'a Reading>,
    /// The record as it is written.
    pub(super) record: &'a StageRun,
    pub(super) now: Timestamp,
}

impl Telling<'_> {
    /// The messages that a write brings about, without those that were told before.
    pub(super) fn notices(&self, decision: Option<&Decision>, ended: Option<&Retry>) -> Vec<Notice> {
        if !self.environment.telling.notices {
            return Vec::new();
        }
        let ended = ended.and_then(|retry| of_retry(self, retry));
        let decided = decision.and_then(|decision| of_decision(self, decision));
        let is_news = |notice: &Notice| !self.record.told.contains(&notice.occasion);
        ended.into_iter().chain(decided).filter(is_news).collect()
    }
}

fn of_decision(telling: &Telling<'_>, decision: &Decision) -> Option<Notice> {
    let occasion = Occasion::of_decision(decision)?;
    let rule = wanted(telling.environment, decision.rule.as_ref()?, occasion)?;
    Some(Notice {
        occasion,
        at: decision.decided_at,
        run: telling.record.id.clone(),
        failed_at: decision.failed_at,
        ruling: Some(decision.ruling),
        until: decision.until,
        rule: Some(rule.name.clone()),
        policy_version: decision.policy_version.clone(),
        classes: decision.classes.clone(),
        builds: builds(telling, decision),
        detail: decision.explanation.last().map(|step| step.detail.clone()).unwrap_or_default(),
        retries: telling.record.live.used,
        max_retries: decision.max_retries.unwrap_or(rule.settings.max_retries),
        budgets: budgets(telling, rule),
    })
}

fn of_retry(telling: &Telling<'_>, retry: &Retry) -> Option<Notice> {
    let occasion = Occasion::of_progress(retry.progress)?;
    let basis = retry.basis.as_ref()?;
    let rule = wanted(telling.environment, &basis.rule, occasion)?;
    Some(Notice {
        occasion,
        at: telling.now,
        run: telling.record.id.clone(),
        failed_at: Some(basis.failed_at),
        ruling: None,
        until: None,
        rule: Some(rule.name.clone()),
        policy_version: telling.environment.policy.map(|policy| policy.version.clone()),
        classes: basis.classes.clone(),
        builds: BTreeMap::new(),
        detail: String::new(),
        retries: retry.number,
        max_retries: basis.max_retries,
        budgets: budgets(telling, rule),
    })
}

/// The builds among the failed runs.
fn builds(telling: &Telling<'_>, decision: &Decision) -> BTreeMap<ActionName, Build> {
    let runs = telling.reading.and_then(|reading| reading.actions.as_ref().ok()).into_iter().flatten();
    let failed = runs.filter(|run| run.provider == CODE_BUILD && decision.failed.contains(&run.id));
    let build = |run: &ActionExecution| {
        let region = run.region.clone().unwrap_or_else(|| telling.record.id.pipeline.region.clone());
        Some((run.action.clone(), Build::parse(region, run.external_id.as_deref()?)?))
    };
    failed.filter_map(build).collect()
}

/// The rule of that name, if it wants to be told of this.
fn wanted<'a>(environment: &Environment<'a>, name: &RuleName, occasion: Occasion) -> Option<&'a Rule> {
    let rules = &environment.policy?.rules;
    rules.iter().find(|rule| rule.name == *name).filter(|rule| rule.settings.notify.contains(&occasion))
}

/// What is left in each of the rule's budgets; nothing where another rule applies now, since then they were not read.
fn budgets(telling: &Telling<'_>, rule: &Rule) -> Vec<(BudgetName, u32, u32)> {
    let Telling { environment, tags, view, record, now, .. } = *telling;
    let covered = screen(environment, &record.id, tags, now).ok();
    let read = covered.filter(|covered| covered.rule.name == rule.name && !covered.shadow);
    let left = |budget: &Budget| {
        let bucket = view.buckets.get(&budget.key(&record.id, false)).copied().unwrap_or_default();
        (budget.name.clone(), budget.balance(bucket, now), budget.capacity())
    };
    read.iter().flat_map(|covered| &covered.rule.settings.budgets).map(left).collect()
}
