//! What is known of why an action failed, as far as somebody looked.
//!
//! Texts stay [`EvidenceText`]; what leaves them is a class, a signature's name, and where it was found.

use std::collections::BTreeMap;

use super::class::Class;
use super::ids::ActionExecutionId;
use super::pipeline::Gap;
use super::text::EvidenceText;

/// How deep to look. Ordered, so that the shallower of two is their minimum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Depth {
    /// What CodePipeline itself says of the action.
    State,
    /// What the action's provider says beside: build phases, deployment errors, stack events.
    Details,
    /// Build logs as well.
    Logs,
}

impl Depth {
    /// Every depth.
    pub const ALL: [Self; 3] = [Self::State, Self::Details, Self::Logs];

    /// The name used in policies and settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Details => "details",
            Self::Logs => "logs",
        }
    }

    /// The depth of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|depth| depth.as_str() == name)
    }
}

/// Where a text was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The action's error in CodePipeline.
    ErrorMessage,
    /// The summary of the action's result in CodePipeline.
    Summary,
    /// The context of the first failed phase of a build.
    BuildPhase,
    /// The end of a build's log.
    BuildLog,
    /// A deployment's error.
    Deployment,
    /// The diagnostics of a deployment's lifecycle event.
    LifecycleEvent,
    /// A failed event of a stack.
    StackEvent,
    /// The reason of a failed change set.
    ChangeSet,
}

impl Place {
    /// In words, to follow "in".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ErrorMessage => "the error message",
            Self::Summary => "the summary",
            Self::BuildPhase => "the failed build phase",
            Self::BuildLog => "the build log",
            Self::Deployment => "the deployment error",
            Self::LifecycleEvent => "the lifecycle event",
            Self::StackEvent => "the stack event",
            Self::ChangeSet => "the change set",
        }
    }
}

/// One text about a failed run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text {
    /// Where it was read.
    pub place: Place,
    /// The provider's code beside it: `COMMAND_EXECUTION_ERROR`, `HEALTH_CONSTRAINTS`, `CREATE_FAILED`, a build status.
    pub code: Option<String>,
    /// What it says. May have many lines.
    pub text: EvidenceText,
}

/// What was read beyond CodePipeline about one failed run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Evidence {
    /// The texts, those first that say most directly what failed.
    pub texts: Vec<Text>,
    /// What could not be read, each with the API operation and why.
    pub gaps: Vec<(&'static str, Gap)>,
}

/// What examining the failed runs of a stage came to, by run.
pub type Examination = BTreeMap<ActionExecutionId, Examined>;

/// What examining one failed run came to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Examined {
    /// The class, and who said so.
    pub classified: Classified,
    /// What could not be read, each with the API operation and why.
    pub gaps: Vec<(&'static str, Gap)>,
    /// The line that decided, cut and without secrets, where the rule wants it.
    pub excerpt: Option<String>,
}

/// A class with the signature that said so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Classified {
    /// The class.
    pub class: Class,
    /// Name of the signature; `none` where nothing was recognised.
    pub signature: String,
    /// Why the signature means that class, in words for people. Nothing of the evidence is in it.
    pub reason: String,
    /// Where it was found; none where the category or a code alone decided.
    pub found: Option<Found>,
}

/// Where a signature was found: nothing of what is written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Found {
    /// In which of the texts that were looked at, from 0.
    pub text: usize,
    /// Where that was read.
    pub place: Place,
    /// In which of its lines, from 1.
    pub line: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_depth_is_known_by_its_name() {
        for depth in Depth::ALL {
            assert_eq!(Depth::parse(depth.as_str()), Some(depth));
        }
        assert_eq!((Depth::parse(""), Depth::parse("Logs")), (None, None));
    }
}
