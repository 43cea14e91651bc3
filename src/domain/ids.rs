//! Names and identifiers as CodePipeline spells them, checked once where they enter.

use std::fmt;
use std::sync::Arc;

/// Why a text is not the identifier it claims to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InvalidId {
    /// What the text should have been, in words.
    pub what: &'static str,
    /// The rule that it breaks.
    pub rule: &'static str,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a valid {}: {}", self.what, self.rule)
    }
}

impl std::error::Error for InvalidId {}

impl From<InvalidId> for String {
    fn from(invalid: InvalidId) -> Self {
        invalid.to_string()
    }
}

// Identifiers are in everything that is kept, and are cloned all the time: clones share their text.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text against the service's own rule for it.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidId { what: $what, rule: $rule })
                }
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

/// CodePipeline's rule for pipeline, stage and action names (API reference, `PipelineName`).
fn is_codepipeline_name(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'@' | b'-' | b'_'))
}

fn is_token(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// A document's ARN; its name has 3 to 128 of these characters (Systems Manager API reference, `CreateDocument`).
fn is_calendar_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "ssm", region, account, document] = *parts.as_slice() else { return false };
    let is_named = document.strip_prefix("document/").is_some_and(|name| {
        (3..=128).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    });
    is_named
        && Partition::parse(partition).is_ok()
        && Region::parse(region).is_ok()
        && AccountId::parse(account).is_ok()
}

fn is_own_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

identifier!(
    /// Name of a pipeline.
    PipelineName,
    "pipeline name",
    "1 to 100 of A-Z a-z 0-9 . @ - _",
    is_codepipeline_name
);
identifier!(
    /// Name of a stage within its pipeline.
    StageName,
    "stage name",
    "1 to 100 of A-Z a-z 0-9 . @ - _",
    is_codepipeline_name
);
identifier!(
    /// Name of an action within its stage.
    ActionName,
    "action name",
    "1 to 100 of A-Z a-z 0-9 . @ - _",
    is_codepipeline_name
);
identifier!(
    /// Id of one pipeline execution; a UUID today, taken as an opaque token.
    ExecutionId,
    "execution id",
    "1 to 100 of A-Z a-z 0-9 -",
    is_token
);
identifier!(
    /// Id of one run of one action; every retry of the action gets a new one.
    ActionExecutionId,
    "action execution id",
    "1 to 100 of A-Z a-z 0-9 -",
    is_token
);
identifier!(
    /// AWS account number.
    AccountId,
    "account",
    "12 digits",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
);
identifier!(
    /// AWS Region, such as `eu-central-1`.
    Region,
    "Region",
    "lower-case letters, digits and hyphens",
    |text| (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);
identifier!(
    /// AWS partition: `aws`, `aws-cn`, `aws-us-gov` and so on.
    Partition,
    "partition",
    "`aws`, or `aws-` and lower-case letters and hyphens",
    |text| text == "aws"
        || (text.len() <= 32
            && text
                .strip_prefix("aws-")
                .is_some_and(|rest| !rest.is_empty()
                    && rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')))
);
identifier!(
    /// Name of a policy rule.
    RuleName,
    "rule name",
    "1 to 64 of A-Z a-z 0-9 . - _",
    is_own_name
);
identifier!(
    /// Name of a budget in the policy.
    BudgetName,
    "budget name",
    "1 to 64 of A-Z a-z 0-9 . - _",
    is_own_name
);
identifier!(
    /// Name of a freeze in the policy.
    FreezeName,
    "freeze name",
    "1 to 64 of A-Z a-z 0-9 . - _",
    is_own_name
);
identifier!(
    /// A change calendar of AWS Systems Manager, by the ARN of its document.
    CalendarArn,
    "change calendar ARN",
    "arn:PARTITION:ssm:REGION:ACCOUNT:document/NAME",
    is_calendar_arn
);

/// A pipeline, wherever it lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PipelineArn {
    /// Partition of the Region, never assumed to be `aws`.
    pub partition: Partition,
    /// Region of the pipeline (its actions may run in others).
    pub region: Region,
    /// Account that owns the pipeline.
    pub account: AccountId,
    /// Name, unique within account and Region.
    pub name: PipelineName,
}

impl PipelineArn {
    /// Reads `arn:PARTITION:codepipeline:REGION:ACCOUNT:NAME`, which is what AWS sends, and the same with `pipeline:`
    /// before the name, which older documents show.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let parts: Vec<&str> = text.split(':').collect();
        let (["arn", partition, "codepipeline", region, account, name]
        | ["arn", partition, "codepipeline", region, account, "pipeline", name]) = *parts.as_slice()
        else {
            return Err(InvalidId {
                what: "pipeline ARN",
                rule: "arn:PARTITION:codepipeline:REGION:ACCOUNT:NAME",
            });
        };
        Ok(Self {
            partition: Partition::parse(partition)?,
            region: Region::parse(region)?,
            account: AccountId::parse(account)?,
            name: PipelineName::parse(name)?,
        })
    }
}

impl CalendarArn {
    /// The Region that the calendar is kept in.
    pub fn region(&self) -> &str {
        self.as_str().split(':').nth(3).unwrap_or_default()
    }
}

impl fmt::Display for PipelineArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, region, account, name } = self;
        write!(f, "arn:{partition}:codepipeline:{region}:{account}:{name}")
    }
}

