//! A second opinion: AWS's own Runtime Interface Emulator, with one cold and one warm event.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::aws::Aws;
use crate::process::{Program, command};
use crate::scene::{events, message, world};
use crate::statistics::{Spread, spread};
use crate::variants::Variants;

/// Cold starts of each.
const ROUNDS: usize = 5;

/// Milliseconds of the cold and of the warm event.
#[derive(Debug, Clone, Copy)]
pub struct Opinion {
    pub name: &'static str,
    pub cold: Spread,
    pub warm: Spread,
}

pub async fn measure(variants: &Variants, emulator: &Path) -> Vec<Opinion> {
    let mut times: Vec<(&'static str, Vec<f64>, Vec<f64>)> = Vec::new();
    for round in 0..ROUNDS {
        eprintln!("bench: Runtime Interface Emulator, {} of {ROUNDS}", round + 1);
        for variant in 0..3 {
            let world = world(&[("plain", 2)]);
            let failures = events(&world).0;
            let aws = Aws::start(world, &variants.identity).await;
            let program = &variants.all(&aws)[variant];
            let (cold, warm) = one(emulator, program, &failures).await;
            match times.iter_mut().find(|(name, ..)| *name == program.name) {
                Some((_, colds, warms)) => {
                    colds.push(cold);
                    warms.push(warm);
                }
                None => times.push((program.name, vec![cold], vec![warm])),
            }
        }
    }
    let opinion = |(name, cold, warm)| Some(Opinion { name, cold: spread(cold)?, warm: spread(warm)? });
    times.into_iter().filter_map(opinion).collect()
}

async fn one(emulator: &Path, program: &Program, failures: &[serde_json::Value]) -> (f64, f64) {
    let (address, runtime_api) = (free(), free());
    let function = command(program);
    let function = function.as_std();
    let mut process = Command::new(emulator)
        .args(["--runtime-interface-emulator-address", &address.to_string()])
        .args(["--runtime-api-address", &runtime_api.to_string()])
        .args(["--log-level", "error"])
        .arg(function.get_program())
        .args(function.get_args())
        .env_clear()
        .envs(function.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", emulator.display()));
    while TcpStream::connect(address).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut times = Vec::new();
    for failure in failures {
        let payload = message(failure).to_string();
        let begun = Instant::now();
        let answer = invoke(address, &payload).await;
        times.push(begun.elapsed().as_secs_f64() * 1_000.0);
        assert!(answer.contains("200 OK") && !answer.contains("errorType"), "{}: {answer}", program.name);
    }
    let _ = process.kill().await;
    (times[0], times[1])
}

async fn invoke(address: SocketAddr, payload: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let head = format!(
        "POST /2015-03-31/functions/function/invocations HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        payload.len()
    );
    stream.write_all(head.as_bytes()).await.expect("it reads");
    stream.write_all(payload.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer
}

fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}
