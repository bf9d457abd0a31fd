//! Compresses the built dashboard, so that it is sent as it lies in the program.

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};

fn main() -> io::Result<()> {
    let dist = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../../dashboard/dist");
    let out = PathBuf::from(variable("OUT_DIR")?).join("dashboard");
    println!("cargo:rerun-if-changed={}", dist.display());
    if out.exists() {
        // A file that the dashboard no longer has would be served on.
        fs::remove_dir_all(&out)?;
    }
    compress(&dist, &out)
}

fn compress(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            compress(&from, &to)?;
        } else {
            let mut encoder = GzEncoder::new(fs::File::create(to)?, Compression::best());
            encoder.write_all(&fs::read(from)?)?;
            encoder.finish()?;
        }
    }
    Ok(())
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(|_| io::Error::other(format!("cargo did not set {name}")))
}
