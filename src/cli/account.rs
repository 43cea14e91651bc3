//! The account that a command works in, found as every AWS tool finds it: `--profile`, `--region`, `--endpoint-url`,
//! then the environment, then the files in `~/.aws`. It calls no service by itself.

use std::error::Error;
use std::future::Future;
use std::iter::successors;
use std::sync::Arc;

use aws_config::imds::client::error::ImdsError;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, ConfigLoader};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use clap::Args;

use super::columns::foreign;
use super::error::CliError;
use crate::aws::clients::{Clients, proxied_http_client};
use crate::aws::settings::{Endpoints, Trust, variable};
use crate::domain::ids::Region;

/// The account and Region to work in.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "AWS account")]
pub struct AccountArguments {
    /// The profile of `~/.aws/config` to use
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The Region to work in
    #[arg(long, value_name = "REGION", value_parser = region)]
    region: Option<Region>,
    /// Where the services are, if not where AWS has them
    #[arg(long, value_name = "URL", value_parser = endpoint)]
    endpoint_url: Option<String>,
}

/// An account within reach.
#[derive(Debug, Clone)]
pub struct Account {
    /// The clients.
    pub clients: Arc<Clients>,
    /// The Region that they work in.
    pub region: Region,
}

fn region(text: &str) -> Result<Region, String> {
    Region::parse(text).map_err(|invalid| invalid.to_string())
}

fn endpoint(text: &str) -> Result<String, String> {
    let host = ["http://", "https://"].into_iter().find_map(|scheme| text.strip_prefix(scheme));
    match host {
        Some(host) if !host.is_empty() && !host.starts_with('/') => Ok(text.to_owned()),
        _ => Err("not an address such as `http://127.0.0.1:4566`".to_owned()),
    }
}

impl AccountArguments {
    /// Whether any of them is given.
    pub const fn is_given(&self) -> bool {
        self.profile.is_some() || self.region.is_some() || self.endpoint_url.is_some()
    }

    /// The same with this Region, which has to be the one that is given, if one is.
    pub fn in_region(self, region: &Region) -> Result<Self, CliError> {
        match &self.region {
            Some(given) if given != region => {
                let message = format!("`--region` is {given}, and what is asked about is in {region}");
                Err(CliError::usage(message).with_hint("leave `--region` out"))
            }
            _ => Ok(Self { region: Some(region.clone()), ..self }),
        }
    }

    /// Finds Region and credentials. A service's own endpoint, from `AWS_ENDPOINT_URL_<SERVICE>` or the profile, is the
    /// SDK's to find, and `--endpoint-url` comes before all of them.
    pub async fn reach(&self) -> Result<Account, CliError> {
        let trust = Trust::bundle(&variable)
            .map_err(|problem| CliError::usage(problem).with_hint("name a file with certificates in PEM"))?
            .unwrap_or(Trust::System);
        let config = self.load(&trust).await;
        let region = self.region_of(&config)?;
        self.check_credentials(&config).await?;
        Ok(Account { clients: Arc::new(Clients::new(config, Endpoints::default())), region })
    }

    async fn load(&self, trust: &Trust) -> SdkConfig {
        let http_client = proxied_http_client(trust);
        let config = self.loader(http_client.clone()).load().await;
        let Some(profile) = &self.profile else { return config };
        // Who names a profile means it, whatever credentials are in the environment: so do the AWS CLI and boto3, and
        // the SDK's own chain does not.
        let provider =
            ProviderConfig::default().with_http_client(http_client).with_region(config.region().cloned());
        let profile =
            ProfileFileCredentialsProvider::builder().profile_name(profile).configure(&provider).build();
        config.into_builder().credentials_provider(SharedCredentialsProvider::new(profile)).build()
    }

