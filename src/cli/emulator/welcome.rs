//! What the emulator says when it starts: what it serves, and what to type.

use std::fmt::Write as _;

use crate::domain::ids::{ExecutionId, PipelineName, StageName};
use crate::domain::pipeline::{ExecutionMode, ExecutionStatus, Transition};
use crate::emulator::codepipeline::CodePipeline;
use crate::emulator::http::Destination;
use crate::emulator::world::World;

pub(super) fn text(
    world: &World,
    endpoint: &str,
    events_to: Option<&Destination>,
    without_effect: &[&str],
) -> String {
    let (account, region) = (&world.place.account, &world.place.region);
    let mut text = format!(
        "\nan emulated CodePipeline of account {account} in {region}, in real time, on this machine only; \
         Ctrl-C ends it\n\n"
    );
    let service = &world.service;
    let pipelines = service.list_pipelines();
    let width = pipelines.iter().map(|name| name.as_str().len()).max().unwrap_or_default();
    for name in &pipelines {
        let _ = writeln!(text, "  {name:<width$}  {}", stages(service, name));
    }
    if !without_effect.is_empty() {
        let _ =
            writeln!(text, "\nwithout effect, since no function runs here: {}", without_effect.join(", "));
    }
    if let Some(destination) = events_to {
        let _ = writeln!(text, "\nevents go to {destination}");
    }
    let _ = write!(
        text,
        "\nto try it, in another terminal:\n\n  \
         export AWS_ENDPOINT_URL_CODEPIPELINE={endpoint} AWS_DEFAULT_REGION={region}\n  \
         export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test\n\n"
    );
    for command in commands(service, &pipelines) {
        let _ = writeln!(text, "  aws codepipeline {command}");
    }
    text
}

/// The stages of a pipeline, each with what is to be seen in it.
fn stages(service: &CodePipeline, name: &PipelineName) -> String {
    let Ok((_, definition)) = service.definition(name, None) else { return String::new() };
    if definition.mode == ExecutionMode::Parallel {
        let names: Vec<&str> = definition.stages.iter().map(|stage| stage.name.as_str()).collect();
        return format!("{} (PARALLEL)", names.join(", "));
    }
    let states = service.pipeline_state(name).map(|state| state.stages).unwrap_or_default();
    let words: Vec<String> = states
        .iter()
        .map(|stage| {
            let status = stage.latest.as_ref().map(|latest| latest.status);
            let notable = status.filter(|status| *status != ExecutionStatus::Succeeded);
            match (stage.transition, notable) {
                (Transition::Disabled, _) => format!("{} (transition disabled)", stage.name),
                (_, Some(status)) => format!("{} ({status})", stage.name),
                (_, None) => stage.name.to_string(),
            }
        })
        .collect();
    words.join(", ")
}

/// Three commands that show something: about the first failed stage, or about the first pipeline.
fn commands(service: &CodePipeline, pipelines: &[PipelineName]) -> [String; 3] {
    let failed = pipelines.iter().find_map(|name| {
        let (stage, execution) = failed_stage(service, name)?;
        Some([
            format!("get-pipeline-state --name {name}"),
            format!(
                "retry-stage-execution --pipeline-name {name} --stage-name {stage} --retry-mode FAILED_ACTIONS \
                 --pipeline-execution-id {execution}"
            ),
            format!("list-action-executions --pipeline-name {name}"),
        ])
    });
    failed.unwrap_or_else(|| {
        let name = pipelines.first().map_or("NAME", PipelineName::as_str);
        [
            "list-pipelines".to_owned(),
            format!("start-pipeline-execution --name {name}"),
            format!("get-pipeline-state --name {name}"),
        ]
    })
}

fn failed_stage(service: &CodePipeline, name: &PipelineName) -> Option<(StageName, ExecutionId)> {
    let state = service.pipeline_state(name).ok()?;
    state.stages.into_iter().find_map(|stage| {
        let latest = stage.latest.filter(|latest| latest.status == ExecutionStatus::Failed)?;
        Some((stage.name, latest.execution))
    })
}
