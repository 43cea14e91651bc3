//! `retrier explain`: what is decided about one failure, and why. It wires files or account, decision and rendering
//! together.

mod aws;
mod files;
mod json;
#[cfg(feature = "aws")]
mod live;
mod meaning;
mod reading;
mod text;
mod way;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::error::CliError;
use super::exit::Exit;
use super::output::{self, Format};
use super::{clock, validate};
use crate::domain::ahead::{StageAhead, reached, stages_ahead};
use crate::domain::decision::Ruling;
use crate::domain::evidence::{Depth, Examination};
use crate::domain::freeze::Freeze;
use crate::domain::ids::{StageName, StageRunId};
use crate::domain::pipeline::{ExecutionMode, Gap};
use crate::domain::policy::Policy;
use crate::domain::tags::{NO_TAGS, TagsReading};
use crate::domain::trigger::StageEvent;
use crate::policy_file::render;

use crate::replay::course::{Course, Known, course, empty_ledger, open_calendars};
use aws::Source;
use reading::{Assembled, Assumption, Given, assemble};

#[cfg(feature = "aws")]
const USAGE: &str = "retrier explain --event <FILE> [OPTIONS]
       retrier explain --event <FILE> --live [OPTIONS]
       retrier explain --pipeline-name <NAME> --stage <NAME> [OPTIONS]";

/// Other commands have a stack to begin with.
#[cfg(feature = "aws")]
const STACK: &str =
    "The stack that the product was deployed as, to read its ledger; none is read unless it is named";

/// Explain what is decided about a failed stage, and why
///
/// It shows the decision with every step that led to it, what would follow, and the stages that a retry would run on
/// into. It reads files, or with `--live` and with `--pipeline-name` the account, and never changes anything there. What
/// neither tells is assumed and listed, with the flag that would tell.
#[derive(Debug, Args)]
#[cfg_attr(feature = "aws", command(override_usage = USAGE, mut_arg("stack_name", |stack| stack.help(STACK))))]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier explain --event event.json --state state.json --actions actions.json \\
      --pipeline pipeline.json
  retrier explain --event event.json --actions actions.json --format json | jq '.then[-1].reason'
  retrier explain --pipeline-name web-shop --stage Test --profile prod --region eu-central-1
  retrier explain --event event.json --live --stack-name codepipeline-retrier

From the account it reads only, by GetPipeline, GetPipelineState, GetPipelineExecution and
ListActionExecutions, for PARALLEL pipelines ListPipelineExecutions, and where a rule asks for tags
ListTagsForResource; and as deep as the rule's `evidence` goes, the failed builds with their logs,
deployments and stacks. It reads the ledger where `--stack-name`, `--table` or RETRIER_TABLE names it.

The files, for execution ID of pipeline NAME:
  aws codepipeline get-pipeline-state --name NAME > state.json
  aws codepipeline list-action-executions --pipeline-name NAME \\
      --filter pipelineExecutionId=ID > actions.json
  aws codepipeline get-pipeline-execution --pipeline-name NAME \\
      --pipeline-execution-id ID > execution.json
  aws codepipeline get-pipeline --name NAME > pipeline.json

The event is what an EventBridge rule on `CodePipeline Stage Execution State Change` delivers.

Exit codes:
  0  explained, whatever the decision is
  1  the policy is invalid
  2  a file or the account cannot be read or used")]
pub(super) struct Explain {
    /// The event of the failed stage, or `-` for standard input
    #[arg(long, value_name = "FILE")]
    #[cfg_attr(feature = "aws", arg(required_unless_present = "pipeline_name"))]
    #[cfg_attr(not(feature = "aws"), arg(required = true))]
    event: Option<PathBuf>,
    /// The output of `aws codepipeline get-pipeline-state`
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The output of `aws codepipeline list-action-executions`
    #[arg(long, value_name = "FILE")]
    actions: Option<PathBuf>,
    /// The output of `aws codepipeline get-pipeline-execution`
    #[arg(long, value_name = "FILE")]
    execution: Option<PathBuf>,
    /// The output of `aws codepipeline get-pipeline`
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    /// A tag of the pipeline, where a rule asks for tags; once for each tag that it has
    #[arg(long, value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
    /// The policy to decide by
    #[arg(long, value_name = "FILE", default_value = validate::DEFAULT_FILE)]
    policy: PathBuf,
    /// When to decide: an instant such as `2026-11-22T10:13:02Z`, or `now`. Unless given, right after the failure, or
    /// now when the account is read
    #[arg(long, value_name = "TIME", value_parser = moment)]
    now: Option<Moment>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    live: live::LiveArguments,
}