/// One stage of one pipeline execution: what retries, claims and decisions belong to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageRunId {
    /// The pipeline.
    pub pipeline: PipelineArn,
    /// The execution that is in the stage. A retry keeps it.
    pub execution: ExecutionId,
    /// The stage.
    pub stage: StageName,
}

impl fmt::Display for StageRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.pipeline, self.execution, self.stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_service_rule() {
        for good in ["a", "web-shop", "My.Pipe@line_2", &"x".repeat(100)] {
            assert!(PipelineName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "é", "a/b", &"x".repeat(101)] {
            assert!(PipelineName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_a_policy_are_shorter() {
        for good in ["a", "web.shop_2-x", &"x".repeat(64)] {
            assert!(RuleName::parse(good).is_ok() && BudgetName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a@b", "a b", "é", &"x".repeat(65)] {
            assert!(RuleName::parse(bad).is_err() && BudgetName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_calendar_is_a_document_of_systems_manager() {
        let good = "arn:aws-cn:ssm:cn-north-1:111122223333:document/Release_Freeze-1.0";
        assert_eq!(CalendarArn::parse(good).unwrap().region(), "cn-north-1");
        for bad in [
            "ReleaseFreeze",
            "arn:aws:ssm:eu-central-1:111122223333:document/ab",
            "arn:aws:ssm:eu-central-1:111122223333:parameter/ReleaseFreeze",
            "arn:aws:ssm:eu-central-1:1111:document/ReleaseFreeze",
            "arn:aws:ssm:eu-central-1:111122223333:document/Release/Freeze",
            "arn:aws:s3:eu-central-1:111122223333:document/ReleaseFreeze",
        ] {
            assert!(CalendarArn::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn partitions_other_than_aws_are_kept() {
        for good in ["aws", "aws-cn", "aws-us-gov", "aws-iso-f"] {
            assert!(Partition::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "amazon", "aws-", "aws-CN"] {
            assert!(Partition::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_arn_has_no_pipeline_segment() {
        let arn = PipelineArn {
            partition: Partition::parse("aws-cn").unwrap(),
            region: Region::parse("cn-north-1").unwrap(),
            account: AccountId::parse("111122223333").unwrap(),
            name: PipelineName::parse("shop").unwrap(),
        };
        assert_eq!(arn.to_string(), "arn:aws-cn:codepipeline:cn-north-1:111122223333:shop");
    }

    #[test]
    fn an_arn_is_read_in_both_spellings() {
        for text in [
            "arn:aws-us-gov:codepipeline:us-gov-west-1:111122223333:shop",
            "arn:aws-us-gov:codepipeline:us-gov-west-1:111122223333:pipeline:shop",
        ] {
            assert_eq!(
                PipelineArn::parse(text).unwrap().to_string(),
                "arn:aws-us-gov:codepipeline:us-gov-west-1:111122223333:shop"
            );
        }
        for bad in [
            "",
            "shop",
            "arn:aws:codebuild:eu-central-1:111122223333:shop",
            "arn:aws:codepipeline:eu-central-1:111122223333:stage:shop",
            "arn:aws:codepipeline:eu-central-1:111122223333:pipeline:shop:Test",
            "arn:aws:codepipeline:eu-central-1:1111:shop",
            "arn:aws:codepipeline:eu-central-1:111122223333:a shop",
            "arn:amazon:codepipeline:eu-central-1:111122223333:shop",
        ] {
            assert!(PipelineArn::parse(bad).is_err(), "{bad}");
        }
    }
}
