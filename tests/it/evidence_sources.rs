//! The adapter for what failed actions' providers know, through the real SDK, against a server that answers as AWS's
//! service models have it, or badly: what is asked, where, how often, and what is made of each answer.

mod answers;
mod bounds;
mod builds;
mod deployments;
mod gaps;
mod nested;
mod stacks;

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use jiff::Timestamp;

use codepipeline_retrier::aws::clients::{Clients, common};
use codepipeline_retrier::aws::evidence::SdkEvidence;
use codepipeline_retrier::aws::settings::{Endpoints, Trust};
use codepipeline_retrier::domain::evidence::{Depth, Evidence, Place};
use codepipeline_retrier::domain::facts::FailedAction;
use codepipeline_retrier::domain::ids::{ActionExecutionId, ActionName, Region};
use codepipeline_retrier::domain::pipeline::{Category, ErrorDetails};
use codepipeline_retrier::ports::EvidenceSource;

use crate::codepipeline::stage_run;
use crate::codepipeline::stub::Stub;

/// When the actions started, and when they failed.
const STARTED: i64 = 1_795_342_000;
const FAILED: i64 = 1_795_342_300;

/// The adapter, and what it runs on.
struct Rig {
    runtime: tokio::runtime::Runtime,
    evidence: SdkEvidence,
}

impl Rig {
    fn at(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let credentials = Credentials::new("AKIDTEST", "secret", None, None, "test");
        let config = common(&Trust::Amazon)
            .region(aws_types::region::Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let endpoints = Endpoints::read(&|name: &str| (name == "AWS_ENDPOINT_URL").then(|| url.to_owned()));
        Self { runtime, evidence: SdkEvidence::new(Arc::new(Clients::new(config, endpoints))) }
    }

    /// What there is about failed runs of a pipeline in `eu-central-1`.
    fn gather(&self, failed: &[FailedAction], depth: Depth) -> Vec<Evidence> {
        self.runtime.block_on(self.evidence.gather(&stage_run(), failed, depth))
    }
}

/// What there is about one failed run, as deep as can be.
fn read(stub: &Stub, action: FailedAction) -> Evidence {
    Rig::at(&stub.url).gather(&[action], Depth::Logs).remove(0)
}

fn action(category: Category, provider: &str, id: &str) -> FailedAction {
    FailedAction {
        name: ActionName::parse("Unit").unwrap(),
        id: ActionExecutionId::parse("0d7be2a4-6c1f-4e58-b93a-000000000001").unwrap(),
        category,
        provider: provider.to_owned(),
        region: None,
        external_id: Some(id.to_owned()),
        started: Timestamp::from_second(STARTED).unwrap(),
        failed_at: Timestamp::from_second(FAILED).unwrap(),
        error: ErrorDetails::default(),
    }
}

fn in_region(region: &str, action: FailedAction) -> FailedAction {
    FailedAction { region: Some(Region::parse(region).unwrap()), ..action }
}

/// The texts with what they say, for comparing.
fn texts(evidence: &Evidence) -> Vec<(Place, Option<&str>, &str)> {
    let texts = evidence.texts.iter();
    texts.map(|text| (text.place, text.code.as_deref(), text.text.expose())).collect()
}
