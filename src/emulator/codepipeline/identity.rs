//! Ids that look like UUIDs, never repeat and are the same in every run.

use crate::domain::ids::{ActionExecutionId, ExecutionId, InvalidId};

/// Gives out ids: scrambled at the front, so that they do not sort by age, and counted at the end, so that they differ.
#[derive(Debug, Clone)]
pub(super) struct Ids {
    seed: u64,
    given: u64,
}

impl Ids {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, given: 0 }
    }

    pub(super) fn execution(&mut self) -> ExecutionId {
        valid(ExecutionId::parse(self.next()))
    }

    pub(super) fn action_execution(&mut self) -> ActionExecutionId {
        valid(ActionExecutionId::parse(self.next()))
    }

    /// The next id.
    pub(super) fn next(&mut self) -> String {
        self.given += 1;
        let front = scramble(self.seed.wrapping_add(self.given));
        let back = scramble(front) & 0x0fff;
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            front >> 32,
            (front >> 16) & 0xffff,
            front & 0x0fff,
            back,
            self.given & 0xffff_ffff_ffff
        )
    }
}

#[expect(clippy::expect_used, reason = "every UUID is a valid id")]
fn valid<T>(id: Result<T, InvalidId>) -> T {
    id.expect("a UUID is a valid id")
}

/// The output function of `SplitMix64` (Steele, Lea, Flood 2014).
pub(in crate::emulator) const fn scramble(value: u64) -> u64 {
    let z = value.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// CodePipeline's own pattern for execution ids: a lower-case UUID (API reference, `PipelineExecutionId`).
pub(super) fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let mut groups = text.split('-');
    lengths.iter().all(|length| {
        groups.next().is_some_and(|group| {
            group.len() == *length && group.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        })
    }) && groups.next().is_none()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_uuids_that_never_repeat_and_do_not_sort_by_age() {
        let mut ids = Ids::new(7);
        let given: Vec<String> = (0..1000).map(|_| ids.next()).collect();
        assert!(given.iter().all(|id| is_uuid(id)));
        assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), 1000);
        assert!(!given.is_sorted());
    }

    #[test]
    fn the_same_seed_gives_the_same_ids_and_another_one_others() {
        assert_eq!(Ids::new(1).next(), Ids::new(1).next());
        assert_ne!(Ids::new(1).next(), Ids::new(3).next());
    }

    #[test]
    fn other_texts_are_not_uuids() {
        for bad in ["", "x", "00000000-0000-4000-8000-00000000000G", "00000000-0000-4000-8000-000000000001-"]
        {
            assert!(!is_uuid(bad), "{bad}");
        }
    }
}
