//! From the file to cases: names become values, and what is not said gets its default.

use jiff::{SignedDuration, Timestamp};

use super::document::{
    ActionDocument, CaseDocument, DetailDocument, ExpectDocument, FileDocument, StatusDocument,
};
use super::subject::{Beside, FailedRun, Subject};
use super::{Case, Cases, Expected, Wanted};
use crate::domain::class::Class;
use crate::domain::decision::Ruling;
use crate::domain::ids::{AccountId, ActionName, Partition, PipelineArn, PipelineName, Region, StageName};
use crate::domain::pipeline::{ActionStatus, Category, ExecutionMode};
use crate::domain::policy::{Mode, RetryMode};
use crate::policy_file;
use crate::policy_file::near;
use crate::replay::values::{Built, named};

const CATEGORIES: [Category; 7] = [
    Category::Source,
    Category::Build,
    Category::Test,
    Category::Deploy,
    Category::Approval,
    Category::Invoke,
    Category::Compute,
];

/// The version of the format.
const VERSION: u32 = 1;
/// A Tuesday morning, on which no usual freeze holds.
const WHEN: &str = "2026-11-24T10:00:00Z";

pub(super) fn cases(document: FileDocument) -> Built<Cases> {
    if document.cases != VERSION {
        return Err(format!(
            "`cases: {}` is a format that this release does not read; it reads {VERSION}",
            document.cases
        ));
    }
    if document.tests.is_empty() {
        return Err("`tests` lists no case".to_owned());
    }
    let mut cases: Vec<Case> = Vec::new();
    for told in document.tests {
        let name = told.name.clone();
        if cases.iter().any(|case| case.name == name) {
            return Err(format!("two cases are called `{name}`"));
        }
        cases.push(case(told).map_err(|problem| format!("case `{name}`: {problem}"))?);
    }
    Ok(Cases { policy: document.policy, cases })
}

fn case(told: CaseDocument) -> Built<Case> {
    let (pipeline, stage) = (told.stage.split_once('/'))
        .ok_or_else(|| format!("`stage: {}` is not written `pipeline/stage`", told.stage))?;
    let failed_at: Timestamp = match told.at {
        Some(at) => at.0,
        None => WHEN.parse().map_err(|_| "no time".to_owned())?,
    };
    let alone = ActionDocument {
        name: "Action".to_owned(),
        status: StatusDocument::Failed,
        class: told.class,
        message: told.message,
        code: told.code,
        log: told.log,
        provider: told.provider,
        category: told.category,
    };
    let is_alone_told =
        [&alone.class, &alone.message, &alone.code, &alone.log, &alone.provider, &alone.category]
            .iter()
            .any(|of| of.is_some());
    if is_alone_told && !told.actions.is_empty() {
        return Err("say what failed either here or under `actions`".to_owned());
    }
    let actions = if told.actions.is_empty() { vec![alone] } else { told.actions };
    let actions: Vec<FailedRun> = actions.into_iter().map(action).collect::<Built<_>>()?;
    if !actions.iter().any(|action| action.status == ActionStatus::Failed) {
        return Err("none of its `actions` failed".to_owned());
    }
    let history = told.history;
    let beside = Beside {
        retries: history.retries,
        is_retried_by_hand: history.retried_by_hand,
        native: history.native_retry,
        has_newer_execution: history.newer_execution,
        is_stopped: history.stopped,
        is_rejected: history.approval_rejected,
        is_edited: history.edited,
        is_rollback: history.rollback,
        is_transition_disabled: history.transition_disabled,
        stages_ahead: (history.stages_ahead.into_iter())
            .map(|name| StageName::parse(name).map_err(String::from))
            .collect::<Built<_>>()?,
    };
    let arn = PipelineArn {
        partition: Partition::parse("aws").map_err(String::from)?,
        region: Region::parse(told.region.unwrap_or_else(|| "eu-central-1".to_owned()))
            .map_err(String::from)?,
        account: AccountId::parse(told.account.unwrap_or_else(|| "111122223333".to_owned()))
            .map_err(String::from)?,
        name: PipelineName::parse(pipeline).map_err(String::from)?,
    };
    let stage = StageName::parse(stage).map_err(String::from)?;
    let mode = told
        .mode
        .as_deref()
        .map_or(Ok(Mode::Active), |name| named(name, "mode", &Mode::ALL, Mode::as_str))?;
    let subject = Subject::new(arn, stage, &actions, &beside, failed_at)?
        .in_execution_mode(execution_mode(told.execution_mode.as_deref())?)
        .with_tags(told.tags)
        .decided_at(told.age.map(|age| age.0))
        .in_mode(mode)
        .with_tokens(told.budgets)
        .paused(told.paused.unwrap_or_default())
        .beside_others(told.others_failing)
        .with_closed(told.closed_calendars);
    Ok(Case { name: told.name, subject, expected: expected(told.expect)? })
}

