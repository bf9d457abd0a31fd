//! `/api/v1/admin/apps/{app}/config`: what an app's scripts read with `config::get`. It is part of the app's releases.

use axum::{Json, extract::State};
use http::StatusCode;
use picloud_shared::{
    config::{CONFIG_BYTES_MAX, CONFIG_VALUE_BYTES_MAX, CONFIG_VALUES_MAX, ConfigValue},
    problem::Code,
    repository::SetConfigError,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    access::Caller,
    extract::{AppPath, InPath, JsonBody, SettingNameText},
    list::List,
    problem::{Answer, Refusal, not_found, problem, problems},
    validate::Violations,
};
use crate::Manager;

/// A value of an app's configuration.
#[derive(Serialize, ToSchema)]
#[schema(as = ConfigValue)]
pub(crate) struct ConfigBody {
    #[schema(example = "GREETING")]
    name: String,
    /// Any JSON.
    #[schema(required, value_type = Value, example = json!("Hello"))]
    value: Value,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<ConfigValue> for ConfigBody {
    fn from(config: ConfigValue) -> Self {
        Self {
            name: config.name.as_str().to_owned(),
            value: config.value,
            updated_at: config.updated_at,
        }
    }
}

problems!(ListConfigProblems: NotFound);

/// List an app's configuration
///
/// By name, all on one page.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/config",
    tag = "config",
    responses((status = 200, description = "The values", body = List<ConfigBody>), ListConfigProblems),
)]
pub(crate) async fn list_config(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
) -> Answer<Json<List<ConfigBody>>> {
    let values = manager.repository().list_config(app.id).await?;
    Ok(Json(List::whole(
        values.into_iter().map(ConfigBody::from).collect(),
    )))
}

problems!(SetConfigProblems: NotFound, LimitReached, LoopDetected);

/// A value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetConfig {
    /// Any JSON of at most 32 KiB.
    #[schema(required, value_type = Value, example = json!("Hello"))]
    value: Value,
}

/// Set a value of the configuration
///
/// A new one, or another value for one that is there: a release of the app, as is every change of it. Nothing changes
/// if the value is the same. An app has at most 200 values with 256 KiB together.
#[utoipa::path(
    put,
    path = "/api/v1/admin/apps/{app}/config/{name}",
    tag = "config",
    request_body = SetConfig,
    responses((status = 200, description = "Set", body = ConfigBody), SetConfigProblems),
)]
pub(crate) async fn set_config(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(SettingNameText(name)): InPath<SettingNameText>,
    JsonBody(body): JsonBody<SetConfig>,
) -> Answer<Json<ConfigBody>> {
    let mut violations = Violations::default();
    let name = violations.parse("name", &name);
    violations.require(
        body.value.to_string().len() <= CONFIG_VALUE_BYTES_MAX,
        "value",
        format!("must have at most {CONFIG_VALUE_BYTES_MAX} bytes as JSON"),
    );
    let name = violations.finish_with(name)?;
    let change = caller.change(&manager, None);
    let set = manager
        .repository()
        .set_config(app.id, &name, &body.value, &change)
        .await
        .map_err(refusal)?;
    manager.publish(app.id).await;
    Ok(Json(set.into()))
}

fn refusal(error: SetConfigError) -> Refusal {
    match error {
        SetConfigError::TooMany => problem(
            Code::LimitReached,
            format!(
                "This app has {CONFIG_VALUES_MAX} config values. Delete one that its scripts do not need any more."
            ),
        ),
        SetConfigError::TooLarge => problem(
            Code::LimitReached,
            format!(
                "All config values of this app together may have {CONFIG_BYTES_MAX} bytes, as each of its releases has a copy of them."
            ),
        ),
        SetConfigError::NoApp => not_found("app"),
        SetConfigError::Store(error) => error.into(),
    }
}

problems!(DeleteConfigProblems: NotFound, LoopDetected);

/// Remove a value of the configuration
///
/// A release of the app, as is every change of it.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/apps/{app}/config/{name}",
    tag = "config",
    responses((status = 204, description = "Removed"), DeleteConfigProblems),
)]
pub(crate) async fn delete_config(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(SettingNameText(name)): InPath<SettingNameText>,
) -> Answer<StatusCode> {
    // A text that is no name is that of no value.
    let name = name.parse().map_err(|_| not_found("config value"))?;
    let change = caller.change(&manager, None);
    if !manager.repository().delete_config(app.id, &name, &change).await? {
        return Err(not_found("config value"));
    }
    manager.publish(app.id).await;
    Ok(StatusCode::NO_CONTENT)
}
