//! Starting.

use std::process::Output;

use crate::harness::{Process, TestCloud};

#[test]
fn it_tells_where_everything_is() {
    let cloud = TestCloud::start();
    let mut process = cloud.process();
    let address = format!("http://localhost:{}", cloud.address().port());
    assert_eq!(process.announced("Endpoint"), format!("{address}/"));
    assert_eq!(process.announced("Dashboard"), format!("{address}/admin"));
    let data = process.announced("Data");
    assert!(
        data.ends_with(if TestCloud::is_on_postgres() {
            "PostgreSQL"
        } else {
            "(SQLite)"
        }),
        "{data}"
    );
    assert_eq!(
        process.announced(&format!("PiCloud {}", env!("CARGO_PKG_VERSION"))),
        "is running."
    );
}

#[test]
fn a_second_process_on_the_same_folder_refuses_to_start() {
    if TestCloud::is_on_postgres() {
        // A PostgreSQL serves many processes; the folder is a matter of SQLite.
        return;
    }
    let cloud = TestCloud::start();
    let output = cloud.command().output().expect("picloud can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains("another") || said.contains("in use"),
        "it says why: {said}"
    );
    cloud.get("localhost", "/").expect(200);
    cloud.kill9();
    cloud.start_again();
    cloud.get("localhost", "/").expect(200);
}

#[test]
fn an_address_in_use_is_told() {
    let cloud = TestCloud::start();
    let address = cloud.address().to_string();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let output = Process::command()
        .args(["--bind", &address, "--data-dir"])
        .arg(folder.path())
        .output()
        .expect("picloud can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(&address), "{said}");
}

#[test]
fn help_and_version_are_printed() {
    let run = |flag: &str| -> Output {
        Process::command()
            .arg(flag)
            .output()
            .expect("picloud can be started")
    };
    let help = String::from_utf8(run("--help").stdout).expect("text");
    for flag in [
        "--bind",
        "--data-dir",
        "--database-url",
        "--config",
        "PICLOUD_ADMIN_USERNAME",
        "PICLOUD_SESSION_TTL_HOURS",
    ] {
        assert!(help.contains(flag), "no {flag} in {help}");
    }
    let version = String::from_utf8(run("--version").stdout).expect("text");
    assert_eq!(version.trim(), concat!("picloud ", env!("CARGO_PKG_VERSION")));
    let output = run("--no-such-flag");
    assert!(!output.status.success());
}
