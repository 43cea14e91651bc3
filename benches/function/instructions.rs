//! Instructions of the pure core, as callgrind counts them: the same on every machine of a kind, whatever else it does.

use std::path::Path;

use tokio::process::Command;

const STEPS: [(&str, &str); 5] = [
    ("event", "reading a message of the queue"),
    ("policy", "reading a policy of 100 rules"),
    ("decide", "finding the last of 100 rules, and deciding"),
    ("message", "the class of an error message"),
    ("classify", "the class of a build log of 200 lines"),
];

/// Instructions of each step; nothing where callgrind is not there.
pub async fn count(core: &Path) -> Vec<(&'static str, u64)> {
    let mut counted = Vec::new();
    for (step, name) in STEPS {
        eprintln!("bench: instructions of {name}");
        // What comes before and after the step is the same in both.
        let (Some(few), Some(many)) = (collected(core, step, 1).await, collected(core, step, 11).await)
        else {
            eprintln!("bench: valgrind is not installed: no instructions are counted");
            return Vec::new();
        };
        counted.push((name, (many - few) / 10));
    }
    counted
}

async fn collected(core: &Path, step: &str, times: u32) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(core)
        .args([step, &times.to_string()])
        .output()
        .await
        .ok()?;
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let line = told.lines().find_map(|line| line.split_once("Collected : "))?;
    line.1.trim().parse().ok()
}
