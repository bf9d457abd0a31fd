//! Who asks, and what they may do.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use axum::extract::FromRequestParts;
use http::request::Parts;
use picloud_shared::{
    access::{AppRole, Capability, Ceiling, Decision, Needs, Place, Subject, decide, role_in},
    app::App,
    change::{Change, Via},
    events::Lineage,
    id::{AppId, TokenId},
    problem::{Code, Problem},
    repository::AppScope,
    seam::Origin,
    services::Writer,
    user::{InstanceRole, Session, User},
};

use super::Access;
use crate::{
    Manager,
    http::{
        extract::find_by_text,
        problem::{Answer, Refusal, hidden, internal, problem},
    },
};

/// The person behind a request. Only operations behind a [`guard`](super::guard) can have one.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) user: User,
    pub(crate) credential: Credential,
    ceiling: Ceiling,
    pub(super) access: Access,
    pub(super) origin: Origin,
    /// How many runs led to the request, if a script has made it.
    pub(super) depth: u8,
    /// Whether somebody decided that they may; see [`Caller::was_decided`].
    decided: Arc<AtomicBool>,
    /// The app in which they were refused something; see [`Caller::refused_in`].
    refused_in: Arc<OnceLock<AppId>>,
}

/// By what a caller is known.
#[derive(Clone)]
pub(crate) enum Credential {
    /// A session, by bearer token or cookie.
    Session(Session),
    /// A personal API token.
    Token(TokenId),
}

impl Credential {
    fn via(&self) -> Via {
        match self {
            Self::Session(session) => Via::Session(session.id),
            Self::Token(token) => Via::Token(*token),
        }
    }
}

impl Caller {
    pub(super) fn new(
        user: User,
        credential: Credential,
        ceiling: Ceiling,
        access: Access,
        origin: Origin,
        depth: u8,
    ) -> Self {
        Self {
            user,
            credential,
            ceiling,
            access,
            origin,
            depth,
            decided: Arc::default(),
            refused_in: Arc::default(),
        }
    }

    /// A change that the caller makes now.
    pub(crate) fn change(&self, manager: &Manager, note: Option<String>) -> Change {
        Change {
            author: Some(self.user.id),
            via: self.credential.via(),
            address: Some(self.origin.remote_addr),
            request_id: Some(self.origin.request_id),
            depth: self.depth,
            at: manager.now(),
            needs: match self.access {
                Access::With(capability) => Some(capability),
                Access::Open | Access::SignedIn | Access::Session => None,
            },
            note,
        }
    }

    /// Who they are to those who are told of changes of data.
    pub(crate) fn writer(&self) -> Writer {
        Writer {
            lineage: Lineage {
                root: self.origin.request_id.0,
                cause: None,
                depth: self.depth,
            },
            person: Some(self.user.id),
        }
    }

    /// How many runs led to the request, if a script has made it.
    pub(crate) fn depth(&self) -> u8 {
        self.depth
    }

    /// Their session. Only what is open to sessions alone may ask.
    pub(crate) fn session(&self) -> Answer<&Session> {
        match &self.credential {
            Credential::Session(session) => Ok(session),
            Credential::Token(_) => Err(internal()),
        }
    }

    /// Their roles.
    pub(crate) fn subject(&self) -> Subject {
        Subject {
            instance_role: self.user.instance_role,
            ceiling: self.ceiling,
        }
    }

    /// What the API says about their role in an app of which a membership says this.
    pub(crate) fn role_in(&self, app: AppId, membership: Option<AppRole>) -> Option<AppRole> {
        role_in(self.subject(), app, membership)
    }

    /// The role that they have in `app`.
    pub(crate) async fn find_role(&self, manager: &Manager, app: AppId) -> Answer<Option<AppRole>> {
        let membership = self.membership(manager, app).await?;
        Ok(self.role_in(app, membership))
    }

    /// Decides whether they may do in `app` what the operation's entry in the table asks for; gives their role there.
    /// What they may not see is answered as if there were no `what`.
    pub(crate) async fn permit(&self, manager: &Manager, app: AppId, what: &str) -> Answer<AppRole> {
        let Access::With(capability) = self.access else {
            // An operation on an app whose entry in the table is not about apps is closed to everybody.
            return Err(internal());
        };
        if let Needs::Instance(_) = capability.needs() {
            // The guard has decided. Whoever may do something on the instance has a role in every app.
            return self.role_in(app, None).ok_or_else(internal);
        }
        self.permit_to(manager, capability, app, what).await
    }

