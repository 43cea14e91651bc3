//! The policy: what may be retried. Only valid values can be built; the file format is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::SignedDuration;

use super::backoff::{Backoff, JitterKind};
use super::budget::{Budget, Per};
use super::class::{Class, Group};
use super::classifier::Classifier;
use super::evidence::Depth;
use super::freeze::Freeze;
use super::glob::Glob;
use super::ids::{BudgetName, CalendarArn, PipelineArn, RuleName, StageRunId};
use super::notice::Occasion;
use super::rollback::OnGiveUp;
use super::storm::Storm;
use super::tags::{TagSelector, Tags};

/// Whether a rule acts.
///
/// Ordered from the laxest to the strictest, so that the stricter of two is their maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Decides and retries.
    Active,
    /// Decides and records, calls nothing.
    Shadow,
    /// Does not look at all.
    Disabled,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Active, Self::Shadow, Self::Disabled];

    /// The name used in policies and settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Shadow => "shadow",
            Self::Disabled => "disabled",
        }
    }

    /// The mode of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

/// Which actions a retry runs again, as `RetryStageExecution` calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetryMode {
    /// Only the failed actions.
    FailedActions,
    /// The whole stage from its first action.
    AllActions,
}

impl RetryMode {
    /// Both modes.
    pub const ALL: [Self; 2] = [Self::FailedActions, Self::AllActions];

    /// CodePipeline's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailedActions => "FAILED_ACTIONS",
            Self::AllActions => "ALL_ACTIONS",
        }
    }

    /// The mode of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

impl fmt::Display for RetryMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which executions of a PARALLEL pipeline may be retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ParallelRetries {
    /// Only the newest one to reach the stage.
    Latest,
    /// Any of them.
    Independent,
}

/// What a rule asks for. Every value has a default; a rule replaces whole values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Whether the rule acts. Default: active.
    pub mode: Mode,
    /// Classes that may be retried; every failed action must be in one. Default: the transient ones.
    pub retry_on: BTreeSet<Class>,
    /// Automatic retries of one stage run, 0 to [`Settings::MOST_RETRIES`]. Default: 2.
    pub max_retries: u32,
    /// Which actions run again; `None` chooses by what failed. Default: `None`.
    pub retry_mode: Option<RetryMode>,
    /// Delay before a retry. Default: 1 minute doubling to 15, half of it random.
    pub backoff: Backoff,
    /// A failure older than this is not retried, at most [`Settings::LONGEST_GIVE_UP`]. Default: 2 hours.
    pub give_up_after: SignedDuration,
    /// Every retry takes a token from each. Default: `region` and `pipeline`.
    pub budgets: Vec<Budget>,
    /// Which executions of a PARALLEL pipeline may be retried. Default: the latest.
    pub parallel: ParallelRetries,
    /// When nothing is retried. Default: never.
    pub freezes: Vec<Freeze>,
    /// Whether the freezes of later stages count too, up to the next approval. Default: yes.
    pub downstream: bool,
    /// What a team is told of. Default: what is given up, and what recovered.
    pub notify: BTreeSet<Occasion>,
    /// What is done when a failure is given up. Default: nothing.
    pub on_give_up: OnGiveUp,
    /// How deep to look at what failed. Default: logs.
    pub evidence: Depth,
    /// Whether decisions cite the line that decided, cut and without secrets. Default: no.
    pub excerpts: bool,
}

impl Settings {
    /// The largest `max-retries`.
    pub const MOST_RETRIES: u32 = 20;
    /// The longest `give-up-after`.
    pub const LONGEST_GIVE_UP: SignedDuration = SignedDuration::from_hours(7 * 24);
    /// What `give-up-after` is when nothing says otherwise.
    pub const DEFAULT_GIVE_UP: SignedDuration = SignedDuration::from_hours(2);

    /// The defaults of the file format, paid for from these budgets.
    pub fn with_budgets(budgets: Vec<Budget>) -> Self {
        Self {
            mode: Mode::Active,
            retry_on: Group::Transient.classes(),
            max_retries: 2,
            retry_mode: None,
            backoff: default_backoff(),
            give_up_after: Self::DEFAULT_GIVE_UP,
            budgets,
            parallel: ParallelRetries::Latest,
            freezes: Vec::new(),
            downstream: true,
            notify: Occasion::usual(),
            on_give_up: OnGiveUp::Nothing,
            evidence: Depth::Logs,
            excerpts: false,
        }
    }
}

/// One minute, doubling to fifteen, half of it random.
#[expect(clippy::expect_used, reason = "constant values that a test builds")]
pub fn default_backoff() -> Backoff {
    Backoff::try_new(SignedDuration::from_mins(1), 2_000, SignedDuration::from_mins(15), JitterKind::Equal)
        .expect("the default backoff is within bounds")
}

