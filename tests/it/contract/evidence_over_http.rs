//! The suite of the port of evidence on the SDK adapter, which asks the world's providers over HTTP.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

use codepipeline_retrier::aws::clients::{Clients, common};
use codepipeline_retrier::aws::evidence::SdkEvidence;
use codepipeline_retrier::aws::settings::{Endpoints, Trust};
use codepipeline_retrier::domain::evidence::{Depth, Evidence};
use codepipeline_retrier::domain::facts::FailedAction;
use codepipeline_retrier::domain::ids::StageRunId;
use codepipeline_retrier::emulator::http::Server;
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::ports::EvidenceSource;

use super::evidence::Knowing;

/// The adapter, and the world that it reaches.
struct OverHttp {
    runtime: tokio::runtime::Runtime,
    evidence: SdkEvidence,
    world: SharedWorld,
    _server: Server,
}

fn new() -> OverHttp {
    let world = super::world::new();
    let clock = world.clone();
    let server = Server::start(world.clone(), move || clock.now()).unwrap();
    let url = server.endpoint();
    let credentials = Credentials::new("AKIDTEST", "secret", None, None, "test");
    let config = common(&Trust::Amazon)
        .region(aws_types::region::Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    let endpoints = Endpoints::read(&|name: &str| (name == "AWS_ENDPOINT_URL").then(|| url.clone()));
    OverHttp {
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        evidence: SdkEvidence::new(Arc::new(Clients::new(config, endpoints))),
        world,
        _server: server,
    }
}

fn run(clause: impl Future<Output = ()>, port: &OverHttp) {
    port.runtime.block_on(clause);
}

impl EvidenceSource for OverHttp {
    async fn gather(&self, run: &StageRunId, failed: &[FailedAction], depth: Depth) -> Vec<Evidence> {
        self.evidence.gather(run, failed, depth).await
    }
}

impl Knowing for OverHttp {
    fn world(&self) -> &SharedWorld {
        &self.world
    }
}

crate::contract::evidence::suite!(run, new);
