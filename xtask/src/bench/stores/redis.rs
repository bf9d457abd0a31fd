//! Redis, from the package of Debian, with every write on disk before its answer.

use std::path::Path;

use anyhow::Context as _;
use tempfile::TempDir;

use super::{CLIENTS, Measured, Store, said};
use crate::{
    bench::{
        process::{Cores, Server, free_address, pinned},
        setting::Setting,
    },
    test::debian,
};

/// Its client takes a number of requests and no time; so many are about a second's.
const READS_PER_SECOND: u32 = 60_000;
const WRITES_PER_SECOND: u32 = 20_000;

const QUESTIONS: [&str; 2] = ["GET", "SET, appendfsync always"];

struct Redis {
    name: String,
    server: Server,
    core: usize,
    _data: TempDir,
}

pub(super) fn start(setting: &Setting, place: &Path) -> anyhow::Result<Box<dyn Store>> {
    debian::ensure("redis-server", "redis-server")?;
    debian::ensure("redis-benchmark", "redis-tools")?;
    let data = tempfile::tempdir_in(place)?;
    let address = free_address()?;
    let mut command = pinned("redis-server".as_ref(), Some(Cores::One(setting.core)));
    command
        .args(["--port", port(&address)?, "--bind", "127.0.0.1", "--save", ""])
        .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
        .arg(data.path());
    let redis = Redis {
        name: format!("Redis {}", version()?),
        server: Server::listening(command, address)?,
        core: setting.core,
        _data: data,
    };
    redis.run(1, &["SET", "greeting", "Hello, World"])?;
    Ok(Box::new(redis))
}

impl Store for Redis {
    fn name(&self) -> &str {
        &self.name
    }

    fn questions(&self) -> &[&'static str] {
        &QUESTIONS
    }

    fn ask(&self, question: usize, seconds: u32) -> anyhow::Result<Measured> {
        let (requests, words) = match question {
            0 => (READS_PER_SECOND * seconds, &["GET", "greeting"][..]),
            _ => (
                WRITES_PER_SECOND * seconds,
                &["SET", "k/__rand_int__", "Hello, World"][..],
            ),
        };
        let before = self.server.usage()?;
        let requests_per_second = self.run(requests, words)?;
        let used = self.server.usage()?.cpu.saturating_sub(before.cpu);
        Ok(Measured {
            cpu_us_per_request: used.as_secs_f64() * 1e6 / f64::from(requests),
            requests_per_second,
        })
    }
}

impl Redis {
    /// Sends a command so often; tells how many it did in a second.
    fn run(&self, requests: u32, words: &[&str]) -> anyhow::Result<f64> {
        let output = said(
            pinned("redis-benchmark".as_ref(), Some(Cores::One(self.core)))
                .args(["-h", "127.0.0.1", "-p", port(&self.server.address)?])
                .args(["-c", &CLIENTS.to_string(), "-n", &requests.to_string()])
                .args(["-r", "10000", "--csv"])
                .args(words),
        )?;
        // Under a head there is a line such as "SET a Hello, World","61728.40","0.5".
        let line = output.lines().last().unwrap_or_default();
        let rate = line.split("\",\"").nth(1);
        rate.and_then(|rate| rate.parse().ok())
            .with_context(|| format!("redis-benchmark said `{}`", output.trim()))
    }
}

fn port(address: &str) -> anyhow::Result<&str> {
    let (_, port) = address.rsplit_once(':').context("the address has a port")?;
    Ok(port)
}

/// It says `Redis server v=7.0.15 sha=…`.
fn version() -> anyhow::Result<String> {
    let said = said(std::process::Command::new("redis-server").arg("--version"))?;
    let version = said.split_once("v=").and_then(|(_, rest)| rest.split(' ').next());
    Ok(version
        .context("redis-server does not say its version")?
        .to_owned())
}
