//! The policy that a process works by: the packaged one, or one from the ledger, fetched and compiled when the ledger
//! first points to it, and kept in memory from then on.
//!
//! One that is broken, whatever came over it in the table, is answered by the last good one before it, and told of once.
//! It is looked at again from time to time, since somebody may mend it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::domain::live::{Pushed, Source, Standing};
use crate::domain::policy::{Policy, PolicyVersion};
use crate::domain::protocol::Fault;
use crate::domain::stage_run::after;
use crate::policy_file;
use crate::ports::{KeptPolicy, Ledger};

/// The policies of a process. Clones share what they hold.
#[derive(Debug, Clone)]
pub struct Policies {
    packaged: Option<Arc<Policy>>,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug)]
struct Held {
    at_work: Arc<AtWork>,
    /// What was told of already.
    told: BTreeSet<Pushed>,
}

/// The policy to work by.
#[derive(Debug)]
pub(super) struct AtWork {
    source: Source,
    policy: Option<Arc<Policy>>,
    /// When the policy that is meant was found to be broken; then this is another one.
    broken_since: Option<Timestamp>,
}

/// What became known of policies while messages were handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyNews {
    /// This process works by another source from now on.
    InForce {
        /// Which.
        source: Source,
        /// The version that it works by; none where no policy is any good.
        version: Option<PolicyVersion>,
    },
    /// A pushed policy is broken: told once for each process.
    Invalid(Box<InvalidPolicy>),
}

/// A pushed policy that cannot be worked by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPolicy {
    /// Which.
    pub policy: Pushed,
    /// What is wrong with the item that holds it, or with its text.
    pub problem: String,
    /// The findings of its text, as [`policy_file::errors`] has them.
    pub findings: Vec<Value>,
    /// The number of the policy that is worked by instead; none for the packaged one, or where none is any good.
    pub instead: Option<u64>,
    /// The version that is worked by instead; none where no policy is any good.
    pub version_instead: Option<PolicyVersion>,
}

/// How often a broken policy is looked at again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// How many earlier policies are tried at most.
const MOST_TRIED: usize = 8;

/// Why a policy cannot be worked by.
struct Broken {
    problem: String,
    findings: Vec<Value>,
}

impl Policies {
    /// The policies of a process that was deployed with this one; none where it does not compile.
    pub fn new(packaged: Option<Policy>) -> Self {
        let packaged = packaged.map(Arc::new);
        let at_work = AtWork { source: Source::Packaged, policy: packaged.clone(), broken_since: None };
        let held = Held { at_work: Arc::new(at_work), told: BTreeSet::new() };
        Self { packaged, held: Arc::new(Mutex::new(held)) }
    }

    /// The packaged policy.
    pub fn packaged(&self) -> Option<&Policy> {
        self.packaged.as_deref()
    }

    /// The policy to begin with: the one that the last message was handled by. One that stands in for a broken one is
    /// looked for anew after a while.
    pub(super) async fn begin(
        &self,
        ledger: &impl Ledger,
        now: Timestamp,
        news: &mut Vec<PolicyNews>,
    ) -> Arc<AtWork> {
        let at_work = Arc::clone(&self.held().at_work);
        let is_due = at_work.broken_since.is_some_and(|since| now >= after(since, LOOK_AGAIN));
        if !is_due {
            return at_work;
        }
        let source = at_work.source.clone();
        self.change_to(source, ledger, now, news).await.unwrap_or(at_work)
    }

