//! What a built-in signature is: where it looks, what it means, and how much its word weighs.

use crate::domain::class::{Class, Group};
use crate::domain::evidence::Place;
use crate::domain::pipeline::Category;

/// How much a signature says about why something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// It only tells that something failed: an exit status, the state of a build, an error code.
    Wrapper,
    /// It tells what happened, though not to whom: a reset connection, a number of failed tests.
    Symptom,
    /// It names the cause, in the words of the tool or service that knows it.
    Cause,
    /// It tells that a person ended it, whatever else was wrong. No text speaks against that, nor does a policy.
    Person,
}

impl Strength {
    /// The name used in the documentation.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wrapper => "wrapper",
            Self::Symptom => "symptom",
            Self::Cause => "cause",
            Self::Person => "person",
        }
    }
}

/// One signature. Every list that is empty stands for anything.
#[derive(Debug, Clone, Copy)]
pub struct Signature {
    /// Its name, unique in the table and stable: decisions and people refer to it.
    pub name: &'static str,
    /// What it means.
    pub class: Class,
    /// What it weighs against others.
    pub strength: Strength,
    /// Why it means that, for people.
    pub reason: &'static str,
    /// Expressions of which one must match a line, without regard to case.
    pub patterns: &'static [&'static str],
    /// Expressions of which one must match some line of the same text.
    pub beside: &'static [&'static str],
    /// Expressions of which none may match any line of the same text.
    pub without: &'static [&'static str],
    /// Expressions of which none may match the line.
    pub unless: &'static [&'static str],
    /// Providers, by how their name begins.
    pub providers: &'static [&'static str],
    /// Categories of the action.
    pub categories: &'static [Category],
    /// Places that the text was read in.
    pub places: &'static [Place],
    /// Codes of which one must stand beside the text or be the action's.
    pub codes: &'static [&'static str],
    /// Whether it also looks at lines that otherwise say nothing, such as warnings.
    pub any_line: bool,
}

impl Signature {
    const fn new(
        name: &'static str,
        class: Class,
        strength: Strength,
        reason: &'static str,
        patterns: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            class,
            strength,
            reason,
            patterns,
            beside: &[],
            without: &[],
            unless: &[],
            providers: &[],
            categories: &[],
            places: &[],
            codes: &[],
            any_line: false,
        }
    }

    pub(super) const fn beside(self, beside: &'static [&'static str]) -> Self {
        Self { beside, ..self }
    }

    pub(super) const fn without(self, without: &'static [&'static str]) -> Self {
        Self { without, ..self }
    }

    pub(super) const fn unless(self, unless: &'static [&'static str]) -> Self {
        Self { unless, ..self }
    }

    pub(super) const fn providers(self, providers: &'static [&'static str]) -> Self {
        Self { providers, ..self }
    }

    pub(super) const fn categories(self, categories: &'static [Category]) -> Self {
        Self { categories, ..self }
    }

    pub(super) const fn places(self, places: &'static [Place]) -> Self {
        Self { places, ..self }
    }

    pub(super) const fn codes(self, codes: &'static [&'static str]) -> Self {
        Self { codes, ..self }
    }

    pub(super) const fn any_line(self) -> Self {
        Self { any_line: true, ..self }
    }

    /// Whether it means something that tends to pass.
    pub fn is_transient(&self) -> bool {
        is_transient(self.class)
    }
}

/// Whether failures of the class tend to pass: whether `retry-on: [transient]` retries them.
pub fn is_transient(class: Class) -> bool {
    Group::Transient.classes().contains(&class)
}

/// A signature of what a person did.
pub(super) const fn person(
    name: &'static str,
    class: Class,
    reason: &'static str,
    patterns: &'static [&'static str],
) -> Signature {
    Signature::new(name, class, Strength::Person, reason, patterns)
}

/// A signature that names a cause.
pub(super) const fn cause(
    name: &'static str,
    class: Class,
    reason: &'static str,
    patterns: &'static [&'static str],
) -> Signature {
    Signature::new(name, class, Strength::Cause, reason, patterns)
}

/// A signature that names a symptom.
pub(super) const fn symptom(
    name: &'static str,
    class: Class,
    reason: &'static str,
    patterns: &'static [&'static str],
) -> Signature {
    Signature::new(name, class, Strength::Symptom, reason, patterns)
}

/// A signature that only tells that something failed.
pub(super) const fn wrapper(
    name: &'static str,
    class: Class,
    reason: &'static str,
    patterns: &'static [&'static str],
) -> Signature {
    Signature::new(name, class, Strength::Wrapper, reason, patterns)
}
