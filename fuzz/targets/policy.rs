//! Whatever a policy file holds, reading it ends with a policy or with findings that can be shown, and a policy can be put
//! to work.
#![no_main]

mod slowest;

use codepipeline_retrier::domain::ids::{
    AccountId, ExecutionId, Partition, PipelineArn, PipelineName, Region, StageName, StageRunId,
};
use codepipeline_retrier::domain::tags::NO_TAGS;
use codepipeline_retrier::policy_file::{Severity, load_bytes, render};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    slowest::timed(bytes.len(), || {
        let loaded = load_bytes("fuzz", bytes);
        let has_errors = loaded.diagnostics.iter().any(|finding| finding.severity() == Severity::Error);
        assert_eq!(loaded.policy.is_none(), has_errors);
        let shown = render::text(&loaded.source, &loaded.diagnostics);
        assert_eq!(shown.is_empty(), loaded.diagnostics.is_empty());
        if let Some(policy) = &loaded.policy {
            let rule = policy.rule_for(&some_run(), &NO_TAGS);
            assert!(rule.is_none_or(|rule| policy.rules.contains(rule)));
        }
    });
});

fn some_run() -> StageRunId {
    StageRunId {
        pipeline: PipelineArn {
            partition: Partition::parse("aws").unwrap(),
            region: Region::parse("eu-central-1").unwrap(),
            account: AccountId::parse("111122223333").unwrap(),
            name: PipelineName::parse("web-shop").unwrap(),
        },
        execution: ExecutionId::parse("e-1").unwrap(),
        stage: StageName::parse("Test").unwrap(),
    }
}
