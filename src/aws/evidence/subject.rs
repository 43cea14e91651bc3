//! What an action's id at its provider names: a build, a log, a deployment, a stack, a change set.

use crate::domain::facts::FailedAction;
use crate::domain::pipeline::Category;

/// What can be read about a failed run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject<'a> {
    /// Nothing beyond what CodePipeline says: its provider is not asked, or was never reached.
    Nothing,
    /// Its id is not of the form that the operation takes.
    Odd(&'static str),
    /// A build of CodeBuild, by its id.
    Build(&'a str),
    /// A log.
    Log(LogStream<'a>),
    /// A deployment of CodeDeploy, by its id.
    Deployment(&'a str),
    /// A stack of CloudFormation, by name or ARN.
    Stack(&'a str),
    /// A change set of CloudFormation, by its ARN.
    ChangeSet(&'a str),
}

/// A log stream of CloudWatch Logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogStream<'a> {
    /// Its group's name.
    pub group: &'a str,
    /// Its own name.
    pub stream: &'a str,
}

/// What the action's id names.
pub(super) fn subject(action: &FailedAction) -> Subject<'_> {
    let Some(id) = action.external_id.as_deref().map(str::trim).filter(|id| !id.is_empty()) else {
        return Subject::Nothing;
    };
    if action.category == Category::Compute {
        return LogStream::of_arn(id).map_or(Subject::Odd("GetLogEvents"), Subject::Log);
    }
    match action.provider.as_str() {
        "CodeBuild" => build(id).map_or(Subject::Odd("BatchGetBuilds"), Subject::Build),
        "CodeDeploy" | "CodeDeployToECS" => {
            deployment(id).map_or(Subject::Odd("GetDeployment"), Subject::Deployment)
        }
        "CloudFormation" => stack_or_change_set(id),
        _ => Subject::Nothing,
    }
}

impl<'a> LogStream<'a> {
    /// `arn:PARTITION:logs:REGION:ACCOUNT:log-group:GROUP:log-stream:STREAM`. CodeBuild writes `null` for a log that was
    /// never begun.
    pub fn of_arn(arn: &'a str) -> Option<Self> {
        let (group, stream) =
            of_service(arn, "logs")?.strip_prefix("log-group:")?.split_once(":log-stream:")?;
        Self::named(Some(group), Some(stream))
    }

    /// The stream of these names, if they are names.
    pub fn named(group: Option<&'a str>, stream: Option<&'a str>) -> Option<Self> {
        let is_name = |name: &&str| !name.is_empty() && name.len() <= 512 && *name != "null";
        Some(Self { group: group.filter(is_name)?, stream: stream.filter(is_name)? })
    }
}

/// The last part of an ARN of a service.
fn of_service<'a>(arn: &'a str, service: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':');
    let head = (parts.next()?, parts.next()?, parts.next()?);
    let resource = parts.nth(2)?;
    (head.0 == "arn" && head.2 == service).then_some(resource)
}

/// `PROJECT:UUID`, which is also how the ARN of a build ends.
fn build(id: &str) -> Option<&str> {
    let id = match id.strip_prefix("arn:") {
        Some(_) => of_service(id, "codebuild")?.strip_prefix("build/")?,
        None => id,
    };
    let (project, number) = id.split_once(':')?;
    (is_name(project, 255, b"-_") && is_name(number, 64, b"-")).then_some(id)
}

/// `d-` and letters and digits.
fn deployment(id: &str) -> Option<&str> {
    is_name(id.strip_prefix("d-")?, 32, b"").then_some(id)
}

/// The ARN of either, or something with the stack's name in it.
fn stack_or_change_set(id: &str) -> Subject<'_> {
    match of_service(id, "cloudformation").and_then(|resource| resource.split_once('/')) {
        Some(("changeSet", name)) if is_name(name, 200, b"-/") => return Subject::ChangeSet(id),
        Some(("stack", name)) if is_name(name, 200, b"-/") => return Subject::Stack(id),
        _ => {}
    }
    let name = id.strip_prefix("stack/").unwrap_or(id);
    let name = name.split_once('/').map_or(name, |(name, _)| name);
    if is_name(name, 128, b"-") { Subject::Stack(name) } else { Subject::Odd("DescribeStackEvents") }
}

/// Whether a stack's own id is what this is.
pub(super) fn is_stack(id: &str) -> bool {
    of_service(id, "cloudformation").is_some_and(|resource| resource.starts_with("stack/"))
}

fn is_name(text: &str, longest: usize, beside: &[u8]) -> bool {
    (1..=longest).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || beside.contains(&byte))
}

#[cfg(test)]
mod tests;
