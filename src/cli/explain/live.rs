//! A failure of the live account: which one is meant, and what CodePipeline says about it. It reads and changes nothing.

use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;

use super::reading::Assumption;
use super::{Explain, Origin, Report, assumed_of_the_product, files, freezes_ahead};
use crate::aws::calendars::SdkCalendars;
use crate::aws::evidence::SdkEvidence;
use crate::aws::pipelines::SdkPipelines;
use crate::cli::account::{Account, AccountArguments, block_on};
use crate::cli::clock;
use crate::cli::columns::foreign;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::table::TableArguments;
use crate::domain::ahead::stages_ahead;
use crate::domain::controls::Controls;
use crate::domain::decision::Ruling;
use crate::domain::evidence::{Evidence, Examination};
use crate::domain::facts::gather;
use crate::domain::ids::{ExecutionId, PipelineName, Region, StageName, StageRunId};
use crate::domain::pipeline::{ExecutionMode, Gap, PipelineStructure, Reading};
use crate::domain::policy::Policy;
use crate::domain::protocol::View;
use crate::domain::tags::TagsReading;
use crate::domain::trigger::{EventKey, StageEvent, StageEventState};
use crate::ports::{Calendars, EvidenceSource, Pipelines};
use crate::replay::course::{Known, buckets, course, empty_ledger};

/// What is read from the account.
#[derive(Debug, Clone, Args)]
pub(super) struct LiveArguments {
    /// Read from the account what the files would tell
    #[arg(
        long,
        requires = "event",
        conflicts_with_all = ["state", "actions", "execution", "pipeline", "tags"],
        help_heading = "Live"
    )]
    live: bool,
    /// A pipeline in the account, instead of an event
    #[arg(
        long,
        value_name = "NAME",
        value_parser = |text: &str| PipelineName::parse(text),
        requires = "stage",
        conflicts_with_all = ["event", "state", "actions", "execution", "pipeline", "tags"],
        help_heading = "Live"
    )]
    pipeline_name: Option<PipelineName>,
    /// The stage of that pipeline
    #[arg(
        long,
        value_name = "NAME",
        value_parser = |text: &str| StageName::parse(text),
        requires = "pipeline_name",
        help_heading = "Live"
    )]
    stage: Option<StageName>,
    /// The pipeline execution; the last one in the stage unless given
    #[arg(
        long,
        value_name = "ID",
        value_parser = |text: &str| ExecutionId::parse(text),
        requires = "pipeline_name",
        help_heading = "Live"
    )]
    execution_id: Option<ExecutionId>,
    #[command(flatten)]
    table: TableArguments,
}

impl LiveArguments {
    /// Whether the account is to be read.
    pub const fn is_wanted(&self) -> bool {
        self.live || self.pipeline_name.is_some()
    }

    /// Refuses arguments that would have no effect.
    pub fn check(&self) -> Result<(), CliError> {
        if (self.table.account().is_given() || self.table.is_given()) && !self.is_wanted() {
            return Err(CliError::usage("no account is read from files alone")
                .with_hint("add `--live`, or leave out what says where the account is"));
        }
        Ok(())
    }
}

/// What is known of the failure once the account was read.
struct Seen {
    account: Account,
    event: StageEvent,
    tags: TagsReading,
    reading: Reading,
    structure: Option<PipelineStructure>,
}

/// Explains a failure of the account.
pub(super) fn explain(arguments: &Explain, policy: &Policy, policy_file: String) -> Result<Exit, CliError> {
    let event = arguments.event.as_deref().map(files::event).transpose()?;
    let origin = Origin::Account { told: event.is_some() };
    let (Seen { event, tags, reading, structure, .. }, ledger, evidence, calendars) =
        block_on(Box::pin(async {
            let seen = read(&arguments.live, event, policy).await?;
            let ledger = ledger(&arguments.live.table, &seen, policy).await?;
            let evidence = evidence(&seen, policy).await;
            let calendars = SdkCalendars::new(Arc::clone(&seen.account.clients));
            let calendars = calendars.states(&policy.calendars(), clock::now()).await;
            Ok((seen, ledger, evidence, calendars))
        }))?;
    let now = arguments.now(&event)?.unwrap_or_else(|| clock::now().max(event.time));
    let empty = empty_ledger();
    let ledger_or_empty = ledger.as_ref().unwrap_or(&empty);
    let known = Known {
        tags: &tags,
        reading: &reading,
        evidence: &evidence,
        known_classes: &Examination::new(),
        calendars: &calendars,
        ledger: ledger_or_empty,
    };
    let course = course(policy, &event, known, now);
    let assumptions = match &ledger {
        _ if !course.looked_at => Vec::new(),
        None => assumed_of_the_product(Some("--stack-name")).into(),
        Some(ledger) => assumed_beside(&ledger.controls, policy),
    };
    let ahead = stages_ahead(&event.run.stage, structure.as_ref(), reading.state.as_ref().ok());
    let freezes_ahead = freezes_ahead(policy, &event.run, &tags, ahead.as_deref());
    let report = Report { event: &event, origin, policy_file, course, ahead, freezes_ahead, assumptions };
    arguments.show(&report)?;
    if report.course.decision.ruling == Ruling::WaitCannotVerify {
        output::hint(RIGHTS);
    }
    Ok(Exit::Fine)
}