    /// Works by that source from now on.
    pub(super) async fn change_to(
        &self,
        source: Source,
        ledger: &impl Ledger,
        now: Timestamp,
        news: &mut Vec<PolicyNews>,
    ) -> Result<Arc<AtWork>, Fault> {
        let mut invalid = None;
        let (policy, broken_since) = match &source {
            Source::Packaged | Source::PackagedOver(_) => (self.packaged.clone(), None),
            Source::Pushed(pushed) => match fetch(ledger, pushed.number, Some(&pushed.version)).await? {
                Ok(policy) => (policy.or_else(|| self.packaged.clone()), None),
                Err(Broken { problem, findings }) => {
                    let (instead, policy) = self.last_good(pushed, ledger).await?;
                    let version_instead = policy.as_ref().map(|policy| policy.version.clone());
                    let policy_of = pushed.clone();
                    invalid = Some(InvalidPolicy {
                        policy: policy_of,
                        problem,
                        findings,
                        instead,
                        version_instead,
                    });
                    (policy, Some(now))
                }
            },
        };
        let at_work = Arc::new(AtWork { source, policy, broken_since });
        let mut held = self.held();
        if let Some(invalid) = invalid
            && held.told.insert(invalid.policy.clone())
        {
            news.push(PolicyNews::Invalid(Box::new(invalid)));
        }
        if held.at_work.source != at_work.source || held.at_work.version() != at_work.version() {
            let version = at_work.version().cloned();
            news.push(PolicyNews::InForce { source: at_work.source.clone(), version });
        }
        held.at_work = Arc::clone(&at_work);
        Ok(at_work)
    }

    /// The newest policy before a broken one that can be worked by, with its number: what a rollback brought back under the
    /// broken number, or what was pushed before it. The packaged one where there is none.
    async fn last_good(
        &self,
        broken: &Pushed,
        ledger: &impl Ledger,
    ) -> Result<(Option<u64>, Option<Arc<Policy>>), Fault> {
        let newest = broken.restores.unwrap_or_else(|| broken.number.saturating_sub(1));
        for number in (1..=newest).rev().take(MOST_TRIED) {
            match fetch(ledger, number, None).await? {
                Ok(Some(policy)) => return Ok((Some(number), Some(policy))),
                Ok(None) => break,
                Err(_) => {}
            }
        }
        Ok((None, self.packaged.clone()))
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A policy of the ledger, if it is what was pushed and compiles. None where that number went back to the packaged one.
async fn fetch(
    ledger: &impl Ledger,
    number: u64,
    expected: Option<&PolicyVersion>,
) -> Result<Result<Option<Arc<Policy>>, Broken>, Fault> {
    let broken = |problem: &str| Broken { problem: problem.to_owned(), findings: Vec::new() };
    let (version, text) = match ledger.policy(number).await? {
        KeptPolicy::Packaged if expected.is_some() => return Ok(Err(broken("the item holds no policy"))),
        KeptPolicy::Packaged => return Ok(Ok(None)),
        KeptPolicy::Unreadable(problem) => return Ok(Err(broken(&problem))),
        KeptPolicy::Text { version, text } => (version, text),
    };
    let loaded = policy_file::load(&format!("policy {number}"), &text);
    Ok(match loaded.policy {
        None => Err(Broken {
            problem: "the text does not compile".to_owned(),
            findings: policy_file::errors(&loaded.source, &loaded.diagnostics),
        }),
        // Every push is validated, so what was not pushed was not either.
        Some(policy)
            if policy.version != version || expected.is_some_and(|version| policy.version != *version) =>
        {
            Err(broken("the text is not the one that was pushed"))
        }
        Some(policy) => Ok(Some(Arc::new(policy))),
    })
}

impl AtWork {
    /// The policy.
    pub(super) fn policy(&self) -> Option<&Policy> {
        self.policy.as_deref()
    }

    /// What it stands for, beside that packaged policy.
    pub(super) fn standing<'a>(&'a self, policies: &'a Policies) -> Standing<'a> {
        Standing {
            packaged: policies.packaged().map(|policy| &policy.version),
            source: &self.source,
            is_fallback: self.broken_since.is_some(),
        }
    }

    fn version(&self) -> Option<&PolicyVersion> {
        self.policy.as_ref().map(|policy| &policy.version)
    }
}
