//! Whatever a log or an error says, it gets a class with a signature, and a line of it can be cited within its bounds.
#![no_main]

mod slowest;

use codepipeline_retrier::classify::{Subject, classify, redact};
use codepipeline_retrier::domain::evidence::{Place, Text};
use codepipeline_retrier::domain::text::EvidenceText;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    slowest::timed(bytes.len(), || {
        for place in [Place::ErrorMessage, Place::BuildLog] {
            let texts = [Text { place, code: None, text: EvidenceText::tail(text.as_ref()) }];
            let subject = Subject {
                run: None,
                action: None,
                provider: "CodeBuild",
                category: None,
                code: Some("JobFailed"),
                texts: &texts,
            };
            let classified = classify(&[], &subject);
            assert!(!classified.signature.is_empty() && !classified.reason.is_empty());
            let lines = u32::try_from(text.split('\n').count()).unwrap_or(u32::MAX);
            assert!(classified.found.is_none_or(|found| (1..=lines).contains(&found.line)));
        }
        for line in text.lines() {
            let shown = redact(line);
            assert!(shown.len() <= 512 && !shown.contains(char::is_control), "{}", shown.len());
        }
    });
});
