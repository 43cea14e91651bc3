//! Structures that were read before. A version of a structure never changes; a pipeline of the same name that was made
//! anew begins to count at 1 again, and its birth tells it from the old one.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::domain::ids::PipelineArn;
use crate::domain::pipeline::PipelineStructure;

/// Most structures that are kept, one for each pipeline.
const MOST: usize = 64;

/// The structures kept.
#[derive(Debug, Default)]
pub(super) struct Structures(Mutex<VecDeque<Kept>>);

#[derive(Debug)]
struct Kept {
    pipeline: PipelineArn,
    created: Timestamp,
    structure: PipelineStructure,
}

impl Structures {
    /// The structure of that very pipeline at that version, if it is kept.
    pub fn get(
        &self,
        pipeline: &PipelineArn,
        version: u32,
        created: Option<Timestamp>,
    ) -> Option<PipelineStructure> {
        let created = created?;
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .find(|kept| {
                kept.pipeline == *pipeline && kept.created == created && kept.structure.version == version
            })
            .map(|kept| kept.structure.clone())
    }

    /// Keeps the structure instead of the one that was kept of this pipeline. A pipeline whose birth is not known is
    /// not kept.
    pub fn keep(&self, pipeline: &PipelineArn, created: Option<Timestamp>, structure: &PipelineStructure) {
        let Some(created) = created else { return };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.pipeline != *pipeline);
        kept.push_back(Kept { pipeline: pipeline.clone(), created, structure: structure.clone() });
        while kept.len() > MOST {
            kept.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::PipelineName;
    use crate::domain::pipeline::ExecutionMode;

    fn pipeline(name: &str) -> PipelineArn {
        PipelineArn::parse(&format!("arn:aws:codepipeline:eu-central-1:111122223333:{name}")).unwrap()
    }

    fn structure(name: &str, version: u32) -> PipelineStructure {
        let (name, mode) = (PipelineName::parse(name).unwrap(), ExecutionMode::Superseded);
        PipelineStructure { name, version, mode, stages: Vec::new() }
    }

    const BORN: Option<Timestamp> = Some(Timestamp::UNIX_EPOCH);

    #[test]
    fn another_version_is_not_served() {
        let structures = Structures::default();
        structures.keep(&pipeline("shop"), BORN, &structure("shop", 3));
        assert_eq!(structures.get(&pipeline("shop"), 3, BORN), Some(structure("shop", 3)));
        for version in [2, 4] {
            assert_eq!(structures.get(&pipeline("shop"), version, BORN), None);
        }
        structures.keep(&pipeline("shop"), BORN, &structure("shop", 4));
        assert_eq!(structures.get(&pipeline("shop"), 3, BORN), None);
        assert_eq!(structures.get(&pipeline("web"), 4, BORN), None);
    }

    #[test]
    fn a_pipeline_that_was_made_anew_is_another_one() {
        let structures = Structures::default();
        structures.keep(&pipeline("shop"), BORN, &structure("shop", 1));
        assert_eq!(structures.get(&pipeline("shop"), 1, Some(Timestamp::MAX)), None);
        assert_eq!(structures.get(&pipeline("shop"), 1, None), None);
        structures.keep(&pipeline("web"), None, &structure("web", 1));
        assert_eq!(structures.get(&pipeline("web"), 1, None), None);
    }

    #[test]
    fn the_oldest_goes_first() {
        let structures = Structures::default();
        for number in 0..=MOST {
            let name = format!("p{number}");
            structures.keep(&pipeline(&name), BORN, &structure(&name, 1));
        }
        assert_eq!(structures.get(&pipeline("p0"), 1, BORN), None);
        assert!((1..=MOST).all(|number| structures.get(&pipeline(&format!("p{number}")), 1, BORN).is_some()));
    }
}
