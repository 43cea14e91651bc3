//! From what was read about failed runs to their classes.

use crate::domain::classifier::Classifier;
use crate::domain::evidence::{Classified, Evidence, Examination, Examined};
use crate::domain::facts::FailedAction;
use crate::domain::ids::StageRunId;
use crate::domain::signature;

/// Classifies each failed run by what is known of it; `evidence` is in their order.
pub fn examine(
    _classifiers: &[Classifier],
    _run: &StageRunId,
    failed: &[FailedAction],
    evidence: &[Evidence],
) -> Examination {
    let none = Evidence::default();
    let all = failed.iter().zip(evidence.iter().chain(std::iter::repeat(&none)));
    all.map(|(action, evidence)| {
        let known = signature::classify(action.category, &action.error);
        let classified = Classified {
            class: known.class,
            signature: known.signature.to_owned(),
            reason: String::new(),
            found: None,
        };
        (action.id.clone(), Examined { classified, gaps: evidence.gaps.clone() })
    })
    .collect()
}
