//! How long to leave a failed stage alone before a retry.
//!
//! The delay counts from the moment of the failure, not from the moment of the decision, and its random part is an
//! argument: whoever decides again about the same failure finds the same instant.

use jiff::SignedDuration;

/// A random number that belongs to one failure; the caller derives it from the failure's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Jitter(pub u64);

impl Jitter {
    /// The number that belongs to a text (FNV-1a, its bits mixed): for what is not worth a hash that nobody can aim at.
    pub fn of(text: &str) -> Self {
        let hash = text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
        Self(mixed ^ (mixed >> 33))
    }

    /// A number from 0 to `bound`, both included, the same for the same jitter.
    pub fn up_to(self, bound: i64) -> i64 {
        let bound = i128::from(bound.max(0));
        let scaled = (i128::from(self.0) * (bound + 1)) >> 64;
        i64::try_from(scaled).unwrap_or(i64::MAX)
    }
}

/// Which part of a delay is random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JitterKind {
    /// From half to the whole delay.
    Equal,
    /// From nothing to the whole delay.
    Full,
    /// Always the whole delay.
    None,
}

/// Exponential delays with an upper bound.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Backoff {
    initial_ms: i64,
    factor_thousandths: u32,
    max_ms: i64,
    jitter: JitterKind,
}

/// Why a backoff cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InvalidBackoff {
    /// A delay is below zero or beyond [`Backoff::LONGEST`].
    DelayOutOfRange,
    /// The factor is below 1 or above 10.
    FactorOutOfRange,
    /// `max` is below `initial`.
    MaxBelowInitial,
}

impl Backoff {
    /// The longest delay that can be asked for: as long as the oldest failure that may be retried.
    pub const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

    /// `factor_thousandths` is the growth from one retry to the next, in thousandths (2000 doubles).
    pub fn try_new(
        initial: SignedDuration,
        factor_thousandths: u32,
        max: SignedDuration,
        jitter: JitterKind,
    ) -> Result<Self, InvalidBackoff> {
        let allowed = SignedDuration::ZERO..=Self::LONGEST;
        if !allowed.contains(&initial) || !allowed.contains(&max) {
            return Err(InvalidBackoff::DelayOutOfRange);
        }
        if !(1_000..=10_000).contains(&factor_thousandths) {
            return Err(InvalidBackoff::FactorOutOfRange);
        }
        if max < initial {
            return Err(InvalidBackoff::MaxBelowInitial);
        }
        Ok(Self { initial_ms: whole_millis(initial), factor_thousandths, max_ms: whole_millis(max), jitter })
    }

    /// The delay before retry number `retry` (the first is 1), between zero and `max`.
    pub fn delay(&self, retry: u32, jitter: Jitter) -> SignedDuration {
        let mut whole = i128::from(self.initial_ms);
        for _ in 1..retry {
            whole = whole * i128::from(self.factor_thousandths) / 1_000;
            if whole >= i128::from(self.max_ms) {
                break;
            }
        }
        let whole = i64::try_from(whole).unwrap_or(i64::MAX).min(self.max_ms);
        SignedDuration::from_millis(match self.jitter {
            JitterKind::None => whole,
            JitterKind::Full => jitter.up_to(whole),
            JitterKind::Equal => {
                let half = whole / 2;
                half + jitter.up_to(whole - half)
            }
        })
    }
}

fn whole_millis(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secs(s: i64) -> SignedDuration {
        SignedDuration::from_secs(s)
    }

    #[test]
    fn doubles_up_to_the_maximum() {
        let backoff = Backoff::try_new(secs(60), 2_000, secs(900), JitterKind::None).unwrap();
        let delays: Vec<_> = (1..=6).map(|n| backoff.delay(n, Jitter(7)).as_secs()).collect();
        assert_eq!(delays, [60, 120, 240, 480, 900, 900]);
    }

    #[test]
    fn the_factor_may_be_a_fraction() {
        let backoff = Backoff::try_new(secs(10), 1_500, secs(900), JitterKind::None).unwrap();
        assert_eq!(backoff.delay(3, Jitter(0)).as_millis(), 22_500);
    }

    #[test]
    fn the_jitter_of_a_text_is_the_same_in_every_release() {
        let expected = [
            ("", 0xEFD0_1F60_BA99_2926),
            ("a", 0x82A2_A958_A9BE_CE5B),
            ("web/Deploy", 0xB7D5_2AED_F677_78FC),
        ];
        for (text, number) in expected {
            assert_eq!(Jitter::of(text), Jitter(number), "{text}");
        }
    }

    #[test]
    fn bad_values_are_refused() {
        let new = |i, f, m| Backoff::try_new(secs(i), f, secs(m), JitterKind::Equal);
        assert_eq!(new(-1, 2_000, 1), Err(InvalidBackoff::DelayOutOfRange));
        assert_eq!(new(1, 2_000, 8 * 86_400), Err(InvalidBackoff::DelayOutOfRange));
        assert_eq!(new(1, 999, 1), Err(InvalidBackoff::FactorOutOfRange));
        assert_eq!(new(1, 10_001, 1), Err(InvalidBackoff::FactorOutOfRange));
        assert_eq!(new(2, 2_000, 1), Err(InvalidBackoff::MaxBelowInitial));
    }

    proptest! {
        #[test]
        fn delays_stay_within_bounds(
            initial in 0_i64..=86_400,
            extra in 0_i64..=86_400,
            factor in 1_000_u32..=10_000,
            retry in 0_u32..=40,
            seed: u64,
            kind in prop_oneof![Just(JitterKind::Equal), Just(JitterKind::Full), Just(JitterKind::None)],
        ) {
            let backoff = Backoff::try_new(secs(initial), factor, secs(initial + extra), kind).unwrap();
            let whole = Backoff { jitter: JitterKind::None, ..backoff.clone() }.delay(retry, Jitter(seed));
            let delay = backoff.delay(retry, Jitter(seed));
            prop_assert!(delay <= whole && whole <= secs(initial + extra));
            prop_assert!(whole >= secs(initial));
            match kind {
                JitterKind::None => prop_assert_eq!(delay, whole),
                JitterKind::Full => prop_assert!(delay >= SignedDuration::ZERO),
                JitterKind::Equal => prop_assert!(delay * 2 + SignedDuration::from_millis(1) >= whole),
            }
        }
    }
}