/// An instant, or the present.
#[derive(Debug, Clone, Copy)]
enum Moment {
    At(Timestamp),
    Present,
}

fn moment(text: &str) -> Result<Moment, String> {
    match text {
        "now" => Ok(Moment::Present),
        _ => text
            .parse()
            .map(Moment::At)
            .map_err(|_| "not an instant such as `2026-11-22T10:13:02Z`, and not `now`".to_owned()),
    }
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("not a tag such as `team=web`".to_owned()),
    }
}

/// All that is shown.
struct Report<'a> {
    event: &'a StageEvent,
    origin: Origin,
    policy_file: String,
    course: Course,
    /// None where nothing tells of the stages.
    ahead: Option<Vec<StageAhead>>,
    /// The freezes of the rules of those stages that a retry would run on into, and wait for.
    freezes_ahead: BTreeMap<StageName, Vec<Freeze>>,
    assumptions: Vec<Assumption>,
}

/// Where what is decided about comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Files, the event among them.
    Files,
    /// The account; `told` is whether an event told of a failure.
    #[cfg(feature = "aws")]
    Account { told: bool },
}

impl Origin {
    const fn is_files(self) -> bool {
        matches!(self, Self::Files)
    }

    /// Whether something says that the stage has failed, before anything is looked at.
    const fn is_told(self) -> bool {
        match self {
            Self::Files => true,
            #[cfg(feature = "aws")]
            Self::Account { told } => told,
        }
    }
}

impl Explain {
    pub fn run(self) -> Result<Exit, CliError> {
        files::one_from_standard_input(&self)?;
        #[cfg(feature = "aws")]
        self.live.check()?;
        let hint = "name the policy with `--policy FILE`, or run this where `policy.yaml` is";
        let loaded = validate::load(&self.policy, hint)?;
        let Some(policy) = &loaded.policy else {
            output::findings(&render::text(&loaded.source, &loaded.diagnostics));
            return Ok(Exit::Findings);
        };
        let policy_file = loaded.source.name().to_owned();
        #[cfg(feature = "aws")]
        if self.live.is_wanted() {
            return live::explain(&self, policy, policy_file);
        }
        self.explain_files(policy, policy_file)
    }

    fn explain_files(&self, policy: &Policy, policy_file: String) -> Result<Exit, CliError> {
        let Some(event) = &self.event else {
            return Err(CliError::usage("no event is given").with_hint("name one with `--event FILE`"));
        };
        let event = files::event(event)?;
        let now = self.now(&event)?.unwrap_or(event.time);
        let given = files::given(self, &event.run)?;
        let report = report(&event, &given, policy, policy_file, now, self.now.is_none());
        self.show(&report)?;
        if report.course.decision.ruling == Ruling::WaitCannotVerify {
            let hint =
                if report.course.looked_at { missing(&given, &event.run) } else { missing_tags(&event.run) };
            output::hint(&hint);
        }
        Ok(Exit::Fine)
    }

    fn show(&self, report: &Report<'_>) -> Result<(), CliError> {
        output::data(&match self.format {
            Format::Text => text::render(report),
            Format::Json => json::render(report)?,
        })
    }

    /// The instant to decide at, where one is given.
    fn now(&self, event: &StageEvent) -> Result<Option<Timestamp>, CliError> {
        let now = match self.now {
            None => return Ok(None),
            Some(Moment::At(instant)) => instant,
            Some(Moment::Present) => clock::now(),
        };
        if now < event.time {
            let message = format!("`--now` is {now:.0}, before the failure at {}", event.time);
            return Err(CliError::usage(message).with_hint("leave it out to decide right after the failure"));
        }
        Ok(Some(now))
    }
}

