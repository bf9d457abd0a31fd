//! `GET /api/v1/script-api`: what scripts can call, for editors.

use axum::response::IntoResponse;
use http::header;
use serde::Serialize;
use utoipa::ToSchema;

/// Made from the functions themselves by the tests of the executor.
const JSON: &str = include_str!("../../../../docs/reference/script-api.json");

/// Everything that a script can call.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScriptApi {
    functions: Vec<ScriptFunction>,
}

/// Something that a script can call, or a property that it can read.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScriptFunction {
    /// The module it is in; null for those that are called by their name alone.
    #[schema(required)]
    module: Option<String>,
    /// Its name.
    #[schema(example = "header")]
    name: String,
    /// `function`, `method` or `property`.
    #[schema(example = "method")]
    kind: String,
    /// The type of the value that a method or property belongs to.
    #[schema(required)]
    on: Option<String>,
    /// How it is written, with its parameters and its result.
    #[schema(example = "response.header(name: string, value: string) -> Response")]
    signature: String,
    /// What it does, in Markdown. Examples are in fences; `//=>` stands before the value of their line.
    docs: String,
}

/// List what scripts can call
///
/// The script API of this version, for completion and help in editors.
#[utoipa::path(
    get,
    path = "/api/v1/script-api",
    tag = "instance",
    responses((status = 200, description = "All functions, methods and properties", body = ScriptApi)),
)]
pub(crate) async fn get_script_api() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, JSON)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_sent_is_what_is_described() {
        let api: Value = serde_json::from_str(JSON).expect("it is JSON");
        let functions = api["functions"].as_array().expect("a list");
        assert!(functions.len() > 100, "{}", functions.len());
        for function in functions {
            let mut fields: Vec<_> = function.as_object().expect("an object").keys().collect();
            fields.sort();
            assert_eq!(fields, ["docs", "kind", "module", "name", "on", "signature"]);
            let kind = function["kind"].as_str().unwrap_or_default();
            assert!(["function", "method", "property"].contains(&kind), "{function}");
        }
    }
}
