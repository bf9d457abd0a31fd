//! `POST /api/v1/admin/apps/{app}/smtp:test`.

use std::time::Duration;

use axum::{Json, extract::State};
use picloud_shared::{
    app::App,
    audit::{DataChange, Target},
    mail::Mailbox,
    problem::Code,
    services::{Email, EmailFailure, ServiceError},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, JsonBody},
        problem::{Answer, Refusal, internal, problem, problems},
        validate::Violations,
    },
};

/// How long the mail server may take. Somebody waits for it.
const TIMEOUT: Duration = Duration::from_secs(15);

problems!(TestSmtpProblems: NotFound);

/// Who gets a test message.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestSmtp {
    /// An address.
    #[schema(example = "ada@example.com")]
    to: String,
}

/// What became of a test message.
#[derive(Serialize, ToSchema)]
#[schema(as = SmtpTest)]
pub(crate) struct SmtpTestBody {
    /// Whether the mail server has taken it.
    #[schema(example = true)]
    sent: bool,
    /// Why not, by the word that scripts know it by; null if it has.
    #[schema(required, example = json!(null))]
    kind: Option<&'static str>,
    /// What the mail server said; or what went wrong.
    #[schema(example = "250 2.0.0 Ok: queued as 4XyZ")]
    answer: String,
}

impl From<Result<String, EmailFailure>> for SmtpTestBody {
    fn from(sent: Result<String, EmailFailure>) -> Self {
        match sent {
            Ok(answer) => Self {
                sent: true,
                kind: None,
                answer,
            },
            Err(failure) => Self {
                sent: false,
                kind: Some(failure.kind.as_str()),
                answer: failure.message,
            },
        }
    }
}

/// Send a test message
///
/// By the mail server that takes the e-mail of the app's scripts: its own, or that of the instance. That one of them did not
/// take it is no problem, but what the answer says. Test messages count among the e-mails that an app may send in an hour.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/smtp:test",
    tag = "apps",
    request_body = TestSmtp,
    responses((status = 200, description = "What became of it", body = SmtpTestBody), TestSmtpProblems),
)]
pub(crate) async fn test_smtp(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    JsonBody(body): JsonBody<TestSmtp>,
) -> Answer<Json<SmtpTestBody>> {
    let mut violations = Violations::default();
    let to = violations.parse("to", &body.to);
    let to: Mailbox = violations.finish_with(to)?;
    let change = caller.change(&manager, None);
    manager.repository().confirm_data_change(app.id, &change).await?;
    let sent = manager
        .egress()
        .try_email(app.id, message(&app, to.clone()))
        .await;
    let tested = SmtpTestBody::from(sent.map_err(refusal)?);
    let done = DataChange {
        action: "test_smtp",
        target: Target {
            kind: "app".to_owned(),
            id: Some(app.id.to_string()),
            name: Some(app.slug.to_string()),
        },
        before: None,
        after: Some(json!({ "to": to.to_string(), "sent": tested.sent, "kind": tested.kind })),
    };
    manager
        .repository()
        .record_data_change(app.id, &done, &change)
        .await?;
    Ok(Json(tested))
}

fn message(app: &App, to: Mailbox) -> Email {
    Email {
        to: vec![to],
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        from: None,
        subject: "Test message".to_owned(),
        text: Some(format!(
            "The app `{}` can send e-mail: somebody who looks after it has tried whether it does.\n",
            app.slug
        )),
        html: None,
        attachments: Vec::new(),
        timeout_ms: u64::try_from(TIMEOUT.as_millis()).unwrap_or(u64::MAX),
    }
}

fn refusal(error: ServiceError) -> Refusal {
    match error {
        ServiceError::Unavailable => problem(
            Code::DatabaseUnavailable,
            "The database does not answer, so nobody knows the mail server. Try again in a moment.",
        ),
        _ => internal(),
    }
}