fn report<'a>(
    event: &'a StageEvent,
    given: &Given,
    policy: &Policy,
    policy_file: String,
    now: Timestamp,
    is_default_time: bool,
) -> Report<'a> {
    let Assembled { reading, assumptions } = assemble(event, given);
    let tags = given.tags.clone().ok_or(Gap::NotRead);
    let calendars = open_calendars(policy);
    let ledger = empty_ledger();
    let known = Known {
        tags: &tags,
        reading: &reading,
        evidence: &[],
        known_classes: &Examination::new(),
        calendars: &calendars,
        ledger: &ledger,
    };
    let course = course(policy, event, known, now);
    let mut all = Vec::new();
    if is_default_time {
        all.push(Assumption::new(
            "the decision is made right after the failure, at the event's time",
            Some("--now"),
        ));
    }
    if course.looked_at {
        all.extend(assumed_of_the_product(None));
        all.extend(assumptions);
    }
    let rule = policy.rules.iter().find(|rule| course.decision.rule.as_ref() == Some(&rule.name));
    let looks_deeper = rule.is_some_and(|rule| rule.settings.evidence > Depth::State);
    if looks_deeper && !course.decision.classes.is_empty() {
        all.push(Assumption::new(
            "builds with their logs, deployments and stacks say no more of what failed than these files",
            None,
        ));
    }
    if course.looked_at && !calendars.is_empty() {
        all.push(Assumption::new("the change calendars that the policy names are open", None));
    }
    let is_parallel = reading.execution.is_ok_and(|execution| execution.mode == ExecutionMode::Parallel);
    // A PARALLEL pipeline has no state worth believing.
    let state = given.state.as_ref().filter(|_| !is_parallel);
    let ahead = stages_ahead(&event.run.stage, given.structure.as_ref(), state);
    let freezes_ahead = freezes_ahead(policy, &event.run, &tags, ahead.as_deref());
    Report { event, origin: Origin::Files, policy_file, course, ahead, freezes_ahead, assumptions: all }
}

/// The freezes of later stages, where the rule respects them.
fn freezes_ahead(
    policy: &Policy,
    run: &StageRunId,
    tags: &TagsReading,
    ahead: Option<&[StageAhead]>,
) -> BTreeMap<StageName, Vec<Freeze>> {
    let tags = tags.as_ref().unwrap_or(&NO_TAGS);
    let respects = policy.rule_for(run, tags).is_some_and(|rule| rule.settings.downstream);
    let reached = reached(ahead.unwrap_or_default()).filter(|_| respects);
    let freezes = reached.map(|next| {
        let there = StageRunId { stage: next.stage.clone(), ..run.clone() };
        let rules = policy.rules_ahead(run, &there, tags);
        (next.stage.clone(), rules.into_iter().flat_map(|rule| rule.settings.freezes.clone()).collect())
    });
    freezes.filter(|(_, freezes): &(_, Vec<Freeze>)| !freezes.is_empty()).collect()
}

/// What is taken for true of the product, whose ledger is not read; the flag that would have it read, where there is one.
fn assumed_of_the_product(settled_by: Option<&'static str>) -> [Assumption; 2] {
    [
        Assumption::new(
            "the ledger is empty: the product has neither retried nor decided before, and budgets are full",
            settled_by,
        ),
        Assumption::new(
            "the rule was at work before the failure, the product is in mode `active`, and nothing is paused",
            settled_by,
        ),
    ]
}

/// How to get the tags that a rule asks for.
fn missing_tags(run: &StageRunId) -> String {
    format!(
        "add the pipeline's tags, one `--tags KEY=VALUE` for each that this lists:\n  aws codepipeline \
         list-tags-for-resource --resource-arn {} \\\n      --region {}",
        run.pipeline, run.pipeline.region
    )
}

/// How to get what is missing to decide. The history alone suffices; the state tells more.
fn missing(given: &Given, run: &StageRunId) -> String {
    let (actions, state) = (Source::Actions, Source::State);
    let mut text = format!(
        "get what is missing, and add `{} {}`:\n{}",
        actions.flag(),
        actions.file(),
        actions.command_into_file(run)
    );
    let is_parallel =
        given.structure.as_ref().is_some_and(|structure| structure.mode == ExecutionMode::Parallel)
            || given.execution.as_ref().is_some_and(|execution| execution.mode == ExecutionMode::Parallel);
    if given.state.is_none() && !is_parallel {
        let _ = write!(
            text,
            "\nrecommended too, `{} {}`, which tells of newer executions in the stage and of disabled transitions:\n{}",
            state.flag(),
            state.file(),
            state.command_into_file(run)
        );
    }
    text
}
