//! The apps in `examples/`, each deployed over the API and called. One file per app.

mod contact_form;
mod csv_to_json;
mod deploy_script;
mod github_webhook;
mod json_transform;
mod short_links;
mod status_page;
mod url_tool;

use std::path::PathBuf;

/// A file under `examples/`.
fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples")
        .join(path)
}
