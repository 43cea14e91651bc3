//! What a fleet is like where its file does not say: pipelines as many teams have them.

use jiff::SignedDuration;

use super::Behaviour;
use crate::domain::class::Class;
use crate::domain::pipeline::Category;

/// When a fleet begins: a Monday, at midnight.
pub(super) const START: &str = "2026-03-02T00:00:00Z";
/// How long changes come.
pub(super) const LASTING: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Mean time between two changes of a pipeline: six a day.
pub(super) const BETWEEN_RUNS: SignedDuration = SignedDuration::from_hours(4);

/// The stages, by name.
pub(super) const STAGES: [&str; 4] = ["Source", "Build", "Test", "Deploy"];

/// The category of an action in a stage of that name; where nothing speaks for another one, a build.
pub(super) fn category(stage: &str) -> Category {
    let stage = stage.to_ascii_lowercase();
    let is_one_of = |parts: &[&str]| parts.iter().any(|part| stage.contains(part));
    if is_one_of(&["source"]) {
        Category::Source
    } else if is_one_of(&["test", "e2e", "check", "verify"]) {
        Category::Test
    } else if is_one_of(&["deploy", "prod", "staging", "release"]) {
        Category::Deploy
    } else {
        Category::Build
    }
}

/// How long an action takes on average.
pub(super) const fn takes(category: Category) -> SignedDuration {
    match category {
        Category::Source => SignedDuration::from_secs(15),
        Category::Test => SignedDuration::from_mins(10),
        Category::Build | Category::Deploy => SignedDuration::from_mins(5),
        Category::Approval | Category::Invoke | Category::Compute => SignedDuration::from_mins(1),
    }
}

/// The share of runs that fail, by class.
pub(super) const fn fails(category: Category) -> &'static [(Class, f64)] {
    use Class as C;
    match category {
        Category::Build => &[
            (C::Throttling, 0.005),
            (C::Network, 0.01),
            (C::Dependency, 0.005),
            (C::ServiceFault, 0.002),
            (C::BuildError, 0.04),
        ],
        Category::Test => {
            &[(C::Timeout, 0.005), (C::Network, 0.005), (C::FlakyTest, 0.02), (C::TestFailure, 0.03)]
        }
        Category::Deploy => &[
            (C::Throttling, 0.005),
            (C::Conflict, 0.01),
            (C::Capacity, 0.003),
            (C::Configuration, 0.01),
            (C::Permission, 0.003),
        ],
        Category::Source | Category::Approval | Category::Invoke | Category::Compute => &[],
    }
}

/// What becomes of failures that are run again.
pub(super) const fn behaviour(class: Class) -> Behaviour {
    use Class as C;
    let (minutes, clears) = match class {
        C::Throttling | C::Conflict => (10, 1.0),
        C::Capacity => (20, 1.0),
        C::ServiceFault => (20, 0.9),
        C::Network => (1, 0.9),
        C::Timeout => (0, 0.7),
        C::Dependency => (5, 0.8),
        C::FlakyTest => (0, 0.85),
        C::TestFailure => (0, 0.05),
        C::Unknown => (0, 0.25),
        C::BuildError
        | C::Configuration
        | C::Permission
        | C::MissingResource
        | C::Quota
        | C::ApprovalRejected
        | C::Stopped => (0, 0.0),
    };
    Behaviour { lasts: SignedDuration::from_mins(minutes), clears }
}

/// The share of failures of a class that somebody retries by hand sooner or later, hoping.
pub(super) const fn retried_by_people(class: Class) -> f64 {
    use Class as C;
    match class {
        C::BuildError | C::Configuration | C::Permission | C::MissingResource | C::Quota => 0.1,
        C::TestFailure | C::FlakyTest => 0.6,
        _ => 0.8,
    }
}

/// How long it takes on average until somebody looks at a failure.
pub(super) const NOTICED_AFTER: SignedDuration = SignedDuration::from_mins(40);
/// How often somebody retries a stage before it is left.
pub(super) const TRIES: u32 = 2;

/// Mean time from one outage to the next, how long one lasts, and the share of pipelines that it hits.
pub(super) const OUTAGE_EVERY: SignedDuration = SignedDuration::from_hours(14 * 24);
pub(super) const OUTAGE_LASTS: SignedDuration = SignedDuration::from_mins(45);
pub(super) const OUTAGE_HITS: f64 = 0.5;
