//! Hashes that name things: wake-ups, decisions, failures, policy versions, and the seed of jitter.
//!
//! They are stable identities, the same on every machine and in every release. They are no protection: whoever knows
//! the parts can compute the name.

use sha2::{Digest, Sha256};

/// SHA-256 over the parts, as 64 lower-case hexadecimal digits.
///
/// Every part is preceded by its length in bytes, as 8 bytes with the highest first, so that parts cannot run into one
/// another: `["ab", "c"]` and `["a", "bc"]` differ, and so do no part and one empty part.
///
/// ```
/// use codepipeline_retrier::fingerprint::sha256_hex;
///
/// assert_ne!(sha256_hex(&["ab", "c"]), sha256_hex(&["a", "bc"]));
/// ```
pub fn sha256_hex(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher
        .finalize()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

/// The number that the first 16 hexadecimal digits of a fingerprint spell. It is total, since a seed has no wrong value:
/// a shorter text is read as far as it goes, and what is not a digit counts as 0.
pub fn seed(hex: &str) -> u64 {
    hex.chars().take(16).fold(0, |number, digit| (number << 4) | u64::from(digit.to_digit(16).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_the_same_everywhere() {
        // Computed with Python's hashlib over the documented bytes.
        for (parts, expected) in [
            (&[][..], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (&[""], "af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc"),
            (&["ab", "c"], "601d5476e2ccfe2c87a2bba7a322659734a05749d5b5aa781f513e4912db0d5f"),
            (&["a", "bc"], "3fafa1cf2f19a7c1129beb20cf0983f73a489a221fc0dd2f16d1be292d089205"),
            (&["Zürich"], "7881bbbcd03fcaecedc09a92d000d5c13d7610f5a510eb64b11462fea1d30220"),
        ] {
            assert_eq!(sha256_hex(parts), expected, "{parts:?}");
        }
    }

    #[test]
    fn a_seed_is_the_first_sixteen_digits() {
        for (hex, expected) in [
            ("0123456789abcdef0123456789abcdef", 0x0123_4567_89ab_cdef),
            ("ffffffffffffffff0", u64::MAX),
            ("FF", 255),
            ("", 0),
            ("1x2", 0x102),
            ("é1", 1),
        ] {
            assert_eq!(seed(hex), expected, "{hex}");
        }
    }
}