/// What is known beside of the failed runs, as deep as the rule looks.
async fn evidence(seen: &Seen, policy: &Policy) -> Vec<Evidence> {
    let run = &seen.event.run;
    let tags = seen.tags.clone().unwrap_or_default();
    let Some(rule) = policy.rule_for(run, &tags) else { return Vec::new() };
    let failed = gather(run, &seen.reading).map(|facts| facts.failed).unwrap_or_default();
    SdkEvidence::new(Arc::clone(&seen.account.clients)).gather(run, &failed, rule.settings.evidence).await
}

/// What the ledger holds of the stage run, where something says which table it is.
async fn ledger(table: &TableArguments, seen: &Seen, policy: &Policy) -> Result<Option<View>, CliError> {
    let Some(table) = table.open_if_named(seen.account.clone()) else { return Ok(None) };
    let (run, now) = (&seen.event.run, clock::now());
    table.view(run, &buckets(policy, run, &seen.tags, now), &policy.storm.windows(now)).await.map(Some)
}

/// What the ledger does not tell of the product: mode and policy are on record once a failure has put them to work.
fn assumed_beside(controls: &Controls, policy: &Policy) -> Vec<Assumption> {
    match &controls.activated {
        None => vec![Assumption::new("the product is in mode `active`, and works by this policy", None)],
        Some((version, _)) if *version != policy.version => {
            let (this, last) = (&policy.version.0, foreign(&version.0));
            let text =
                format!("the product works by this policy, version {this}; the last one at work was {last}");
            vec![Assumption::new(text, None)]
        }
        Some(_) => Vec::new(),
    }
}

const RIGHTS: &str = "reading takes `codepipeline:GetPipeline`, `codepipeline:GetPipelineState`, \
                      `codepipeline:GetPipelineExecution` and `codepipeline:ListActionExecutions`, and for PARALLEL \
                      pipelines `codepipeline:ListPipelineExecutions`; a rule with `tags` takes \
                      `codepipeline:ListTagsForResource`";

async fn read(live: &LiveArguments, event: Option<StageEvent>, policy: &Policy) -> Result<Seen, CliError> {
    match (event, &live.pipeline_name, &live.stage) {
        (Some(event), _, _) => of_event(live.table.account(), event, policy).await,
        (None, Some(pipeline), Some(stage)) => {
            of_stage(live.table.account(), pipeline, stage, live.execution_id.as_ref(), policy).await
        }
        (None, _, _) => Err(CliError::usage("no failure is named")
            .with_hint("name one with `--event FILE`, or with `--pipeline-name` and `--stage`")),
    }
}

/// The failure that an event tells of. Of the event only the stage run is taken, as the function does.
async fn of_event(account: &AccountArguments, event: StageEvent, policy: &Policy) -> Result<Seen, CliError> {
    let pipeline = &event.run.pipeline;
    let account = account.clone().in_region(&pipeline.region)?.reach().await?;
    let pipelines = SdkPipelines::new(Arc::clone(&account.clients));
    let structure = match pipelines.find(&pipeline.name).await {
        Ok((found, _)) if found != *pipeline => {
            let message =
                format!("the event is about account {}, and this is {}", pipeline.account, found.account);
            return Err(CliError::usage(message).with_hint("`--profile` chooses another account"));
        }
        Ok((_, structure)) => Some(structure),
        // That it is gone is a reason to decide by.
        Err(Gap::PipelineNotFound) => None,
        Err(gap) => return Err(unreadable(&pipeline.name, &account.region, gap)),
    };
    let reading = pipelines.observe(&event.run).await;
    let tags = tags(&pipelines, &event.run, policy).await;
    Ok(Seen { account, event, tags, reading, structure })
}

