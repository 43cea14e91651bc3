//! What people did that no retry may follow (I5), as far as CodePipeline itself does not refuse: a closed transition, a
//! pause. Retries by hand are in the emulator's own record of calls.

use codepipeline_retrier::domain::glob::Glob;
use codepipeline_retrier::domain::ids::{PipelineName, StageName};
use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::emulator::acts::Act;
use jiff::{SignedDuration, Timestamp};

/// One stop put in by a person.
#[derive(Debug, Clone)]
struct Ban {
    act: Act,
    at: Timestamp,
    until: Option<Timestamp>,
    /// Handlings up to this number had begun before it, and may have been past their last look.
    exempt: u64,
}

/// Those in force.
#[derive(Debug, Default)]
pub struct Bans {
    all: Vec<Ban>,
    /// How far a clock may be ahead, by which a pause is over.
    skew: SignedDuration,
}

impl Bans {
    /// Clocks are never more than this ahead or behind.
    pub fn allow_skew(&mut self, skew: SignedDuration) {
        self.skew = skew;
    }

    /// Takes an act into account; `handlings` have begun so far.
    pub fn acted(&mut self, act: &Act, at: Timestamp, handlings: u64) {
        let ban = |until| Ban { act: act.clone(), at, until, exempt: handlings };
        match act {
            Act::Pause { lasting, .. } => self.all.push(ban(lasting.map(|lasting| after(at, lasting)))),
            Act::Resume { pipeline } => self.all.retain(|ban| match &ban.act {
                Act::Pause { pipeline: paused, .. } => paused != pipeline,
                _ => true,
            }),
            Act::Transition { enabled: false, .. } => self.all.push(ban(None)),
            Act::Transition { pipeline, stage, enabled: true } => self.all.retain(|ban| match &ban.act {
                Act::Transition { pipeline: closed, stage: entry, .. } => {
                    (closed, entry) != (pipeline, stage)
                }
                _ => true,
            }),
            _ => {}
        }
    }

    /// The act that a call about a stage goes against which was accepted at that time, of a handling that saw in CodePipeline
    /// what had happened until then.
    pub fn broken_by(
        &self,
        (called, of): (&PipelineName, &StageName),
        at: Timestamp,
        handling: u64,
        seen_until: Option<Timestamp>,
    ) -> Option<&Act> {
        let concerns = |act: &Act| match act {
            Act::Pause { pipeline, .. } => {
                pipeline.as_ref().is_none_or(|glob: &Glob| glob.matches(called.as_str()))
            }
            Act::Transition { pipeline, stage, .. } => pipeline == called && stage == of,
            _ => false,
        };
        self.all
            .iter()
            .find(|ban| {
                // What CodePipeline shows is seen by the last look, whenever the handling began.
                let is_seen = match (&ban.act, seen_until) {
                    (Act::Pause { .. }, _) | (_, None) => ban.exempt < handling,
                    (_, Some(until)) => ban.at < until,
                };
                is_seen && ban.until.is_none_or(|until| after(at, self.skew) < until) && concerns(&ban.act)
            })
            .map(|ban| &ban.act)
    }
}
