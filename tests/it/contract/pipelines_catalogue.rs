//! The contract of CodePipeline's lists, which a sweep reads: all of it, and each thing once.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use codepipeline_retrier::domain::facts::failures;
use codepipeline_retrier::domain::ids::{ExecutionId, PipelineName};
use codepipeline_retrier::domain::pipeline::{ExecutionMode, Gap};
use codepipeline_retrier::domain::scope::Scope;
use codepipeline_retrier::ports::ExecutionEntry;

use super::pipelines::{FAILS_AT, fails};
use super::pipelines::{Running, failed, name, retry, shop, stage_name, started, succeeds};

async fn executions<P: Running>(port: &P) -> (Vec<ExecutionEntry>, usize) {
    let (mut all, mut next, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = port.executions(&port.arn(&name()), next.as_ref()).await.unwrap();
        all.extend(page.entries);
        pages += 1;
        next = page.next;
        if next.is_none() {
            return (all, pages);
        }
    }
}

pub async fn every_pipeline_is_listed_once<P: Running>(port: &P) {
    let names: BTreeSet<PipelineName> =
        (0..30).map(|number| PipelineName::parse(format!("shop-{number}")).unwrap()).collect();
    for name in &names {
        let mut definition = shop([succeeds()]);
        definition.name = name.clone();
        port.make(definition).await;
    }
    let here = Scope::of(&port.arn(&name()));
    let page = port.pipelines(&here, None).await.unwrap();
    assert_eq!((page.entries.len(), page.next), (30, None));
    assert_eq!(page.entries.into_iter().collect::<BTreeSet<_>>(), names);
}

pub async fn the_newest_execution_comes_first_with_its_last_change<P: Running>(port: &P) {
    let older = failed(port, shop([fails(), succeeds()]).in_mode(ExecutionMode::Parallel)).await;
    port.pass(SignedDuration::from_hours(1)).await;
    let newer = port.start(&name()).await;
    port.pass(FAILS_AT).await;
    let (before, _) = executions(port).await;
    let ids: Vec<_> = before.iter().map(|entry| entry.execution.clone()).collect();
    assert_eq!(ids, [newer, older.execution.clone()]);
    assert!(before[0].last_change > before[1].last_change);
    // A retry is a change, though its execution stays where it was in the list.
    port.pass(SignedDuration::from_hours(1)).await;
    retry(port, &older).await;
    let (after, _) = executions(port).await;
    assert_eq!(after[1].execution, older.execution);
    assert!(after[1].last_change > before[0].last_change);
}

pub async fn many_executions_come_in_pages<P: Running>(port: &P) {
    port.make(shop([succeeds()]).in_mode(ExecutionMode::Parallel)).await;
    let mut begun = BTreeSet::new();
    for _ in 0..120 {
        begun.insert(port.start(&name()).await);
        // So many at once would be refused.
        port.pass(SignedDuration::from_mins(1)).await;
    }
    let (all, pages) = executions(port).await;
    assert_eq!((all.len(), pages), (120, 2));
    assert_eq!(all.into_iter().map(|entry| entry.execution).collect::<BTreeSet<_>>(), begun);
}

pub async fn the_runs_of_an_execution_are_those_that_are_observed<P: Running>(port: &P) {
    let run = failed(port, shop([fails(), fails()])).await;
    retry(port, &run).await;
    port.pass(FAILS_AT).await;
    let runs = port.actions(&port.arn(&name()), &run.execution).await.unwrap();
    assert_eq!(Ok(&runs), port.observe(&run).await.actions.as_ref());
    let seen = failures(&runs);
    assert_eq!(seen.len(), 2, "{seen:?}");
    let (first, second) = (&seen[0].1, &seen[1].1);
    assert_eq!((&seen[0].0, &seen[1].0), (&stage_name(), &stage_name()));
    assert!(first.failed_at < second.failed_at && first.failed.is_disjoint(&second.failed));
}

pub async fn what_does_not_exist_is_a_gap<P: Running>(port: &P) {
    assert_eq!(
        port.executions(&port.arn(&name()), None).await.map(|page| page.entries.len()),
        Err(Gap::PipelineNotFound)
    );
    let execution = started(port, shop([succeeds()])).await;
    let unknown = ExecutionId::parse("00000000-0000-4000-8000-000000000000").unwrap();
    assert_eq!(port.actions(&port.arn(&name()), &unknown).await, Err(Gap::ExecutionNotFound));
    assert!(port.actions(&port.arn(&name()), &execution).await.is_ok());
}
