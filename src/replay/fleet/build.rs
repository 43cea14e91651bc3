//! From the fleet file to the fleet: names checked, what is not said filled in.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::document::{
    BehaviourDocument, FleetDocument, GroupDocument, OneOrMore, OutageDocument, PeopleDocument, StageDocument,
};
use super::people::{self, People};
use super::{Behaviour, Fleet, FleetPipeline, FleetStage, Outage, usual};
use crate::domain::class::Class;
use crate::domain::glob::Glob;
use crate::domain::ids::{ActionName, PipelineName, StageName};
use crate::domain::pipeline::{Category, ExecutionMode};
use crate::domain::policy::RetryMode;
use crate::emulator::codepipeline::{ActionDefinition, PipelineDefinition, StageDefinition};
use crate::replay::quantity::Share;
use crate::replay::values::{Built, id, named, usual_provider, within};

pub(super) fn fleet(document: FleetDocument) -> Built<Fleet> {
    if document.fleet != 1 {
        return Err(format!("fleet format {} is not known, only 1", document.fleet));
    }
    let start = document.start.as_deref().unwrap_or(usual::START);
    let mut pipelines = Vec::new();
    for group in document.pipelines {
        let place = format!("`{}`", group.name);
        within(&place, members(group, &mut pipelines))?;
    }
    if pipelines.is_empty() {
        return Err("there is no pipeline".into());
    }
    let mut names: Vec<&PipelineName> = pipelines.iter().map(|pipeline| &pipeline.definition.name).collect();
    names.sort();
    if let Some([twice, _]) = names.array_windows().find(|[one, next]| one == next) {
        return Err(format!("there are two pipelines `{twice}`"));
    }
    let outages = document
        .outages
        .into_iter()
        .enumerate()
        .map(|(index, document)| within(&format!("outage {}", index + 1), outage(document)));
    let lasting = document.lasting.map_or(usual::LASTING, |length| length.0);
    if !lasting.is_positive() {
        return Err("`lasting` has to be longer than nothing".into());
    }
    Ok(Fleet {
        about: document.about.unwrap_or_default(),
        start: start
            .parse::<Timestamp>()
            .map_err(|_| format!("`{start}` is not an instant such as `{}`", usual::START))?,
        lasting,
        policy: document.policy,
        outages: outages.collect::<Built<_>>()?,
        classes: within("`classes`", behaviours(&document.classes))?,
        people: within("`people`", people(document.people))?,
        pipelines,
    })
}

/// A class that failures of fleets may have.
fn class(text: &str) -> Built<Class> {
    let class = named(text, "class", &Class::ALL, Class::as_str)?;
    if class.may_be_retried() { Ok(class) } else { Err(format!("nothing fails as `{class}` in a fleet")) }
}

const MODES: [ExecutionMode; 3] = [ExecutionMode::Superseded, ExecutionMode::Queued, ExecutionMode::Parallel];

/// The pipelines of a group: `name` itself where it is one, `name-001` and so on where there are more.
fn members(group: GroupDocument, pipelines: &mut Vec<FleetPipeline>) -> Built<()> {
    let count = group.count.unwrap_or(1);
    let so_many = usize::try_from(count).unwrap_or(usize::MAX);
    if count == 0 || so_many.saturating_add(pipelines.len()) > Fleet::MOST_PIPELINES {
        return Err(format!("a fleet has 1 to {} pipelines", Fleet::MOST_PIPELINES));
    }
    let mode = named(
        group.mode.as_deref().unwrap_or("SUPERSEDED"),
        "execution mode",
        &MODES,
        ExecutionMode::as_str,
    )?;
    let between_runs = group.runs.map_or(usual::BETWEEN_RUNS, |rate| rate.0);
    let documents = group.stages.unwrap_or_else(|| usual::STAGES.map(StageDocument::named).into());
    let stages: Vec<(StageDefinition, FleetStage)> =
        documents.into_iter().map(stage).collect::<Built<_>>()?;
    if stages.is_empty() {
        return Err("it has no stage".into());
    }
    let mut names: Vec<&StageName> = stages.iter().map(|(_, stage)| &stage.name).collect();
    names.sort();
    if let Some([twice, _]) = names.array_windows().find(|[one, next]| one == next) {
        return Err(format!("it has two stages `{twice}`"));
    }
    let digits = count.to_string().len().max(3);
    for number in 1..=count {
        let name = match group.count {
            None => group.name.clone(),
            Some(_) => format!("{}-{number:0digits$}", group.name),
        };
        let declared = stages.iter().map(|(declared, _)| declared.clone()).collect();
        let mut definition = PipelineDefinition::new(id(&name, PipelineName::parse)?, declared).in_mode(mode);
        definition.tags.clone_from(&group.tags);
        let stages = stages.iter().map(|(_, stage)| stage.clone()).collect();
        pipelines.push(FleetPipeline { definition, between_runs, stages });
    }
    Ok(())
}

