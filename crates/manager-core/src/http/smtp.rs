//! `/api/v1/admin/apps/{app}/smtp`: the mail server that takes the e-mail of an app's scripts. Its password goes in and
//! never comes out.

pub(crate) mod trial;

use axum::{Json, extract::State};
use http::StatusCode;
use picloud_shared::{
    mail::{
        MAIL_PASSWORD_BYTES_MAX, MAIL_USERNAME_BYTES_MAX, MailSecurity, MailSettings, SENDERS_MAX, Sender,
        Senders,
    },
    repository::{AppSmtp, PutSmtpError},
    secret::SecretText,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    access::Caller,
    extract::{AppPath, JsonBody},
    problem::{Answer, FieldError, Refusal, invalid, not_found, problems},
    validate::Violations,
};
use crate::Manager;

/// Who takes the e-mail of an app's scripts.
#[derive(Serialize, ToSchema)]
#[schema(as = Smtp)]
pub(crate) struct SmtpBody {
    /// The app's own mail server; null if it has none, and e-mail goes by that of the instance.
    #[schema(required)]
    own: Option<SmtpServerBody>,
    /// Who may be the sender by the mail server of the instance, the first of them unless a script says otherwise; null
    /// if the instance has none.
    #[schema(required, example = json!(["PiCloud <cloud@example.com>"]))]
    instance_from: Option<Vec<String>>,
}

/// A mail server of an app. Nobody sees its password.
#[derive(Serialize, ToSchema)]
#[schema(as = SmtpServer)]
pub(crate) struct SmtpServerBody {
    #[schema(example = "mail.example.com")]
    host: String,
    #[schema(example = 587)]
    port: u16,
    /// How the connection is kept from others: `tls`, `starttls` or `none`.
    #[schema(example = "starttls")]
    security: &'static str,
    /// Who signs in there; null if nobody does. With it there is a password.
    #[schema(required, example = "shop@example.com")]
    username: Option<String>,
    /// Who may be the sender, the first of them unless a script says otherwise.
    #[schema(example = json!(["Shop <shop@example.com>", "*@example.com"]))]
    from: Vec<String>,
    /// When it was set.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Who set it.
    #[schema(required, example = "ada")]
    updated_by: Option<String>,
}

impl From<AppSmtp> for SmtpServerBody {
    fn from(smtp: AppSmtp) -> Self {
        let settings = smtp.settings;
        Self {
            host: settings.host.to_string(),
            port: settings.port,
            security: settings.security.as_str(),
            username: settings.username,
            from: settings.senders.texts(),
            updated_at: smtp.updated_at,
            updated_by: smtp.updated_by,
        }
    }
}

problems!(GetSmtpProblems: NotFound);

/// Get an app's mail server
///
/// Its own, if it has one, without the password; and who may be the sender by that of the instance.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/smtp",
    tag = "apps",
    responses((status = 200, description = "Who takes e-mail", body = SmtpBody), GetSmtpProblems),
)]
pub(crate) async fn get_smtp(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
) -> Answer<Json<SmtpBody>> {
    let own = manager.repository().find_smtp(app.id).await?;
    Ok(Json(SmtpBody {
        own: own.map(SmtpServerBody::from),
        instance_from: manager.instance_senders().map(Senders::texts),
    }))
}

problems!(PutSmtpProblems: NotFound);

/// A mail server of an app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutSmtp {
    /// A host or an address.
    #[schema(example = "mail.example.com")]
    host: String,
    /// Unless it is 465 with `tls`, 587 with `starttls` and 25 with `none`.
    #[serde(default)]
    #[schema(example = 587)]
    port: Option<u16>,
    /// `tls` from the start; `starttls`, and never without; or `none`, for a mail server in the same network.
    #[schema(example = "starttls")]
    security: String,
    /// Who signs in there; null or not given for nobody.
    #[serde(default)]
    #[schema(example = "shop@example.com")]
    username: Option<String>,
    /// Their password there. Not given or null, the one that is set stays, if host, port, security and user name do.
    #[serde(default)]
    #[schema(value_type = Option<String>, write_only, example = "a fine password")]
    password: Option<SecretText>,
    /// Who may be the sender: addresses, or `*@example.com` for all of a host. The first one is a single address, and is
    /// the sender unless a script says otherwise.
    #[schema(example = json!(["Shop <shop@example.com>", "*@example.com"]))]
    from: Vec<String>,
}

