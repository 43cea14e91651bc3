//! `make bench`: the function beside an empty one and the one that one writes oneself with boto3, in one run.
//!
//! What a machine measures differs from day to day; what holds are ratios within a run, processor times and counts.

mod aws;
mod cold;
mod dynamodb;
mod instructions;
mod interface_emulator;
mod outcomes;
mod prices;
mod process;
mod report;
mod runtime_api;
mod scene;
mod statistics;
mod throughput;
mod variants;

use std::path::PathBuf;

use clap::Parser;

use crate::report::Report;
use crate::variants::Variants;

/// Measures the function, the empty function and the boto3 handler side by side.
#[derive(Debug, Parser)]
struct Arguments {
    /// The product's binary.
    #[arg(long)]
    product: PathBuf,
    /// The empty function's binary.
    #[arg(long)]
    empty: PathBuf,
    /// Python with boto3 and awslambdaric.
    #[arg(long)]
    python: PathBuf,
    /// Folder of the boto3 handler.
    #[arg(long)]
    handler: PathBuf,
    /// Lambda's Runtime Interface Emulator.
    #[arg(long)]
    interface_emulator: PathBuf,
    /// The package that is deployed.
    #[arg(long)]
    package: PathBuf,
    /// The binary of the pure core.
    #[arg(long)]
    core: PathBuf,
    /// Amazon's certificate authorities, as the product believes them.
    #[arg(long)]
    authorities: PathBuf,
    /// The certificate authorities that boto3 believes.
    #[arg(long)]
    boto3_authorities: PathBuf,
    /// A folder for what is needed meanwhile.
    #[arg(long)]
    folder: PathBuf,
    /// Cold starts of each.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Warm events after each cold start.
    #[arg(long, default_value_t = 100)]
    events: usize,
    /// Warm events of the round that memory is taken after.
    #[arg(long, default_value_t = 500)]
    long: usize,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    std::fs::create_dir_all(&arguments.folder).expect("a folder that can be written to");
    let variants = Variants::new(&arguments);
    let mut report = Report::default();
    report.package(process::size(&arguments.package));
    report.cold(&cold::measure(&variants, arguments.rounds, arguments.events, arguments.long).await);
    report.outcomes(&outcomes::count(&variants).await);
    report.throughput(&throughput::measure(&variants, arguments.long).await);
    report.second_opinion(&interface_emulator::measure(&variants, &arguments.interface_emulator).await);
    report.instructions(&instructions::count(&arguments.core).await);
    report.print();
}
