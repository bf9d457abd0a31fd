//! Other people's servers, doing the same work: one process and one core each, like everything else here.
//!
//! They are installed by the benchmark where it can. A peer that cannot be had is named in the report, with the
//! reason; the others are measured all the same.

mod javascript;
mod nginx;
mod npm;

use tempfile::TempDir;

use super::{process::Server, setting::Setting};

/// Another platform that runs.
pub(crate) struct Peer {
    /// Its name and version.
    pub(crate) name: String,
    /// Its process.
    pub(crate) server: Server,
    /// What it needs while it runs.
    _files: Option<TempDir>,
}

/// What all of them do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// `GET`, answered with a constant.
    Hello,
    /// `POST` of JSON, answered with the same and one field more.
    Json,
}

type Starter = fn(&Setting) -> anyhow::Result<Peer>;

/// All peers.
const PEERS: [(&str, Starter); 5] = [
    ("nginx with Lua", nginx::start),
    ("Deno", javascript::deno),
    ("Bun", javascript::bun),
    ("Node", javascript::node),
    ("workerd", javascript::workerd),
];

/// Starts those that can be had, if they are wanted; and says which cannot, and why.
pub(crate) fn start(setting: &Setting) -> (Vec<Peer>, Vec<String>) {
    let (mut peers, mut notes) = (Vec::new(), Vec::new());
    if !setting.peers {
        return (peers, notes);
    }
    for (name, start) in PEERS {
        match start(setting) {
            Ok(peer) => peers.push(peer),
            Err(error) => notes.push(format!("{name} was not measured: {error:#}.")),
        }
    }
    (peers, notes)
}

impl Work {
    /// Where it is asked for.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Hello => "/",
            Self::Json => "/json",
        }
    }
}
