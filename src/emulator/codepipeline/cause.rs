//! What the provider of an action knows of why a run of it failed: the part of a script that CodePipeline never shows.

use super::provider::Provider;

/// Why a run failed, as its provider tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A build ended. For `CodeBuild` and `Commands`; of the latter there is only the log.
    Build(BuildCause),
    /// A deployment failed. For `CodeDeploy` and `CodeDeployToECS`.
    Deployment(DeploymentCause),
    /// Resources of a stack failed, in this order. For `CloudFormation`.
    Stack(Vec<ResourceCause>),
    /// A change set could not be made, for this reason. For `CloudFormation`.
    ChangeSet(String),
}

impl Cause {
    /// Whether such a provider can know such a thing.
    pub fn fits(&self, provider: Option<Provider>) -> bool {
        match self {
            Self::Build(build) => match provider {
                Some(Provider::CodeBuild) => true,
                Some(Provider::Commands) => *build == BuildCause::of_log(build.log.clone()),
                _ => false,
            },
            Self::Deployment(_) => provider == Some(Provider::CodeDeploy),
            Self::Stack(_) | Self::ChangeSet(_) => provider == Some(Provider::CloudFormation),
        }
    }
}

/// How a build ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildCause {
    /// How it ended as a whole.
    pub status: BuildStatus,
    /// The first phase that failed.
    pub phase: BuildPhase,
    /// Status code of the phase's context: `COMMAND_EXECUTION_ERROR`, `CLIENT_ERROR`, … The service has no list of them.
    pub code: Option<String>,
    /// Message of the phase's context.
    pub message: String,
    /// The log, line by line.
    pub log: String,
}

impl BuildCause {
    /// A build that failed in phase BUILD, without a context, with this log.
    pub const fn of_log(log: String) -> Self {
        Self {
            status: BuildStatus::Failed,
            phase: BuildPhase::Build,
            code: None,
            message: String::new(),
            log,
        }
    }
}

/// The ends of a build that did not succeed (CodeBuild API reference, `StatusType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "CodeBuild's own names")]
pub enum BuildStatus {
    Failed,
    Fault,
    TimedOut,
    Stopped,
}

impl BuildStatus {
    /// Every such end.
    pub const ALL: [Self; 4] = [Self::Failed, Self::Fault, Self::TimedOut, Self::Stopped];

    /// CodeBuild's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "FAILED",
            Self::Fault => "FAULT",
            Self::TimedOut => "TIMED_OUT",
            Self::Stopped => "STOPPED",
        }
    }
}

/// The phases of a build that can fail, in order (CodeBuild API reference, `BuildPhaseType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "CodeBuild's own names")]
pub enum BuildPhase {
    Submitted,
    Queued,
    Provisioning,
    DownloadSource,
    Install,
    PreBuild,
    Build,
    PostBuild,
    UploadArtifacts,
    Finalizing,
}

impl BuildPhase {
    /// Every phase, in order.
    pub const ALL: [Self; 10] = [
        Self::Submitted,
        Self::Queued,
        Self::Provisioning,
        Self::DownloadSource,
        Self::Install,
        Self::PreBuild,
        Self::Build,
        Self::PostBuild,
        Self::UploadArtifacts,
        Self::Finalizing,
    ];

    /// CodeBuild's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::Queued => "QUEUED",
            Self::Provisioning => "PROVISIONING",
            Self::DownloadSource => "DOWNLOAD_SOURCE",
            Self::Install => "INSTALL",
            Self::PreBuild => "PRE_BUILD",
            Self::Build => "BUILD",
            Self::PostBuild => "POST_BUILD",
            Self::UploadArtifacts => "UPLOAD_ARTIFACTS",
            Self::Finalizing => "FINALIZING",
        }
    }
}

/// How a deployment failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentCause {
    /// Code of its error: `HEALTH_CONSTRAINTS`, `TIMEOUT`, … (CodeDeploy API reference, `ErrorCode`).
    pub code: String,
    /// Message of its error.
    pub message: String,
    /// The lifecycle event that failed on its target, if one did.
    pub event: Option<LifecycleCause>,
}

/// How a lifecycle event failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleCause {
    /// Its name: `BeforeInstall`, `ApplicationStart`, …
    pub name: String,
    /// What went wrong.
    pub code: LifecycleCode,
    /// The script that it ran.
    pub script: String,
    /// Message of its diagnostics.
    pub message: String,
    /// The end of the script's log.
    pub log: String,
}

/// What can be wrong with a lifecycle event (CodeDeploy API reference, `LifecycleErrorCode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "CodeDeploy's own names")]
pub enum LifecycleCode {
    ScriptMissing,
    ScriptNotExecutable,
    ScriptTimedOut,
    ScriptFailed,
    UnknownError,
}

impl LifecycleCode {
    /// Every code.
    pub const ALL: [Self; 5] = [
        Self::ScriptMissing,
        Self::ScriptNotExecutable,
        Self::ScriptTimedOut,
        Self::ScriptFailed,
        Self::UnknownError,
    ];

    /// CodeDeploy's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ScriptMissing => "ScriptMissing",
            Self::ScriptNotExecutable => "ScriptNotExecutable",
            Self::ScriptTimedOut => "ScriptTimedOut",
            Self::ScriptFailed => "ScriptFailed",
            Self::UnknownError => "UnknownError",
        }
    }
}

/// How a resource of a stack failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceCause {
    /// Its logical id.
    pub resource: String,
    /// Its type: `AWS::SQS::Queue`.
    pub kind: String,
    /// The status of its failed event.
    pub status: ResourceStatus,
    /// Why.
    pub reason: String,
    /// Where it is a nested stack: what failed in it, in this order.
    pub nested: Vec<ResourceCause>,
}

/// The type of a resource that is a stack itself.
pub const NESTED_STACK: &str = "AWS::CloudFormation::Stack";

/// The statuses of a resource that failed (CloudFormation API reference, `StackEvent`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "CloudFormation's own names")]
pub enum ResourceStatus {
    CreateFailed,
    UpdateFailed,
    DeleteFailed,
}

impl ResourceStatus {
    /// Every such status.
    pub const ALL: [Self; 3] = [Self::CreateFailed, Self::UpdateFailed, Self::DeleteFailed];

    /// CloudFormation's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateFailed => "CREATE_FAILED",
            Self::UpdateFailed => "UPDATE_FAILED",
            Self::DeleteFailed => "DELETE_FAILED",
        }
    }
}
