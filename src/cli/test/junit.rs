//! What came of cases, as the XML that CI systems show.

use std::fs;
use std::path::Path;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Ran, last_step};
use crate::cli::error::CliError;

/// Writes a suite for each file of cases.
pub(super) fn write(path: &Path, all: &[Ran]) -> Result<(), CliError> {
    let mut report = Report::new("retrier test");
    for ran in all {
        let mut suite = TestSuite::new(ran.file.clone());
        for result in &ran.results {
            let status = match &result.end {
                Ok(outcome) if outcome.differences.is_empty() => TestCaseStatus::success(),
                Ok(outcome) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    let differences: Vec<String> =
                        outcome.differences.iter().map(ToString::to_string).collect();
                    status.set_message(differences.join("; "));
                    if let Some((step, detail)) = last_step(outcome.end()) {
                        status.set_description(format!("at step `{step}`: {detail}"));
                    }
                    status
                }
                Err(problem) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                    status.set_message(problem.clone());
                    status
                }
            };
            let mut case = TestCase::new(result.name.clone(), status);
            case.set_classname(ran.file.clone());
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    let cannot = |problem: String| {
        CliError::usage(format!("cannot write `{}`: {problem}", path.display()))
            .with_hint("`--junit` names the file that the results are written to")
    };
    let text = report.to_string().map_err(|error| cannot(error.to_string()))?;
    let part = path.with_extension("part");
    fs::write(&part, text).and_then(|()| fs::rename(&part, path)).map_err(|error| cannot(error.to_string()))
}
