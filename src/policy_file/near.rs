//! Hints for names that are not known: the one that was probably meant, or all there are.

/// Names longer than this are compared with nothing.
const LONGEST_NAME: usize = 64;
/// Parts of names shorter than this are found in too many.
const SHORTEST_PART: usize = 4;

/// `did you mean …`, or the names to choose from; nothing when there are none.
pub(crate) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(name, &known) {
        return Some(format!("did you mean `{near}`?"));
    }
    let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        None => None,
        Some((only, [])) => Some(format!("only {only} is known")),
        Some((last, others)) => Some(format!("choose from {} and {last}", others.join(", "))),
    }
}

/// `did you mean …`, where one of very many names is near.
pub(crate) fn guess<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    nearest(name, &known).map(|near| format!("did you mean `{near}`?"))
}

/// The known name that a typing error or two turn into this one, or that begins or ends like it.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    let canonical = |name: &str| name.to_lowercase().replace(['_', ' '], "-");
    let name = canonical(name);
    let mistyped = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(&name, &canonical(known)), *known))
        .filter(|(distance, known)| *distance <= (known.len() / 3).min(3))
        .min_by_key(|(distance, _)| *distance);
    let partly = || known.iter().map(|known| (strsim::levenshtein(&name, known), *known));
    mistyped
        .or_else(|| {
            partly().filter(|(_, known)| is_part(&name, &canonical(known))).min_by_key(|(rest, _)| *rest)
        })
        .map(|(_, known)| known)
}

/// Whether the longer of two names begins or ends with the shorter one.
fn is_part(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    short.len() >= SHORTEST_PART && (long.starts_with(short) || long.ends_with(short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_is_recognized() {
        for (name, expected) in [
            ("max-retrys", "max-retries"),
            ("max_retries", "max-retries"),
            ("retry_on", "retry-on"),
            ("Mode", "mode"),
            ("mdoe", "mode"),
            ("retries", "max-retries"),
            ("mode-of-rule", "mode"),
        ] {
            let known = ["mode", "retry-on", "max-retries"];
            let hint = hint(name, known).unwrap();
            assert_eq!(hint, format!("did you mean `{expected}`?"));
        }
    }

    #[test]
    fn a_typing_error_comes_before_a_part() {
        assert_eq!(hint("test", ["test-failure", "tests"]).unwrap(), "did you mean `tests`?");
    }

    #[test]
    fn a_strange_name_gets_the_choice() {
        let hint = hint("colour", ["mode", "retry-on"]).unwrap();
        assert_eq!(hint, "choose from `mode` and `retry-on`");
    }
}
