//! The trace of a play: one line for each thing that happens, with the virtual time, who, and what.

use std::fmt::Write as _;

use codepipeline_retrier::domain::protocol::Commit;
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::codepipeline::RetryCall;
use codepipeline_retrier::function::Handled;
use codepipeline_retrier::replay::moment::{Happening, Moment};
use jiff::Timestamp;

/// Collects lines, if anybody wants them.
#[derive(Debug, Default)]
pub struct Trace {
    text: Option<String>,
}

impl Trace {
    pub fn new(is_wanted: bool) -> Self {
        Self { text: is_wanted.then(String::new) }
    }

    pub fn line(&mut self, at: Timestamp, who: impl FnOnce() -> String) {
        if let Some(text) = &mut self.text {
            writeln!(text, "{at:.3} {}", who()).unwrap();
        }
    }

    pub fn moment(&mut self, moment: &Moment) {
        self.line(moment.at, || match &moment.what {
            Happening::Acted(act, Ok(())) => act_of(act),
            Happening::Acted(act, Err(refusal)) => format!("{}: {:?}", act_of(act), refusal.exception),
            Happening::Event(event) => {
                let text = |member: &str| event["detail"][member].as_str().unwrap_or_default();
                let subject = event["detail-type"].as_str().unwrap_or_default();
                format!(
                    "codepipeline {} {}/{}/{} {} of {}",
                    subject.trim_start_matches("CodePipeline ").trim_end_matches(" Execution State Change"),
                    text("pipeline"),
                    text("stage"),
                    text("action"),
                    text("state"),
                    text("execution-id"),
                )
            }
            Happening::Handled(handled) => format!("answer {}", handled_as(handled)),
            Happening::Died => "death".into(),
        });
    }

    pub fn commit(&mut self, at: Timestamp, commit: &Commit) {
        self.line(at, || {
            let record = &commit.record;
            let mut line = format!(
                "ledger {}/{} revision {}",
                record.id.pipeline.name, record.id.stage, record.revision
            );
            if let Some(wait) = &record.wait {
                write!(line, ", waits for {} until {}", wait.ruling, wait.wake_at).unwrap();
            }
            if let Some(claim) = &record.claim {
                write!(line, ", claim {} of {} until {}", claim.retry, claim.owner, claim.lease_until)
                    .unwrap();
            }
            if let Some(retry) = record.retries.last() {
                write!(line, ", retry {} {}", retry.number, retry.progress.as_str()).unwrap();
            }
            if let Some(decision) = &commit.decision {
                write!(line, ", {}", decision.ruling).unwrap();
                if let Some(step) = decision.explanation.last() {
                    write!(line, " ({})", step.detail).unwrap();
                }
            }
            let (taken, back) = (commit.withdrawals.len(), commit.deposits.len());
            write!(line, ", tokens -{taken} +{back}").unwrap();
            line
        });
    }

    pub fn call(&mut self, call: &RetryCall) {
        self.line(call.at, || {
            let outcome = match &call.outcome {
                Ok(()) => "accepted".to_owned(),
                Err(refusal) => format!("{:?}", refusal.exception),
            };
            format!("codepipeline retry of {}/{} by {}: {outcome}", call.pipeline, call.stage, call.caller)
        });
    }

    pub fn into_text(self) -> String {
        self.text.unwrap_or_default()
    }
}

fn act_of(act: &Act) -> String {
    match act {
        Act::Deploy { policy: Some(policy) } => format!("deployment of policy {}", policy.version),
        Act::Deploy { policy: None } => "deployment of a broken policy".into(),
        act => format!("act {act:?}"),
    }
}

fn handled_as(handled: &Handled) -> String {
    match handled {
        Handled::Worked(outcome) => match &outcome.decision {
            Some(decision) => format!(
                "{} {}/{}: {}",
                outcome.conclusion.as_str(),
                decision.run.pipeline.name,
                decision.run.stage,
                decision.ruling
            ),
            None => outcome.conclusion.as_str().to_owned(),
        },
        Handled::Swept(report) => format!(
            "sweep {} {}: {} pipelines, {} findings, {} overdue, {} news",
            report.round,
            report.end.as_str(),
            report.pipelines,
            report.findings,
            report.overdue,
            report.outcomes.len()
        ),
        other => format!("{other:?}"),
    }
}
