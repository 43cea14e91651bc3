//! What must come of a scenario, and how what came of it differs.

use std::collections::{BTreeMap, BTreeSet};

use super::moment::{Happening, Moment};
use crate::domain::decision::{Decision, Ruling};
use crate::domain::notice::Occasion;
use crate::domain::pipeline::ExecutionStatus;
use crate::domain::policy::RetryMode;
use crate::emulator::world::World;
use crate::function::Handled;
use crate::ports::Bulletin;

/// What a scenario expects, or what came of it. Stages are written `pipeline/stage`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// Every decision about a stage, in order. A pause that is looked at again is one decision.
    pub decisions: BTreeMap<String, Vec<Ruling>>,
    /// Accepted retries of ours.
    pub retries: BTreeMap<String, u32>,
    /// What those retries ran again, in order.
    pub modes: BTreeMap<String, Vec<RetryMode>>,
    /// How the retries of a stage ended, in order.
    pub outcomes: BTreeMap<String, Vec<String>>,
    /// How the executions of a pipeline stand at the end, oldest first.
    pub executions: BTreeMap<String, Vec<ExecutionStatus>>,
    /// What a team was told of a stage by itself, in order; none where that does not matter.
    pub notices: Option<BTreeMap<String, Vec<Occasion>>>,
    /// Messages about several stages; none where that does not matter.
    pub digests: Option<u32>,
    /// Messages that could not be understood.
    pub malformed: u32,
    /// Messages that were understood, and are no concern of the product.
    pub ignored: u32,
}

impl Expectation {
    /// Takes a moment of the play into account.
    pub fn record(&mut self, moment: &Moment) {
        let Happening::Handled(handled) = &moment.what else {
            return;
        };
        match handled.as_ref() {
            Handled::Worked(outcome) => self.decided(outcome.decision.as_ref()),
            Handled::Swept(report) => {
                report.outcomes.iter().for_each(|outcome| self.decided(outcome.decision.as_ref()));
            }
            Handled::Reminded => {}
            Handled::Ignored(_) => self.ignored += 1,
            Handled::Malformed(_) | Handled::MalformedUnrecorded(_) => self.malformed += 1,
        }
    }

    fn decided(&mut self, decision: Option<&Decision>) {
        if let Some(decision) = decision {
            let subject = format!("{}/{}", decision.run.pipeline.name, decision.run.stage);
            let decisions = self.decisions.entry(subject).or_default();
            let is_same_pause =
                decision.ruling == Ruling::WaitPaused || decision.ruling == Ruling::WaitPolicyInvalid;
            if !(is_same_pause && decisions.last() == Some(&decision.ruling)) {
                decisions.push(decision.ruling);
            }
        }
    }

    /// Adds what the world shows at the end.
    pub fn conclude(&mut self, world: &World) {
        for call in world.service.retry_calls() {
            if call.caller == "retrier" && call.outcome.is_ok() {
                let subject = format!("{}/{}", call.pipeline, call.stage);
                self.modes.entry(subject.clone()).or_default().push(call.mode);
                *self.retries.entry(subject).or_default() += 1;
            }
        }
        for record in world.ledger.records() {
            if !record.retries.is_empty() {
                let subject = format!("{}/{}", record.id.pipeline.name, record.id.stage);
                let progress = record.retries.iter().map(|retry| retry.progress.as_str().to_owned());
                self.outcomes.entry(subject).or_default().extend(progress);
            }
        }
        let (notices, digests) = (self.notices.get_or_insert_default(), self.digests.get_or_insert_default());
        for (_, bulletin) in &world.outside.bulletins {
            match bulletin {
                Bulletin::Single { notice, .. } => {
                    let subject = format!("{}/{}", notice.run.pipeline.name, notice.run.stage);
                    notices.entry(subject).or_default().push(notice.occasion);
                }
                Bulletin::Digest { .. } => *digests += 1,
            }
        }
        for name in world.service.list_pipelines() {
            let mut executions = world.service.list_executions(&name).unwrap_or_default();
            executions.reverse();
            let statuses = executions.iter().map(|execution| execution.status).collect();
            self.executions.insert(name.to_string(), statuses);
        }
    }

    /// How `found` differs from what is expected here, a line each. Only what is named is compared, except that a
    /// retry nobody expected is always a difference, and so is a message that is not understood or no concern.
    pub fn differences(&self, found: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (subject, expected) in &self.decisions {
            let words =
                |rulings: &[Ruling]| rulings.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let got = found.decisions.get(subject).map(Vec::as_slice).unwrap_or_default();
            if expected != got {
                lines.push(format!("{subject}: expected {}, got {}", words(expected), words(got)));
            }
        }
        for subject in self.retries.keys().chain(found.retries.keys()).collect::<BTreeSet<_>>() {
            let expected = self.retries.get(subject).copied().unwrap_or_default();
            let got = found.retries.get(subject).copied().unwrap_or_default();
            if expected != got {
                lines.push(format!("{subject}: expected {expected} retries, got {got}"));
            }
        }
        for (subject, expected) in &self.modes {
            let got = found.modes.get(subject).map(Vec::as_slice).unwrap_or_default();
            if expected != got {
                lines.push(format!("{subject}: expected retries of {expected:?}, got {got:?}"));
            }
        }
        for (what, expected, got) in
            [("malformed", self.malformed, found.malformed), ("ignored", self.ignored, found.ignored)]
        {
            if expected != got {
                lines.push(format!("expected {expected} messages to be {what}, got {got}"));
            }
        }
        for (subject, expected) in &self.outcomes {
            let got = found.outcomes.get(subject).map(Vec::as_slice).unwrap_or_default();
            if expected != got {
                lines.push(format!("{subject}: expected {}, got {}", expected.join(", "), got.join(", ")));
            }
        }
        if let Some((expected, got)) = self.notices.as_ref().zip(found.notices.as_ref()) {
            let words = |told: Option<&Vec<Occasion>>| {
                let told = told.into_iter().flatten();
                told.map(|occasion| occasion.as_str()).collect::<Vec<_>>().join(", ")
            };
            for subject in expected.keys().chain(got.keys()).collect::<BTreeSet<_>>() {
                let (expected, got) = (words(expected.get(subject)), words(got.get(subject)));
                if expected != got {
                    lines.push(format!("{subject}: expected the messages `{expected}`, got `{got}`"));
                }
            }
        }
        if let Some((expected, got)) =
            self.digests.zip(found.digests).filter(|(expected, got)| expected != got)
        {
            lines.push(format!("expected {expected} messages about several stages, got {got}"));
        }
        for (pipeline, expected) in &self.executions {
            let got = found.executions.get(pipeline).map(Vec::as_slice).unwrap_or_default();
            if expected != got {
                lines.push(format!("{pipeline}: expected executions {expected:?}, got {got:?}"));
            }
        }
        lines
    }
}
