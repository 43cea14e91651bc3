//! A sweep over several accounts: each is read and retried where it is, and one that cannot be reached keeps nobody waiting
//! and is not forgotten.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::evidence::Depth;
use codepipeline_retrier::domain::ids::{
    ActionName, ExecutionId, PipelineArn, PipelineName, StageName, StageRunId,
};
use codepipeline_retrier::domain::pipeline::{
    ActionExecution, Category, ExecutionMode, Gap, Reading, RetryReply, StageReading,
};
use codepipeline_retrier::domain::policy::{Mode, RetryMode};
use codepipeline_retrier::domain::rollback::RollbackReply;
use codepipeline_retrier::domain::scope::{Scope, Scopes};
use codepipeline_retrier::domain::screen::Telling;
use codepipeline_retrier::domain::stage_run::Timing;
use codepipeline_retrier::domain::sweep::Tick;
use codepipeline_retrier::domain::tags::TagsReading;
use codepipeline_retrier::emulator::codepipeline::{
    ActionDefinition, PipelineDefinition, StageDefinition, Switches,
};
use codepipeline_retrier::emulator::world::{Place, SharedWorld, World};
use codepipeline_retrier::engine::{Engine, Report, SliceEnd};
use codepipeline_retrier::event::tick_body;
use codepipeline_retrier::function::{Function, Handled, Policies};
use codepipeline_retrier::policy_file::load;
use codepipeline_retrier::ports::{Catalogue, ExecutionEntry, Page, PageToken, Pipelines};
use codepipeline_retrier::replay::player::run;

use super::scene::{fails, name, succeeds};

const POLICY: &str = "\
version: 1
defaults: { backoff: { initial: 1m, max: 1m, jitter: none } }
rules:
  - name: quiet
    match: { account: '777788889999' }
    mode: shadow
  - name: all
    match: { pipeline: '*' }
";

const HOME: &str = "aws/eu-central-1/111122223333";
/// Served as the own account is.
const FIRST: &str = "aws/eu-central-1/444455556666";
/// Of which a rule of its own says that nothing is called there.
const SECOND: &str = "aws/us-east-1/777788889999";

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

/// CodePipeline of several accounts, each a world of its own. They go by the clock of the first.
struct Accounts {
    worlds: Vec<(Scope, SharedWorld)>,
    closed: Mutex<BTreeSet<Scope>>,
}

impl Accounts {
    fn home(&self) -> &SharedWorld {
        &self.worlds[0].1
    }

    fn world(&self, scope: &Scope) -> Result<&SharedWorld, Gap> {
        let now = self.home().now();
        let (_, world) = self.worlds.iter().find(|(known, _)| known == scope).unwrap();
        world.lock().advance(now);
        if self.closed.lock().unwrap().contains(scope) { Err(Gap::Denied) } else { Ok(world) }
    }

    fn of(&self, pipeline: &PipelineArn) -> Result<&SharedWorld, Gap> {
        self.world(&Scope::of(pipeline))
    }
}

impl Pipelines for &Accounts {
    async fn observe(&self, run: &StageRunId) -> Reading {
        match self.of(&run.pipeline) {
            Ok(world) => world.observe(run).await,
            Err(gap) => Reading {
                state: Err(gap),
                execution: Err(gap),
                structure: Err(gap),
                actions: Err(gap),
                entries: Err(gap),
            },
        }
    }

    async fn observe_stage(&self, run: &StageRunId, mode: ExecutionMode) -> StageReading {
        match self.of(&run.pipeline) {
            Ok(world) => world.observe_stage(run, mode).await,
            Err(gap) => StageReading::State(Err(gap)),
        }
    }

    async fn tags(&self, pipeline: &PipelineArn, now: Timestamp) -> TagsReading {
        self.of(pipeline)?.tags(pipeline, now).await
    }

    async fn retry_stage(&self, run: &StageRunId, mode: RetryMode) -> RetryReply {
        match self.of(&run.pipeline) {
            Ok(world) => world.retry_stage(run, mode).await,
            Err(_) => RetryReply::NotSent,
        }
    }

    async fn last_success(&self, run: &StageRunId) -> Result<Option<ExecutionId>, Gap> {
        self.of(&run.pipeline)?.last_success(run).await
    }

