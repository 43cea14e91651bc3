//! Temporary.
use super::fleet;
use codepipeline_retrier::replay::fleet::{Memory, Native, Play};

#[test]
fn measure_year() {
    let fleet = fleet("fleet: 1\nlasting: 365d\npipelines:\n  - { name: web, count: 200, runs: 1.37/d }\n");
    let now = std::time::Instant::now();
    let mut play = Play::new(&fleet, 1, Native::AsDeclared, Memory::Everything).unwrap();
    play.play_out();
    let (_world, truth) = play.conclude();
    println!("{:?} {:?} {:?}", now.elapsed(), truth.executions, truth.failures_by_class());
    println!(
        "{}",
        std::fs::read_to_string("/proc/self/status")
            .unwrap()
            .lines()
            .filter(|l| l.starts_with("VmHWM") || l.starts_with("VmRSS"))
            .collect::<String>()
    );
}
