//! What the environment says: the product's own variables and AWS's. The one place that reads it.
//!
//! Everything is checked when the function starts, and everything wrong is reported at once.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use aws_credential_types::Credentials;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::spokes::SpokeRole;
use crate::domain::evidence::Depth;
use crate::domain::ids::{AccountId, InvalidId, Partition, Region};
use crate::domain::policy::Mode;
use crate::domain::scope::{Scope, Scopes};
use crate::domain::sweep::SWEEP_RATE;
use crate::telemetry::LogLevel;

/// What the function runs with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `RETRIER_TABLE`: the ledger's table.
    pub table: String,
    /// `RETRIER_QUEUE_URL`: the queue that messages come from and wake-ups go to.
    pub queue_url: String,
    /// ARN of that queue, which schedules need.
    pub queue_arn: String,
    /// `RETRIER_DEAD_LETTER_QUEUE_ARN`: where a schedule leaves what it could not deliver; optional.
    pub dead_letter_queue_arn: Option<String>,
    /// `RETRIER_SCHEDULE_GROUP`: the group of the product's schedules.
    pub schedule_group: String,
    /// `RETRIER_SCHEDULER_ROLE_ARN`: the role that sends a schedule's message to the queue.
    pub scheduler_role_arn: String,
    /// `RETRIER_TOPIC_ARN`: the topic that teams are told through; without it none is told.
    pub topic_arn: Option<String>,
    /// `RETRIER_EVENT_BUS`: name or ARN of the bus that decisions are announced on; without it none is announced.
    pub event_bus: Option<String>,
    /// `RETRIER_ALLOW_ROLLBACK`: whether a stage may be rolled back where its rule asks for it; `false` where it is not set.
    pub may_roll_back: bool,
    /// `RETRIER_MODE`: `active` where it is not set.
    pub mode: Mode,
    /// `RETRIER_EVIDENCE`: how deep it may look for why an action failed; `logs` where it is not set.
    pub evidence: Depth,
    /// `RETRIER_SWEEP_RATE`: most requests to CodePipeline a second that a sweep makes, on average; 2 where it is not set.
    pub sweep_rate: u32,
    /// `RETRIER_POLICY`: `policy.yaml` in the function's own folder where it is not set.
    pub policy: PathBuf,
    /// `RETRIER_LOG`: how much is logged.
    pub log: LogLevel,
    /// The accounts and Regions that it works for. Its own account and partition are those of the scheduler role's ARN, its
    /// own Region is `AWS_REGION`; `RETRIER_SPOKE_ACCOUNTS` and `RETRIER_SPOKE_REGIONS` list others, where there are any.
    pub scopes: Scopes,
    /// `RETRIER_SPOKE_ROLE` and `RETRIER_SPOKE_EXTERNAL_ID`: the role that lets it into the others.
    pub spoke_role: SpokeRole,
    /// The function's own credentials.
    pub credentials: Credentials,
    /// Where the services are, if not where AWS has them.
    pub endpoints: Endpoints,
    /// Whose certificates are believed.
    pub trust: Trust,
}

/// Endpoints other than AWS's own: `AWS_ENDPOINT_URL_<SERVICE>`, or `AWS_ENDPOINT_URL` for all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Endpoints {
    /// CloudFormation's.
    pub cloudformation: Option<String>,
    /// CodeBuild's.
    pub codebuild: Option<String>,
    /// CodeDeploy's.
    pub codedeploy: Option<String>,
    /// CodePipeline's.
    pub codepipeline: Option<String>,
    /// DynamoDB's.
    pub dynamodb: Option<String>,
    /// CloudWatch Logs'.
    pub logs: Option<String>,
    /// EventBridge's.
    pub eventbridge: Option<String>,
    /// EventBridge Scheduler's.
    pub scheduler: Option<String>,
    /// SNS's.
    pub sns: Option<String>,
    /// SQS's.
    pub sqs: Option<String>,
    /// Systems Manager's.
    pub ssm: Option<String>,
    /// STS's.
    pub sts: Option<String>,
}

/// Whose certificates are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Those of Amazon's own authorities: enough for AWS's public endpoints in partition `aws`.
    Amazon,
    /// Those that the system believes.
    System,
    /// Those in the file that `AWS_CA_BUNDLE` or `SSL_CERT_FILE` names.
    Bundle(Vec<u8>),
}

