//! Fleets: what is drawn has the means that the file asks for, the same luck meets every policy, and a file that is wrong
//! says where.

mod means;
mod reading;

use codepipeline_retrier::replay::fleet::truth::Truth;
use codepipeline_retrier::replay::fleet::{Fleet, Memory, Native, Play};

pub fn fleet(text: &str) -> Fleet {
    Fleet::read("fleet.yaml", text).unwrap()
}

/// The fleet played to its end with no function running.
pub fn played(fleet: &Fleet, seed: u64, native: Native) -> Truth {
    let mut play = Play::new(fleet, seed, native, Memory::Open).unwrap();
    play.play_out();
    play.conclude().1
}

/// Whether a count is what `trials` of that probability come to, within four standard deviations.
pub fn is_binomial(count: usize, trials: usize, probability: f64) -> bool {
    let [count, trials] = [count, trials].map(|number| f64::from(u32::try_from(number).unwrap()));
    let deviation = (trials * probability * (1.0 - probability)).sqrt();
    (count - trials * probability).abs() <= 4.0 * deviation.max(1.0)
}
