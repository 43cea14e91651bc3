//! Those who carry actions out, and what they call the runs: ids in the shape that AWS gives them, the same in every play.

use crate::domain::ids::{ActionExecutionId, ActionName, PipelineName, Region};
use crate::fingerprint::sha256_hex;

use super::scene::Shared;

/// A provider that can be asked about a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// A build project.
    CodeBuild,
    /// CodePipeline's own commands, which leave a log.
    Commands,
    /// Deployments to instances and to ECS.
    CodeDeploy,
    /// A stack.
    CloudFormation,
}

impl Provider {
    /// The one that an action's type names; none of those of which there is nothing to know.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "CodeBuild" => Some(Self::CodeBuild),
            "Commands" => Some(Self::Commands),
            "CodeDeploy" | "CodeDeployToECS" => Some(Self::CodeDeploy),
            "CloudFormation" => Some(Self::CloudFormation),
            _ => None,
        }
    }
}

/// What a run is called after.
pub(super) struct Named<'a> {
    pub(super) pipeline: &'a PipelineName,
    pub(super) action: &'a ActionName,
    pub(super) id: &'a ActionExecutionId,
    pub(super) provider: &'a str,
    /// Where it runs.
    pub(super) region: &'a Region,
    /// The stack that it concerns, where it concerns one.
    pub(super) stack: &'a str,
    /// The change set that it makes, where it makes one.
    pub(super) makes: Option<&'a str>,
    /// An id that no other run has.
    pub(super) uuid: String,
}

impl Shared {
    /// What the provider calls a run. A project is called after its action; a stack keeps its id over all runs.
    pub(super) fn external_id(&self, run: Named<'_>) -> String {
        let Named { pipeline, action, id, provider, region, stack, makes, uuid } = run;
        match Provider::of(provider) {
            Some(Provider::CodeBuild) => format!("{action}:{uuid}"),
            Some(Provider::Commands) => self.arn(
                "logs",
                region,
                &format!("log-group:/aws/codepipeline/{pipeline}:log-stream:{id}/{uuid}"),
            ),
            Some(Provider::CodeDeploy) => deployment_id(&uuid),
            Some(Provider::CloudFormation) => match makes {
                Some(name) => self.arn("cloudformation", region, &format!("changeSet/{name}/{uuid}")),
                None => self.stack_arn(region, stack),
            },
            None => uuid,
        }
    }

    /// The ARN of a stack of this account.
    pub(super) fn stack_arn(&self, region: &Region, stack: &str) -> String {
        let uuid = steady_uuid(&[self.account.as_str(), region.as_str(), stack]);
        self.arn("cloudformation", region, &format!("stack/{stack}/{uuid}"))
    }

    fn arn(&self, service: &str, region: &Region, resource: &str) -> String {
        format!("arn:{}:{service}:{region}:{}:{resource}", self.partition, self.account)
    }
}

/// A UUID that says the same as the parts.
pub(in crate::emulator) fn steady_uuid(parts: &[&str]) -> String {
    let hex = sha256_hex(parts);
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// `d-` and nine letters and digits, as CodeDeploy has it, another one for each UUID: its last part is counted, and
/// counting is scattered without two numbers meeting.
fn deployment_id(uuid: &str) -> String {
    /// 36 to the 9th.
    const ALL: u128 = 101_559_956_668_416;
    /// Has no factor in common with 36.
    const STRIDE: u128 = 61_803_398_875;
    let count = uuid.rsplit('-').next().and_then(|count| u128::from_str_radix(count, 16).ok());
    let mut rest = count.unwrap_or_default() * STRIDE % ALL;
    let digits = std::iter::repeat_with(|| {
        let digit = u32::try_from(rest % 36).unwrap_or_default();
        rest /= 36;
        char::from_digit(digit, 36).unwrap_or('0').to_ascii_uppercase()
    });
    digits.take(9).fold(String::from("d-"), |id, digit| id + digit.encode_utf8(&mut [0; 4]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn deployment_ids_look_like_codedeploys_and_never_repeat() {
        let ids: BTreeSet<String> =
            (1..=5_000).map(|count| deployment_id(&format!("x-x-x-x-{count:012x}"))).collect();
        assert_eq!(ids.len(), 5_000);
        for id in ids {
            let rest = id.strip_prefix("d-").unwrap();
            assert!(
                rest.len() == 9 && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()),
                "{id}"
            );
        }
    }

    #[test]
    fn a_steady_uuid_is_one() {
        let uuid = steady_uuid(&["111122223333", "eu-central-1", "shop"]);
        assert!(super::super::identity::is_uuid(&uuid), "{uuid}");
        assert_eq!(uuid, steady_uuid(&["111122223333", "eu-central-1", "shop"]));
        assert_ne!(uuid, steady_uuid(&["111122223333", "eu-central-1", "web"]));
    }
}
