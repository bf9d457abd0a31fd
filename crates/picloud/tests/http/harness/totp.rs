//! An authenticator app.

#[path = "../../../../manager-core/tests/http/authenticator.rs"]
mod authenticator;

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use authenticator::from_base32;

/// The code that an app with this secret shows now, or `off` half minutes later. The server takes codes half a minute
/// early and late, so one that was asked for just now is good however slow the machine is, within reason.
#[expect(
    clippy::disallowed_methods,
    reason = "the server under test is a process of its own, with the machine's clock"
)]
pub(crate) fn totp(secret: &str, off: i64) -> String {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970");
    let step = i64::try_from(since_epoch.as_secs() / 30).expect("a small number") + off;
    authenticator::code_of_step(secret, step)
}
