//! The apps in `examples/`, each deployed over the API and called. One file per app.

mod audit_trail;
mod contact_form;
mod csv_to_json;
mod deploy_script;
mod feed_reader;
mod form_to_email;
mod github_webhook;
mod guestbook;
mod json_transform;
mod metered_api;
mod mqtt_thermometer;
mod short_links;
mod status_page;
mod url_shortener;
mod url_tool;
mod webhook_relay;

use std::path::PathBuf;

use crate::harness::App;

/// A file under `examples/`.
fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples")
        .join(path)
}

/// What the app's only run wrote to its log.
#[track_caller]
fn log_of(app: &App<'_>) -> Vec<String> {
    let record = &app.executions("", 1)[0];
    let id = record["id"].as_str().expect("a record has an id");
    let record = app
        .cloud
        .owner()
        .get(&format!("/admin/executions/{id}"))
        .expect(200)
        .json();
    let lines = record["logs"].as_array().expect("a record has logs");
    let message = |line: &serde_json::Value| line["message"].as_str().expect("a line has a text").to_owned();
    lines.iter().map(message).collect()
}