/// The failure of a stage, if it is one: what an event would have told is taken from what is read.
async fn of_stage(
    account: &AccountArguments,
    name: &PipelineName,
    stage: &StageName,
    execution: Option<&ExecutionId>,
    policy: &Policy,
) -> Result<Seen, CliError> {
    let account = account.reach().await?;
    let (pipelines, region) = (SdkPipelines::new(Arc::clone(&account.clients)), &account.region);
    let found = pipelines.find(name).await;
    let (pipeline, structure) = found.map_err(|gap| unreadable(name, region, gap))?;
    if structure.stages.iter().all(|declared| declared.name != *stage) {
        let stages: Vec<_> = structure.stages.iter().map(|stage| format!("`{}`", stage.name)).collect();
        return Err(CliError::usage(format!("pipeline `{name}` has no stage `{stage}`"))
            .with_hint(format!("its stages are {}", stages.join(", "))));
    }
    let execution = match execution {
        Some(execution) => execution.clone(),
        None => last_in(&pipelines, &structure, stage, region).await?,
    };
    let run = StageRunId { pipeline, execution, stage: stage.clone() };
    let reading = pipelines.observe(&run).await;
    if reading.execution == Err(Gap::ExecutionNotFound) {
        let message = format!("pipeline `{name}` has no execution `{}`", run.execution);
        return Err(CliError::usage(message).with_hint(listing(name, region)));
    }
    let tags = tags(&pipelines, &run, policy).await;
    let event = StageEvent {
        time: failed_at(&run, &reading),
        run,
        state: StageEventState::Failed,
        key: EventKey::default(),
    };
    Ok(Seen { account, event, tags, reading, structure: Some(structure) })
}

/// The pipeline's tags, where the rule depends on them.
async fn tags(pipelines: &SdkPipelines, run: &StageRunId, policy: &Policy) -> TagsReading {
    if policy.depends_on_tags(run) {
        pipelines.tags(&run.pipeline, clock::now()).await
    } else {
        Err(Gap::NotRead)
    }
}

/// The execution that was last in a stage.
async fn last_in(
    pipelines: &SdkPipelines,
    structure: &PipelineStructure,
    stage: &StageName,
    region: &Region,
) -> Result<ExecutionId, CliError> {
    let name = &structure.name;
    let unnamed = |message| Err(CliError::usage(message).with_hint(listing(name, region)));
    if structure.mode == ExecutionMode::Parallel {
        return unnamed(format!(
            "pipeline `{name}` is PARALLEL, where no execution is the last in a stage: give `--execution-id`"
        ));
    }
    let state = pipelines.state(name).await.map_err(|gap| unreadable(name, region, gap))?;
    let shown = state.stages.into_iter().find(|shown| shown.name == *stage);
    match shown.and_then(|shown| shown.latest) {
        Some(latest) => Ok(latest.execution),
        None => unnamed(format!("nothing has run in stage `{stage}` of pipeline `{name}` yet")),
    }
}

/// When the stage failed, as an event would say. A stage that shows no failure is believed at once, since nobody says
/// otherwise; what cannot be told is taken to have happened just now, so that nothing is concluded from its age.
fn failed_at(run: &StageRunId, reading: &Reading) -> Timestamp {
    match gather(run, reading) {
        Ok(facts) => facts.failed_at().unwrap_or(Timestamp::UNIX_EPOCH),
        Err(_) => clock::now(),
    }
}

fn unreadable(name: &PipelineName, region: &Region, gap: Gap) -> CliError {
    let error = |why: &str| CliError::usage(format!("cannot read pipeline `{name}` in {region}: {why}"));
    match gap {
        Gap::PipelineNotFound => CliError::usage(format!("there is no pipeline `{name}` in {region}"))
            .with_hint("`--region` chooses another Region, `--profile` another account"),
        Gap::Denied => error(gap.as_str())
            .with_hint(format!("the credentials may have expired, or lack a right: {RIGHTS}")),
        Gap::Throttled => error("CodePipeline asks to slow down").with_hint("try again in a minute"),
        Gap::ExecutionNotFound | Gap::Unavailable | Gap::NotRead => {
            error(gap.as_str()).with_hint("look at the network, proxies and `--endpoint-url`")
        }
    }
}

fn listing(name: &PipelineName, region: &Region) -> String {
    format!(
        "this lists executions:\n  aws codepipeline list-pipeline-executions --pipeline-name {name} \\\n      --region {region}"
    )
}
