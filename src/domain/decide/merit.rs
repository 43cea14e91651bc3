//! Whether a retry is allowed and useful, and when: age, people, class, retries, delay, budget.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Checked, Decider, Missing, Question, Stop, refuse, wait};
use crate::domain::budget::{BucketKey, Peek, Slot};
use crate::domain::class::Class;
use crate::domain::decision::{Ruling, StepName};
use crate::domain::duration::in_words;
use crate::domain::evidence::{Classified, Examined};
use crate::domain::facts::StageFacts;
use crate::domain::ids::ActionName;
use crate::domain::pipeline::Transition;
use crate::domain::policy::RetryMode;
use crate::domain::stage_run::after;

impl Decider<'_, '_> {
    pub(super) fn age(&mut self, failed_at: Timestamp) -> Checked<()> {
        let age = self.question.now.duration_since(failed_at).max(SignedDuration::ZERO);
        let limit = self.question.covered.rule.settings.give_up_after;
        let detail = format!("it failed {} ago, give-up-after is {}", in_words(age), in_words(limit));
        if age >= limit {
            return refuse(Ruling::GiveUpTooOld, StepName::Age, detail);
        }
        self.pass(StepName::Age, detail);
        Ok(())
    }

    pub(super) fn people(&mut self, facts: &StageFacts, failed_at: Timestamp) -> Checked<()> {
        let step = StepName::People;
        let others =
            facts.retries_by_others(&self.question.record.live.answered, self.question.timing.native_retry);
        if others > 0 {
            let detail = format!("somebody has retried this stage run {others} time{}", plural(others));
            return refuse(Ruling::IgnoreRetriedBySomeoneElse, step, detail);
        }
        if facts.transition == Transition::Disabled {
            let detail = "the transition into the stage is disabled, which somebody did on purpose";
            return refuse(Ruling::IgnoreTransitionDisabled, step, detail);
        }
        // It fires when the stage has failed, which others of its actions may have put off.
        let stage_failed_at = facts.last_change.unwrap_or(failed_at);
        let native_until = after(stage_failed_at, self.question.timing.native_retry);
        if facts.native_retry_pending() && self.question.now < native_until {
            let detail = "the stage has CodePipeline's own automatic retry, which may still fire";
            return wait(Ruling::WaitNativeRetryPending, native_until, step, detail);
        }
        self.pass(step, "nobody else has retried it, entry to the stage is open");
        Ok(())
    }

    pub(super) fn class(&mut self, facts: &StageFacts) -> Checked<()> {
        let Question { examination, covered, .. } = *self.question;
        let mut seen: BTreeMap<ActionName, Class> = BTreeMap::new();
        let mut first_refusal = None;
        let mut details = Vec::new();
        for action in &facts.failed {
            let Some(examined) = examination.get(&action.id) else {
                return Err(Stop::Missing(Missing::Examination(facts.failed.clone())));
            };
            let class = examined.classified.class;
            seen.insert(action.name.clone(), class);
            let detail = in_words_of(&action.name, examined);
            let allowed = class.may_be_retried() && covered.rule.settings.retry_on.contains(&class);
            if !allowed && first_refusal.is_none() {
                first_refusal = Some(format!("{detail}; rule `{}` does not retry that", covered.rule.name));
            }
            details.push(detail);
        }
        self.decision.classes = seen;
        if let Some(detail) = first_refusal {
            return refuse(Ruling::GiveUpNotRetryable, StepName::Class, detail);
        }
        self.pass(StepName::Class, details.join("; "));
        Ok(())
    }

    pub(super) fn retries(&mut self) -> Checked<u32> {
        let Question { record, own_claim, covered, .. } = *self.question;
        let own = record.claim.as_ref().filter(|_| own_claim);
        let used = record.tally(covered.shadow).used.saturating_sub(u32::from(own.is_some()));
        let most = covered.rule.settings.max_retries;
        if used >= most {
            let detail = format!("{used} of {most} retries are used");
            return refuse(Ruling::GiveUpRetriesUsed, StepName::Retries, detail);
        }
        let retry = own.map_or(used + 1, |claim| claim.retry);
        self.decision.retry = Some(retry);
        self.pass(StepName::Retries, format!("retry {retry} of {most}"));
        Ok(retry)
    }

    pub(super) fn backoff(&mut self, retry: u32, failed_at: Timestamp) -> Checked<()> {
        let delay = self.question.covered.rule.settings.backoff.delay(retry, self.question.jitter);
        let due = after(failed_at, delay);
        let detail = format!("retry {retry} is due {} after the failure, at {due:.0}", in_words(delay));
        if self.question.now < due {
            return wait(Ruling::WaitBackoff, due, StepName::Backoff, detail);
        }
        self.pass(StepName::Backoff, detail);
        Ok(())
    }