/// Set an app's mail server
///
/// E-mail that scripts send from now on goes by it, and no longer by that of the instance. A mail server at an address that
/// is not public has to be on the app's list of where scripts may connect to. The password is encrypted in the database,
/// and no operation shows it.
#[utoipa::path(
    put,
    path = "/api/v1/admin/apps/{app}/smtp",
    tag = "apps",
    request_body = PutSmtp,
    responses((status = 200, description = "Set", body = SmtpServerBody), PutSmtpProblems),
)]
pub(crate) async fn put_smtp(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    JsonBody(body): JsonBody<PutSmtp>,
) -> Answer<Json<SmtpServerBody>> {
    let settings = read(&body)?;
    let change = caller.change(&manager, None);
    let smtp = manager
        .repository()
        .put_smtp(app.id, &settings, body.password.as_ref(), &change)
        .await
        .map_err(refusal)?;
    tracing::info!(app.id = %app.id, "mail server of an app set");
    Ok(Json(smtp.into()))
}

fn read(body: &PutSmtp) -> Answer<MailSettings> {
    let mut violations = Violations::default();
    let host = violations.parse("host", &body.host);
    let security: Option<MailSecurity> = violations.parse("security", &body.security);
    violations.require(body.port != Some(0), "port", "must be 1 to 65535");
    let fits = |text: &str, most| (1..=most).contains(&text.len()) && !text.contains(char::is_control);
    violations.require(
        body.username
            .as_deref()
            .is_none_or(|name| fits(name, MAIL_USERNAME_BYTES_MAX)),
        "username",
        format!("must have 1 to {MAIL_USERNAME_BYTES_MAX} bytes and no control characters"),
    );
    violations.require(
        body.password
            .as_ref()
            .is_none_or(|password| fits(password.expose(), MAIL_PASSWORD_BYTES_MAX)),
        "password",
        format!("must have 1 to {MAIL_PASSWORD_BYTES_MAX} bytes and no control characters"),
    );
    violations.require(
        body.username.is_some() || body.password.is_none(),
        "username",
        "is needed with a password",
    );
    let senders = senders(&mut violations, &body.from);
    let settings = host.zip(security).zip(senders);
    let ((host, security), senders) = violations.finish_with(settings)?;
    Ok(MailSettings {
        host,
        port: body.port.unwrap_or(security.default_port()),
        security,
        username: body.username.clone(),
        senders,
    })
}

fn senders(violations: &mut Violations, texts: &[String]) -> Option<Senders> {
    let mut senders: Vec<Sender> = Vec::new();
    for (index, text) in texts.iter().take(SENDERS_MAX + 1).enumerate() {
        senders.push(violations.parse(&format!("from[{index}]"), text)?);
    }
    Senders::new(senders)
        .map_err(|error| violations.add("from", error))
        .ok()
}

fn refusal(error: PutSmtpError) -> Refusal {
    match error {
        PutSmtpError::PasswordNeeded => invalid(&[FieldError {
            field: "password".to_owned(),
            message: "is needed: none is set for this mail server and user name".to_owned(),
        }]),
        PutSmtpError::NoApp => not_found("app"),
        PutSmtpError::Store(error) => error.into(),
    }
}

problems!(DeleteSmtpProblems: NotFound);

/// Take an app's mail server away
///
/// E-mail that scripts send from now on goes by that of the instance, if it has one.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/apps/{app}/smtp",
    tag = "apps",
    responses((status = 204, description = "Taken away"), DeleteSmtpProblems),
)]
pub(crate) async fn delete_smtp(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
) -> Answer<StatusCode> {
    let change = caller.change(&manager, None);
    if manager.repository().delete_smtp(app.id, &change).await? {
        tracing::info!(app.id = %app.id, "mail server of an app taken away");
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(not_found("mail server"))
    }
}
