//! Platforms that run JavaScript.

use std::{path::Path, process::Command};

use anyhow::Context as _;

use super::{Peer, npm};
use crate::bench::{
    process::{Cores, Server, free_address, pinned},
    setting::Setting,
    target::source,
};

pub(super) fn deno(setting: &Setting) -> anyhow::Result<Peer> {
    let program = npm::program("deno")?;
    start(setting, "Deno", &program, |command, port, _| {
        command
            .args(["serve", "--quiet", "--host", "127.0.0.1", "--port", port])
            .arg(source("peers/fetch.js"));
    })
}

pub(super) fn bun(setting: &Setting) -> anyhow::Result<Peer> {
    let program = npm::program("bun")?;
    start(setting, "Bun", &program, |command, port, _| {
        command
            .env("PORT", port)
            .env("NODE_ENV", "production")
            .arg(source("peers/fetch.js"));
    })
}

pub(super) fn node(setting: &Setting) -> anyhow::Result<Peer> {
    start(setting, "Node", Path::new("node"), |command, port, _| {
        command.env("PORT", port).arg(source("peers/node.mjs"));
    })
}

pub(super) fn workerd(setting: &Setting) -> anyhow::Result<Peer> {
    let program = npm::program("workerd")?;
    start(setting, "workerd", &program, |command, _, address| {
        command
            .arg("serve")
            .arg(source("peers/workerd.capnp"))
            .arg(format!("--socket-addr=http={address}"));
    })
}

fn start(
    setting: &Setting,
    name: &str,
    program: &Path,
    prepare: impl FnOnce(&mut Command, &str, &str),
) -> anyhow::Result<Peer> {
    let version = version(program)?;
    let address = free_address()?;
    let (_, port) = address.split_once(':').context("an address has a port")?;
    let mut command = pinned(program, Some(Cores::One(setting.core)));
    prepare(&mut command, port, &address);
    Ok(Peer {
        name: format!("{name} {version}"),
        server: Server::listening(command, address.clone())?,
        _files: None,
    })
}

/// The first word with a number in it.
fn version(program: &Path) -> anyhow::Result<String> {
    let said = crate::bench::machine::said(&program.to_string_lossy(), &["--version"])?;
    let version = said
        .split_whitespace()
        .find(|word| word.contains(|c: char| c.is_ascii_digit()));
    Ok(version.context("it does not say its version")?.to_owned())
}
