//! The sweep: what it finds, and what it must not have to find again.

use codepipeline_retrier::domain::pipeline::ActionStatus;
use codepipeline_retrier::domain::stage_run::StageRun;

use super::Machine;
use super::queue::{Message, Subject};
use super::stage::action_execution;
use super::time::{Second, second};
use super::world::World;

/// How long after a wait or a lease is over it counts as overdue.
const GRACE: Second = 120;

impl Machine {
    /// Whether a failure has no decision, or a wait or claim is open.
    pub fn is_anything_open(&self, world: &World) -> bool {
        (0..world.stages.len()).any(|run| {
            let stage = &world.stages[run];
            let record = self.record(world, run);
            let is_known =
                |number: usize| record.is_some_and(|record| record.knows(&action_execution(number)));
            let is_undecided = stage.shown.attempts.iter().enumerate().any(|(number, attempt)| {
                attempt.status == ActionStatus::Failed && !stage.decided[number] && !is_known(number)
            });
            is_undecided || record.is_some_and(|record| record.wait.is_some() || record.claim.is_some())
        })
    }

    /// Whether the sweep has anything to look for: that, or how a retry ended.
    pub fn is_anything_unknown(&self, world: &World) -> bool {
        let is_running = |run| self.record(world, run).is_some_and(|record| record.running_retry().is_some());
        self.is_anything_open(world) || (0..world.stages.len()).any(is_running)
    }

    fn record<'a>(&self, world: &'a World, run: usize) -> Option<&'a StageRun> {
        world.ledger.record(&self.installation.runs[run])
    }

    /// From when on something of a stage run is overdue. A claim that something waits for is looked at with the wait.
    fn overdue(&self, world: &World, run: usize) -> Option<Second> {
        let record = self.record(world, run)?;
        let wait = record.wait.as_ref().map(|wait| second(wait.wake_at));
        let claim = record.claim.as_ref().map(|claim| second(claim.lease_until));
        wait.or(claim).map(|due| due + GRACE)
    }

    /// The failures that the history shows and the record does not know; the last one also where a retry's end is not
    /// known.
    fn failures(&self, world: &World, run: usize) -> Vec<(usize, Second)> {
        let record = self.record(world, run);
        let attempts = world.stages[run].shown.attempts.iter().enumerate();
        let failed: Vec<_> = attempts.filter(|(_, attempt)| attempt.status == ActionStatus::Failed).collect();
        let last = failed.last().map(|(number, _)| *number);
        let is_running = record.is_some_and(|record| record.running_retry().is_some());
        let is_wanted = |number: usize| {
            let is_known = record.is_some_and(|record| record.knows(&action_execution(number)));
            !is_known || (is_running && Some(number) == last)
        };
        (failed.into_iter())
            .filter(|(number, _)| is_wanted(*number))
            .map(|(number, attempt)| (number, attempt.changed))
            .collect()
    }

    /// Beside live workers the sweep takes what is due; after everything else it comes as late as it must.
    pub fn sweep(&self, world: &mut World) {
        let is_last = world.is_at_rest() && self.is_anything_unknown(world);
        if is_last {
            world.swept += 1;
        } else {
            world.left.sweeps -= 1;
        }
        for run in 0..world.stages.len() {
            let overdue = self.overdue(world, run).map(|due| (None, due));
            let now = world.now;
            let failures = self.failures(world, run).into_iter().map(|failure| (Some(failure), now));
            for (failure, due) in overdue.into_iter().chain(failures) {
                if is_last || due <= now {
                    let subject = Subject::Found { run, failure };
                    world.send(Message { subject, due: due.max(now), again: true });
                }
            }
        }
    }
}
