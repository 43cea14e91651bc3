//! Draws that depend on what they are for and on nothing that was drawn before, so that the same luck meets every policy.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp, Unit};

/// What a draw is for, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lot(u64);

impl Lot {
    pub(super) const fn new(seed: u64) -> Self {
        Self(mixed(seed))
    }

    /// The same for one of several.
    pub(super) const fn number(self, number: u64) -> Self {
        Self(mixed(self.0 ^ number).wrapping_add(self.0.rotate_left(17)))
    }

    /// The same for one of that name.
    pub(super) fn name(self, name: &str) -> Self {
        // FNV-1a: names are short, and are looked up for every run of an action.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        self.number(hash)
    }

    /// The same at that instant.
    pub(super) fn instant(self, instant: Timestamp) -> Self {
        self.number(instant.as_millisecond().cast_unsigned())
    }

    /// The draws, one after the other.
    pub(super) fn draws(self) -> Draws {
        Draws(Rng::with_seed(self.0))
    }

    /// The first draw, from 0 to below 1.
    pub(super) fn drawn(self) -> f64 {
        self.draws().share()
    }
}

/// The output function of `SplitMix64` (Steele, Lea, Flood 2014).
const fn mixed(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Draws of one lot.
#[derive(Debug, Clone)]
pub(super) struct Draws(Rng);

impl Draws {
    /// From 0 to below 1.
    pub(super) fn share(&mut self) -> f64 {
        self.0.f64()
    }

    /// Without memory: how long it takes until what comes once in `mean` comes next.
    pub(super) fn until_next(&mut self, mean: SignedDuration) -> SignedDuration {
        scaled(mean, -(1.0 - self.share()).ln())
    }

    /// Around a mean: from half of it to one and a half, those near it most often.
    pub(super) fn around(&mut self, mean: SignedDuration) -> SignedDuration {
        scaled(mean, 0.5 + f64::midpoint(self.share(), self.share()))
    }
}

/// So many times the duration, in whole milliseconds as CodePipeline counts, at least one.
pub(super) fn scaled(duration: SignedDuration, by: f64) -> SignedDuration {
    let scaled =
        SignedDuration::try_from_secs_f64(duration.as_secs_f64() * by).unwrap_or(SignedDuration::MAX);
    scaled.round(Unit::Millisecond).unwrap_or(scaled).max(SignedDuration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: u32 = 40_000;

    fn mean(of: impl Fn(&mut Draws) -> SignedDuration) -> f64 {
        let lots = (0..DRAWS).map(|number| Lot::new(1).name("mean").number(u64::from(number)));
        lots.map(|lot| of(&mut lot.draws()).as_secs_f64()).sum::<f64>() / f64::from(DRAWS)
    }

    #[test]
    fn means_are_as_asked_for() {
        let hour = SignedDuration::from_hours(1);
        // Four standard errors: 3600 s for what has no memory, 3600 / sqrt(24) s for what is drawn around its mean.
        let root = f64::from(DRAWS).sqrt();
        assert!((mean(|draws| draws.until_next(hour)) - 3_600.0).abs() < 4.0 * 3_600.0 / root);
        assert!((mean(|draws| draws.around(hour)) - 3_600.0).abs() < 4.0 * 735.0 / root);
    }

    #[test]
    fn what_is_drawn_for_one_thing_does_not_tell_what_is_drawn_for_the_next() {
        let below = |lot: Lot| lot.drawn() < 0.5;
        let lot = Lot::new(7).name("web-001");
        let agree =
            (0..DRAWS).filter(|n| below(lot.number(u64::from(*n))) == below(lot.number(u64::from(*n) + 1)));
        let agree = f64::from(u32::try_from(agree.count()).unwrap()) / f64::from(DRAWS);
        assert!((agree - 0.5).abs() < 4.0 * 0.5 / f64::from(DRAWS).sqrt(), "{agree}");
    }

    #[test]
    fn the_same_lot_draws_the_same_and_another_one_something_else() {
        let lot = |seed, name| Lot::new(seed).name(name).instant(Timestamp::UNIX_EPOCH);
        assert_eq!(lot(1, "a"), lot(1, "a"));
        assert_ne!(lot(1, "a"), lot(2, "a"));
        assert_ne!(lot(1, "a"), lot(1, "b"));
        assert_ne!(lot(1, "a").number(0).drawn().to_bits(), lot(1, "a").number(1).drawn().to_bits());
    }
}