    pub(super) fn budget(&mut self, failed_at: Timestamp) -> Checked<()> {
        let Question { record, own_claim, covered, now, buckets, .. } = *self.question;
        if own_claim && record.claim.is_some() {
            self.pass(StepName::Budget, "paid for by the open claim");
            return Ok(());
        }
        let mut withdrawals = Vec::new();
        let mut balances = Vec::new();
        let mut emptiest: Option<(Timestamp, BucketKey, Slot, String)> = None;
        let mut keys = BTreeSet::new();
        for budget in &covered.rule.settings.budgets {
            let key = budget.key(&record.id, covered.shadow);
            if !keys.insert(key.clone()) {
                continue;
            }
            let bucket = buckets.get(&key).copied().unwrap_or_default();
            let peek = if self.has_its_turn() {
                budget.peek(bucket, now)
            } else {
                budget.peek_out_of_turn(bucket, now)
            };
            match peek {
                Peek::Available(branch) => {
                    balances.push(format!(
                        "`{}` {}/{}",
                        budget.name,
                        budget.balance(bucket, now),
                        budget.capacity()
                    ));
                    withdrawals.push(budget.withdrawal(key, branch, now));
                }
                Peek::Empty { next } => {
                    if emptiest.as_ref().is_none_or(|(latest, ..)| next > *latest) {
                        emptiest = Some((next, key, budget.slot(bucket, next), budget.name.to_string()));
                    }
                }
            }
        }
        let Some((next, key, slot, name)) = emptiest else {
            let detail = if balances.is_empty() { "none asked for".into() } else { balances.join(", ") };
            self.pass(StepName::Budget, detail);
            self.withdrawals = withdrawals;
            return Ok(());
        };
        let detail = if next > now {
            format!("budget `{name}` is empty, the next token comes at {next:.0}")
        } else {
            format!("budget `{name}` has one token, which is promised to another")
        };
        let deadline = after(failed_at, covered.rule.settings.give_up_after);
        if next >= deadline {
            return refuse(
                Ruling::GiveUpBudgetEmpty,
                StepName::Budget,
                format!("{detail}, after give-up-after"),
            );
        }
        if slot.at < deadline {
            self.slot = Some((key, slot));
            return wait(Ruling::WaitBudgetEmpty, slot.at, StepName::Budget, detail);
        }
        // To come back without a turn would be to come back for nothing, again and again.
        refuse(
            Ruling::GiveUpBudgetEmpty,
            StepName::Budget,
            format!("{detail}, and so many wait for one that its turn would be after give-up-after"),
        )
    }

    /// Whether a token was promised to this failure for about now, or given back by it.
    fn has_its_turn(&self) -> bool {
        let Question { record, now, .. } = *self.question;
        record.wait.as_ref().is_some_and(|wait| {
            let is_promised = matches!(
                wait.ruling,
                Ruling::WaitBudgetEmpty
                    // A read that failed is no reason to go to the end of the row.
                    | Ruling::WaitCannotVerify
                    | Ruling::WaitConflict
                    | Ruling::WaitThrottled
                    | Ruling::WaitConcurrencyLimit
            );
            is_promised && wait.wake_at <= now
        })
    }

    pub(super) fn retry_mode(&self, facts: &StageFacts) -> RetryMode {
        let asked = self.question.covered.rule.settings.retry_mode;
        asked.unwrap_or(if facts.needs_all_actions {
            RetryMode::AllActions
        } else {
            RetryMode::FailedActions
        })
    }
}

/// The class of a failed action, who says so, and what could not be read.
fn in_words_of(action: &ActionName, examined: &Examined) -> String {
    let Classified { class, signature, reason, found } = &examined.classified;
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    let place = found.map(|found| match found.line {
        0 | 1 => format!(", in {}", found.place.as_str()),
        line => format!(", in line {line} of {}", found.place.as_str()),
    });
    let mut detail =
        format!("`{action}` is {class}{reason} (signature `{signature}`{})", place.unwrap_or_default());
    if let Some(excerpt) = &examined.excerpt {
        detail = format!("{detail}: \u{201c}{excerpt}\u{201d}");
    }
    for (operation, gap) in &examined.gaps {
        detail = format!("{detail}; {operation} could not be read: {}", gap.as_str());
    }
    detail
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
