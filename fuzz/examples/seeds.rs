//! Writes what fuzzing scripts begins with into a folder: `cargo xtask fuzz` runs this.

use std::{env, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args_os().nth(1).ok_or(io::ErrorKind::InvalidInput)?);
    let seeds = folder.join("seeds");
    fs::create_dir_all(&seeds)?;
    for (number, seed) in picloud_fuzz::seeds().iter().enumerate() {
        fs::write(seeds.join(format!("{number}.rhai")), seed)?;
    }
    fs::write(folder.join("dictionary"), picloud_fuzz::dictionary())
}
