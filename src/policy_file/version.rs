//! The version of a policy: a hash of its text, so that the same text has the same version everywhere.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::domain::policy::PolicyVersion;

/// Bytes of the hash that are kept.
const KEPT: usize = 8;

/// The first 16 hexadecimal digits of the text's SHA-256.
pub(super) fn of(text: &str) -> PolicyVersion {
    let hash = Sha256::digest(text.as_bytes());
    let mut digits = String::new();
    for byte in hash.iter().take(KEPT) {
        let _ = write!(digits, "{byte:02x}");
    }
    PolicyVersion(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_beginning_of_the_sha_256() {
        // FIPS 180-4's example: SHA-256 of `abc`.
        assert_eq!(of("abc").0, "ba7816bf8f01cfea");
    }
}