/// The budgets of a policy that names none: 20 retries at once and 60 an hour for the Region, 4 and 6 a day for each
/// pipeline.
#[expect(clippy::expect_used, reason = "constant values that a test builds")]
pub fn default_budgets() -> BTreeMap<BudgetName, Budget> {
    const HOUR_MS: i64 = 3_600_000;
    [("region", Per::Region, 20, 60, HOUR_MS), ("pipeline", Per::Pipeline, 4, 6, 24 * HOUR_MS)]
        .into_iter()
        .map(|(name, per, capacity, tokens, period_ms)| {
            let name = BudgetName::parse(name).expect("a default budget's name is valid");
            let budget = Budget::try_new(name.clone(), per, capacity, tokens, period_ms)
                .expect("a default budget is within bounds");
            (name, budget)
        })
        .collect()
}

/// Which stage runs a rule is about. All five must match; an empty list matches everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Selector {
    /// Any of these pipeline names.
    pub pipeline: Vec<Glob>,
    /// Any of these stage names.
    pub stage: Vec<Glob>,
    /// Any of these accounts.
    pub account: Vec<Glob>,
    /// Any of these Regions.
    pub region: Vec<Glob>,
    /// What the pipeline's tags must be.
    pub tags: TagSelector,
}

impl Selector {
    /// Whether the rule is about this stage run, of a pipeline with these tags.
    pub fn matches(&self, run: &StageRunId, tags: &Tags) -> bool {
        self.matches_names(run) && self.tags.matches(tags)
    }

    /// Whether the rule is about this stage run as far as names tell; what its pipeline's tags are is left open.
    pub fn matches_names(&self, run: &StageRunId) -> bool {
        is_any(&self.stage, run.stage.as_str()) && self.matches_pipeline(&run.pipeline)
    }

    /// Whether the rule is about some stage of this pipeline, as far as its ARN tells.
    pub fn matches_pipeline(&self, pipeline: &PipelineArn) -> bool {
        is_any(&self.pipeline, pipeline.name.as_str())
            && is_any(&self.account, pipeline.account.as_str())
            && is_any(&self.region, pipeline.region.as_str())
    }

    /// Whether everything that `other` matches is matched here too. `false` when that is not certain.
    pub fn covers(&self, other: &Self) -> bool {
        fn all(wide: &[Glob], narrow: &[Glob]) -> bool {
            let anything = [Glob::new("*")];
            let narrow = if narrow.is_empty() { &anything } else { narrow };
            wide.is_empty() || narrow.iter().all(|n| wide.iter().any(|w| w.covers(n)))
        }
        all(&self.pipeline, &other.pipeline)
            && all(&self.stage, &other.stage)
            && all(&self.account, &other.account)
            && all(&self.region, &other.region)
            && self.tags.covers(&other.tags)
    }
}

fn is_any(globs: &[Glob], name: &str) -> bool {
    globs.is_empty() || globs.iter().any(|glob| glob.matches(name))
}

/// One rule of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Its name, unique in the policy.
    pub name: RuleName,
    /// What it is about.
    pub selector: Selector,
    /// What it asks for.
    pub settings: Settings,
}

/// The identity of a policy's content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyVersion(pub String);

impl fmt::Display for PolicyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A whole policy. The first matching rule wins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Identity of its content.
    pub version: PolicyVersion,
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// When failures are held, and how they are spread.
    pub storm: Storm,
    /// Signatures of its own, tried in order before the built-in ones.
    pub classifiers: Vec<Classifier>,
}

