//! `/api/v1/admin/auth/totp`: the own second factor, an authenticator app with recovery codes.

use axum::{Extension, Json, extract::State, response::IntoResponse};
use http::StatusCode;
use picloud_shared::{problem::Code, repository::ConfirmedFactor, seam::Origin};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Manager,
    accounts::{self, Claim, SignInError, Who},
    http::{
        access::Caller,
        extract::JsonBody,
        problem::{Answer, FieldError, Refusal, invalid, not_found, problem, problems},
    },
};

/// The state of a second factor.
#[derive(Serialize, ToSchema)]
#[schema(as = SecondFactor)]
pub(crate) struct SecondFactorBody {
    /// Whether sign-in asks for a code.
    enabled: bool,
    /// How many recovery codes were not used yet.
    #[schema(example = 10)]
    recovery_codes_left: u32,
}

/// See the own second factor
#[utoipa::path(
    get,
    path = "/api/v1/admin/auth/totp",
    tag = "accounts",
    responses((status = 200, description = "Its state", body = SecondFactorBody)),
)]
pub(crate) async fn get_totp(
    State(manager): State<Manager>,
    caller: Caller,
) -> Answer<Json<SecondFactorBody>> {
    let factor = accounts::second_factor_in_force(&manager, caller.user.id).await?;
    Ok(Json(SecondFactorBody {
        enabled: factor.is_some(),
        recovery_codes_left: factor.map_or(0, |factor| factor.recovery_codes_left),
    }))
}

problems!(BeginTotpProblems: SecondFactorEnabled, TooManyRequests, Overloaded);

/// The own password, once more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BeginTotp {
    #[schema(example = "correct horse battery")]
    password: String,
}

/// The secret that an authenticator app makes its codes from.
#[derive(Serialize, ToSchema)]
#[schema(as = ProposedSecondFactor)]
pub(crate) struct ProposedSecondFactorBody {
    /// For an app that is told by hand. It is shown only here.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// The same for a QR code.
    #[schema(
        example = "otpauth://totp/PiCloud:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=PiCloud&algorithm=SHA1&digits=6&period=30"
    )]
    uri: String,
}

/// Begin with a second factor
///
/// Gives a secret for an authenticator app. It is not in force before `totp:confirm` has had a code of the app, within ten
/// minutes; a second call replaces it. A wrong `password` is a fault of that field; whoever sends it stays signed in.
#[utoipa::path(
    post,
    path = "/api/v1/admin/auth/totp",
    tag = "accounts",
    request_body = BeginTotp,
    responses(
        (status = 201, description = "A secret that waits for a code", body = ProposedSecondFactorBody),
        BeginTotpProblems,
    ),
)]
pub(crate) async fn begin_totp(
    State(manager): State<Manager>,
    Extension(origin): Extension<Origin>,
    caller: Caller,
    JsonBody(body): JsonBody<BeginTotp>,
) -> Answer<impl IntoResponse> {
    let session = caller.session()?.id;
    accounts::verify_password(&manager, session, &caller.user, body.password, origin.remote_addr)
        .await
        .map_err(field_refusal)?;
    let secret = accounts::generate_totp_secret();
    let change = caller.change(&manager, None);
    let kept = manager
        .repository()
        .propose_second_factor(caller.user.id, &secret, &change)
        .await?;
    if !kept {
        return Err(problem(
            Code::SecondFactorEnabled,
            "This account has a second factor. Remove it with totp:disable to begin with another.",
        ));
    }
    let body = ProposedSecondFactorBody {
        secret: accounts::totp_secret_text(&secret),
        uri: accounts::totp_uri(&secret, caller.user.username.as_str()),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

problems!(ConfirmTotpProblems: NotFound, SecondFactorEnabled, TooManyRequests);

/// A code of the authenticator app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmTotp {
    /// Six digits.
    #[schema(example = "287082")]
    code: String,
}

/// Codes in place of a lost authenticator app.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
pub(crate) struct RecoveryCodesBody {
    /// Each is good for one sign-in. They are shown only here.
    #[schema(example = json!(["ABCD-EFGH-JKMN-PQRS-TUVW-XYZ2"]))]
    recovery_codes: Vec<String>,
}

/// Put the second factor in force
///
/// Takes a first code of the app, and gives ten recovery codes. From now on sign-in asks for a code. Ends all other
/// sessions of the same person, as they began without one. API tokens stay: no program can be asked for a code, and none
/// of them changes the account. Too many wrong codes must wait.
#[utoipa::path(
    post,
    path = "/api/v1/admin/auth/totp:confirm",
    tag = "accounts",
    request_body = ConfirmTotp,
    responses((status = 200, description = "In force", body = RecoveryCodesBody), ConfirmTotpProblems),
)]
pub(crate) async fn confirm_totp(
    State(manager): State<Manager>,
    Extension(origin): Extension<Origin>,
    caller: Caller,
    JsonBody(body): JsonBody<ConfirmTotp>,
) -> Answer<Json<RecoveryCodesBody>> {
    let (user, keep) = (caller.user.id, caller.session()?.id);
    let found = manager.repository().find_second_factor(user).await?;
    let factor = found
        .filter(|factor| !factor.has_ended_at(manager.now()))
        .ok_or_else(|| not_found("second factor"))?;
    if factor.confirmed_at.is_some() {
        return Err(problem(
            Code::SecondFactorEnabled,
            "The second factor of this account is in force already.",
        ));
    }
    // Whoever stole a session must not put a secret in force that its owner is about to confirm.
    let attempt = manager
        .throttle()
        .begin(Who::Session(keep), origin.remote_addr, manager.now())
        .map_err(SignInError::Throttled)?;
    let step = accounts::find_totp_step(&factor.secret, &body.code, manager.now()).ok_or_else(|| {
        wrong(
            "code",
            "is not the present code of the app",
            Code::InvalidSecondFactor,
        )
    })?;
    attempt.withdrawn();

    let (recovery_codes, hashes) = accounts::new_recovery_codes();
    let confirmed = ConfirmedFactor {
        user,
        secret: &factor.secret,
        step,
        recovery_codes: &hashes,
    };
    let change = caller.change(&manager, None);
    let repository = manager.repository();
    if !repository.confirm_second_factor(confirmed, keep, &change).await? {
        // Another request of the same person was first.
        return Err(not_found("second factor"));
    }
    tracing::info!(user.id = %user, "second factor in force");
    Ok(Json(RecoveryCodesBody { recovery_codes }))
}

