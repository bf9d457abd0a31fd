//! Saving sources. They are checked before they are written, outside of the transaction that writes them; what is written
//! still fits what others have written between.

use std::{future::Future, sync::Arc};

use picloud_shared::{
    id::AppId,
    repository::{Checked, WriteScriptError},
    script::ScriptName,
};

use super::{
    source::{Target, require_valid},
    write_refusal,
};
use crate::{Manager, http::problem::Answer};

/// How often a source is checked, if each time scripts around it are saved before it is written.
const CHECKS_MAX: u32 = 10;

/// Checks a source, if there is one, and writes it; both again if what is around it changes between.
pub(super) async fn save<T, F>(
    manager: &Manager,
    app: AppId,
    target: Target<'_>,
    source: Option<&Arc<str>>,
    write: impl Fn(Option<Checked>) -> F,
) -> Answer<T>
where
    F: Future<Output = Result<T, WriteScriptError>>,
{
    let name = match target {
        Target::New(name) => Some(name),
        Target::Existing(_, name) => name,
    };
    let refused = |error| write_refusal(error, name.map(ScriptName::as_str));
    for _ in 0..CHECKS_MAX {
        let checked = match source {
            Some(source) => require_valid(manager, app, target, source).await?,
            None => None,
        };
        let written = write(checked).await;
        if !matches!(written, Err(WriteScriptError::Outdated)) {
            return written.map_err(refused);
        }
    }
    Err(refused(WriteScriptError::Outdated))
}
