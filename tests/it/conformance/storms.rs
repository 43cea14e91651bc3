//! Failures that are noted beside the protocol, so that windows fill: of other pipelines, of other policies, early or late.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use codepipeline_retrier::domain::ids::PipelineName;
use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::domain::storm::Note;

use super::exchange::Request;
use super::scene::policies;

/// A pipeline that failed so long ago, as some policy sees it.
#[derive(Debug, Clone, Copy)]
pub struct Failure {
    pipeline: u8,
    policy: usize,
    seconds_ago: i64,
}

impl Failure {
    pub fn any() -> impl Strategy<Value = Self> {
        let seconds_ago = prop_oneof![7 => 0_i64..30, 1 => 0_i64..4_000];
        (0_u8..6, select(vec![0_usize, 0, 0, 1, 2]), seconds_ago)
            .prop_map(|(pipeline, policy, seconds_ago)| Self { pipeline, policy, seconds_ago })
    }

    pub fn note(self, now: Timestamp) -> Request {
        let storm = policies()[self.policy].storm;
        let at = after(now, SignedDuration::from_secs(-self.seconds_ago));
        let name = ["shop", "p-1", "p.2", "p@3", "p_4", "P-5"][usize::from(self.pipeline)];
        let pipeline = PipelineName::parse(name).unwrap();
        Request::NoteFailure(Note { key: storm.window(at), pipeline, at, failures: storm.failures() })
    }
}
