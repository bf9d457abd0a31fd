//! From the start of the process to the first answer of a script.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Instant,
};

use anyhow::ensure;

use super::{median, process::Server};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// How often to start
    #[arg(long, default_value_t = 15)]
    rounds: usize,
}

/// Prints the median, with an existing database on SQLite.
#[expect(clippy::print_stdout, reason = "the figure is the result")]
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    drop(Server::picloud_on(data.path(), 2)?);
    let mut times = Vec::new();
    for _ in 0..options.rounds {
        let start = Instant::now();
        let server = Server::picloud_on(data.path(), 2)?;
        let mut socket = TcpStream::connect(server.url.trim_start_matches("http://"))?;
        socket.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        ensure!(
            answer.starts_with("HTTP/1.1 200"),
            "the first answer was:\n{answer}"
        );
    }
    let least = times.iter().copied().fold(f64::INFINITY, f64::min);
    println!(
        "Start to first answer: median {:.1} ms, least {least:.1} ms of {} starts",
        median(times),
        options.rounds
    );
    Ok(())
}
