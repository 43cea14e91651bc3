//! The SDK's clients: one HTTP stack, one set of limits, each client built when it is first asked for.
//!
//! Every limit here is chosen, none is the SDK's default: a function that lives for 30 seconds has to hear "no" early
//! enough to write it down.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_sdk_codepipeline::config::{BehaviorVersion, StalledStreamProtectionConfig};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;

use super::settings::{Endpoints, Trust};

/// Certificate authorities of AWS's public endpoints: Amazon Root CA 1 to 4 and Starfield Services Root G2
/// (<https://www.amazontrust.com/repository/>). A system's bundle has a hundred and more, all of which a cold start would read.
const AMAZON_ROOTS: &str = include_str!("roots.pem");

/// Most time for a connection, handshake included.
const CONNECT: Duration = Duration::from_secs(2);

/// What a service's client is allowed to take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// One attempt.
    attempt: Duration,
    /// All attempts with the pauses between them.
    whole: Duration,
    /// Number of attempts; 1 means that nothing is ever sent twice.
    attempts: u32,
    /// Pause before the second attempt, doubled with each further one, jittered by the SDK.
    backoff: Duration,
}

/// Reads are safe to send again. Writes go out with attempts of the ledger's own.
const DYNAMODB: Limits = Limits {
    attempt: Duration::from_secs(2),
    whole: Duration::from_secs(5),
    attempts: 4,
    backoff: Duration::from_millis(25),
};
/// Reads. CodePipeline throttles early, so there is time for three attempts.
const CODEPIPELINE: Limits = Limits {
    attempt: Duration::from_secs(3),
    whole: Duration::from_secs(7),
    attempts: 3,
    backoff: Duration::from_millis(200),
};
/// `RetryStageExecution` takes no client token: sent twice it may be done twice.
const RETRY: Limits = Limits {
    attempt: Duration::from_secs(5),
    whole: Duration::from_secs(5),
    attempts: 1,
    backoff: Duration::from_millis(200),
};
/// Arming a wake-up twice is arming it once.
const WAKE_UPS: Limits = Limits {
    attempt: Duration::from_secs(2),
    whole: Duration::from_secs(5),
    attempts: 3,
    backoff: Duration::from_millis(50),
};
/// Once an hour for each account of a spoke, within the time of the request that needs it.
const STS: Limits = Limits {
    attempt: Duration::from_secs(1),
    whole: Duration::from_millis(2_500),
    attempts: 3,
    backoff: Duration::from_millis(50),
};
/// Reads that a decision can do without. They go out beside and after each other within a few seconds in all.
pub(super) const EVIDENCE: Limits = Limits {
    attempt: Duration::from_secs(2),
    whole: Duration::from_secs(4),
    attempts: 2,
    backoff: Duration::from_millis(100),
};

/// The clients.
#[derive(Debug)]
pub struct Clients {
    shared: SdkConfig,
    endpoints: Endpoints,
    codepipeline: OnceLock<aws_sdk_codepipeline::Client>,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    eventbridge: OnceLock<aws_sdk_eventbridge::Client>,
    scheduler: OnceLock<aws_sdk_scheduler::Client>,
    sns: OnceLock<aws_sdk_sns::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
}

impl Clients {
    /// Clients that share credentials, Region and HTTP stack.
    pub const fn new(shared: SdkConfig, endpoints: Endpoints) -> Self {
        Self {
            shared,
            endpoints,
            codepipeline: OnceLock::new(),
            dynamodb: OnceLock::new(),
            eventbridge: OnceLock::new(),
            scheduler: OnceLock::new(),
            sns: OnceLock::new(),
            sqs: OnceLock::new(),
            sts: OnceLock::new(),
        }
    }

    /// What the clients share, for one that is not among them.
    pub const fn shared(&self) -> &SdkConfig {
        &self.shared
    }

    /// Endpoints other than AWS's own.
    pub const fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// CodePipeline, for reading. A retry goes out with [`retry_config`] on top.
    pub fn codepipeline(&self) -> &aws_sdk_codepipeline::Client {
        self.codepipeline.get_or_init(|| {
            let mut config = aws_sdk_codepipeline::config::Builder::from(&self.shared);
            config.set_timeout_config(Some(CODEPIPELINE.timeouts()));
            config.set_retry_config(Some(CODEPIPELINE.retries()));
            if let Some(endpoint) = &self.endpoints.codepipeline {
                config.set_endpoint_url(Some(endpoint.clone()));
            }
            aws_sdk_codepipeline::Client::from_conf(config.build())
        })
    }

