//! `/api/v1/admin/apps/{app}/secrets`: what an app's scripts read with `secret::get`. Values go in and never come out.

use axum::{Json, extract::State};
use http::StatusCode;
use picloud_shared::{
    problem::Code,
    repository::SetSecretError,
    secret::{SECRET_BYTES_MAX, SECRETS_PER_APP_MAX, Secret, SecretText},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    access::Caller,
    extract::{AppPath, InPath, JsonBody, SettingNameText},
    list::List,
    problem::{Answer, Refusal, not_found, problem, problems},
    validate::Violations,
};
use crate::Manager;

/// A secret of an app. Nobody sees its value.
#[derive(Serialize, ToSchema)]
#[schema(as = Secret)]
pub(crate) struct SecretBody {
    #[schema(example = "MAIL_API_KEY")]
    name: String,
    /// When its value was set.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Who set it.
    #[schema(required, example = "ada")]
    updated_by: Option<String>,
}

impl From<Secret> for SecretBody {
    fn from(secret: Secret) -> Self {
        Self {
            name: secret.name.as_str().to_owned(),
            updated_at: secret.updated_at,
            updated_by: secret.updated_by,
        }
    }
}

problems!(ListSecretsProblems: NotFound);

/// List an app's secrets
///
/// By name, all on one page, without their values.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/secrets",
    tag = "secrets",
    responses((status = 200, description = "The secrets", body = List<SecretBody>), ListSecretsProblems),
)]
pub(crate) async fn list_secrets(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
) -> Answer<Json<List<SecretBody>>> {
    let secrets = manager.repository().list_secrets(app.id).await?;
    Ok(Json(List::whole(
        secrets.into_iter().map(SecretBody::from).collect(),
    )))
}

problems!(SetSecretProblems: NotFound, LimitReached);

/// The value of a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetSecret {
    /// A text of 1 to 32,768 bytes, kept as it is.
    #[schema(value_type = String, write_only, example = "sk_live_4eC39HqLyjWDarjtT1zdp7dc")]
    value: SecretText,
}

/// Set a secret
///
/// A new one, or another value for one that is there: every run that begins after the answer has it. The value is
/// encrypted in the database, and no operation shows it. An app has at most 100 secrets.
#[utoipa::path(
    put,
    path = "/api/v1/admin/apps/{app}/secrets/{name}",
    tag = "secrets",
    request_body = SetSecret,
    responses((status = 204, description = "Set"), SetSecretProblems),
)]
pub(crate) async fn set_secret(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(SettingNameText(name)): InPath<SettingNameText>,
    JsonBody(body): JsonBody<SetSecret>,
) -> Answer<StatusCode> {
    let mut violations = Violations::default();
    let name = violations.parse("name", &name);
    violations.require(
        (1..=SECRET_BYTES_MAX).contains(&body.value.expose().len()),
        "value",
        format!("must have 1 to {SECRET_BYTES_MAX} bytes"),
    );
    let name = violations.finish_with(name)?;
    let change = caller.change(&manager, None);
    manager
        .repository()
        .set_secret(app.id, &name, &body.value, &change)
        .await
        .map_err(refusal)?;
    tracing::info!(app.id = %app.id, secret = %name, "secret set");
    Ok(StatusCode::NO_CONTENT)
}

fn refusal(error: SetSecretError) -> Refusal {
    match error {
        SetSecretError::TooMany => problem(
            Code::LimitReached,
            format!(
                "This app has {SECRETS_PER_APP_MAX} secrets. Delete one that its scripts do not need any more."
            ),
        ),
        SetSecretError::NoApp => not_found("app"),
        SetSecretError::Store(error) => error.into(),
    }
}

problems!(DeleteSecretProblems: NotFound);

/// Delete a secret
///
/// No run that begins after the answer has it.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/apps/{app}/secrets/{name}",
    tag = "secrets",
    responses((status = 204, description = "Deleted"), DeleteSecretProblems),
)]
pub(crate) async fn delete_secret(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(SettingNameText(name)): InPath<SettingNameText>,
) -> Answer<StatusCode> {
    // A text that is no name is that of no secret.
    let name = name.parse().map_err(|_| not_found("secret"))?;
    let change = caller.change(&manager, None);
    if manager.repository().delete_secret(app.id, &name, &change).await? {
        tracing::info!(app.id = %app.id, secret = %name, "secret deleted");
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(not_found("secret"))
    }
}
