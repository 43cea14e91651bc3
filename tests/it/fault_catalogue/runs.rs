//! The rows, many at a time: most of a row is waiting.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use codepipeline_retrier::aws::settings::variable;

use super::adapter;
use super::catalogue::{Row, all};
use super::end_to_end::{self, Lasting};
use super::lane::Bench;
use crate::figure;

/// Rows at a time.
const AT_ONCE: usize = 8;

/// Every how manieth row is run at its adapter, and end to end, where not all are.
const AT_ITS_ADAPTER: usize = 2;
const END_TO_END: usize = 13;

/// Holds the rows against something, and says what is wrong with which.
fn hold(rows: &[Row], how: &str, each: impl Fn(&Row) -> Vec<String> + Sync) -> Vec<String> {
    let (next, findings) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(row) = rows.get(next.fetch_add(1, Ordering::SeqCst)) {
            let (service, operation) = row.asked.names();
            let found = each(row).into_iter();
            let named = found.map(|finding| format!("{service}:{operation}, {}, {how}: {finding}", row.name));
            findings.lock().unwrap().extend(named);
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(rows.len()) {
            scope.spawn(work);
        }
    });
    findings.into_inner().unwrap()
}

/// The rows whose name contains `RETRIER_FAULT`, to look at one.
fn chosen() -> Vec<Row> {
    let wanted = variable("RETRIER_FAULT").unwrap_or_default();
    all().into_iter().filter(|row| format!("{:?} {}", row.asked, row.name).contains(&wanted)).collect()
}

fn some(every: usize) -> Vec<Row> {
    chosen().into_iter().filter(|row| !row.is_slow).step_by(every).collect()
}

#[test]
fn adapters_say_what_is_certain_and_no_more() {
    let bench = Bench::new();
    let findings = hold(&some(AT_ITS_ADAPTER), "adapter", |row| adapter::hold(&bench, row));
    assert!(findings.is_empty(), "{} findings: {findings:#?}", findings.len());
}

#[test]
fn the_function_loses_nothing_and_doubles_nothing() {
    let bench = Bench::new();
    let findings = hold(&some(END_TO_END), "once", |row| end_to_end::hold(&bench, row, Lasting::Once));
    assert!(findings.is_empty(), "{} findings: {findings:#?}", findings.len());
}

#[test]
#[ignore = "a full run: make scoreboard"]
fn every_fault_is_told_apart_and_survived() {
    let bench = Bench::new();
    let rows = chosen();
    let mut findings = hold(&rows, "adapter", |row| adapter::hold(&bench, row));
    println!("adapters are done");
    for lasting in [Lasting::Once, Lasting::TwoHandlings] {
        findings.extend(hold(&rows, &format!("{lasting:?}"), |row| end_to_end::hold(&bench, row, lasting)));
        println!("{lasting:?} is done");
    }
    let holds = findings.is_empty();
    let measured = format!(
        "{} faults, each at its adapter and end to end, for one request and for two handlings: {} findings, \
         all classified right, 0 double, 0 lost",
        rows.len(),
        findings.len()
    );
    let measured = if holds { measured.replace("0 findings, ", "") } else { measured };
    if variable("RETRIER_FAULT").is_none() {
        figure::record("fault-catalogue", &measured, holds);
    }
    assert!(holds, "{findings:#?}");
}
