//! The dashboard: its types and tests, and whether what is committed is what its sources give.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

use super::{debian, part};
use crate::root;

/// Where the build of the test goes.
const BUILT: &str = "dashboard-dist";
/// The types of the API as they are generated anew.
const TYPES: &str = "dashboard-schema.d.ts";
/// Its major version of Node, at least.
const NODE_MIN: u32 = 20;

/// The steps, in their order.
pub(crate) fn commands(target: &Path) -> anyhow::Result<Vec<Command>> {
    fs::create_dir_all(target)?;
    let mut build = npm(&["run", "build"]);
    build.env("PICLOUD_DASHBOARD_OUT", target.join(BUILT));
    let mut types = npm(&[
        "exec",
        "--",
        "openapi-typescript",
        "../docs/openapi.json",
        "--output",
    ]);
    types.arg(target.join(TYPES));
    // By cargo and not by the path of this program: the tests before may have built it anew, and then nothing is there.
    let compare = part::cargo(&["run", "--quiet", "--package", "xtask", "--", "compare-dashboard"]);
    Ok(vec![
        npm(&["ci", "--no-audit", "--no-fund"]),
        npm(&["run", "check"]),
        npm(&["test"]),
        types,
        build,
        compare,
    ])
}

/// Makes sure that Node is there.
pub(crate) fn prepare() -> anyhow::Result<()> {
    debian::ensure("npm", "npm")?;
    let output = Command::new("node")
        .arg("--version")
        .output()
        .context("cannot run node")?;
    let version = String::from_utf8_lossy(&output.stdout);
    let major: u32 = version
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse().ok())
        .context("cannot tell the version of node")?;
    ensure!(
        major >= NODE_MIN,
        "the dashboard is built with Node {NODE_MIN} or newer, and this is {version}"
    );
    Ok(())
}

/// `npm` in the folder of the dashboard.
pub(crate) fn npm(args: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(args).current_dir(folder());
    // Its output is read as text, and it must ask nobody.
    command.env("NO_COLOR", "1").env("CI", "1");
    command
}

/// Holds what the steps before have made against what is committed.
#[expect(clippy::print_stdout, reason = "the result is what the report reads")]
pub(crate) fn compare() -> anyhow::Result<()> {
    let target = part::target()?;
    let types = folder().join("src/lib/api/schema.d.ts");
    ensure!(
        fs::read(&types)? == fs::read(target.join(TYPES))?,
        "{} is not what docs/openapi.json gives; write it anew with `npm run types` in dashboard/",
        types.display()
    );
    let committed = files(&folder().join("dist"))?;
    let built = files(&target.join(BUILT))?;
    let differing: Vec<_> = built
        .iter()
        .filter(|(path, content)| committed.get(*path) != Some(content))
        .map(|(path, _)| path)
        .chain(committed.keys().filter(|path| !built.contains_key(*path)))
        .collect();
    ensure!(
        differing.is_empty(),
        "dashboard/dist is not what its sources give; write it anew with `npm run build` in dashboard/. These files \
         differ: {differing:?}"
    );
    println!("test result: ok. 2 passed; 0 failed; the types and the build are those of the sources");
    Ok(())
}

fn folder() -> PathBuf {
    root().join("dashboard")
}

/// All files below `folder` with their content.
fn files(folder: &Path) -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(inside) = waiting.pop() {
        let at = folder.join(&inside);
        for entry in fs::read_dir(&at).with_context(|| format!("cannot list {}", at.display()))? {
            let entry = entry?;
            let path = inside.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                waiting.push(path);
            } else {
                found.insert(path, fs::read(entry.path())?);
            }
        }
    }
    Ok(found)
}
