//! The contract of what CodePipeline remembers, which a backtest reads: all of it, and each thing once.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use codepipeline_retrier::domain::ids::ActionExecutionId;
use codepipeline_retrier::domain::pipeline::{
    ActionStatus, ExecutionKind, ExecutionMode, ExecutionStatus, Gap,
};
use codepipeline_retrier::ports::{PageToken, PastExecution};

use super::pipelines::{FAILS_AT, Running, failed, fails, name, retry, shop, started, succeeds};

pub async fn what_is_remembered_of_an_execution_is_how_it_stands<P: Running>(port: &P) {
    let older = failed(port, shop([fails(), succeeds()]).in_mode(ExecutionMode::Parallel)).await;
    port.pass(SignedDuration::from_hours(1)).await;
    let newer = port.start(&name()).await;
    port.pass(SignedDuration::from_hours(1)).await;
    let page = port.past_executions(&port.arn(&name()), None).await.unwrap();
    let ids: Vec<_> = page.entries.iter().map(|past| past.id.clone()).collect();
    assert_eq!((ids, page.next), (vec![newer, older.execution.clone()], None));
    let [new, old] = page.entries.as_slice() else { panic!("{:?}", page.entries) };
    let seen = |past: &PastExecution| (past.status, past.kind);
    assert_eq!(seen(new), (ExecutionStatus::Succeeded, ExecutionKind::Standard));
    assert_eq!(seen(old), (ExecutionStatus::Failed, ExecutionKind::Standard));
    assert!(old.started < old.last_change && old.last_change < new.started);
}

pub async fn the_runs_of_all_executions_come_in_pages_and_each_once<P: Running>(port: &P) {
    port.make(shop([succeeds()]).in_mode(ExecutionMode::Parallel)).await;
    let mut executions = BTreeSet::new();
    for _ in 0..70 {
        executions.insert(port.start(&name()).await);
        port.pass(SignedDuration::from_mins(5)).await;
    }
    let (mut runs, mut next, mut pages): (Vec<_>, Option<PageToken>, usize) = (Vec::new(), None, 0);
    loop {
        let page = port.past_runs(&port.arn(&name()), next.as_ref()).await.unwrap();
        assert!(page.entries.len() <= 100);
        runs.extend(page.entries);
        pages += 1;
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let ids: BTreeSet<ActionExecutionId> = runs.iter().map(|run| run.id.clone()).collect();
    assert_eq!(ids.len(), runs.len());
    assert_eq!(pages, runs.len().div_ceil(100));
    assert_eq!(runs.iter().map(|run| run.execution.clone()).collect::<BTreeSet<_>>(), executions);
    assert!(runs.is_sorted_by(|newer, older| newer.started >= older.started));
    let one = port.actions(&port.arn(&name()), executions.first().unwrap()).await.unwrap();
    assert!(one.iter().all(|run| runs.contains(run)), "the same as of one execution");
}

pub async fn a_retry_is_remembered_beside_the_failure_that_it_answers<P: Running>(port: &P) {
    let run = failed(port, shop([fails(), succeeds()])).await;
    retry(port, &run).await;
    port.pass(FAILS_AT).await;
    let page = port.past_runs(&port.arn(&name()), None).await.unwrap();
    let of_stage = page.entries.iter().filter(|past| past.stage == run.stage);
    let statuses: Vec<ActionStatus> = of_stage.map(|past| past.status).collect();
    assert!(statuses.contains(&ActionStatus::Failed) && statuses.len() > 1, "{statuses:?}");
}

pub async fn the_structure_is_the_one_in_force<P: Running>(port: &P) {
    let run = failed(port, shop([fails()])).await;
    let structure = port.structure(&port.arn(&name())).await;
    assert_eq!(structure, port.observe(&run).await.structure);
}

pub async fn nothing_is_remembered_of_what_does_not_exist<P: Running>(port: &P) {
    let arn = port.arn(&name());
    assert_eq!(port.past_runs(&arn, None).await.map(|page| page.entries.len()), Err(Gap::PipelineNotFound));
    assert_eq!(
        port.past_executions(&arn, None).await.map(|page| page.entries.len()),
        Err(Gap::PipelineNotFound)
    );
    assert_eq!(port.structure(&arn).await, Err(Gap::PipelineNotFound));
    started(port, shop([succeeds()])).await;
    assert!(port.past_runs(&arn, None).await.is_ok());
}
