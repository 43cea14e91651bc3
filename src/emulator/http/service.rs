//! The protocol without a network: a named operation and its body in, a reply out, over a shared world.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::declarations::Declarations;
use super::directory::Directory;
use super::error::{ApiError, Reply};
use super::model::Shape;
use super::operations::{self, Effect};
use super::providers;
use super::request::Input;
use crate::domain::ids::{ExecutionId, PipelineName};
use crate::emulator::codepipeline::CodePipeline;
use crate::emulator::evidence::Source;
use crate::emulator::faults::{self, Fault};
use crate::emulator::world::{SharedWorld, World};

/// CodePipeline's operations over a world.
#[derive(Debug)]
pub struct Service {
    world: SharedWorld,
    memory: Mutex<Memory>,
}

/// What the wire format has and the world has no use for.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub declarations: Declarations,
    pub directory: Directory,
    /// Executions by the token that they were started with, so that a repeated request starts none.
    pub started: BTreeMap<(PipelineName, String), ExecutionId>,
}

impl Memory {
    /// Forgets a pipeline that is deleted, or another one of its name.
    pub fn forget(&mut self, name: &PipelineName) {
        self.declarations.forget(name);
        self.directory = Directory::default();
        self.started.retain(|(known, _), _| known != name);
    }
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The operation, as in `X-Amz-Target` behind `CodePipeline_20150709.`; of another service all of it, as
    /// [`super::provider_targets`] has it.
    pub operation: &'a str,
    /// The body: JSON.
    pub body: &'a [u8],
    /// Who calls, for the record of retries: an access key, for instance.
    pub caller: &'a str,
    /// The Region that the caller speaks to, where it says; else the world's own. Only providers of actions ask.
    pub region: Option<&'a str>,
    /// The present. A world that has gone further keeps its own.
    pub now: Timestamp,
}

/// An operation that there is.
#[derive(Debug, Clone, Copy)]
enum Asked {
    CodePipeline(&'static operations::Operation),
    Provider(&'static providers::Operation),
}

impl Asked {
    /// The action as permissions name it.
    fn action(self, operation: &str) -> String {
        let name = operation.rsplit('.').next().unwrap_or_default();
        let service = match self {
            Self::CodePipeline(_) => "codepipeline",
            Self::Provider(operation) => match operation.source {
                Source::Builds => "codebuild",
                Source::Logs => "logs",
                Source::Deployments => "codedeploy",
                Source::Stacks => "cloudformation",
                Source::Calendars => "ssm",
            },
        };
        format!("{service}:{name}")
    }
}

/// What an operation works with.
pub(super) struct Bench<'a> {
    pub world: &'a mut World,
    pub memory: &'a mut Memory,
    pub caller: &'a str,
    pub now: Timestamp,
}

impl Bench<'_> {
    /// CodePipeline as reads show it.
    pub fn shown(&self) -> &CodePipeline {
        self.world.shown(0)
    }
}

impl Service {
    /// The operations over this world.
    pub fn new(world: SharedWorld) -> Self {
        Self { world, memory: Mutex::default() }
    }

    /// Carries a request out, after everything that is due by then.
    ///
    /// What the world plans to go wrong with `observe` goes wrong with every reading operation, what it plans for `retry`
    /// with `RetryStageExecution`, and what it plans for `evidence` and `calendars` with those of providers and calendars; acts
    /// that are hooked to those calls happen before them. Nobody dies over HTTP, so a planned crash changes nothing.
    pub fn call(&self, call: Call<'_>) -> Reply {
        let asked = match (operations::find(call.operation), providers::find(call.operation)) {
            (Some(operation), _) => Asked::CodePipeline(operation),
            (None, Some(operation)) => Asked::Provider(operation),
            (None, None) => return Reply::Refused(ApiError::unknown_operation(call.operation)),
        };
        let mut world = self.world.lock();
        world.advance(call.now);
        let fault = planned(&mut world, asked);
        let is_denied =
            matches!(asked, Asked::Provider(operation) if world.denied.contains(&operation.source));
        if let Some(Fault::NotDone) = fault {
            return Reply::Refused(ApiError::new("ThrottlingException", "Rate exceeded"));
        }
        if is_denied || fault == Some(Fault::Denied) {
            return Reply::Refused(ApiError::new(
                "AccessDeniedException",
                format!("{} is not authorized to perform: {}", call.caller, asked.action(call.operation)),
            ));
        }
        if let Some(Fault::LostUnsent) = fault {
            return Reply::Lost;
        }
        let now = world.now();
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = members(call.body).and_then(|members| match asked {
            Asked::Provider(operation) => {
                memory.directory.refresh(&world.service);
                operation.answer(&world, &memory.directory, call.region, members)
            }
            Asked::CodePipeline(operation) => {
                let bench = &mut Bench { world: &mut world, memory: &mut memory, caller: call.caller, now };
                answer(operation, members, bench)
            }
        });
        match (fault, answer) {
            (Some(Fault::ReplyLost), _) => Reply::Lost,
            (_, Ok(document)) => Reply::Document(document),
            (_, Err(error)) => Reply::Refused(error),
        }
    }
}

/// What goes wrong with this call, after what is hooked to it has happened.
fn planned(world: &mut World, asked: Asked) -> Option<Fault> {
    let operation = match asked {
        Asked::Provider(providers::Operation { source: Source::Calendars, .. }) => {
            faults::Operation::Calendars
        }
        Asked::Provider(_) => faults::Operation::Evidence,
        Asked::CodePipeline(operation) => match operation.effect {
            Effect::Reads => faults::Operation::Observe,
            Effect::ReadsTags => faults::Operation::Tags,
            Effect::Retries => faults::Operation::Retry,
            Effect::Changes => return None,
        },
    };
    world.run_hooks(operation);
    let now = world.now();
    world.faults.next(operation, now)
}

fn members(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    // No body at all is what some clients send for an operation without required members.
    let body = if body.is_empty() { b"{}" } else { body };
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(other) => {
            // The shape knows best what to say to that.
            Shape::Structure(&[]).check(&other)?;
            Err(ApiError::unreadable("the body is not a structure"))
        }
        Err(error) => Err(ApiError::unreadable(format!("the body is not JSON: {error}"))),
    }
}

fn answer(
    operation: &operations::Operation,
    members: Map<String, Value>,
    bench: &mut Bench<'_>,
) -> Result<Value, ApiError> {
    let input = Value::Object(members);
    operation.input.check(&input)?;
    let Value::Object(members) = &input else { return Err(ApiError::unreadable("no structure")) };
    (operation.answer)(bench, Input::new(members))
}
