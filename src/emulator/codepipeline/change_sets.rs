//! The change sets of CloudFormation, as far as actions made them or used them up.

use std::collections::BTreeMap;

use crate::domain::ids::Region;
use crate::domain::pipeline::{ActionStatus, ChangeSet, ChangeSetPart};

/// How a change set stands. One of which nothing is known was made by somebody else, and can be executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeSetState {
    /// It waits to be executed.
    Made,
    /// It could not be made, for this reason.
    Failed(String),
    /// It was executed, and is gone.
    Gone,
}

/// A change set that an action made or tried to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownChangeSet {
    /// How it stands.
    pub state: ChangeSetState,
    /// Its ARN, where an action here made it.
    pub arn: Option<String>,
}

/// The change sets by where they are.
#[derive(Debug, Clone, Default)]
pub(super) struct ChangeSets(BTreeMap<(Region, ChangeSet), KnownChangeSet>);

impl ChangeSets {
    pub(super) fn is_gone(&self, region: &Region, set: &ChangeSet) -> bool {
        let known = self.0.get(&(region.clone(), set.clone()));
        known.is_some_and(|known| known.state == ChangeSetState::Gone)
    }

    /// All that are known, with the Region and the names that tell them apart.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Region, &ChangeSet, &KnownChangeSet)> {
        self.0.iter().map(|((region, set), known)| (region, set, known))
    }

    /// An action that makes or executes a change set has ended; `reason` is why the set could not be made.
    ///
    /// A failed execution takes the change set away (aws/aws-cdk#21677), and a successful one all of the stack's, since
    /// none of them fits the stack any longer (CloudFormation User Guide, *Execute a change set*).
    pub(super) fn note_end(
        &mut self,
        region: &Region,
        part: &ChangeSetPart,
        status: ActionStatus,
        arn: Option<&String>,
        reason: Option<&str>,
    ) {
        let mut put = |set: &ChangeSet, state, arn| {
            self.0.insert((region.clone(), set.clone()), KnownChangeSet { state, arn });
        };
        match (part, status) {
            (ChangeSetPart::Makes(set), ActionStatus::Succeeded) => {
                put(set, ChangeSetState::Made, arn.cloned());
            }
            (ChangeSetPart::Makes(set), ActionStatus::Failed) => {
                if let Some(reason) = reason {
                    put(set, ChangeSetState::Failed(reason.to_owned()), arn.cloned());
                }
            }
            (ChangeSetPart::Executes(set), ActionStatus::Failed) => put(set, ChangeSetState::Gone, None),
            (ChangeSetPart::Executes(set), ActionStatus::Succeeded) => {
                for ((of, known), entry) in &mut self.0 {
                    if of == region && known.stack == set.stack {
                        entry.state = ChangeSetState::Gone;
                    }
                }
            }
            (_, ActionStatus::InProgress | ActionStatus::Abandoned) => {}
        }
    }
}
