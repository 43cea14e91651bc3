//! What is said of a file that cannot be read.

use crate::policy_file::near;

/// The reader's own words, which begin with their severity and do not know what the text is called, with the name that was
/// probably meant.
pub(super) fn unreadable(name: &str, what: &str, error: &str) -> String {
    let reason = error.strip_prefix("error: ").unwrap_or(error);
    let reason = reason.replacen(" --> <input>:", &format!(" --> {name}:"), 1);
    let hint = meant(&reason).map(|hint| format!("\n{hint}")).unwrap_or_default();
    format!("`{name}` is not {what}: {reason}{hint}")
}

/// What was meant by an unknown key, which is named first, and then those that are known.
fn meant(reason: &str) -> Option<String> {
    let (_, from_key) = reason.split_once("unknown field `")?;
    let (key, after_key) = from_key.lines().next()?.split_once('`')?;
    let (_, known) = after_key.split_once("expected ")?;
    let words = known.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    near::guess(key, words.filter(|word| !matches!(*word, "" | "one" | "of" | "or")))
}
