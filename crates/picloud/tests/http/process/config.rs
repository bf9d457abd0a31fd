//! Settings: a mistake is refused with its name, before anything starts.

use std::{fs, path::Path};

use crate::harness::{Process, TestCloud};

/// What the program says when it refuses this file.
fn refusal(text: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("server.toml");
    fs::write(&file, text).expect("the file can be written");
    let output = Process::command()
        .arg("--config")
        .arg(&file)
        .current_dir(&folder)
        .output()
        .expect("picloud can be started");
    assert!(!output.status.success(), "{text} was accepted");
    assert!(
        !folder.path().join("picloud-data").exists(),
        "{text} made a database"
    );
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn unknown_keys_and_values_out_of_range_are_refused_by_name() {
    for (text, name) in [
        ("bindd = [\"127.0.0.1:0\"]", "bindd"),
        ("session_ttl_hours = 0", "session_ttl_hours"),
        ("serving_threads = 100000", "serving_threads"),
        ("[server]\nbind = []", "server"),
        ("bind = 8080", "bind"),
        ("admin_username = \"ada\"", "admin_password"),
    ] {
        let said = refusal(text);
        assert!(said.contains(name), "{text}: {said}");
    }
}

#[test]
fn a_file_that_is_not_there_is_refused() {
    let output = Process::command()
        .args(["--config", "/no/such/file.toml"])
        .output()
        .expect("picloud can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("/no/such/file.toml"),
        "{said}"
    );
}

#[test]
fn a_file_sets_what_flags_do_not() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("server.toml");
    fs::write(&file, "bind = [\"127.0.0.1:1\"]\nrequest_body_bytes_max = 10\n")
        .expect("the file can be written");
    let cloud = TestCloud::with()
        .flag("--config", &file.display().to_string())
        .start();
    cloud.app_with_domain("a").serve("/", "request.body");
    cloud
        .call("POST", "a.test", "/")
        .body("x".repeat(10))
        .send()
        .expect(200);
    cloud
        .call("POST", "a.test", "/")
        .body("x".repeat(11))
        .send()
        .problem(413, "body_too_large");
}

#[test]
fn the_documentation_names_every_setting() {
    let output = Process::command()
        .arg("--help")
        .output()
        .expect("picloud can be started");
    let help = String::from_utf8(output.stdout).expect("text");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let documentation = fs::read_to_string(path).expect("the documentation can be read");
    let variables: Vec<&str> = help
        .split("[env: ")
        .skip(1)
        .filter_map(|rest| rest.split(['=', ']']).next())
        .collect();
    assert!(variables.len() >= 15, "{help}");
    for variable in variables {
        assert!(
            documentation.contains(&format!("`{variable}`")) || variable == "PICLOUD_CONFIG",
            "{variable} is not documented"
        );
    }
}
