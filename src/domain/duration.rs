//! Durations in words. Reading them is the policy file's business.

use jiff::SignedDuration;

/// A duration in the policy's own notation (`1h2m3s`), cut to the second. A negative one is `0s`.
pub fn in_words(duration: SignedDuration) -> String {
    let mut rest = duration.as_secs();
    let mut text = String::new();
    for (length, unit) in [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")] {
        if rest >= length {
            text = format!("{text}{}{unit}", rest / length);
            rest %= length;
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_units_that_count_are_named() {
        for (seconds, expected) in
            [(0, "0s"), (59, "59s"), (60, "1m"), (3_601, "1h1s"), (93_784, "1d2h3m4s"), (-5, "0s")]
        {
            assert_eq!(in_words(SignedDuration::from_secs(seconds)), expected);
        }
        assert_eq!(in_words(SignedDuration::from_millis(1_999)), "1s");
    }
}
