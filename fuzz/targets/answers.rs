//! Whatever CodePipeline is said to have answered, reading it ends with an answer or with what is wrong with it.
#![no_main]

mod slowest;

use codepipeline_retrier::answers::{
    action_executions, pipeline_execution, pipeline_state, pipeline_structure,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    slowest::timed(bytes.len(), || {
        let faults = [
            pipeline_state(text).err(),
            pipeline_structure(text).err(),
            pipeline_execution(text).err(),
            action_executions(text).err(),
        ];
        for fault in faults.into_iter().flatten() {
            assert!(!fault.to_string().is_empty());
        }
    });
});