/// What is wrong with the environment, all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSettings(pub Vec<String>);

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for InvalidSettings {}

/// A variable of this process's environment; an empty one counts as not set.
#[expect(clippy::disallowed_methods, reason = "the settings module is the one that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Settings {
    /// Reads the settings of a function.
    pub fn from_environment() -> Result<Self, InvalidSettings> {
        Self::read(&variable)
    }

    /// Reads the settings from what `variable` says.
    pub fn read(variable: &impl Fn(&str) -> Option<String>) -> Result<Self, InvalidSettings> {
        let mut reader = Reader { variable, problems: Vec::new() };
        let table = reader.required("RETRIER_TABLE");
        let queue_url = reader.required("RETRIER_QUEUE_URL");
        let queue = queue_url.as_deref().and_then(|url| reader.queue(url));
        let dead_letter_queue_arn = variable("RETRIER_DEAD_LETTER_QUEUE_ARN");
        let dead_letters = reader.dead_letters(dead_letter_queue_arn.as_deref());
        let topic_arn = variable("RETRIER_TOPIC_ARN");
        let topic = reader.topic(topic_arn.as_deref());
        let schedule_group = reader.required("RETRIER_SCHEDULE_GROUP");
        let scheduler_role_arn = reader.required("RETRIER_SCHEDULER_ROLE_ARN");
        let owner = scheduler_role_arn.as_deref().and_then(|role| reader.owner(role));
        let region = reader.region();
        let may_roll_back = reader.may_roll_back();
        let spoke_accounts = reader.list("RETRIER_SPOKE_ACCOUNTS", AccountId::parse);
        let spoke_regions = reader.list("RETRIER_SPOKE_REGIONS", Region::parse);
        let spoke_role = reader.spoke_role();
        let mode = reader.mode();
        let evidence = reader.evidence();
        let log = reader.log();
        let sweep_rate = reader.sweep_rate();
        let credentials = reader.credentials();
        let trust = reader.trust(owner.as_ref().map(|(partition, _)| partition));
        let (
            Some(table),
            Some(queue_url),
            Some(queue),
            Some(()),
            Some(()),
            Some(schedule_group),
            Some(scheduler_role_arn),
            Some((partition, account)),
            Some(region),
            Some(may_roll_back),
            Some(spoke_accounts),
            Some(spoke_regions),
            Some(spoke_role),
            Some(mode),
            Some(evidence),
            Some(log),
            Some(sweep_rate),
            Some(credentials),
            Some(trust),
        ) = (
            table,
            queue_url,
            queue,
            dead_letters,
            topic,
            schedule_group,
            scheduler_role_arn,
            owner,
            region,
            may_roll_back,
            spoke_accounts,
            spoke_regions,
            spoke_role,
            mode,
            evidence,
            log,
            sweep_rate,
            credentials,
            trust,
        )
        else {
            return Err(InvalidSettings(reader.problems));
        };
        Ok(Self {
            table,
            queue_arn: format!("arn:{partition}:sqs:{region}:{account}:{queue}"),
            queue_url,
            dead_letter_queue_arn,
            schedule_group,
            scheduler_role_arn,
            topic_arn,
            event_bus: variable("RETRIER_EVENT_BUS"),
            may_roll_back,
            mode,
            evidence,
            policy: reader.policy(),
            log,
            sweep_rate,
            scopes: Scopes::with_spokes(
                Scope { partition, region, account },
                &spoke_accounts,
                &spoke_regions,
            ),
            spoke_role,
            credentials,
            endpoints: Endpoints::read(variable),
            trust,
        })
    }
}

impl Endpoints {
    /// Reads the endpoints from what `variable` says.
    pub fn read(variable: &impl Fn(&str) -> Option<String>) -> Self {
        if variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|value| value == "true") {
            return Self::default();
        }
        let of = |service: &str| {
            variable(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| variable("AWS_ENDPOINT_URL"))
        };
        Self {
            cloudformation: of("CLOUDFORMATION"),
            codebuild: of("CODEBUILD"),
            codedeploy: of("CODEDEPLOY"),
            codepipeline: of("CODEPIPELINE"),
            dynamodb: of("DYNAMODB"),
            logs: of("CLOUDWATCH_LOGS"),
            eventbridge: of("EVENTBRIDGE"),
            scheduler: of("SCHEDULER"),
            sns: of("SNS"),
            sqs: of("SQS"),
            ssm: of("SSM"),
            sts: of("STS"),
        }
    }
}

