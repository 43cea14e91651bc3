//! From what scenario, fleet and case files say to values: names among those that are known, ids, and where it is that
//! something is wrong.

use crate::domain::ids::InvalidId;
use crate::domain::pipeline::Category;
use crate::policy_file::near;

/// A value, or what is wrong, in words.
pub(super) type Built<T> = Result<T, String>;

/// Says where it is that something is wrong.
pub(super) fn within<T>(place: &str, built: Built<T>) -> Built<T> {
    built.map_err(|problem| format!("{place}: {problem}"))
}

/// An id as the service spells it.
pub(super) fn id<T>(text: &str, parse: impl Fn(String) -> Result<T, InvalidId>) -> Built<T> {
    parse(text.to_owned()).map_err(|problem| format!("`{text}` is {problem}"))
}

/// The value of that name, among all that there are.
pub(super) fn named<T: Copy>(
    text: &str,
    what: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Built<T> {
    all.iter().copied().find(|value| name(*value) == text).ok_or_else(|| {
        let hint = near::hint(text, all.iter().map(|value| name(*value)));
        format!("`{text}` is not a known {what}{}", hint.map(|hint| format!("; {hint}")).unwrap_or_default())
    })
}

/// Who usually carries out an action of that category.
pub(super) const fn usual_provider(category: Category) -> &'static str {
    match category {
        Category::Source => "CodeStarSourceConnection",
        Category::Build | Category::Test => "CodeBuild",
        Category::Deploy => "CloudFormation",
        Category::Approval => "Manual",
        Category::Invoke => "Lambda",
        Category::Compute => "Commands",
    }
}
