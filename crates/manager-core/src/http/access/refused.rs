//! What the audit log is told of refusals.

use axum::response::Response;
use http::StatusCode;
use picloud_shared::{
    audit::{Denial, Target},
    change::Change,
    problem::Problem,
    seam::Origin,
    user::{UserRef, Username},
};

use super::{Access, Caller};
use crate::{
    Manager,
    accounts::network,
    audit::denials::{Admitted, Kind, Who},
    http::problem::Denied,
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
    /// Why `response` refuses it, if it does: because of who asks, or because what they brought to prove who they are was
    /// wrong.
    pub(super) fn refusal(&self, response: &Response) -> Option<Denied> {
        if let Some(denied) = response.extensions().get::<Denied>() {
            return Some(denied.clone());
        }
        let is_refused = match response.status() {
            StatusCode::FORBIDDEN => true,
            StatusCode::UNAUTHORIZED => self.access == Access::Open,
            _ => false,
        };
        let problem = response.extensions().get::<Problem>();
        problem.filter(|_| is_refused).map(|problem| Denied {
            reason: problem.code,
            claimed: None,
        })
    }

    /// Leaves a record of a refusal, unless there are too many like it: then it is counted.
    pub(super) async fn record(&self, manager: &Manager, denied: Denied) {
        let who = match self.caller {
            Some(caller) => Who::Person(caller.user.id),
            None => Who::Network(network(self.origin.remote_addr)),
        };
        let kind = Kind {
            action: self.action,
            who,
            app: self.caller.and_then(Caller::refused_in),
        };
        match manager.denials().admit(kind, manager.now()) {
            Admitted::Record(attempts) => self.write(manager, denied, kind, attempts).await,
            Admitted::Counted { is_first: true } => manager.summarize_denials_later(),
            Admitted::Counted { is_first: false } => {}
        }
    }

    async fn write(&self, manager: &Manager, denied: Denied, kind: Kind, attempts: u64) {
        let denial = Denial {
            action: self.action,
            app: kind.app,
            target: self.target(manager, denied.claimed).await,
            reason: denied.reason.as_str(),
            attempts,
            details: None,
        };
        let recorded = manager
            .repository()
            .record_denial(&denial, &self.change(manager))
            .await;
        if let Err(error) = recorded {
            // It is refused all the same.
            tracing::error!(%error, action = self.action, "a refusal is not in the audit log yet");
            if manager.denials().give_back(self.action, attempts) {
                manager.summarize_denials_later();
            }
        }
    }

    fn change(&self, manager: &Manager) -> Change {
        match self.caller {
            Some(caller) => caller.change(manager, None),
            None => Change::at_entrance(None, self.origin, manager.now()),
        }
    }

    /// Whose account it was about, if there is one of that name; otherwise what the path names. A name that nobody has is
    /// not written down: people type passwords where a name belongs. A path never has a secret: those are in headers and
    /// bodies.
    async fn target(&self, manager: &Manager, claimed: Option<Username>) -> Target {
        if let Some(name) = claimed
            && let Ok(Some(user)) = manager.repository().find_account(&UserRef::Name(name)).await
        {
            return Target {
                kind: "user".to_owned(),
                id: Some(user.id.to_string()),
                name: Some(user.username.as_str().to_owned()),
            };
        }
        let end = self.path.floor_char_boundary(PATH_BYTES_MAX);
        Target {
            kind: "path".to_owned(),
            id: None,
            name: Some(self.path[..end].to_owned()),
        }
    }
}
