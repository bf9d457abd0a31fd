//! `secret::…`, and keeping what it gives out of what is kept of a run.
//!
//! `functions` is what scripts call. `forms` and `view` know the ways in which a secret may stand in a text, and `scrub`
//! takes it away, when the run is over.

mod forms;
mod functions;
mod scrub;
mod view;

use picloud_shared::{
    secret::{SecretText, SettingName},
    services::{Answer, Question, Service},
};
use zeroize::Zeroizing;

pub(crate) use self::functions::module;
use super::session::{Session, unexpected};
use crate::{
    api::{Fallible, fail},
    gate,
};

/// A secret that the script has got.
pub(super) struct Got {
    name: String,
    value: Zeroizing<String>,
}

fn get(session: &Session, name: &str) -> Fallible<String> {
    let found = look_up(session, "secret::get", name, |value| {
        // One copy for the script, and one to know it by.
        gate::reserve(2 * value.expose().len())?;
        session.meter(Service::Secret, |used| {
            used.bytes_read += value.expose().len() as u64;
        });
        session.state(|state| {
            let known = |got: &Got| got.name == name && *got.value == value.expose();
            if !state.secrets.iter().any(known) {
                state.secrets.push(Got {
                    name: name.to_owned(),
                    value: Zeroizing::new(value.expose().to_owned()),
                });
            }
        });
        Ok(value.expose().to_owned())
    })?;
    found.ok_or_else(|| {
        fail(format!(
            "secret::get: this app has no secret `{name}`; an app_admin sets it with PUT \
             /api/v1/admin/apps/<app>/secrets/{name}"
        ))
    })
}

fn has(session: &Session, name: &str) -> Fallible<bool> {
    Ok(look_up(session, "secret::has", name, |_| Ok(()))?.is_some())
}

/// What `take` makes of a secret; nothing if there is none.
fn look_up<T>(
    session: &Session,
    function: &str,
    name: &str,
    take: impl FnOnce(&SecretText) -> Fallible<T>,
) -> Fallible<Option<T>> {
    let name: SettingName = name
        .parse()
        .map_err(|error| fail(format!("{function}: {error}")))?;
    let answer = session.ask(Service::Secret, || Question::Secret { name })?;
    match &*answer {
        Answer::Secret { value } => value.as_ref().map(take).transpose(),
        other => Err(unexpected(other)),
    }
}