fn action(told: ActionDocument) -> Built<FailedRun> {
    let category = told.category.as_deref().unwrap_or("Build");
    let class = |name: &String| named(name, "class", &Class::ALL, Class::as_str);
    if told.class.is_some() && (told.message.is_some() || told.log.is_some() || told.code.is_some()) {
        return Err(
            "`class` says what `message`, `code` and `log` would be classified as: give one or the other"
                .to_owned(),
        );
    }
    Ok(FailedRun {
        name: ActionName::parse(told.name).map_err(String::from)?,
        status: match told.status {
            StatusDocument::Failed => ActionStatus::Failed,
            StatusDocument::Succeeded => ActionStatus::Succeeded,
            StatusDocument::Running => ActionStatus::InProgress,
        },
        class: told.class.as_ref().map(class).transpose()?,
        message: told.message.unwrap_or_default(),
        code: told.code,
        log: told.log,
        provider: told.provider.unwrap_or_else(|| "CodeBuild".to_owned()),
        category: named(category, "action category", &CATEGORIES, Category::as_str)?,
    })
}

fn execution_mode(name: Option<&str>) -> Built<ExecutionMode> {
    let modes = [ExecutionMode::Superseded, ExecutionMode::Queued, ExecutionMode::Parallel];
    let Some(name) = name else { return Ok(ExecutionMode::Superseded) };
    named(name, "execution mode", &modes, ExecutionMode::as_str)
}

fn wanted(text: &str) -> Built<Wanted> {
    Wanted::parse(text).ok_or_else(|| {
        let names: Vec<String> = Ruling::ALL.iter().map(ToString::to_string).collect();
        let hint = near::hint(text, names.iter().map(String::as_str));
        format!(
            "`{text}` is not a known decision{}",
            hint.map(|hint| format!("; {hint}")).unwrap_or_default()
        )
    })
}

fn expected(document: ExpectDocument) -> Built<Expected> {
    let detail = match document {
        ExpectDocument::Decision(decision) => DetailDocument {
            decision,
            first: None,
            rule: None,
            class: None,
            signature: None,
            after: None,
            retry: None,
            retry_mode: None,
            shadow: None,
            rollback: None,
        },
        ExpectDocument::Detail(detail) => *detail,
    };
    let mode = |name: &String| named(name, "retry mode", &RetryMode::ALL, RetryMode::as_str);
    if let Some(class) = &detail.class {
        named(class, "class", &Class::ALL, Class::as_str)?;
    }
    Ok(Expected {
        decision: wanted(&detail.decision)?,
        first: detail.first.as_deref().map(wanted).transpose()?,
        rule: detail.rule,
        class: detail.class,
        signature: detail.signature,
        after: detail.after.as_deref().map(range).transpose()?,
        retry: detail.retry,
        retry_mode: detail.retry_mode.as_ref().map(mode).transpose()?,
        shadow: detail.shadow,
        rollback: detail.rollback,
    })
}

/// `1m`, or `1m..3m`.
fn range(text: &str) -> Built<(SignedDuration, SignedDuration)> {
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    let length = |text: &str| {
        policy_file::duration(text).ok_or_else(|| {
            format!("`after: {text}` is neither a duration such as `1m` nor two such as `1m..3m`")
        })
    };
    let (least, most) = (length(least)?, length(most)?);
    if least > most {
        return Err(format!("`after: {text}` ends before it begins"));
    }
    Ok((least, most))
}