impl StageDocument {
    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            category: None,
            provider: None,
            takes: None,
            fails: None,
            native_retry: None,
        }
    }
}

fn stage(document: StageDocument) -> Built<(StageDefinition, FleetStage)> {
    let place = format!("stage `{}`", document.name);
    within(&place, stage_of(document))
}

fn stage_of(document: StageDocument) -> Built<(StageDefinition, FleetStage)> {
    const CATEGORIES: [Category; 6] = [
        Category::Source,
        Category::Build,
        Category::Test,
        Category::Deploy,
        Category::Invoke,
        Category::Compute,
    ];
    let category = match &document.category {
        None => usual::category(&document.name),
        Some(text) if text == Category::Approval.as_str() => {
            return Err("nobody approves anything in a fleet".into());
        }
        Some(text) => named(text, "action category", &CATEGORIES, Category::as_str)?,
    };
    let provider = document.provider.unwrap_or_else(|| usual_provider(category).into());
    let fails = match &document.fails {
        None => usual::fails(category).to_vec(),
        Some(fails) => {
            fails.iter().map(|(name, share)| Ok((class(name)?, share.0))).collect::<Built<Vec<_>>>()?
        }
    };
    if fails.iter().map(|(_, share)| share).sum::<f64>() > 1.0 {
        return Err("more than 100% of its runs fail".into());
    }
    let name = id(&document.name, StageName::parse)?;
    let action = id(&document.name, ActionName::parse)?;
    let declared = ActionDefinition::new(action.clone(), category, provider.clone());
    let mut definition = StageDefinition::new(name.clone(), vec![declared]);
    definition.native_retry = document
        .native_retry
        .map(|mode| named(&mode, "retry mode", &RetryMode::ALL, RetryMode::as_str))
        .transpose()?;
    let takes = document.takes.map_or(usual::takes(category), |length| length.0);
    Ok((definition, FleetStage { name, action, takes, provider, fails }))
}

fn behaviours(documents: &BTreeMap<String, BehaviourDocument>) -> Built<BTreeMap<Class, Behaviour>> {
    let mut behaviours: BTreeMap<_, _> =
        Class::ALL.into_iter().map(|class| (class, usual::behaviour(class))).collect();
    for (name, BehaviourDocument { clears, lasts }) in documents {
        let behaviour = match (clears, lasts) {
            (None, None) => return Err(format!("`{name}` needs `clears` or `lasts`")),
            (clears, lasts) => Behaviour {
                lasts: lasts.map(|length| length.0).unwrap_or_default(),
                clears: clears.map_or(1.0, |share| share.0),
            },
        };
        behaviours.insert(class(name)?, behaviour);
    }
    Ok(behaviours)
}

fn outage(document: OutageDocument) -> Built<Outage> {
    let every = document.every.map_or(usual::OUTAGE_EVERY, |length| length.0);
    let lasts = document.lasts.map_or(usual::OUTAGE_LASTS, |length| length.0);
    if every.as_secs() < 60 || !lasts.is_positive() {
        return Err("`every` has to be a minute at least, and `lasts` longer than nothing".into());
    }
    let stages = match document.stages {
        None => vec!["*".to_owned()],
        Some(OneOrMore::One(stage)) => vec![stage],
        Some(OneOrMore::More(stages)) => stages,
    };
    Ok(Outage {
        class: class(&document.class)?,
        every,
        lasts,
        pipelines: document.pipelines.map_or(usual::OUTAGE_HITS, |share| share.0),
        stages: stages.into_iter().map(Glob::new).collect(),
    })
}

fn people(document: PeopleDocument) -> Built<People> {
    let usual_share = |class| document.retry.map_or(usual::retried_by_people(class), |share: Share| share.0);
    let mut retry: BTreeMap<_, _> = Class::ALL.into_iter().map(|class| (class, usual_share(class))).collect();
    for (name, share) in &document.classes {
        retry.insert(class(name)?, share.0);
    }
    Ok(People {
        retry,
        after: document.after.map_or(usual::NOTICED_AFTER, |length| length.0),
        gives_up_after: document.gives_up_after.unwrap_or(usual::TRIES),
        working_hours: document.working_hours.map(people::working_hours).transpose()?,
    })
}
