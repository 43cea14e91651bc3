//! Whether the stage may be retried at this time, and the stages that a retry would run on into.

use jiff::Timestamp;

use super::{Checked, Decider, Missing, Stop, refuse, wait};
use crate::domain::ahead::{reached, stages_ahead};
use crate::domain::decision::{Ruling, StepName};
use crate::domain::freeze::{Freeze, SPREAD, Weather, weather};
use crate::domain::ids::{StageName, StageRunId};
use crate::domain::screen::look_again;
use crate::domain::stage_run::after;

/// A freeze that holds a retry of a stage back, and the later stage whose rule names it; none for the stage itself.
type Held<'a> = (Option<StageName>, &'a Freeze);

impl<'a> Decider<'_, 'a> {
    pub(super) fn freeze(&mut self, failed_at: Timestamp) -> Checked<()> {
        let step = StepName::Freeze;
        let covered = self.question.covered;
        let held = self.freezes();
        let all = held.iter().map(|(_, freeze)| *freeze);
        let deadline = after(failed_at, covered.rule.settings.give_up_after);
        let (freeze, until) = match weather(all, self.question.calendars, self.question.now, deadline) {
            Weather::Open => {
                let detail = if held.is_empty() { "no freeze to respect" } else { "no freeze holds" };
                self.pass(step, detail);
                return Ok(());
            }
            Weather::Unasked(_) => {
                let calendars = held.iter().filter_map(|(_, freeze)| freeze.calendar());
                return Err(Stop::Missing(Missing::Calendars(calendars.cloned().collect())));
            }
            Weather::Unknown(calendar, gap) => {
                let until = look_again(failed_at, covered.rule.settings.give_up_after, self.question.now);
                let detail = format!("change calendar {calendar} could not be read: {}", gap.as_str());
                return wait(Ruling::WaitCannotVerify, until, step, detail);
            }
            Weather::Frozen { freeze, until } => (freeze, until),
        };
        let place = held.iter().find(|(_, held)| *held == freeze).and_then(|(stage, _)| stage.as_ref());
        let place = place.map(|stage| format!(" of stage `{stage}`, which a retry would run on into"));
        let detail = format!("freeze `{}`{} ({}) holds", freeze.name, place.unwrap_or_default(), freeze.when);
        match until {
            Some(until) if until >= deadline => {
                let detail = format!("{detail} until after give-up-after");
                refuse(Ruling::GiveUpFrozenTooLong, step, detail)
            }
            Some(until) => {
                let spread = SPREAD.min(deadline.duration_since(until)).as_millis();
                let turn = self.question.jitter.up_to(i64::try_from(spread).unwrap_or_default());
                let detail = format!("{detail} until {until:.0}");
                wait(Ruling::WaitFrozen, after(until, jiff::SignedDuration::from_millis(turn)), step, detail)
            }
            None => {
                let until = look_again(failed_at, covered.rule.settings.give_up_after, self.question.now);
                wait(Ruling::WaitFrozen, until, step, format!("{detail}, and does not say until when"))
            }
        }
    }

    /// The freezes of the stage's own rule, then those of the rules of later stages.
    fn freezes(&self) -> Vec<Held<'a>> {
        let covered = self.question.covered;
        let mut held: Vec<Held<'a>> =
            covered.rule.settings.freezes.iter().map(|freeze| (None, freeze)).collect();
        if !covered.rule.settings.downstream {
            return held;
        }
        let reading = self.question.reading;
        let run = &self.question.record.id;
        let (structure, state) = (reading.structure.as_ref().ok(), reading.state.as_ref().ok());
        let ahead = stages_ahead(&run.stage, structure, state).unwrap_or_default();
        for next in reached(&ahead) {
            let there = StageRunId { stage: next.stage.clone(), ..run.clone() };
            for rule in covered.policy.rules_ahead(run, &there, covered.tags) {
                held.extend(rule.settings.freezes.iter().map(|freeze| (Some(next.stage.clone()), freeze)));
            }
        }
        held
    }
}
