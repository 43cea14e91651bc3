//! EventBridge events of CodePipeline. Types of published event packages are not used, since they refuse what AWS sends:
//! numbers come as `6.0`, and members that are documented are missing.

use super::event_key::event_key;
use super::{IgnoreReason, Ignored, Message};
use crate::domain::ids::{
    AccountId, ExecutionId, Partition, PipelineArn, PipelineName, Region, StageName, StageRunId,
};
use crate::domain::trigger::{StageEvent, StageEventState, Trigger};
use crate::json::shown::shown;
use crate::json::{Fault, Node, Object};

const SOURCE: &str = "aws.codepipeline";
const STAGE: &str = "CodePipeline Stage Execution State Change";
const PIPELINE: &str = "CodePipeline Pipeline Execution State Change";
const ACTION: &str = "CodePipeline Action Execution State Change";

pub(super) fn read(event: &Object<'_>) -> Result<Message, Fault> {
    let detail_type = event.member("detail-type");
    if detail_type.value().is_none() && event.member("detailType").value().is_some() {
        return Ok(ignored(
            IgnoreReason::NotificationRule,
            "an event as notification rules send it; the product listens to EventBridge itself",
        ));
    }
    let source = event.member("source").text()?;
    let detail_type = detail_type.text()?;
    match (source, detail_type) {
        (SOURCE, STAGE) => stage_event(event),
        (SOURCE, PIPELINE) => {
            Ok(ignored(IgnoreReason::PipelineEvent, "an event of a pipeline execution, not of a stage"))
        }
        (SOURCE, ACTION) => Ok(ignored(IgnoreReason::ActionEvent, "an event of an action, not of a stage")),
        (SOURCE, _) => {
            Ok(ignored(IgnoreReason::OtherDetailType, format!("an event of type `{}`", shown(detail_type))))
        }
        ("aws.events" | "aws.scheduler", "Scheduled Event") => {
            Ok(ignored(IgnoreReason::Scheduled, "a scheduled event without a wake-up"))
        }
        _ => Ok(ignored(IgnoreReason::OtherSource, format!("an event of source `{}`", shown(source)))),
    }
}

fn ignored(reason: IgnoreReason, detail: impl Into<String>) -> Message {
    Message::Ignored(Ignored { reason, detail: detail.into() })
}

fn stage_event(event: &Object<'_>) -> Result<Message, Fault> {
    let detail = event.member("detail").object()?;
    let state_name = detail.member("state").text()?;
    let key = event_key(&detail);
    let state = match state_name {
        "FAILED" => StageEventState::Failed,
        "SUCCEEDED" => StageEventState::Succeeded,
        "RESUMED" => StageEventState::Resumed,
        "STOPPED" => StageEventState::Stopped,
        "CANCELED" => StageEventState::Canceled,
        _ => {
            return Ok(ignored(
                IgnoreReason::StageState,
                format!("a stage in state `{}`", shown(state_name)),
            ));
        }
    };
    if state != StageEventState::Failed && key.last_retry.is_empty() {
        return Ok(ignored(
            IgnoreReason::NeverRetried,
            format!("a stage in state `{state_name}` that was never retried"),
        ));
    }
    Ok(Message::Trigger(Trigger::StageEvent(StageEvent {
        run: StageRunId {
            pipeline: pipeline(event, &detail)?,
            execution: detail.member("execution-id").id(ExecutionId::parse)?,
            stage: detail.member("stage").id(StageName::parse)?,
        },
        state,
        time: event.member("time").instant()?,
        key,
    })))
}

/// The pipeline by the members of the envelope; the ARN gives the partition, and must not contradict them.
fn pipeline(event: &Object<'_>, detail: &Object<'_>) -> Result<PipelineArn, Fault> {
    let account = event.member("account").id(AccountId::parse)?;
    let region_member = event.member("region");
    let region = region_member.id(Region::parse)?;
    let name = detail.member("pipeline").id(PipelineName::parse)?;

    let first = match event.member("resources").optional() {
        Some(resources) => resources.items()?.into_iter().next(),
        None => None,
    };
    let Some(resource) = first.and_then(Node::optional) else {
        let partition = Partition::parse(partition_of(&region))
            .map_err(|invalid| region_member.fault(invalid.to_string()))?;
        return Ok(PipelineArn { partition, region, account, name });
    };
    let arn = resource.id(PipelineArn::parse)?;
    for (same, what) in [
        (arn.account == account, "`account`"),
        (arn.region == region, "`region`"),
        (arn.name == name, "`detail.pipeline`"),
        (is_plausible(&arn.partition, &region), "the Region's partition"),
    ] {
        if !same {
            return Err(resource.fault(format!("does not agree with {what}")));
        }
    }
    Ok(arn)
}

/// The partition of a Region as far as its name tells.
fn partition_of(region: &Region) -> &'static str {
    if region.as_str().starts_with("cn-") {
        "aws-cn"
    } else if region.as_str().starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// One pipeline must not pass for two. The isolated partitions cannot be told by a rule for the Region's name, and are
/// taken from the ARN.
fn is_plausible(partition: &Partition, region: &Region) -> bool {
    let told = partition_of(region);
    match partition.as_str() {
        "aws" | "aws-cn" | "aws-us-gov" => partition.as_str() == told,
        _ => told == "aws",
    }
}
