//! Quantities as scenarios and fleets have them: durations in the policy's notation, rates and shares.

use std::fmt;

use jiff::SignedDuration;
use serde::de::{self, Deserialize, Deserializer};

use crate::policy_file::duration;

/// A duration in the policy's notation, such as `90s` or `5m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Length(pub(super) SignedDuration);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Length;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as `90s`, `5m`, `2h` or `1d`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Length, E> {
                duration(text).map(Length).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// A share such as `2%` or `0.5%`, between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Share(pub(super) f64);

impl Share {
    fn parse(text: &str) -> Option<Self> {
        let percent: f64 = plain_number(text.strip_suffix('%')?)?;
        (0.0..=100.0).contains(&percent).then_some(Self(percent / 100.0))
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Share;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a share from `0%` to `100%`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Share, E> {
                Share::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// How often something happens on average, such as `6/d` or `0.5/h`: the mean time between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate(pub(super) SignedDuration);

impl Rate {
    fn parse(text: &str) -> Option<Self> {
        let (count, unit) = text.split_once('/')?;
        let count = plain_number(count).filter(|count| *count > 0.0)?;
        let unit = duration(&format!("1{unit}"))?;
        let between = SignedDuration::try_from_secs_f64(unit.as_secs_f64() / count).ok()?;
        (between >= SignedDuration::from_secs(1)).then_some(Self(between))
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Rate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a rate such as `6/d`, `0.5/h` or `1/m`, at most one a second")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Rate, E> {
                Rate::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// Digits with a point among them at most: neither a sign nor an exponent, and no `inf`.
fn plain_number(text: &str) -> Option<f64> {
    let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares() {
        for (text, share) in [
            ("0%", Some(0.0)),
            ("2%", Some(0.02)),
            ("0.5%", Some(0.005)),
            ("100%", Some(1.0)),
            ("100.1%", None),
            ("-1%", None),
            ("2", None),
            ("%", None),
            ("inf%", None),
            ("1e1%", None),
            ("1.2.3%", None),
        ] {
            assert_eq!(Share::parse(text).map(|share| share.0), share, "{text}");
        }
    }

    #[test]
    fn rates() {
        for (text, seconds) in [
            ("6/d", Some(14_400)),
            ("0.5/h", Some(7_200)),
            ("60/m", Some(1)),
            ("1/s", Some(1)),
            ("61/m", None),
            ("0/d", None),
            ("6", None),
            ("6/w", None),
            ("-6/d", None),
        ] {
            assert_eq!(Rate::parse(text).map(|rate| rate.0.as_secs()), seconds, "{text}");
        }
    }
}
