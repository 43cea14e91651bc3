//! From what was read about failed runs to their classes.

use super::{excerpt, of_run, texts_of};
use crate::domain::classifier::Classifier;
use crate::domain::evidence::{Evidence, Examination, Examined};
use crate::domain::facts::FailedAction;
use crate::domain::ids::StageRunId;

/// Classifies each failed run of a stage by all that is known of it; `evidence` is in their order, and where it is shorter
/// nothing was read. With `excerpts`, the line that decided is cited, cut and without secrets.
pub fn examine(
    classifiers: &[Classifier],
    run: &StageRunId,
    failed: &[FailedAction],
    evidence: &[Evidence],
    excerpts: bool,
) -> Examination {
    let nothing = Evidence::default();
    let all = failed.iter().zip(evidence.iter().chain(std::iter::repeat(&nothing)));
    all.map(|(action, evidence)| {
        let texts = texts_of(action, evidence);
        let classified = of_run(classifiers, run, action, &texts);
        let excerpt = if excerpts { excerpt(&texts, &classified) } else { None };
        (action.id.clone(), Examined { classified, gaps: evidence.gaps.clone(), excerpt })
    })
    .collect()
}
