//! What PiCloud costs while nobody asks it anything.

use std::{thread, time::Duration};

use super::process::Server;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// How long to watch
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Serving threads
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

/// Once it has started, PiCloud gets this long to come to rest.
const SETTLE: Duration = Duration::from_secs(12);

/// Prints processor ticks, context switches and resident memory.
#[expect(clippy::print_stdout, reason = "the table is the result")]
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let server = Server::picloud(options.threads, None)?;
    ureq::get(format!("{}/healthz", server.url)).call()?;
    thread::sleep(SETTLE);
    let before = server.usage()?;
    thread::sleep(Duration::from_secs(options.seconds));
    let after = server.usage()?;
    println!("Idle for {} s, {} threads:", options.seconds, after.threads);
    println!("  processor ticks    {}", after.ticks - before.ticks);
    println!("  processor time     {:?}", after.cpu.saturating_sub(before.cpu));
    println!("  context switches   {}", after.switches - before.switches);
    println!("  resident memory    {:.1} MB", megabytes(after.resident_bytes));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "memory in megabytes with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
