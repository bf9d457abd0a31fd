//! Signals to processes that were started here.

use std::process::{Command, Stdio};

/// Sends the signal of this name, such as `STOP`; whoever is gone needs none.
pub(crate) fn send(name: &str, to: u32) {
    // The shell's own `kill`, as the program of that name is not on every machine.
    let _ = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -{name} {to}"))
        .stderr(Stdio::null())
        .status();
}
