//! The services that are asked in the Region where an action ran, or a calendar is kept. Clients are built when they are first asked
//! for, share the HTTP stack of all the others, and are kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_types::SdkConfig;

use super::clients::{Clients, EVIDENCE};
use super::settings::Endpoints;
use crate::domain::ids::Region;

/// Every Region that was asked for.
#[derive(Debug)]
pub struct Regions {
    clients: Arc<Clients>,
    known: Mutex<BTreeMap<Region, Arc<Services>>>,
}

impl Regions {
    /// No Region yet.
    pub const fn new(clients: Arc<Clients>) -> Self {
        Self { clients, known: Mutex::new(BTreeMap::new()) }
    }

    /// The services of a Region.
    pub fn of(&self, region: &Region) -> Arc<Services> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(services) = known.get(region) {
            return Arc::clone(services);
        }
        let name = aws_types::region::Region::new(region.as_str().to_owned());
        let shared = self.clients.shared().to_builder().region(name).build();
        let services = Arc::new(Services::new(shared, self.clients.endpoints().clone()));
        known.insert(region.clone(), Arc::clone(&services));
        services
    }
}

/// The services of one Region.
#[derive(Debug)]
pub struct Services {
    shared: SdkConfig,
    endpoints: Endpoints,
    cloudformation: OnceLock<aws_sdk_cloudformation::Client>,
    codebuild: OnceLock<aws_sdk_codebuild::Client>,
    codedeploy: OnceLock<aws_sdk_codedeploy::Client>,
    logs: OnceLock<aws_sdk_cloudwatchlogs::Client>,
    ssm: OnceLock<aws_sdk_ssm::Client>,
}

impl Services {
    const fn new(shared: SdkConfig, endpoints: Endpoints) -> Self {
        Self {
            shared,
            endpoints,
            cloudformation: OnceLock::new(),
            codebuild: OnceLock::new(),
            codedeploy: OnceLock::new(),
            logs: OnceLock::new(),
            ssm: OnceLock::new(),
        }
    }

    /// CloudFormation.
    pub fn cloudformation(&self) -> &aws_sdk_cloudformation::Client {
        self.cloudformation.get_or_init(|| {
            let mut config = aws_sdk_cloudformation::config::Builder::from(&self.shared);
            config.set_timeout_config(Some(EVIDENCE.timeouts()));
            config.set_retry_config(Some(EVIDENCE.retries()));
            if let Some(endpoint) = &self.endpoints.cloudformation {
                config.set_endpoint_url(Some(endpoint.clone()));
            }
            aws_sdk_cloudformation::Client::from_conf(config.build())
        })
    }

    /// CodeBuild.
    pub fn codebuild(&self) -> &aws_sdk_codebuild::Client {
        self.codebuild.get_or_init(|| {
            let mut config = aws_sdk_codebuild::config::Builder::from(&self.shared);
            config.set_timeout_config(Some(EVIDENCE.timeouts()));
            config.set_retry_config(Some(EVIDENCE.retries()));
            if let Some(endpoint) = &self.endpoints.codebuild {
                config.set_endpoint_url(Some(endpoint.clone()));
            }
            aws_sdk_codebuild::Client::from_conf(config.build())
        })
    }

    /// CodeDeploy.
    pub fn codedeploy(&self) -> &aws_sdk_codedeploy::Client {
        self.codedeploy.get_or_init(|| {
            let mut config = aws_sdk_codedeploy::config::Builder::from(&self.shared);
            config.set_timeout_config(Some(EVIDENCE.timeouts()));
            config.set_retry_config(Some(EVIDENCE.retries()));
            if let Some(endpoint) = &self.endpoints.codedeploy {
                config.set_endpoint_url(Some(endpoint.clone()));
            }
            aws_sdk_codedeploy::Client::from_conf(config.build())
        })
    }

    /// CloudWatch Logs.
    pub fn logs(&self) -> &aws_sdk_cloudwatchlogs::Client {
        self.logs.get_or_init(|| {
            let mut config = aws_sdk_cloudwatchlogs::config::Builder::from(&self.shared);
            config.set_timeout_config(Some(EVIDENCE.timeouts()));
            config.set_retry_config(Some(EVIDENCE.retries()));
            if let Some(endpoint) = &self.endpoints.logs {
                config.set_endpoint_url(Some(endpoint.clone()));
            }
            aws_sdk_cloudwatchlogs::Client::from_conf(config.build())
        })
    }

    /// Systems Manager.
    pub fn ssm(&self) -> &aws_sdk_ssm::Client {
        self.ssm.get_or_init(|| {
            let mut config = aws_sdk_ssm::config::Builder::from(&self.shared);
            config.set_timeout_config(Some(EVIDENCE.timeouts()));
            config.set_retry_config(Some(EVIDENCE.retries()));
            if let Some(endpoint) = &self.endpoints.ssm {
                config.set_endpoint_url(Some(endpoint.clone()));
            }
            aws_sdk_ssm::Client::from_conf(config.build())
        })
    }
}