impl Trust {
    /// Reads the file that `AWS_CA_BUNDLE` or else `SSL_CERT_FILE` names; none when neither is set.
    pub fn bundle(variable: &impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let named = ["AWS_CA_BUNDLE", "SSL_CERT_FILE"]
            .into_iter()
            .find_map(|name| variable(name).map(|path| (name, path)));
        let Some((name, path)) = named else { return Ok(None) };
        let pem = std::fs::read(&path).map_err(|error| format!("{name} `{path}`: {error}"))?;
        let readable = readable_certificates(&String::from_utf8_lossy(&pem));
        if readable.is_empty() {
            return Err(format!("{name} `{path}` holds no certificate in PEM that can be read"));
        }
        Ok(Some(Self::Bundle(readable.into_bytes())))
    }
}

/// The certificates that rustls can read. Bundles of systems hold others too, and who comes by one later ends the process.
fn readable_certificates(pem: &str) -> String {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let blocks = pem.split(BEGIN).skip(1).filter_map(|rest| rest.split_once(END));
    let whole = blocks.map(|(body, _)| format!("{BEGIN}{body}{END}\n"));
    let is_readable = |block: &String| {
        let certificate = CertificateDer::from_pem_slice(block.as_bytes());
        certificate.is_ok_and(|certificate| RootCertStore::empty().add(certificate).is_ok())
    };
    whole.filter(is_readable).collect()
}

/// Reads on after a mistake, so that all of them are told at once.
struct Reader<'a, V> {
    variable: &'a V,
    problems: Vec<String>,
}

