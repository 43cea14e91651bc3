//! Whatever stands in the bodies and keys of the ledger's items, reading it ends; and what was read is written the same way
//! and read again as the same.
#![no_main]

mod slowest;

/// The ledger's own files, without the SDK that the items around the bodies need.
mod ledger {
    #[path = "../../../src/aws/ledger/controls.rs"]
    pub mod controls;
    #[path = "../../../src/aws/ledger/keys.rs"]
    #[expect(dead_code, reason = "only what is read from the table is of interest here")]
    pub mod keys;
    #[path = "../../../src/aws/ledger/layout.rs"]
    pub mod layout;
    #[path = "../../../src/aws/ledger/record.rs"]
    pub mod record;
    pub mod same;
    #[path = "../../../src/aws/ledger/whole.rs"]
    pub mod whole;
}

// Those files name their crate's modules.
use codepipeline_retrier::{domain, fingerprint, names};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    slowest::timed(bytes.len(), || ledger::same::check(text));
});
