//! Hints for names that are not known: the one that was probably meant, or all there are.

/// Names longer than this are compared with nothing.
const LONGEST_NAME: usize = 64;

/// `did you mean …`, or the names to choose from; nothing when there are none.
pub(super) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
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

/// The known name that a typing error or two turn into this one.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    let canonical = |name: &str| name.to_lowercase().replace(['_', ' '], "-");
    let name = canonical(name);
    known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(&name, &canonical(known)), *known))
        .filter(|(distance, known)| *distance <= (known.len() / 3).min(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
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
        ] {
            let known = ["mode", "retry-on", "max-retries"];
            let hint = hint(name, known).unwrap();
            assert_eq!(hint, format!("did you mean `{expected}`?"));
        }
    }

    #[test]
    fn a_strange_name_gets_the_choice() {
        let hint = hint("colour", ["mode", "retry-on"]).unwrap();
        assert_eq!(hint, "choose from `mode` and `retry-on`");
    }
}
