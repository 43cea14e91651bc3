//! Which executions of a PARALLEL pipeline have entered a stage, as far as they may be newer than the one in question.
//!
//! No answer of CodePipeline tells it. The list of executions gives their starts, and the list of all action executions,
//! read back to the start of this one, their entries. Both lists come newest first, which AWS's examples show and no
//! page of AWS promises; a list in another order is read to its end.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::reader::Reader;
use crate::domain::ids::{ExecutionId, StageName, StageRunId};
use crate::domain::pipeline::{ActionExecution, Gap, StageEntry};

/// Older executions with a late run in the stage whose whole history is read. That is a retry by hand of an older one.
const MOST_LOOKED_UP: usize = 10;
/// Most time for all of it. It is read twice before a retry, and an invocation that is cut off in the middle decides
/// nothing, however often it is tried.
const LONGEST: Duration = Duration::from_secs(8);

impl Reader<'_> {
    /// The entries: this execution's, those of executions that started after it, and those of older ones that may have
    /// entered after it. Empty while the lists do not show this execution.
    pub async fn entries(&self, run: &StageRunId) -> Result<Vec<StageEntry>, Gap> {
        tokio::time::timeout(LONGEST, self.look_up(run)).await.unwrap_or(Err(Gap::Unavailable))
    }

    async fn look_up(&self, run: &StageRunId) -> Result<Vec<StageEntry>, Gap> {
        let executions = self
            .executions(|read| read.iter().any(|(id, _)| *id == run.execution) && falls(read, |(_, at)| *at))
            .await?;
        let starts: BTreeMap<ExecutionId, Timestamp> = executions.into_iter().collect();
        let Some(own_start) = starts.get(&run.execution).copied() else { return Ok(Vec::new()) };

        let actions = self.all_action_executions(|read| is_read_back_to(own_start, read)).await?;
        let first_runs = first_runs(&actions, &run.stage);
        let Some(own_entry) = first_runs.get(&run.execution).copied() else { return Ok(Vec::new()) };

        let mut entries = Vec::new();
        let mut looked_up = 0;
        for (execution, first_run) in first_runs {
            match starts.get(&execution) {
                Some(started) if *started >= own_start => {
                    entries.push(StageEntry { execution, started: *started, entered: first_run });
                }
                // Entered before this one, and started before it.
                _ if first_run <= own_entry => {}
                // Its first run in the stage may be older than what was read.
                started => {
                    looked_up += 1;
                    if looked_up > MOST_LOOKED_UP {
                        return Err(Gap::Unavailable);
                    }
                    let history = self.action_executions(&execution).await?;
                    let entered = first_in(&history, &run.stage).unwrap_or(first_run);
                    let began = history.iter().map(|run| run.started).min().unwrap_or(entered);
                    entries.push(StageEntry {
                        execution,
                        started: started.copied().unwrap_or(began).min(own_start),
                        entered,
                    });
                }
            }
        }
        Ok(entries)
    }
}

/// Whether what follows in the list neither started nor changed since. Such lists are in the order of one or the other.
fn is_read_back_to(start: Timestamp, read: &[ActionExecution]) -> bool {
    let is_in_order = falls(read, |run| run.started) || falls(read, |run| run.last_change);
    is_in_order && read.last().is_some_and(|last| last.started < start && last.last_change < start)
}

fn falls<T>(list: &[T], at: impl Fn(&T) -> Timestamp) -> bool {
    list.is_sorted_by(|earlier, later| at(earlier) >= at(later))
}

fn first_in(runs: &[ActionExecution], stage: &StageName) -> Option<Timestamp> {
    runs.iter().filter(|run| run.stage == *stage).map(|run| run.started).min()
}

fn first_runs(actions: &[ActionExecution], stage: &StageName) -> BTreeMap<ExecutionId, Timestamp> {
    let mut first: BTreeMap<ExecutionId, Timestamp> = BTreeMap::new();
    for action in actions.iter().filter(|action| action.stage == *stage) {
        let entered = first.entry(action.execution.clone()).or_insert(action.started);
        *entered = (*entered).min(action.started);
    }
    first
}