impl Policy {
    /// The rule that a stage run falls under, whose pipeline has these tags.
    pub fn rule_for(&self, run: &StageRunId, tags: &Tags) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.selector.matches(run, tags))
    }

    /// The change calendars that its rules name.
    pub fn calendars(&self) -> BTreeSet<CalendarArn> {
        let freezes = self.rules.iter().flat_map(|rule| &rule.settings.freezes);
        freezes.filter_map(|freeze| freeze.calendar()).cloned().collect()
    }

    /// Whether the rule of a stage run depends on its pipeline's tags.
    pub fn depends_on_tags(&self, run: &StageRunId) -> bool {
        self.candidates(run).next().is_some_and(|rule| !rule.selector.tags.is_empty())
    }

    /// The rules that a later stage of the same execution falls under: one, where these tags were read, since the stage's own
    /// rule depends on them; all that it may be, where they were not.
    pub fn rules_ahead<'a>(&'a self, run: &StageRunId, ahead: &StageRunId, tags: &Tags) -> Vec<&'a Rule> {
        if self.depends_on_tags(run) {
            self.rule_for(ahead, tags).into_iter().collect()
        } else {
            self.candidates(ahead).collect()
        }
    }

    /// The rules that a stage run may fall under, whatever the tags of its pipeline are: those that ask for tags, and the
    /// first that does not.
    pub fn candidates<'a>(&'a self, run: &StageRunId) -> impl Iterator<Item = &'a Rule> {
        let mut is_open = true;
        self.rules.iter().filter(|rule| rule.selector.matches_names(run)).take_while(move |rule| {
            let is_candidate = is_open;
            is_open = !rule.selector.tags.is_empty();
            is_candidate
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_built() {
        assert_eq!(default_backoff().delay(1, crate::domain::backoff::Jitter(u64::MAX)).as_secs(), 60);
        let budgets = default_budgets();
        assert_eq!(budgets.len(), 2);
        assert_eq!(Settings::LONGEST_GIVE_UP.as_hours(), 168);
        let settings = Settings::with_budgets(budgets.into_values().collect());
        assert!(settings.retry_on.contains(&Class::Throttling));
        assert!(!settings.retry_on.contains(&Class::Unknown));
    }

    #[test]
    fn the_default_budgets_are_those_of_the_documentation() {
        let budgets = default_budgets();
        let of = |name: &str| {
            let budget = &budgets[&BudgetName::parse(name).unwrap()];
            (budget.capacity(), SignedDuration::from_millis(budget.interval_ms()))
        };
        assert_eq!(of("region"), (20, SignedDuration::from_mins(1)));
        assert_eq!(of("pipeline"), (4, SignedDuration::from_hours(4)));
    }

    fn selector(pipeline: &[&str], stage: &[&str], team: Option<&str>) -> Selector {
        let globs = |globs: &[&str]| globs.iter().map(|glob| Glob::new(*glob)).collect::<Vec<_>>();
        let tags = team.map(|team| ("team".to_owned(), globs(&[team]))).into_iter().collect();
        Selector {
            pipeline: globs(pipeline),
            stage: globs(stage),
            tags: TagSelector(tags),
            ..Selector::default()
        }
    }

    #[test]
    fn a_selector_covers_another_in_every_key() {
        let everything = Selector::default();
        let web = selector(&["web-*"], &[], None);
        let web_tests = selector(&["web-*"], &["Test*"], None);
        let shop_test = selector(&["web-shop"], &["Test"], None);
        let of_a_team = selector(&["web-*"], &[], Some("web"));
        let elsewhere = Selector { account: vec![Glob::new("1*")], ..Selector::default() };
        let abroad = Selector { region: vec![Glob::new("us-*")], ..Selector::default() };
        for (wide, narrow, expected) in [
            (&everything, &everything, true),
            (&everything, &web, true),
            (&web, &everything, false),
            (&web, &web_tests, true),
            (&web_tests, &web, false),
            (&web_tests, &shop_test, true),
            (&web, &of_a_team, true),
            (&of_a_team, &web, false),
            (&everything, &elsewhere, true),
            (&elsewhere, &everything, false),
            (&abroad, &everything, false),
            (&abroad, &web, false),
            (&selector(&["*"], &[], None), &everything, true),
            (&selector(&["web-*", "shop"], &[], None), &selector(&["shop", "web-1"], &[], None), true),
            (&selector(&["web-*"], &[], None), &selector(&["shop", "web-1"], &[], None), false),
        ] {
            assert_eq!(wide.covers(narrow), expected, "{wide:?} {narrow:?}");
        }
    }

    fn policy(selectors: Vec<Selector>) -> Policy {
        let rule = |(index, selector)| Rule {
            name: RuleName::parse(format!("rule-{index}")).unwrap(),
            selector,
            settings: Settings::with_budgets(Vec::new()),
        };
        Policy {
            version: PolicyVersion("v1".into()),
            rules: selectors.into_iter().enumerate().map(rule).collect(),
            storm: Storm::DEFAULT,
            classifiers: Vec::new(),
        }
    }

    #[test]
    fn tags_matter_where_the_first_rule_that_names_match_asks_for_them() {
        use crate::domain::ids::{
            AccountId, ExecutionId, Partition, PipelineArn, PipelineName, Region, StageName,
        };

        let run = StageRunId {
            pipeline: PipelineArn {
                partition: Partition::parse("aws").unwrap(),
                region: Region::parse("eu-central-1").unwrap(),
                account: AccountId::parse("111122223333").unwrap(),
                name: PipelineName::parse("web-shop").unwrap(),
            },
            execution: ExecutionId::parse("e-1").unwrap(),
            stage: StageName::parse("Test").unwrap(),
        };
        let (plain, tagged) = (selector(&["web-*"], &[], None), selector(&["web-*"], &[], Some("web")));
        let other = selector(&["api-*"], &[], Some("web"));
        for (selectors, depends, candidates) in [
            (vec![], false, 0),
            (vec![plain.clone(), tagged.clone()], false, 1),
            (vec![tagged.clone(), plain.clone(), tagged.clone()], true, 2),
            (vec![other.clone(), plain.clone()], false, 1),
            (vec![other, tagged.clone(), tagged, plain], true, 3),
        ] {
            let policy = policy(selectors);
            assert_eq!(
                (policy.depends_on_tags(&run), policy.candidates(&run).count()),
                (depends, candidates)
            );
        }
    }

    #[test]
    fn the_stricter_mode_is_the_larger() {
        assert_eq!(Mode::Active.max(Mode::Shadow), Mode::Shadow);
        assert_eq!(Mode::Disabled.max(Mode::Shadow), Mode::Disabled);
    }
}
