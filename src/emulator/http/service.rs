//! The protocol without a network: a named operation and its body in, a reply out, over a shared world.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

use super::declarations::Declarations;
use super::error::{ApiError, Reply};
use super::operations::{self, Effect, Operation};
use super::request::Input;
use crate::domain::ids::{ExecutionId, PipelineName};
use crate::emulator::codepipeline::CodePipeline;
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
    /// Executions by the token that they were started with, so that a repeated request starts none.
    pub started: BTreeMap<(PipelineName, String), ExecutionId>,
}

impl Memory {
    /// Forgets a pipeline that is deleted, or another one of its name.
    pub fn forget(&mut self, name: &PipelineName) {
        self.declarations.forget(name);
        self.started.retain(|(known, _), _| known != name);
    }
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The operation, as in `X-Amz-Target` behind `CodePipeline_20150709.`.
    pub operation: &'a str,
    /// The body: JSON.
    pub body: &'a [u8],
    /// Who calls, for the record of retries: an access key, for instance.
    pub caller: &'a str,
    /// The present. A world that has gone further keeps its own.
    pub now: Timestamp,
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
    /// What the world plans to go wrong with `observe` goes wrong with every reading operation, and what it plans for
    /// `retry` with `RetryStageExecution`; acts that are hooked to those calls happen before them. Nobody dies over HTTP,
    /// so a planned crash changes nothing.
    pub fn call(&self, call: Call<'_>) -> Reply {
        let Some(operation) = operations::find(call.operation) else {
            return Reply::Refused(ApiError::unknown_operation(call.operation));
        };
        let mut world = self.world.lock();
        world.advance(call.now);
        let fault = planned(&mut world, operation.effect);
        if let Some(Fault::NotDone) = fault {
            return Reply::Refused(ApiError::new("ThrottlingException", "Rate exceeded"));
        }
        if let Some(Fault::Denied) = fault {
            return Reply::Refused(ApiError::new(
                "AccessDeniedException",
                format!("{} is not authorized to perform: codepipeline:{}", call.caller, call.operation),
            ));
        }
        if let Some(Fault::LostUnsent) = fault {
            return Reply::Lost;
        }
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let now = world.now();
        let bench = &mut Bench { world: &mut world, memory: &mut memory, caller: call.caller, now };
        let answer = answer(operation, call.body, bench);
        match (fault, answer) {
            (Some(Fault::ReplyLost), _) => Reply::Lost,
            (_, Ok(document)) => Reply::Document(document),
            (_, Err(error)) => Reply::Refused(error),
        }
    }
}

/// What goes wrong with this call, after what is hooked to it has happened.
fn planned(world: &mut World, effect: Effect) -> Option<Fault> {
    let operation = match effect {
        Effect::Reads => faults::Operation::Observe,
        Effect::ReadsTags => faults::Operation::Tags,
        Effect::Retries => faults::Operation::Retry,
        Effect::Changes => return None,
    };
    world.run_hooks(operation);
    let now = world.now();
    world.faults.next(operation, now)
}

fn answer(operation: &Operation, body: &[u8], bench: &mut Bench<'_>) -> Result<Value, ApiError> {
    // No body at all is what some clients send for an operation without required members.
    let body = if body.is_empty() { b"{}" } else { body };
    let input: Value = serde_json::from_slice(body)
        .map_err(|error| ApiError::unreadable(format!("the body is not JSON: {error}")))?;
    operation.input.check(&input)?;
    let Value::Object(members) = &input else {
        return Err(ApiError::unreadable("the body is not a structure"));
    };
    (operation.answer)(bench, Input::new(members))
}