    /// DynamoDB.
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        self.dynamodb.get_or_init(|| {
            let mut config = aws_sdk_dynamodb::config::Builder::from(&self.shared);
            config.set_timeout_config(Some(DYNAMODB.timeouts()));
            config.set_retry_config(Some(DYNAMODB.retries()));
            if let Some(endpoint) = &self.endpoints.dynamodb {
                config.set_endpoint_url(Some(endpoint.clone()));
            }
            aws_sdk_dynamodb::Client::from_conf(config.build())
        })
    }

    /// EventBridge, for announcing.
    pub fn eventbridge(&self) -> &aws_sdk_eventbridge::Client {
        self.eventbridge.get_or_init(|| {
            let mut config = aws_sdk_eventbridge::config::Builder::from(&self.shared);
            config.set_timeout_config(Some(WAKE_UPS.timeouts()));
            config.set_retry_config(Some(WAKE_UPS.retries()));
            if let Some(endpoint) = &self.endpoints.eventbridge {
                config.set_endpoint_url(Some(endpoint.clone()));
            }
            aws_sdk_eventbridge::Client::from_conf(config.build())
        })
    }

    /// SNS.
    pub fn sns(&self) -> &aws_sdk_sns::Client {
        self.sns.get_or_init(|| {
            let mut config = aws_sdk_sns::config::Builder::from(&self.shared);
            config.set_timeout_config(Some(WAKE_UPS.timeouts()));
            config.set_retry_config(Some(WAKE_UPS.retries()));
            if let Some(endpoint) = &self.endpoints.sns {
                config.set_endpoint_url(Some(endpoint.clone()));
            }
            aws_sdk_sns::Client::from_conf(config.build())
        })
    }

    /// EventBridge Scheduler.
    pub fn scheduler(&self) -> &aws_sdk_scheduler::Client {
        self.scheduler.get_or_init(|| {
            let mut config = aws_sdk_scheduler::config::Builder::from(&self.shared);
            config.set_timeout_config(Some(WAKE_UPS.timeouts()));
            config.set_retry_config(Some(WAKE_UPS.retries()));
            if let Some(endpoint) = &self.endpoints.scheduler {
                config.set_endpoint_url(Some(endpoint.clone()));
            }
            aws_sdk_scheduler::Client::from_conf(config.build())
        })
    }

    /// SQS.
    pub fn sqs(&self) -> &aws_sdk_sqs::Client {
        self.sqs.get_or_init(|| {
            let mut config = aws_sdk_sqs::config::Builder::from(&self.shared);
            config.set_timeout_config(Some(WAKE_UPS.timeouts()));
            config.set_retry_config(Some(WAKE_UPS.retries()));
            if let Some(endpoint) = &self.endpoints.sqs {
                config.set_endpoint_url(Some(endpoint.clone()));
            }
            aws_sdk_sqs::Client::from_conf(config.build())
        })
    }

    /// STS.
    pub fn sts(&self) -> &aws_sdk_sts::Client {
        self.sts.get_or_init(|| {
            let mut config = aws_sdk_sts::config::Builder::from(&self.shared);
            config.set_timeout_config(Some(STS.timeouts()));
            config.set_retry_config(Some(STS.retries()));
            if let Some(endpoint) = &self.endpoints.sts {
                config.set_endpoint_url(Some(endpoint.clone()));
            }
            aws_sdk_sts::Client::from_conf(config.build())
        })
    }
}

/// What a `RetryStageExecution` is sent with: one attempt, five seconds.
pub fn retry_config() -> aws_sdk_codepipeline::config::Builder {
    let mut config = aws_sdk_codepipeline::config::Builder::new();
    config.set_timeout_config(Some(RETRY.timeouts()));
    config.set_retry_config(Some(RETRY.retries()));
    config
}

/// What every client has in common, before Region and credentials.
pub fn common(trust: &Trust) -> aws_types::sdk_config::Builder {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client(trust))
        .sleep_impl(TokioSleep::new())
        // The whole operation is limited already.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// One pool of connections for all clients.
pub fn http_client(trust: &Trust) -> SharedHttpClient {
    Builder::new().tls_provider(tls()).tls_context(believing(trust)).build_https()
}

/// The same through the proxies that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name: for people's machines, since a
/// function has none.
pub fn proxied_http_client(trust: &Trust) -> SharedHttpClient {
    let context = believing(trust);
    let connectors: Mutex<BTreeMap<_, SharedHttpConnector>> = Mutex::new(BTreeMap::new());
    http_client_fn(move |settings, components| {
        let limits = (settings.connect_timeout(), settings.read_timeout());
        let connect = || {
            let mut connector = Connector::builder()
                .proxy_config(ProxyConfig::from_env())
                .connector_settings(settings.clone())
                .tls_provider(tls())
                .tls_context(context.clone());
            connector.set_sleep_impl(components.sleep_impl());
            SharedHttpConnector::new(connector.build())
        };
        let mut connectors = connectors.lock().unwrap_or_else(PoisonError::into_inner);
        connectors.entry(limits).or_insert_with(connect).clone()
    })
}

fn tls() -> Provider {
    Provider::Rustls(CryptoMode::Ring)
}

fn believing(trust: &Trust) -> TlsContext {
    let store = match trust {
        Trust::Amazon => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
        Trust::System => TrustStore::default(),
        Trust::Bundle(pem) => TrustStore::empty().with_pem_certificate(pem.as_slice()),
    };
    TlsContext::builder().with_trust_store(store).build().unwrap_or_default()
}

impl Limits {
    pub(super) fn timeouts(self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(self.attempt)
            .operation_timeout(self.whole)
            .build()
    }

    pub(super) fn retries(self) -> RetryConfig {
        if self.attempts == 1 {
            return RetryConfig::disabled();
        }
        RetryConfig::standard().with_max_attempts(self.attempts).with_initial_backoff(self.backoff)
    }
}
