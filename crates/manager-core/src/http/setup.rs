//! `/api/v1/admin/setup`: the first owner.

use axum::{Extension, Json, extract::State, response::IntoResponse};
use http::{HeaderMap, StatusCode, Uri};
use picloud_shared::{
    change::Change,
    problem::Code,
    seam::Origin,
    user::{Credentials, Username},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    access::cross_site,
    auth::{SignedInBody, signed_in},
    cross_site::is_cross_site,
    extract::{FromDevice, JsonBody},
    problem::{Answer, Refusal, problem, problems, too_many},
    validate::Violations,
};
use crate::{
    Manager,
    accounts::{self, Who},
    first_start::first_owner,
};

problems!(GetSetupProblems: Overloaded);
problems!(SetUpProblems: CrossSiteRequest, InvalidSetupCode, AlreadySetUp, TooManyRequests, Overloaded);

/// Whether there is somebody to sign in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SetupState {
    /// Whether the first owner is still to be made.
    needed: bool,
}

/// Tell whether the first owner is still to be made
///
/// Tells a new instance from one where people sign in.
#[utoipa::path(
    get,
    path = "/api/v1/admin/setup",
    tag = "accounts",
    responses((status = 200, description = "Whether it is needed", body = SetupState), GetSetupProblems),
)]
pub(crate) async fn get_setup(State(manager): State<Manager>) -> Answer<Json<SetupState>> {
    let needed = !manager.repository().any_user().await?;
    Ok(Json(SetupState { needed }))
}

/// Who the first owner is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetUp {
    /// The code that the server printed when it started, in any case and with or without dashes.
    #[schema(example = "ABCD-EFGH-JKMN")]
    code: String,
    /// 1 to 64 letters, digits, or `.`, `_`, `-`, `@`, `+`.
    username: String,
    /// 8 to 1,024 bytes.
    password: String,
}

/// Make the first owner
///
/// Works until the first owner exists, and signs them in.
#[utoipa::path(
    post,
    path = "/api/v1/admin/setup",
    tag = "accounts",
    request_body = SetUp,
    responses((status = 201, description = "Made and signed in", body = SignedInBody), SetUpProblems),
)]
pub(crate) async fn set_up(
    State(manager): State<Manager>,
    Extension(origin): Extension<Origin>,
    FromDevice(device): FromDevice,
    uri: Uri,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SetUp>,
) -> Answer<impl IntoResponse> {
    if is_cross_site(&headers, &uri) {
        return Err(cross_site());
    }
    if manager.repository().any_user().await? {
        return Err(already_set_up());
    }
    check_code(&manager, &body.code, &origin)?;

    let mut violations = Violations::default();
    let username: Option<Username> = violations.parse("username", &body.username);
    if let Some(username) = &username
        && let Err(refused) = accounts::check_password(&body.password, username)
    {
        violations.add("password", refused);
    }
    let username = violations.finish_with(username)?;

    let password_hash = manager.hasher().hash(body.password).await?;
    let credentials = Credentials {
        user: first_owner(&manager, username),
        password_hash,
    };
    // Decided by the statement that writes: of two at once, one is the first.
    let user = &credentials.user;
    let change = Change::at_entrance(Some(user.id), &origin, user.created_at);
    let made = manager
        .repository()
        .create_first_user(&credentials, &change)
        .await?;
    if !made {
        return Err(already_set_up());
    }
    tracing::info!(user.id = %credentials.user.id, "the first owner exists");
    let session = accounts::begin_session(&manager, credentials.user, device).await?;
    Ok((StatusCode::CREATED, signed_in(&session, origin.scheme)))
}

/// A code is too long to be guessed as it is; that guesses are slowed down per address is for the log's sake. There
/// is no account to protect, and a bound for all addresses together would let anybody keep the owner out.
fn check_code(manager: &Manager, code: &str, origin: &Origin) -> Answer<()> {
    let attempt = manager
        .throttle()
        .begin(Who::Nobody, origin.remote_addr, manager.now())
        .map_err(|wait| too_many(wait, "Too many wrong codes. Wait before the next try."))?;
    if manager.setup_code().is_some_and(|expected| expected.fits(code)) {
        attempt.succeeded();
        Ok(())
    } else {
        tracing::warn!(client.address = %origin.remote_addr, "wrong setup code");
        Err(problem(
            Code::InvalidSetupCode,
            "Use the setup code that the server printed when it started; a restart prints a new one.",
        ))
    }
}

fn already_set_up() -> Refusal {
    problem(
        Code::AlreadySetUp,
        "An owner exists already. Sign in with POST /api/v1/admin/auth/login.",
    )
}
