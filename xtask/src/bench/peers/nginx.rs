//! nginx with Lua, from the packages of Debian.

use std::{fs, process::Command};

use anyhow::{Context as _, ensure};

use super::Peer;
use crate::bench::{
    process::{Cores, Server, free_address, pinned},
    setting::Setting,
    target::source,
};

const PROGRAM: &str = "/usr/sbin/nginx";

/// What the packages bring.
const FILES: [&str; 3] = [
    PROGRAM,
    "/usr/lib/nginx/modules/ngx_http_lua_module.so",
    "/usr/share/doc/lua-cjson/copyright",
];

const PACKAGES: [&str; 3] = ["nginx-light", "libnginx-mod-http-lua", "lua-cjson"];

pub(super) fn start(setting: &Setting) -> anyhow::Result<Peer> {
    install()?;
    let folder = tempfile::tempdir()?;
    let address = free_address()?;
    let configuration = fs::read_to_string(source("peers/nginx.conf"))?
        .replace("FOLDER", &folder.path().to_string_lossy())
        .replace("ADDRESS", &address);
    let file = folder.path().join("nginx.conf");
    fs::write(&file, configuration)?;
    let mut command = pinned(PROGRAM.as_ref(), Some(Cores::One(setting.core)));
    command.arg("-c").arg(&file).arg("-p").arg(folder.path());
    Ok(Peer {
        name: format!("nginx {} with Lua", version()?),
        server: Server::listening(command, address)?,
        _files: Some(folder),
    })
}

fn install() -> anyhow::Result<()> {
    let is_there = || FILES.iter().all(|file| fs::exists(file).unwrap_or(false));
    if is_there() {
        return Ok(());
    }
    let output = Command::new("apt-get")
        .args(["install", "--yes", "--quiet", "--no-install-recommends"])
        .args(PACKAGES)
        // Only the program is wanted, not the service.
        .env("RUNLEVEL", "1")
        .output()
        .context("there is no apt-get")?;
    ensure!(
        output.status.success() && is_there(),
        "apt-get cannot install {}: {}",
        PACKAGES.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

/// It says `nginx version: nginx/1.22.1`, on standard error.
fn version() -> anyhow::Result<String> {
    let output = Command::new(PROGRAM).arg("-v").output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let version = said.trim().rsplit('/').next();
    Ok(version.context("nginx does not say its version")?.to_owned())
}
