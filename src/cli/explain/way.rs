//! How far a retry would carry the change, as one sentence.

use crate::domain::ahead::{Passage, StageAhead, entered};
use crate::domain::freeze::Freeze;
use crate::domain::ids::StageName;

/// The sentence, for the stages behind this one. `is_retried` says whether the product retries by itself.
pub(super) fn sentence(stage: &StageName, ahead: &[StageAhead], is_retried: bool) -> String {
    let condition = if is_retried { "If the retry succeeds" } else { "If a retry succeeds" };
    if ahead.is_empty() {
        return format!("{condition}, the execution is complete: `{stage}` is the last stage.");
    }
    let entered: Vec<&StageAhead> = entered(ahead).collect();
    let mut through: Vec<String> = Vec::new();
    let mut stop = None;
    for next in &entered {
        match &next.passage {
            Passage::StopsAt { approval, .. } => {
                stop = Some(format!("stops at approval `{approval}` in `{}`", next.stage));
            }
            Passage::RunsOn | Passage::StopsBefore | Passage::Unknown => {
                through.push(format!("`{}`", next.stage));
            }
        }
    }
    let closed = ahead.get(entered.len()).filter(|next| next.passage == Passage::StopsBefore);
    let stop = stop
        .or(closed
            .map(|next| format!("stops before `{}`, since the transition into it is disabled", next.stage)));
    let goes = (!through.is_empty()).then(|| format!("goes on into {}", list(&through)));
    let way = match (goes, stop) {
        (Some(goes), Some(stop)) => format!("{goes}, and {stop}"),
        (Some(goes), None) => format!("{goes}, to the end of the pipeline"),
        (None, stop) => stop.unwrap_or_default(),
    };
    let doubt = if entered.iter().any(|next| next.passage == Passage::Unknown) {
        ", unless an approval stops it (`--pipeline` tells)"
    } else {
        ""
    };
    format!("{condition}, the change {way}{doubt}.")
}

/// What is frozen at times in a stage that a retry runs on into.
pub(super) fn frozen(stage: &StageName, freezes: &[Freeze]) -> String {
    let names: Vec<String> =
        freezes.iter().map(|freeze| format!("`{}` ({})", freeze.name, freeze.when)).collect();
    format!("A retry waits for the end of what freezes `{stage}`: {}.", list(&names))
}

/// `a`, `a and b`, `a, b and c`.
fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ActionName;

    fn told(ahead: &[(&str, Passage)]) -> String {
        let name = |text: &str| StageName::parse(text).unwrap();
        let ahead: Vec<StageAhead> = ahead
            .iter()
            .map(|(stage, passage)| StageAhead { stage: name(stage), passage: passage.clone() })
            .collect();
        let sentence = sentence(&name("Test"), &ahead, true);
        sentence.trim_start_matches("If the retry succeeds, ").to_owned()
    }

    #[test]
    fn every_way_has_its_words() {
        let approval =
            || Passage::StopsAt { approval: ActionName::parse("Release").unwrap(), is_first: false };
        for (ahead, expected) in [
            (&[][..], "the execution is complete: `Test` is the last stage."),
            (&[("A", Passage::RunsOn)], "the change goes on into `A`, to the end of the pipeline."),
            (
                &[("A", Passage::RunsOn), ("B", Passage::RunsOn), ("C", approval()), ("D", Passage::RunsOn)],
                "the change goes on into `A` and `B`, and stops at approval `Release` in `C`.",
            ),
            (
                &[("A", approval()), ("B", Passage::StopsBefore)],
                "the change stops at approval `Release` in `A`.",
            ),
            (
                &[("A", Passage::StopsBefore), ("B", Passage::RunsOn)],
                "the change stops before `A`, since the transition into it is disabled.",
            ),
            (
                &[("A", Passage::Unknown), ("B", Passage::Unknown), ("C", Passage::Unknown)],
                "the change goes on into `A`, `B` and `C`, to the end of the pipeline, unless an approval stops it \
                 (`--pipeline` tells).",
            ),
            (
                &[("A", Passage::Unknown), ("B", Passage::StopsBefore)],
                "the change goes on into `A`, and stops before `B`, since the transition into it is disabled, unless \
                 an approval stops it (`--pipeline` tells).",
            ),
        ] {
            assert_eq!(told(ahead), expected);
        }
    }
}
