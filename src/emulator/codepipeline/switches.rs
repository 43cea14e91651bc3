//! What AWS leaves undocumented, one switch each, so that tests can run both ways.

use jiff::SignedDuration;

/// How the service behaves where documents are silent or disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one open question with two answers")]
pub struct Switches {
    /// Whether a stage turns Failed at its first failed action, while others of that run order still run, or only
    /// after they have ended. Either way it keeps its lock until they have. Default: only after.
    pub fail_with_siblings_running: bool,
    /// Whether a configured automatic retry happens at all. Default: it does.
    pub native_fires: bool,
    /// Time between the failure and the automatic retry. Default: 1 second.
    pub native_retry_delay: SignedDuration,
    /// Whether stage and pipeline turn Failed, with events, before the automatic retry, or stay in progress
    /// all along, in which case there is no RESUMED either. Default: they turn Failed.
    pub native_emits_failed_first: bool,
    /// Whether an automatic retry sets `stage-last-retry-attempt-time`. Default: it does.
    pub native_sets_last_retry_time: bool,
    /// Whether an edit ends running executions as Failed (User Guide, *Edit a pipeline*) or as Cancelled
    /// (User Guide, *Detect and react to changes*). Default: Failed.
    pub edit_fails_running: bool,
    /// Whether the pipeline's RESUMED comes before the stage's. Default: after.
    pub pipeline_resumed_first: bool,
    /// Whether stage events say attempt `0.0` before the first retry. Default: `1.0`.
    pub first_attempt_is_zero: bool,
    /// Whether a new execution in a stage starts from no retry metadata. Default: it does.
    pub metadata_resets: bool,
    /// Whether a V1 pipeline shows retry metadata. Default: it does.
    pub metadata_on_v1: bool,
    /// Executions in progress that a QUEUED or PARALLEL pipeline takes. Default: 50 (User Guide, *Quotas*).
    pub concurrency_limit: usize,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            fail_with_siblings_running: false,
            native_fires: true,
            native_retry_delay: SignedDuration::from_secs(1),
            native_emits_failed_first: true,
            native_sets_last_retry_time: true,
            edit_fails_running: true,
            pipeline_resumed_first: false,
            first_attempt_is_zero: false,
            metadata_resets: true,
            metadata_on_v1: true,
            concurrency_limit: 50,
        }
    }
}
