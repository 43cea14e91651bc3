//! What a model is made of: how many of everything, and what the rule says.

use std::collections::BTreeMap;

use codepipeline_retrier::domain::backoff::{Backoff, JitterKind};
use codepipeline_retrier::domain::budget::{Budget, Per};
use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::evidence::Depth;
use codepipeline_retrier::domain::ids::{
    AccountId, BudgetName, ExecutionId, Partition, PipelineArn, PipelineName, Region, RuleName, StageName,
    StageRunId,
};
use codepipeline_retrier::domain::live::Standing;
use codepipeline_retrier::domain::policy::{Mode, Policy, PolicyVersion, Rule, Selector, Settings};
use codepipeline_retrier::domain::rollback::OnGiveUp;
use codepipeline_retrier::domain::scope::{Scope, Scopes};
use codepipeline_retrier::domain::screen::{Environment, Telling};
use codepipeline_retrier::domain::stage_run::{Timing, after};
use codepipeline_retrier::domain::storm::{Storm, Window, WindowKey};
use codepipeline_retrier::emulator::ledger::MemoryLedger;
use jiff::SignedDuration;

use super::mutants::Mutant;
use super::time::{LIFE, Second, instant};
use super::world::Left;

/// Something that a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    Retry,
    Disable,
    Stop,
    NewExecution,
    Pause,
    Resume,
}

/// One model.
#[derive(Debug, Clone)]
pub struct Configuration {
    pub name: &'static str,
    /// Stage runs, which share one budget.
    pub runs: usize,
    pub workers: usize,
    /// The attempt from which on the stage's action does not fail any more.
    pub failures: usize,
    pub max_retries: u32,
    /// Tokens in the budget.
    pub capacity: u32,
    pub refill: Second,
    pub backoff: Second,
    pub give_up_after: Second,
    pub acts: &'static [Act],
    pub left: Left,
    /// Whether there is a sweep at all.
    pub sweep: bool,
    /// Whether a stage whose failure is given up is rolled back.
    pub rollback: bool,
}

/// What the workers run with.
#[derive(Debug)]
pub struct Installation {
    pub runs: Vec<StageRunId>,
    scopes: Scopes,
    policy: Policy,
    pub timing: Timing,
    may_roll_back: bool,
}

impl Installation {
    pub fn new(configuration: &Configuration, mutant: Option<Mutant>) -> Self {
        let account = AccountId::parse("111122223333").unwrap();
        let region = Region::parse("eu-central-1").unwrap();
        let partition = Partition::parse("aws").unwrap();
        let run = |number: usize| StageRunId {
            pipeline: PipelineArn {
                partition: partition.clone(),
                region: region.clone(),
                account: account.clone(),
                name: PipelineName::parse(format!("p{number}")).unwrap(),
            },
            execution: ExecutionId::parse("e").unwrap(),
            stage: StageName::parse("s").unwrap(),
        };
        let seconds = |seconds: Second| SignedDuration::from_secs(i64::from(seconds));
        let delay = seconds(configuration.backoff);
        let refill_ms = i64::from(configuration.refill) * 1_000;
        let name = BudgetName::parse("region").unwrap();
        let budget = Budget::try_new(name, Per::Region, configuration.capacity, 1, refill_ms).unwrap();
        let settings = Settings {
            max_retries: configuration.max_retries,
            backoff: Backoff::try_new(delay, 1_000, delay, JitterKind::None).unwrap(),
            give_up_after: seconds(configuration.give_up_after),
            on_give_up: if configuration.rollback { OnGiveUp::Rollback } else { OnGiveUp::Nothing },
            ..Settings::with_budgets(vec![budget])
        };
        let rule = Rule { name: RuleName::parse("rule").unwrap(), selector: Selector::default(), settings };
        let timing = Timing { poll: SignedDuration::from_mins(15), ..Timing::default() };
        Self {
            runs: (0..configuration.runs).map(run).collect(),
            scopes: Scopes::alone(Scope { partition, region, account }),
            policy: Policy {
                version: PolicyVersion("1".into()),
                rules: vec![rule],
                storm: Storm::DEFAULT,
                classifiers: Vec::new(),
            },
            timing: mutant.map_or(timing, |mutant| mutant.timing(timing)),
            may_roll_back: configuration.rollback,
        }
    }

    /// What a worker that began then runs with.
    pub fn environment(&self, began: Second) -> Environment<'_> {
        Environment {
            evidence: Depth::State,
            policy: Some(&self.policy),
            standing: Standing::packaged(Some(&self.policy.version)),
            mode: Mode::Active,
            scopes: &self.scopes,
            timing: self.timing,
            telling: Telling::default(),
            may_roll_back: self.may_roll_back,
            deadline: after(instant(began), SignedDuration::from_secs(i64::from(LIFE))),
        }
    }

    /// A ledger in which the rule is at work.
    pub fn ledger(&self) -> MemoryLedger {
        let mut ledger = MemoryLedger::default();
        ledger.write_controls(&Controls::default().activate(
            &self.policy,
            Mode::Active,
            Some(instant(0)),
            instant(0),
        ));
        ledger
    }

    /// Windows in which every pipeline is noted already: there is no storm here, and nothing to note.
    pub fn noted(&self, windows: &[WindowKey]) -> BTreeMap<WindowKey, Window> {
        let names = self.runs.iter().map(|run| (run.pipeline.name.clone(), instant(0)));
        let window = Window { failures: names.collect() };
        windows.iter().map(|key| (*key, window.clone())).collect()
    }
}