    /// The same for a capability that the operation needs only sometimes.
    pub(crate) async fn permit_to(
        &self,
        manager: &Manager,
        capability: Capability,
        app: AppId,
        what: &str,
    ) -> Answer<AppRole> {
        let membership = self.membership(manager, app).await?;
        match decide(self.subject(), capability, Place::App { app, membership }) {
            Decision::Allowed => {
                self.decided.store(true, Ordering::Relaxed);
                self.role_in(app, membership).ok_or_else(internal)
            }
            Decision::Forbidden => {
                self.refused_in.get_or_init(|| app);
                Err(needs_role(capability))
            }
            Decision::Hidden => Err(self.hide(app, what)),
        }
    }

    /// The answer about something in `app`, which they may not see: as if there were no `what`. The audit log is told.
    pub(crate) fn hide(&self, app: AppId, what: &str) -> Refusal {
        self.refused_in.get_or_init(|| app);
        hidden(what)
    }

    /// The apps that a list is about: the one that `name` names by id or slug, or else all that the caller may see.
    pub(crate) async fn scope(&self, manager: &Manager, name: Option<&str>) -> Answer<AppScope> {
        if let Some(name) = name {
            let app: App = find_by_text(manager, name).await?;
            self.permit(manager, app.id, "app").await?;
            return Ok(AppScope::One(app.id));
        }
        // What a member sees is what the statement reads; nobody sees more than they may.
        self.decided.store(true, Ordering::Relaxed);
        Ok(match (self.ceiling.app, self.user.instance_role) {
            (Some(app), _) => match self.find_role(manager, app).await? {
                Some(_) => AppScope::One(app),
                None => AppScope::None,
            },
            (None, InstanceRole::Owner | InstanceRole::Admin) => AppScope::All,
            (None, InstanceRole::Member) => AppScope::MemberOf(self.user.id),
        })
    }

    /// Decides about an operation on the instance.
    pub(crate) fn permit_on_instance(&self, capability: Capability) -> Answer<()> {
        match decide(self.subject(), capability, Place::Instance) {
            Decision::Allowed => {
                self.decided.store(true, Ordering::Relaxed);
                Ok(())
            }
            Decision::Forbidden | Decision::Hidden if self.is_limited() => Err(limited_token()),
            Decision::Forbidden | Decision::Hidden => Err(needs_role(capability)),
        }
    }

    /// Whether they use a token that may do less than its person.
    fn is_limited(&self) -> bool {
        self.ceiling != Ceiling::default()
    }

    /// Whether anybody decided that this caller may do what they did.
    pub(super) fn was_decided(&self) -> bool {
        self.decided.load(Ordering::Relaxed)
    }

    /// The app in which they were refused what they wanted, if it was one.
    pub(super) fn refused_in(&self) -> Option<AppId> {
        self.refused_in.get().copied()
    }

    /// What a membership says. Nobody asks for that of owners: their role implies all that one could give.
    async fn membership(&self, manager: &Manager, app: AppId) -> Answer<Option<AppRole>> {
        if self.user.instance_role == InstanceRole::Owner {
            return Ok(None);
        }
        Ok(manager.repository().find_role(app, self.user.id).await?)
    }
}

/// A token with a limit does nothing on the instance, whatever the role of its person.
fn limited_token() -> Refusal {
    problem(
        Code::Forbidden,
        "This API token is limited to apps. Use a token without `app` and `role`, or a session.",
    )
}

/// They may not, and learn which role could.
pub(crate) fn needs_role(capability: Capability) -> Refusal {
    let needs = capability.needs();
    let place = match needs {
        Needs::Instance(_) => "on this instance",
        Needs::App(_) => "in this app",
    };
    let role = needs.role();
    let detail = format!("This needs the role `{role}` {place}, or a higher one. Ask somebody who has it.");
    Problem::new(Code::Forbidden, detail)
        .with("needed_role", role)
        .into()
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        // An operation that wants a caller but is open to everybody is closed to everybody.
        parts.extensions.get::<Self>().cloned().ok_or_else(internal)
    }
}