    async fn roll_back(&self, run: &StageRunId, target: &ExecutionId) -> RollbackReply {
        match self.of(&run.pipeline) {
            Ok(world) => world.roll_back(run, target).await,
            Err(_) => RollbackReply::NotSent,
        }
    }
}

impl Catalogue for &Accounts {
    async fn pipelines(&self, scope: &Scope, page: Option<&PageToken>) -> Result<Page<PipelineName>, Gap> {
        self.world(scope)?.pipelines(scope, page).await
    }

    async fn executions(
        &self,
        pipeline: &PipelineArn,
        page: Option<&PageToken>,
    ) -> Result<Page<ExecutionEntry>, Gap> {
        self.of(pipeline)?.executions(pipeline, page).await
    }

    async fn actions(
        &self,
        pipeline: &PipelineArn,
        execution: &ExecutionId,
    ) -> Result<Vec<ActionExecution>, Gap> {
        self.of(pipeline)?.actions(pipeline, execution).await
    }
}

/// A hub and its spokes, whose events all get lost.
struct Company {
    accounts: Accounts,
    scopes: Scopes,
    invocations: Cell<u32>,
}

impl Company {
    /// Each account has so many pipelines of the same names, which fail once and then succeed.
    fn with(pipelines: usize) -> Self {
        let began: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let world = |text: &str| {
            let Scope { partition, region, account } = scope(text);
            let mut world = World::new(Place { partition, account, region }, Switches::default(), began);
            for number in 0..pipelines {
                let compile = ActionDefinition::new(
                    ActionName::parse("Compile").unwrap(),
                    Category::Build,
                    "CodeBuild",
                );
                let compile = compile.with_script(vec![fails(), succeeds()]);
                let stage = StageDefinition::new(StageName::parse("Build").unwrap(), vec![compile]);
                world
                    .service
                    .create_pipeline(began, PipelineDefinition::new(name(number), vec![stage]))
                    .unwrap();
            }
            (scope(text), SharedWorld::new(world))
        };
        let spokes = [FIRST, SECOND].map(|text| scope(text).account);
        let regions = [FIRST, SECOND].map(|text| scope(text).region);
        let company = Self {
            accounts: Accounts { worlds: [HOME, FIRST, SECOND].map(world).into(), closed: Mutex::default() },
            scopes: Scopes::with_spokes(scope(HOME), &spokes.into(), &regions.into()),
            invocations: Cell::default(),
        };
        // Of the two accounts and two Regions two are there.
        let there: Vec<&Scope> = company.accounts.worlds.iter().map(|(scope, _)| scope).collect();
        let missing: Vec<Scope> =
            company.scopes.iter().filter(|scope| !there.contains(scope)).cloned().collect();
        assert_eq!(missing.len(), 2);
        let mut company = company;
        for scope in missing {
            let place = Place {
                partition: scope.partition.clone(),
                account: scope.account.clone(),
                region: scope.region.clone(),
            };
            let empty = SharedWorld::new(World::new(place, Switches::default(), began));
            company.accounts.worlds.push((scope, empty));
        }
        company
    }

    fn pass(&self, minutes: i64) {
        self.accounts.home().lock().pass(SignedDuration::from_mins(minutes));
    }

    /// Starts every pipeline of an account.
    fn start(&self, account: &str) {
        let world = self.accounts.world(&scope(account)).unwrap();
        let mut world = world.lock();
        let now = world.now();
        for pipeline in world.service.list_pipelines() {
            world.service.start_pipeline_execution(now, &pipeline).unwrap();
        }
    }

    fn tick(&self, tick: Tick) -> Report {
        let home = self.accounts.home().for_handling(u64::from(self.invocations.get()));
        let function = Function {
            engine: Engine {
                ledger: home.clone(),
                pipelines: &self.accounts,
                schedules: home.clone(),
                evidence: home.clone(),
                calendars: home.clone(),
            },
            messenger: home.clone(),
            telling: Telling::default(),
            may_roll_back: false,
            policies: Policies::new(load("policy", POLICY).policy),
            mode: Mode::Active,
            scopes: self.scopes.clone(),
            evidence: Depth::State,
            timing: Timing::default(),
            sweep_rate: 2,
        };
        self.invocations.set(self.invocations.get() + 1);
        let (owner, clock) = (format!("sweep-{}", self.invocations.get()), || home.now());
        let deadline = home.now() + SignedDuration::from_secs(30);
        let response = run(function.invoke(&tick_body(tick), &owner, deadline, &clock), &home).unwrap();
        match response.handled.into_iter().next().unwrap() {
            Handled::Swept(report) => *report,
            other => panic!("{other:?}"),
        }
    }

