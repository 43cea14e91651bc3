//! Has the product look at once at what waited for a person's act, instead of when it would look anyway.

use jiff::Timestamp;

use super::table::Table;
use crate::aws::wake_ups::send_now;
use crate::domain::controls::Controls;
use crate::domain::decision::Ruling;
use crate::domain::stage_run::StageRun;
use crate::domain::trigger::WakeUp;

/// Wakes the stage runs that wait for this cause although it is over: the end of a pause, or a policy that compiles. Says
/// how many these are; none when they could not be found or woken: then they are looked at when their own wake-ups come.
pub(super) async fn wake(table: &Table, controls: &Controls, cause: Ruling, now: Timestamp) -> Option<usize> {
    let runs = table.ledger.open_runs().await.ok()?;
    let waiting: Vec<WakeUp> =
        runs.iter().filter_map(|run| waits_for_nothing(run, controls, cause, now)).collect();
    if waiting.is_empty() {
        return Some(0);
    }
    let queue = table.queue_url().await?;
    for wake_up in &waiting {
        send_now(&table.clients, &queue, wake_up, now).await.ok()?;
    }
    Some(waiting.len())
}

/// What was woken, for people; nothing where nothing waited.
pub(super) fn line(woken: Option<usize>) -> String {
    match woken {
        Some(0) => String::new(),
        Some(1) => "1 failure waited for that, and is decided now\n".to_owned(),
        Some(woken) => format!("{woken} failures waited for that, and are decided now\n"),
        None => "what waited for that is decided within five minutes\n".to_owned(),
    }
}

/// The wake-up of a stage run that waits for this cause although nothing holds it.
fn waits_for_nothing(run: &StageRun, controls: &Controls, cause: Ruling, now: Timestamp) -> Option<WakeUp> {
    let wait = run.wait.as_ref().filter(|wait| wait.ruling == cause)?;
    let is_paused = controls.pause_for(run.id.pipeline.name.as_str(), now).is_some();
    (!is_paused).then(|| WakeUp { run: run.id.clone(), sequence: wait.sequence })
}