    fn loader(&self, http_client: SharedHttpClient) -> ConfigLoader {
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client);
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &self.region {
            loader = loader.region(aws_types::region::Region::new(region.as_str().to_owned()));
        }
        if let Some(endpoint) = &self.endpoint_url {
            loader = loader.endpoint_url(endpoint);
        }
        loader
    }

    fn region_of(&self, config: &SdkConfig) -> Result<Region, CliError> {
        let Some(found) = config.region() else {
            return Err(match &self.profile {
                Some(profile) => CliError::usage(format!("profile `{profile}` says no Region")).with_hint(
                    "give `--region`; `aws configure list-profiles` shows which profiles there are",
                ),
                None => CliError::usage("no Region is set").with_hint("give `--region`, or set AWS_REGION"),
            });
        };
        Region::parse(found.as_ref()).map_err(|invalid| {
            CliError::usage(format!("the Region `{found}` is not valid: {invalid}"))
                .with_hint("give `--region`, or set AWS_REGION")
        })
    }

    /// Asks for credentials once; they are kept for the calls that follow.
    async fn check_credentials(&self, config: &SdkConfig) -> Result<(), CliError> {
        let found = match config.credentials_provider() {
            Some(provider) => provider.provide_credentials().await,
            None => Err(CredentialsError::not_loaded_no_source()),
        };
        let Err(error) = found else { return Ok(()) };
        let nowhere = matches!(error, CredentialsError::CredentialsNotLoaded(_))
            // What is asked last, and only answers on EC2.
            || causes(&error).any(<dyn Error>::is::<ImdsError>);
        let message = match &self.profile {
            _ if !nowhere => {
                let cause = causes(&error).last().map(ToString::to_string).unwrap_or_default();
                // The SDK's name of what it could not build helps nobody.
                let cause = cause.strip_prefix("ProfileFile provider could not be built: ").unwrap_or(&cause);
                format!("cannot get AWS credentials: {}", foreign(cause.trim_end_matches('.')))
            }
            Some(profile) => format!("no AWS credentials found for profile `{profile}`"),
            None => "no AWS credentials found".to_owned(),
        };
        Err(CliError::usage(message).with_hint(match &self.profile {
            Some(profile) => format!(
                "`aws configure --profile {profile}` or `aws sso login --profile {profile}` sets them up, \
                 `aws configure list-profiles` shows which profiles there are"
            ),
            None => "`aws configure` or `aws sso login` sets them up, `--profile` chooses among several"
                .to_owned(),
        }))
    }
}

/// An error and what lies beneath it, down to the bottom.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// Carries out what a command does against an account, on this thread.
pub fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::unexpected(format!("cannot start: {error}")))?
        .block_on(work)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        account: AccountArguments,
    }

    fn parsed(arguments: &[&str]) -> Result<AccountArguments, String> {
        let line = ["command"].iter().chain(arguments);
        Command::try_parse_from(line).map(|command| command.account).map_err(|error| error.to_string())
    }

    #[test]
    fn an_endpoint_has_a_scheme_and_a_host() {
        for good in ["http://127.0.0.1:4566", "https://vpce.example", "http://[::1]:1/path"] {
            assert_eq!(parsed(&["--endpoint-url", good]).unwrap().endpoint_url.as_deref(), Some(good));
        }
        for bad in ["", "localhost:4566", "ftp://host", "http://", "http:///path"] {
            let problem = parsed(&["--endpoint-url", bad]).unwrap_err();
            assert!(problem.contains("--endpoint-url"), "{problem}");
        }
    }

    #[test]
    fn a_region_that_is_none_is_refused_before_anything_is_asked() {
        assert!(parsed(&["--region", "eu-central-1"]).is_ok());
        let problem = parsed(&["--region", "Frankfurt am Main"]).unwrap_err();
        assert!(problem.contains("--region"), "{problem}");
    }

    #[test]
    fn what_the_command_line_says_comes_first() {
        let said =
            parsed(&["--profile", "none", "--region", "eu-west-3", "--endpoint-url", "http://127.0.0.1:1"]);
        let config = block_on(async { Ok(said.unwrap().load(&Trust::System).await) }).unwrap();
        assert_eq!(config.region().unwrap().as_ref(), "eu-west-3");
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:1"));
        assert!(config.get_origin("endpoint_url").is_client_config(), "before a service's own endpoint");
    }
}