    /// A whole round: its slices.
    fn round(&self) -> Vec<Report> {
        let mut reports = vec![self.tick(Tick::Scheduled { every: SignedDuration::from_mins(15) })];
        while let Some(SliceEnd::Continued) = reports.last().map(|report| report.end) {
            let round = reports[0].round;
            reports.push(self.tick(Tick::Continue { round }));
            assert!(reports.len() < 100, "it never comes to its end");
        }
        reports
    }

    /// How many retries CodePipeline got in an account.
    fn retries(&self, account: &str) -> usize {
        self.accounts.world(&scope(account)).unwrap().lock().service.retry_calls().len()
    }

    /// What was decided about an account's failures.
    fn rulings(&self, account: &str) -> Vec<Ruling> {
        let world = self.accounts.home().lock();
        let of_account = world
            .ledger
            .decisions()
            .iter()
            .filter(|decision| Scope::of(&decision.run.pipeline) == scope(account));
        of_account.map(|decision| decision.ruling).collect()
    }
}

#[test]
fn lost_failures_are_found_and_retried_where_they_are() {
    let company = Company::with(2);
    // Puts the rules to work.
    let first = company.round();
    assert_eq!(first.last().unwrap().end, SliceEnd::Complete, "{first:?}");
    company.pass(1);
    for account in [HOME, FIRST, SECOND] {
        company.start(account);
    }
    company.pass(20);
    let second = company.round();
    assert_eq!(second.last().unwrap().end, SliceEnd::Complete);
    assert_eq!(second.iter().map(|report| report.pipelines).sum::<u32>(), 6);
    for (account, retries) in [(HOME, 2), (FIRST, 2), (SECOND, 0)] {
        assert_eq!(company.retries(account), retries, "{account}: {:?}", company.rulings(account));
    }
    assert!(
        company.rulings(SECOND).contains(&Ruling::RetryEligible),
        "in shadow, by the rule of its account"
    );
    let shadows = company.accounts.home().lock();
    let in_shadow = shadows.ledger.decisions().iter().filter(|decision| decision.shadow);
    assert!(in_shadow.clone().count() > 0);
    assert!(in_shadow.clone().all(|decision| Scope::of(&decision.run.pipeline) == scope(SECOND)));
}

#[test]
fn a_spoke_that_cannot_be_reached_keeps_nobody_waiting_and_is_not_forgotten() {
    let company = Company::with(2);
    company.round();
    company.pass(1);
    for account in [HOME, FIRST] {
        company.start(account);
    }
    company.accounts.closed.lock().unwrap().insert(scope(FIRST));
    company.pass(20);
    let closed = company.round();
    assert_eq!(closed.last().unwrap().end, SliceEnd::Complete);
    let unlisted: Vec<_> = closed.iter().flat_map(|report| report.unlisted.clone()).collect();
    assert_eq!(unlisted, [(scope(FIRST), Gap::Denied)]);
    assert_eq!(company.retries(HOME), 2);
    // Two rounds later what failed is older than any of them would look back.
    company.pass(20);
    company.round();
    company.accounts.closed.lock().unwrap().clear();
    assert_eq!(company.retries(FIRST), 0);
    company.pass(20);
    let open = company.round();
    assert!(open.iter().all(|report| report.unlisted.is_empty()));
    assert_eq!(company.retries(FIRST), 2, "{:?}", company.rulings(FIRST));
    assert!(company.accounts.home().lock().ledger.sweep().unlisted.is_empty());
}

#[test]
fn a_round_goes_on_through_all_accounts_slice_by_slice() {
    let company = Company::with(40);
    company.round();
    company.pass(20);
    let slices = company.round();
    assert!(slices.len() > 2, "{}", slices.len());
    assert_eq!(slices.last().unwrap().end, SliceEnd::Complete);
    assert_eq!(slices.iter().map(|report| report.pipelines).sum::<u32>(), 120, "each once");
}
