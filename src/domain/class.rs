//! What kind of failure an action had.

use std::collections::BTreeSet;
use std::fmt;

/// The kind of a failure. A rule's `retry-on` names the kinds that a retry may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A service or registry asked to slow down.
    Throttling,
    /// No machine, address or slot was free.
    Capacity,
    /// A connection, name look-up or handshake failed.
    Network,
    /// Something took longer than it was allowed to.
    Timeout,
    /// A service failed on its own side.
    ServiceFault,
    /// A package or image could not be had from where it comes from.
    Dependency,
    /// Something else held what was needed: a lock, a deployment in progress.
    Conflict,
    /// A test known to fail and pass on the same revision.
    FlakyTest,
    /// A test failed.
    TestFailure,
    /// The sources do not build.
    BuildError,
    /// Pipeline, project or template are set up wrongly.
    Configuration,
    /// A role or token lacks a right.
    Permission,
    /// Something that is referred to does not exist.
    MissingResource,
    /// A limit of the account is reached and stays so.
    Quota,
    /// A person said no, or nobody said yes in time.
    ApprovalRejected,
    /// A person or CodePipeline stopped it.
    Stopped,
    /// The evidence does not tell.
    Unknown,
}

impl Class {
    /// Every class, in the order of the documentation.
    pub const ALL: [Self; 17] = [
        Self::Throttling,
        Self::Capacity,
        Self::Network,
        Self::Timeout,
        Self::ServiceFault,
        Self::Dependency,
        Self::Conflict,
        Self::FlakyTest,
        Self::TestFailure,
        Self::BuildError,
        Self::Configuration,
        Self::Permission,
        Self::MissingResource,
        Self::Quota,
        Self::ApprovalRejected,
        Self::Stopped,
        Self::Unknown,
    ];

    /// The name used in policies and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Throttling => "throttling",
            Self::Capacity => "capacity",
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::ServiceFault => "service-fault",
            Self::Dependency => "dependency",
            Self::Conflict => "conflict",
            Self::FlakyTest => "flaky-test",
            Self::TestFailure => "test-failure",
            Self::BuildError => "build-error",
            Self::Configuration => "configuration",
            Self::Permission => "permission",
            Self::MissingResource => "missing-resource",
            Self::Quota => "quota",
            Self::ApprovalRejected => "approval-rejected",
            Self::Stopped => "stopped",
            Self::Unknown => "unknown",
        }
    }

    /// The class of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }

    /// Whether a policy may ask for retries of this class at all. A person's no stays a no.
    pub const fn may_be_retried(self) -> bool {
        !matches!(self, Self::ApprovalRejected | Self::Stopped)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name for several classes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Failures that have nothing to do with the change and tend to pass.
    Transient,
    /// Failures of tests.
    Tests,
    /// Every class that may be retried.
    Any,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 3] = [Self::Transient, Self::Tests, Self::Any];

    /// The name used in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Tests => "tests",
            Self::Any => "any",
        }
    }

    /// The group of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.as_str() == name)
    }

    /// The classes in the group; never one that may not be retried.
    pub fn classes(self) -> BTreeSet<Class> {
        Class::ALL
            .into_iter()
            .filter(|class| match self {
                Self::Transient => matches!(
                    class,
                    Class::Throttling
                        | Class::Capacity
                        | Class::Network
                        | Class::Timeout
                        | Class::ServiceFault
                        | Class::Dependency
                        | Class::Conflict
                ),
                Self::Tests => matches!(class, Class::FlakyTest | Class::TestFailure),
                Self::Any => class.may_be_retried(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for class in Class::ALL {
            assert_eq!(Class::parse(class.as_str()), Some(class));
        }
        for group in Group::ALL {
            assert_eq!(Group::parse(group.as_str()), Some(group));
        }
    }

    #[test]
    fn no_group_holds_a_persons_no() {
        for group in Group::ALL {
            assert!(group.classes().into_iter().all(Class::may_be_retried), "{}", group.as_str());
        }
        assert_eq!(Group::Any.classes().len(), Class::ALL.len() - 2);
    }
}
