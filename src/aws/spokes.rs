//! The accounts and Regions beyond the function's own. Each is reached with the credentials of its spoke's role and with no
//! others: where the role cannot be assumed, nothing is asked there.
//!
//! Clients are built when a scope is first asked for. One `AssumeRole` serves all clients of an account for an hour.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_codepipeline::config::IdentityCache;
use aws_types::SdkConfig;
use aws_types::region::Region;

use super::certainty::{Cause, cause};
use super::clients::Clients;
use crate::domain::ids::{AccountId, PipelineArn};
use crate::domain::pipeline::Gap;
use crate::domain::scope::{Scope, Scopes};

/// The name of the function's sessions, which `CloudTrail` shows in the accounts of spokes.
const SESSION: &str = "codepipeline-retrier";

/// The role that lets the function into a spoke: of the same name in each account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpokeRole {
    /// Its name, without a path.
    pub name: String,
    /// What the role wants to hear, where it wants to hear anything.
    pub external_id: Option<String>,
}

impl SpokeRole {
    /// The name that it has unless another is given.
    pub const NAME: &str = "codepipeline-retrier-spoke";

    fn arn(&self, scope: &Scope) -> String {
        format!("arn:{}:iam::{}:role/{}", scope.partition, scope.account, self.name)
    }
}

/// The clients of every account and Region that the function works for.
#[derive(Debug)]
pub struct Accounts {
    home: Arc<Clients>,
    spokes: Option<Spokes>,
}

#[derive(Debug)]
struct Spokes {
    scopes: Scopes,
    role: SpokeRole,
    /// What the clients of an account share: credentials, and the hour that they last.
    shared: Mutex<BTreeMap<AccountId, SdkConfig>>,
    clients: Mutex<BTreeMap<Scope, Arc<Clients>>>,
}

impl Accounts {
    /// One account and Region, whose pipelines are all there is.
    pub const fn alone(home: Arc<Clients>) -> Self {
        Self { home, spokes: None }
    }

    /// The account and Region of these clients, which is the scopes' own, and the others.
    pub fn with_spokes(home: Arc<Clients>, scopes: Scopes, role: SpokeRole) -> Self {
        let (shared, clients) = (Mutex::default(), Mutex::default());
        Self { home, spokes: Some(Spokes { scopes, role, shared, clients }) }
    }

    /// The clients of the function's own account and Region.
    pub const fn home(&self) -> &Arc<Clients> {
        &self.home
    }

    /// The clients of a pipeline's account and Region.
    pub fn of(&self, pipeline: &PipelineArn) -> Result<Arc<Clients>, Gap> {
        self.there(&Scope::of(pipeline))
    }

    /// The clients of an account and Region; denied where it is not listed.
    pub fn there(&self, scope: &Scope) -> Result<Arc<Clients>, Gap> {
        let Some(spokes) = self.spokes.as_ref().filter(|spokes| scope != spokes.scopes.own()) else {
            return Ok(Arc::clone(&self.home));
        };
        if !spokes.scopes.contains(scope) {
            return Err(Gap::Denied);
        }
        let mut known = spokes.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(clients) = known.get(scope) {
            return Ok(Arc::clone(clients));
        }
        let region = Region::new(scope.region.as_str().to_owned());
        let shared = spokes.shared(scope, &self.home).to_builder().region(region).build();
        let clients = Arc::new(Clients::new(shared, self.home.endpoints().clone()));
        known.insert(scope.clone(), Arc::clone(&clients));
        Ok(clients)
    }
}

impl Spokes {
    fn shared(&self, scope: &Scope, home: &Arc<Clients>) -> SdkConfig {
        let mut known = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known.get(&scope.account) {
            return shared.clone();
        }
        let role = self.role.arn(scope);
        let assumed =
            AssumedRole { home: Arc::clone(home), role, external_id: self.role.external_id.clone() };
        let shared = (home.shared().to_builder())
            .credentials_provider(SharedCredentialsProvider::new(assumed))
            .identity_cache(IdentityCache::lazy().build())
            .build();
        known.insert(scope.account.clone(), shared.clone());
        shared
    }
}

/// Credentials of a role, had from STS with the function's own.
#[derive(Debug)]
struct AssumedRole {
    home: Arc<Clients>,
    role: String,
    external_id: Option<String>,
}

impl AssumedRole {
    async fn assume(&self) -> Result<Credentials, CredentialsError> {
        let request = (self.home.sts().assume_role())
            .role_arn(&self.role)
            .role_session_name(SESSION)
            .set_external_id(self.external_id.clone());
        let answer = request.send().await.map_err(|error| refused(cause(&error)))?;
        let given =
            answer.credentials.ok_or_else(|| CredentialsError::unhandled("an answer without credentials"))?;
        let expires = (given.expiration.try_into())
            .map_err(|_| CredentialsError::unhandled("credentials without an end"))?;
        let (key, secret, token) = (given.access_key_id, given.secret_access_key, given.session_token);
        Ok(Credentials::new(key, secret, Some(token), Some(expires), "spoke"))
    }
}

/// What is left of an error: a word. What AWS says beside names accounts and roles.
fn refused(cause: Cause<'_>) -> CredentialsError {
    CredentialsError::not_loaded(match cause {
        Cause::AccessDenied | Cause::Credentials => "the role may not be assumed",
        Cause::Throttled => "STS asks to slow down",
        Cause::Refused(_) => "STS refuses",
        Cause::NotSent | Cause::Unknown => "STS does not answer",
    })
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::aws::clients::common;
    use crate::aws::settings::{Endpoints, Trust};

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    fn accounts() -> Accounts {
        let shared = common(&Trust::Amazon).region(Region::new("eu-central-1")).build();
        let home = Arc::new(Clients::new(shared, Endpoints::default()));
        let spoke = BTreeSet::from([AccountId::parse("444455556666").unwrap()]);
        let regions =
            ["eu-central-1", "us-east-1"].map(|text| crate::domain::ids::Region::parse(text).unwrap());
        let scopes = Scopes::with_spokes(scope("aws/eu-central-1/111122223333"), &spoke, &regions.into());
        let role = SpokeRole { name: SpokeRole::NAME.to_owned(), external_id: None };
        Accounts::with_spokes(home, scopes, role)
    }

    #[test]
    fn each_scope_has_clients_of_its_own_which_are_kept() {
        let accounts = accounts();
        let own = accounts.there(&scope("aws/eu-central-1/111122223333")).unwrap();
        assert!(Arc::ptr_eq(&own, accounts.home()));
        for region in ["eu-central-1", "us-east-1"] {
            let there = scope(&format!("aws/{region}/444455556666"));
            let clients = accounts.there(&there).unwrap();
            assert!(!Arc::ptr_eq(&clients, &own));
            assert!(Arc::ptr_eq(&clients, &accounts.there(&there).unwrap()));
            assert_eq!(clients.shared().region().map(AsRef::as_ref), Some(region));
        }
    }

    #[test]
    fn what_is_not_listed_is_not_reached_with_whatever_credentials() {
        let accounts = accounts();
        for other in
            ["aws/us-east-1/111122223333", "aws/eu-west-1/444455556666", "aws/eu-central-1/777788889999"]
        {
            assert_eq!(accounts.there(&scope(other)).err(), Some(Gap::Denied), "{other}");
        }
    }

    #[test]
    fn a_role_is_named_in_the_partition_and_account_of_its_scope() {
        let role = SpokeRole { name: "ours".to_owned(), external_id: None };
        assert_eq!(
            role.arn(&scope("aws-cn/cn-north-1/444455556666")),
            "arn:aws-cn:iam::444455556666:role/ours"
        );
    }
}
