//! Whether a caller still is who they were, for what goes on after its request was let in.

use http::HeaderMap;
use picloud_shared::{app::AppRef, id::AppId};

use super::{Caller, Credential, authenticate::look_up};
use crate::Manager;

impl Caller {
    /// Whether they still may in `app` what the operation's entry in the table asks for, by the credentials in the
    /// `headers` of their request. Does not count as use of them, so it keeps no session alive. Also no if nobody can
    /// tell.
    pub(crate) async fn still_may_in(&self, manager: &Manager, headers: &HeaderMap, app: AppId) -> bool {
        let Ok(found) = look_up(manager, headers).await else {
            return false;
        };
        let is_same = found.user.id == self.user.id && found.credential.id() == self.credential.id();
        let again = Self::new(
            found.user,
            found.credential,
            found.ceiling,
            self.access,
            self.origin.clone(),
            self.depth,
        );
        is_same
            && again.permit(manager, app, "app").await.is_ok()
            && matches!(manager.repository().find_app(&AppRef::Id(app)).await, Ok(Some(_)))
    }
}

impl Credential {
    /// What names it.
    pub(crate) fn id(&self) -> uuid::Uuid {
        match self {
            Self::Session(session) => session.id.0,
            Self::Token(token) => token.0,
        }
    }
}
