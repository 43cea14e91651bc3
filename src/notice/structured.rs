//! A message for programs, with the field names of CodePipeline's own events where they say the same.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{links, shortened};
use crate::domain::decision::Ruling;
use crate::domain::ids::RuleName;
use crate::domain::notice::Notice;

pub(super) fn of(notice: &Notice, id: &str) -> Value {
    let run = &notice.run;
    let classes: BTreeMap<&str, &str> =
        notice.classes.iter().map(|(action, class)| (action.as_str(), class.as_str())).collect();
    let budgets: BTreeMap<&str, Value> = (notice.budgets.iter())
        .map(|(name, left, of)| (name.as_str(), json!({ "left": left, "capacity": of })))
        .collect();
    let builds: BTreeMap<&str, String> = (notice.builds.iter())
        .filter_map(|(action, build)| Some((action.as_str(), links::build(run, build)?)))
        .collect();
    json!({
        "schema": 1,
        "notice-id": id,
        "occasion": notice.occasion.as_str(),
        "at": format!("{:.0}", notice.at),
        "account": run.pipeline.account.as_str(),
        "region": run.pipeline.region.as_str(),
        "pipeline": run.pipeline.name.as_str(),
        "stage": run.stage.as_str(),
        "execution-id": run.execution.as_str(),
        "failed-at": notice.failed_at.map(|at| format!("{at:.0}")),
        "verdict": notice.ruling.map(|ruling| ruling.verdict().as_str()),
        "reason": notice.ruling.map(Ruling::reason),
        "detail": shortened(&notice.detail),
        "until": notice.until.map(|at| format!("{at:.0}")),
        "rule": notice.rule.as_ref().map(RuleName::as_str),
        "policy-version": notice.policy_version.as_ref().map(|version| version.0.as_str()),
        "classes": classes,
        "retries": notice.retries,
        "max-retries": notice.max_retries,
        "budgets": budgets,
        "execution-url": links::execution(run),
        "build-urls": builds,
    })
}
