//! Signatures of a policy's own, tried before the built-in ones.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::class::Class;
use super::glob::Glob;

/// A signature of a policy: what it looks at, and the class that it means. All that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Classifier {
    /// Its name, unique in the policy.
    pub name: String,
    /// What it means.
    pub class: Class,
    /// Any of these providers; empty is any.
    pub provider: Vec<Glob>,
    /// Any of these categories.
    pub category: Vec<Glob>,
    /// Any of these pipelines.
    pub pipeline: Vec<Glob>,
    /// Any of these stages.
    pub stage: Vec<Glob>,
    /// Any of these actions.
    pub action: Vec<Glob>,
    /// Any of these error codes, exactly.
    pub code: Vec<String>,
    /// Any of these expressions, somewhere in a text of the evidence.
    pub message: Vec<Pattern>,
}

/// What finds an expression in a text: the byte at which the first match begins.
type Find = dyn Fn(&str) -> Option<usize> + Send + Sync;

/// A regular expression, compiled by whoever read the policy.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    find: Arc<Find>,
}

impl Pattern {
    /// An expression with what finds it: the byte at which the first match in a text begins.
    pub fn new(source: String, find: impl Fn(&str) -> Option<usize> + Send + Sync + 'static) -> Self {
        Self { source, find: Arc::new(find) }
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The byte at which the first match begins.
    pub fn find(&self, text: &str) -> Option<usize> {
        (self.find)(text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.source).finish()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.source.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

    use super::*;

    #[test]
    fn an_expression_is_told_from_another_by_what_was_written() {
        let find = |found| Pattern::new("a+".to_owned(), move |_: &str| found);
        let (here, there) = (find(Some(0)), find(Some(7)));
        let other = Pattern::new("b+".to_owned(), |_: &str| Some(0));
        assert_eq!((here.find("x"), there.find("x"), find(None).find("x")), (Some(0), Some(7), None));
        assert_eq!((here.source(), format!("{here:?}")), ("a+", "Pattern(\"a+\")".to_owned()));
        assert!(here == there && here != other);
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let hashes: BTreeSet<u64> = [&here, &there, &other].map(|pattern| hasher.hash_one(pattern)).into();
        assert_eq!(hashes.len(), 2);
    }
}
