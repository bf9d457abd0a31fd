//! What the audit log is told of refusals.

use axum::response::Response;
use http::StatusCode;
use picloud_shared::{
    audit::{Denial, Target},
    change::Change,
    problem::{Code, Problem},
    seam::Origin,
};

use super::{Access, Caller};
use crate::{
    Manager,
    accounts::network,
    audit::denials::{Kind, Who},
};

/// The longest path that a record has.
const PATH_BYTES_MAX: usize = 256;

/// One request, as far as a record says something about it.
pub(super) struct Attempt<'a> {
    pub(super) action: &'static str,
    pub(super) access: Access,
    pub(super) path: &'a str,
    pub(super) origin: &'a Origin,
    pub(super) caller: Option<&'a Caller>,
}

impl Attempt<'_> {
    /// Why `response` refuses it, if it does: because of who asks, or, where everybody may ask, because what they brought
    /// to be let in was wrong.
    pub(super) fn refusal(&self, response: &Response) -> Option<Code> {
        let is_refused = match response.status() {
            StatusCode::FORBIDDEN => true,
            StatusCode::UNAUTHORIZED => self.access == Access::Open,
            _ => false,
        };
        let problem = response.extensions().get::<Problem>();
        problem.filter(|_| is_refused).map(|problem| problem.code)
    }

    /// Leaves a record of a refusal, unless there are too many like it.
    pub(super) async fn record(&self, manager: &Manager, refusal: Code) {
        let who = match self.caller {
            Some(caller) => Who::Person(caller.user.id),
            None => Who::Network(network(self.origin.remote_addr)),
        };
        let kind = Kind {
            action: self.action,
            who,
            app: self.caller.and_then(Caller::refused_in),
        };
        let Some(attempts) = manager.denials().admit(kind, manager.now()) else {
            return;
        };
        let denial = Denial {
            action: self.action,
            app: kind.app,
            target: self.target(),
            reason: refusal.as_str(),
            attempts,
        };
        let recorded = manager
            .repository()
            .record_denial(&denial, &self.change(manager))
            .await;
        if let Err(error) = recorded {
            // It is refused all the same.
            tracing::error!(%error, action = self.action, "a refusal is not in the audit log");
        }
    }

    fn change(&self, manager: &Manager) -> Change {
        match self.caller {
            Some(caller) => caller.change(manager, None),
            None => Change::at_entrance(None, self.origin, manager.now()),
        }
    }

    /// What the path names. It never has a secret: those are in headers and bodies.
    fn target(&self) -> Target {
        let end = self.path.floor_char_boundary(PATH_BYTES_MAX);
        Target {
            kind: "path".to_owned(),
            id: None,
            name: Some(self.path[..end].to_owned()),
        }
    }
}
