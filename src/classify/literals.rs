//! More than a thousand literals in a text at once. An automaton of them searches as fast, but takes longer to make than
//! everything else that a function does with its first failure; this takes nothing but the list.

/// Fewest bytes of a literal. A shorter one would stand on every other line, and spare nothing.
pub(super) const LEAST: usize = 3;

/// Bits of the filter; of a thousand literals it lets pass every hundredth place of a text where none begins.
const BITS: usize = 1 << 16;

/// Literals, in order.
pub(super) struct Literals {
    sorted: Vec<&'static str>,
    /// Whether a literal may begin with three such bytes.
    begins: Vec<bool>,
}

impl Literals {
    /// Of literals in ascending order, none shorter than [`LEAST`].
    pub(super) fn new(sorted: Vec<&'static str>) -> Self {
        let mut begins = vec![false; BITS];
        for literal in &sorted {
            if let Some(begins) = literal.as_bytes().first_chunk().and_then(|head| begins.get_mut(bit(*head)))
            {
                *begins = true;
            }
        }
        Self { sorted, begins }
    }

    /// Every literal in the text by its number, with the place where it begins.
    pub(super) fn find(&self, text: &[u8]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for at in 0..text.len() {
            let Some(rest) = text.get(at..) else { break };
            let Some(head) = rest.first_chunk::<LEAST>() else { break };
            if !self.begins.get(bit(*head)).is_some_and(|begins| *begins) {
                continue;
            }
            let first = self.sorted.partition_point(|literal| literal.as_bytes() < head.as_slice());
            let candidates = self.sorted.iter().enumerate().skip(first);
            let candidates = candidates.take_while(|(_, literal)| literal.as_bytes().starts_with(head));
            found.extend(
                candidates
                    .filter(|(_, literal)| rest.starts_with(literal.as_bytes()))
                    .map(|(number, _)| (number, at)),
            );
        }
        found
    }
}

fn bit([first, second, third]: [u8; LEAST]) -> usize {
    (usize::from(first) << 10 ^ usize::from(second) << 5 ^ usize::from(third)) % BITS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_literal_is_found_wherever_it_stands(text in "[ab\\x00é]{0,40}") {
            let sorted = vec!["aaa", "aaab", "ab\0", "aba", "bab", "babab", "bé"];
            let mut expected: Vec<(usize, usize)> = (0..text.len())
                .flat_map(|at| sorted.iter().enumerate().map(move |(number, literal)| (number, at, *literal)))
                .filter(|(_, at, literal)| text.as_bytes()[*at..].starts_with(literal.as_bytes()))
                .map(|(number, at, _)| (number, at))
                .collect();
            expected.sort_unstable_by_key(|(number, at)| (*at, *number));
            prop_assert_eq!(Literals::new(sorted).find(text.as_bytes()), expected);
        }
    }
}