problems!(ChangeTotpProblems: NotFound, TooManyRequests, Overloaded);

/// Password and a code, once more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProveBoth {
    #[schema(example = "correct horse battery")]
    password: String,
    /// Six digits from the authenticator app, or a recovery code.
    #[schema(example = "287082")]
    code: String,
}

/// Remove the second factor
///
/// Sign-in then asks for the password alone. A wrong `password` or `code` is a fault of that field; whoever sends it
/// stays signed in.
#[utoipa::path(
    post,
    path = "/api/v1/admin/auth/totp:disable",
    tag = "accounts",
    request_body = ProveBoth,
    responses((status = 204, description = "Removed"), ChangeTotpProblems),
)]
pub(crate) async fn disable_totp(
    State(manager): State<Manager>,
    Extension(origin): Extension<Origin>,
    caller: Caller,
    JsonBody(body): JsonBody<ProveBoth>,
) -> Answer<StatusCode> {
    prove_both(&manager, &caller, body, &origin).await?;
    let change = caller.change(&manager, None);
    let repository = manager.repository();
    if repository.remove_second_factor(caller.user.id, &change).await? {
        tracing::info!(user.id = %caller.user.id, "second factor removed");
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(not_found("second factor"))
    }
}

/// Get new recovery codes
///
/// All earlier ones are then good for nothing. A wrong `password` or `code` is a fault of that field; whoever sends it
/// stays signed in.
#[utoipa::path(
    post,
    path = "/api/v1/admin/auth/totp:recovery-codes",
    tag = "accounts",
    request_body = ProveBoth,
    responses((status = 200, description = "Replaced", body = RecoveryCodesBody), ChangeTotpProblems),
)]
pub(crate) async fn renew_recovery_codes(
    State(manager): State<Manager>,
    Extension(origin): Extension<Origin>,
    caller: Caller,
    JsonBody(body): JsonBody<ProveBoth>,
) -> Answer<Json<RecoveryCodesBody>> {
    prove_both(&manager, &caller, body, &origin).await?;
    let (recovery_codes, hashes) = accounts::new_recovery_codes();
    let change = caller.change(&manager, None);
    let replaced = manager
        .repository()
        .replace_recovery_codes(caller.user.id, &hashes, &change)
        .await?;
    if !replaced {
        return Err(not_found("second factor"));
    }
    Ok(Json(RecoveryCodesBody { recovery_codes }))
}

/// Checks password and code of somebody who is signed in.
async fn prove_both(manager: &Manager, caller: &Caller, proof: ProveBoth, origin: &Origin) -> Answer<()> {
    let (user, session) = (&caller.user, caller.session()?.id);
    if accounts::second_factor_in_force(manager, user.id)
        .await?
        .is_none()
    {
        return Err(not_found("second factor"));
    }
    let claim = Claim {
        username: user.username.as_str(),
        password: proof.password,
        code: Some(&proof.code),
    };
    accounts::verify_again(manager, session, claim, origin.remote_addr)
        .await
        .map_err(field_refusal)?;
    Ok(())
}

/// What is wrong, as a fault of its field: a 401 would say that the session has ended.
fn field_refusal(error: SignInError) -> Refusal {
    match error {
        SignInError::Invalid => wrong("password", "is not your password", Code::InvalidCredentials),
        SignInError::SecondFactorRequired | SignInError::InvalidSecondFactor => {
            wrong("code", "is wrong, or was used before", Code::InvalidSecondFactor)
        }
        error => error.into(),
    }
}

/// A secret that was wrong, as a fault of its field. The audit log is told.
fn wrong(field: &str, message: &str, reason: Code) -> Refusal {
    let error = FieldError {
        field: field.to_owned(),
        message: message.to_owned(),
    };
    invalid(&[error]).denied(reason)
}
