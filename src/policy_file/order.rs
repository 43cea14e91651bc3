//! Rules that come too late: the first match wins, so a rule below another may have less effect than it seems.

use crate::domain::glob::Glob;
use crate::domain::ids::RuleName;
use crate::domain::policy::{Mode, Selector};

use super::diagnostic::{Code, Diagnostic};
use super::document::GivenRule;
use super::read::{Findings, Spanned};

struct Placed<'r> {
    name: &'r Spanned<RuleName>,
    selector: &'r Selector,
    mode: Mode,
}

/// Notes rules that can never match, and exclusions that do not exclude all they seem to.
pub(super) fn note(rules: &[GivenRule], default_mode: Mode, findings: &mut Findings) {
    let mut above: Vec<Placed<'_>> = Vec::new();
    for rule in rules {
        let (Some(name), Some(selector)) = (&rule.name, &rule.selector) else {
            continue;
        };
        let rule = Placed { name, selector, mode: rule.settings.mode.unwrap_or(default_mode) };
        if let Some(cover) = above.iter().find(|above| above.selector.covers(selector)) {
            findings.push(unreachable(&rule, cover));
        } else if rule.mode == Mode::Disabled
            && let Some(earlier) =
                above.iter().find(|above| above.mode != Mode::Disabled && rule.misses(above))
        {
            findings.push(shadowed(&rule, earlier));
        }
        above.push(rule);
    }
}

fn unreachable(rule: &Placed<'_>, cover: &Placed<'_>) -> Diagnostic {
    let message = format!(
        "the rule `{}` can never match: `{}` above it matches everything it does",
        rule.name.value, cover.name.value
    );
    Diagnostic::new(Code::UnreachableRule, rule.name.span, message)
        .hint("the first matching rule wins; move the narrower rule up, or remove it")
        .related(cover.name.span, "this rule matches first")
}

fn shadowed(rule: &Placed<'_>, earlier: &Placed<'_>) -> Diagnostic {
    let (name, earlier_name) = (&rule.name.value, &earlier.name.value);
    let message = format!("the rule `{name}` does not exclude what `{earlier_name}` above it matches");
    Diagnostic::new(Code::ShadowedExclusion, rule.name.span, message)
        .hint(format!("the first matching rule wins; move `{name}` above `{earlier_name}`"))
        .related(earlier.name.span, "this rule matches some of it first")
}

impl Placed<'_> {
    /// Whether some of what this rule is about certainly falls under the other one, and not because that one is an
    /// exception: an exception is about fewer pipelines, by name or tags, or lies within this rule altogether.
    fn misses(&self, earlier: &Self) -> bool {
        let (mine, theirs) = (self.selector, earlier.selector);
        let wide = theirs.pipeline.is_empty()
            || mine.pipeline.iter().any(|narrow| theirs.pipeline.iter().any(|wide| wide.covers(narrow)));
        wide && theirs.tags.covers_some_of(&mine.tags)
            && !mine.covers(theirs)
            && meet(&mine.stage, &theirs.stage)
            && meet(&mine.account, &theirs.account)
            && meet(&mine.region, &theirs.region)
    }
}

/// Whether some name certainly matches both lists.
fn meet(some: &[Glob], others: &[Glob]) -> bool {
    some.is_empty()
        || others.is_empty()
        || some.iter().any(|one| others.iter().any(|other| one.covers(other) || other.covers(one)))
}