impl<V: Fn(&str) -> Option<String>> Reader<'_, V> {
    fn wrong<T>(&mut self, problem: impl Into<String>) -> Option<T> {
        self.problems.push(problem.into());
        None
    }

    fn required(&mut self, name: &str) -> Option<String> {
        (self.variable)(name).or_else(|| self.wrong(format!("{name} is not set")))
    }

    /// The name of the queue: `https://HOST/ACCOUNT/NAME`.
    fn queue(&mut self, url: &str) -> Option<String> {
        let path = ["https://", "http://"].into_iter().find_map(|scheme| url.strip_prefix(scheme));
        let name = path.and_then(|path| path.rsplit_once('/')).map(|(_, name)| name);
        let is_name = |name: &&str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        };
        (name.filter(is_name).map(str::to_owned))
            .or_else(|| self.wrong("RETRIER_QUEUE_URL is not the URL of a standard queue"))
    }

    /// Optional, but right where it is there.
    fn dead_letters(&mut self, arn: Option<&str>) -> Option<()> {
        match arn.map(|arn| arn.split(':').collect::<Vec<_>>()).as_deref() {
            None => Some(()),
            Some(["arn", _, "sqs", _, _, name]) if !name.is_empty() => Some(()),
            Some(_) => self.wrong("RETRIER_DEAD_LETTER_QUEUE_ARN is not the ARN of a queue"),
        }
    }

    /// Optional, but right where it is there.
    fn topic(&mut self, arn: Option<&str>) -> Option<()> {
        match arn.map(|arn| arn.split(':').collect::<Vec<_>>()).as_deref() {
            None => Some(()),
            Some(["arn", _, "sns", _, _, name]) if !name.is_empty() => Some(()),
            Some(_) => self.wrong("RETRIER_TOPIC_ARN is not the ARN of a topic"),
        }
    }

    /// Partition and account of a role: `arn:PARTITION:iam::ACCOUNT:role/NAME`.
    fn owner(&mut self, role: &str) -> Option<(Partition, AccountId)> {
        let parts: Vec<_> = role.splitn(6, ':').collect();
        let owner = match parts.as_slice() {
            ["arn", partition, "iam", "", account, name] if name.starts_with("role/") => {
                Partition::parse(*partition).ok().zip(AccountId::parse(*account).ok())
            }
            _ => None,
        };
        owner.or_else(|| self.wrong("RETRIER_SCHEDULER_ROLE_ARN is not the ARN of a role"))
    }

    fn region(&mut self) -> Option<Region> {
        match (self.variable)("AWS_REGION").or_else(|| (self.variable)("AWS_DEFAULT_REGION")) {
            Some(text) => Region::parse(text)
                .map_or_else(|invalid| self.wrong(format!("AWS_REGION is {invalid}")), Some),
            None => self.wrong("AWS_REGION is not set"),
        }
    }

    /// Values with commas between them; none where it is not set.
    fn list<T: Ord>(
        &mut self,
        name: &str,
        parse: impl Fn(String) -> Result<T, InvalidId>,
    ) -> Option<BTreeSet<T>> {
        let text = (self.variable)(name).unwrap_or_default();
        let values =
            text.split(',').filter(|value| !value.is_empty()).map(|value| parse(value.trim().to_owned()));
        values
            .collect::<Result<_, _>>()
            .map_or_else(|invalid| self.wrong(format!("{name} holds what is {invalid}")), Some)
    }

    fn spoke_role(&mut self) -> Option<SpokeRole> {
        let name = (self.variable)("RETRIER_SPOKE_ROLE").unwrap_or_else(|| SpokeRole::NAME.to_owned());
        let external_id = (self.variable)("RETRIER_SPOKE_EXTERNAL_ID");
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if (1..=64).contains(&name.len()) && name.chars().all(is_name) {
            Some(SpokeRole { name, external_id })
        } else {
            self.wrong("RETRIER_SPOKE_ROLE is not the name of a role")
        }
    }

    fn mode(&mut self) -> Option<Mode> {
        let Some(text) = (self.variable)("RETRIER_MODE") else { return Some(Mode::Active) };
        (Mode::ALL.into_iter().find(|mode| mode.as_str() == text))
            .or_else(|| self.wrong("RETRIER_MODE must be `active`, `shadow` or `disabled`"))
    }

    fn may_roll_back(&mut self) -> Option<bool> {
        match (self.variable)("RETRIER_ALLOW_ROLLBACK").as_deref() {
            None | Some("false") => Some(false),
            Some("true") => Some(true),
            Some(_) => self.wrong("RETRIER_ALLOW_ROLLBACK must be `true` or `false`"),
        }
    }

    fn evidence(&mut self) -> Option<Depth> {
        let Some(text) = (self.variable)("RETRIER_EVIDENCE") else { return Some(Depth::Logs) };
        Depth::parse(&text).or_else(|| self.wrong("RETRIER_EVIDENCE must be `state`, `details` or `logs`"))
    }

    fn log(&mut self) -> Option<LogLevel> {
        let Some(text) = (self.variable)("RETRIER_LOG") else { return Some(LogLevel::default()) };
        LogLevel::parse(&text)
            .or_else(|| self.wrong("RETRIER_LOG must be `error`, `warn`, `info` or `debug`"))
    }

    fn sweep_rate(&mut self) -> Option<u32> {
        let Some(text) = (self.variable)("RETRIER_SWEEP_RATE") else { return Some(SWEEP_RATE) };
        (text.parse().ok().filter(|rate| (1..=100).contains(rate)))
            .or_else(|| self.wrong("RETRIER_SWEEP_RATE must be a number from 1 to 100"))
    }

    /// Lambda unpacks the function into `LAMBDA_TASK_ROOT`.
    fn policy(&self) -> PathBuf {
        (self.variable)("RETRIER_POLICY").map_or_else(
            || PathBuf::from((self.variable)("LAMBDA_TASK_ROOT").unwrap_or_default()).join("policy.yaml"),
            PathBuf::from,
        )
    }

    fn credentials(&mut self) -> Option<Credentials> {
        let key = self.required("AWS_ACCESS_KEY_ID");
        let secret = self.required("AWS_SECRET_ACCESS_KEY");
        let token = (self.variable)("AWS_SESSION_TOKEN");
        Some(Credentials::new(key?, secret?, token, None, "environment"))
    }

    fn trust(&mut self, partition: Option<&Partition>) -> Option<Trust> {
        match Trust::bundle(self.variable) {
            Ok(Some(bundle)) => Some(bundle),
            // Endpoints of other partitions may have other authorities.
            Ok(None) if partition.is_some_and(|partition| partition.as_str() == "aws") => Some(Trust::Amazon),
            Ok(None) => Some(Trust::System),
            Err(problem) => self.wrong(problem),
        }
    }
}

#[cfg(test)]
mod tests;
