//! How far a change runs on behind a stage: the later stages, and what stops it on the way.
//!
//! It looks at the pipeline as it stands. Whether a stage will succeed is not asked here.

use super::ids::{ActionName, StageName};
use super::pipeline::{
    ActionDeclaration, Category, PipelineState, PipelineStructure, StageDeclaration, Transition,
};

/// A stage behind the one in question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StageAhead {
    /// Its name.
    pub stage: StageName,
    /// What becomes of a change that comes to it.
    pub passage: Passage,
}

/// What becomes of a change that comes to a stage.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Passage {
    /// It enters, and goes on when the stage succeeds.
    RunsOn,
    /// It enters, and stops at an approval until somebody gives it.
    StopsAt {
        /// The approval.
        approval: ActionName,
        /// Whether nothing of the stage runs before.
        is_first: bool,
    },
    /// The transition into the stage is disabled: it stops before the stage.
    StopsBefore,
    /// It enters; whether an approval stops it there is not known.
    Unknown,
}

impl Passage {
    /// The name used in documents.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::RunsOn => "runs-on",
            Self::StopsAt { .. } => "stops-at-approval",
            Self::StopsBefore => "stops-before",
            Self::Unknown => "unknown",
        }
    }
}

/// The stages behind this one, in order, by the structure where it is known, else by the state. Transitions are open
/// where there is no state. None when neither knows the stage.
///
/// A PARALLEL pipeline has no state worth believing, so none should be given for it.
pub fn stages_ahead(
    stage: &StageName,
    structure: Option<&PipelineStructure>,
    state: Option<&PipelineState>,
) -> Option<Vec<StageAhead>> {
    let is_closed = |name: &StageName| {
        let stages = state.map(|state| state.stages.as_slice()).unwrap_or_default();
        stages.iter().any(|stage| stage.name == *name && stage.transition == Transition::Disabled)
    };
    let ahead = |name: &StageName, open: Passage| StageAhead {
        stage: name.clone(),
        passage: if is_closed(name) { Passage::StopsBefore } else { open },
    };
    match (structure, state) {
        (Some(structure), _) => {
            let later = behind(&structure.stages, |declared| declared.name == *stage)?;
            Some(later.iter().map(|declared| ahead(&declared.name, inside(declared))).collect())
        }
        (None, Some(state)) => {
            let later = behind(&state.stages, |shown| shown.name == *stage)?;
            Some(later.iter().map(|shown| ahead(&shown.name, Passage::Unknown)).collect())
        }
        (None, None) => None,
    }
}

/// The stages that a change enters when everything on its way succeeds and nobody does anything.
pub fn entered(ahead: &[StageAhead]) -> impl Iterator<Item = &StageAhead> {
    let mut stopped = false;
    ahead.iter().take_while(move |next| {
        let enters = !stopped && next.passage != Passage::StopsBefore;
        stopped |= matches!(next.passage, Passage::StopsAt { .. });
        enters
    })
}

/// The stages of those in which something would run.
pub fn reached(ahead: &[StageAhead]) -> impl Iterator<Item = &StageAhead> {
    entered(ahead).filter(|next| !matches!(next.passage, Passage::StopsAt { is_first: true, .. }))
}

fn behind<T>(stages: &[T], is_it: impl Fn(&T) -> bool) -> Option<&[T]> {
    let index = stages.iter().position(is_it)?;
    stages.get(index + 1..)
}

fn inside(declared: &StageDeclaration) -> Passage {
    let is_approval = |action: &&ActionDeclaration| action.category == Category::Approval;
    let Some(approval) = declared.actions.iter().filter(is_approval).min_by_key(|action| action.run_order)
    else {
        return Passage::RunsOn;
    };
    let others = declared.actions.iter().filter(|action| !is_approval(action));
    let is_first = others.map(|action| action.run_order).min().is_none_or(|order| approval.run_order < order);
    Passage::StopsAt { approval: approval.name.clone(), is_first }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::PipelineName;
    use crate::domain::pipeline::{ExecutionMode, StageState};

    fn name(text: &str) -> StageName {
        StageName::parse(text).unwrap()
    }

    /// Stages of one action each; `approval` in one whose name begins with it.
    fn structure(stages: &[&str]) -> PipelineStructure {
        let stages = stages.iter().map(|stage| {
            let is_approval = stage.starts_with("Approve");
            let action = ActionDeclaration {
                name: ActionName::parse("Act").unwrap(),
                category: if is_approval { Category::Approval } else { Category::Deploy },
                provider: String::new(),
                run_order: 1,
                change_set: None,
            };
            StageDeclaration { name: name(stage), native_retry: None, actions: vec![action] }
        });
        PipelineStructure {
            name: PipelineName::parse("shop").unwrap(),
            version: 1,
            mode: ExecutionMode::Superseded,
            stages: stages.collect(),
        }
    }

    /// A state of these stages, the entry to one of them disabled.
    fn state(stages: &[&str], closed: &str) -> PipelineState {
        let stages = stages.iter().map(|stage| StageState {
            name: name(stage),
            latest: None,
            transition: if *stage == closed { Transition::Disabled } else { Transition::Enabled },
            actions: Vec::new(),
            retries: None,
            waiting: false,
        });
        PipelineState { version: 1, stages: stages.collect() }
    }

    fn passages(ahead: &[StageAhead]) -> Vec<(&str, &str)> {
        ahead.iter().map(|next| (next.stage.as_str(), next.passage.as_str())).collect()
    }

    fn entered_names(ahead: &[StageAhead]) -> Vec<&str> {
        entered(ahead).map(|next| next.stage.as_str()).collect()
    }

    #[test]
    fn a_change_runs_on_until_an_approval() {
        let pipeline = structure(&["Source", "Test", "Staging", "Approve", "Production"]);
        let ahead = stages_ahead(&name("Test"), Some(&pipeline), None).unwrap();
        assert_eq!(
            passages(&ahead),
            [("Staging", "runs-on"), ("Approve", "stops-at-approval"), ("Production", "runs-on")]
        );
        assert_eq!(entered_names(&ahead), ["Staging", "Approve"]);
    }

    #[test]
    fn a_disabled_transition_stops_before_what_is_in_the_stage() {
        let stages = ["Test", "Staging", "Approve"];
        let ahead =
            stages_ahead(&name("Test"), Some(&structure(&stages)), Some(&state(&stages, "Approve"))).unwrap();
        assert_eq!(passages(&ahead), [("Staging", "runs-on"), ("Approve", "stops-before")]);
        assert_eq!(entered_names(&ahead), ["Staging"]);
    }

    #[test]
    fn the_state_alone_knows_no_approvals() {
        let ahead =
            stages_ahead(&name("Test"), None, Some(&state(&["Test", "Staging", "Approve"], ""))).unwrap();
        assert_eq!(passages(&ahead), [("Staging", "unknown"), ("Approve", "unknown")]);
        assert_eq!(entered_names(&ahead), ["Staging", "Approve"]);
    }

    #[test]
    fn behind_the_last_stage_is_nothing_and_behind_an_unknown_one_nobody_knows() {
        let pipeline = structure(&["Test"]);
        assert_eq!(stages_ahead(&name("Test"), Some(&pipeline), None), Some(Vec::new()));
        assert_eq!(stages_ahead(&name("Gone"), Some(&pipeline), None), None);
        assert_eq!(stages_ahead(&name("Test"), None, None), None);
    }
}
