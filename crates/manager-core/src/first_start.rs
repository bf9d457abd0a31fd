//! What a fresh instance begins with: the app `default` with a first script, and a way to become its owner.
//!
//! The seed runs while nobody exists who could have changed anything. Each step makes only what is missing, so
//! it may run twice, be cut off and run again, or run on two nodes at once. As soon as the first owner exists it
//! never runs again: what people delete stays deleted.

use std::time::Duration;

use picloud_shared::{
    app::{App, AppRef, InvalidSlug, Slug},
    change::Change,
    domain::{DomainClaim, InvalidHostPattern},
    id::{AppId, DomainId, RouteId, ScriptId, UserId},
    limits::Limits,
    page::PageRequest,
    path::InvalidPathPattern,
    repository::{
        AddDomainError, AppScope, CreateAppError, FoundApp, NewApp, NewScript, StoreError, WriteRouteError,
        WriteScriptError,
    },
    route::{InvalidMethods, MethodSet, Route},
    script::{InvalidScriptName, Script},
    user::{Credentials, InstanceRole, InvalidUsername, User, Username},
};

use crate::{Manager, accounts};

const APP_SLUG: &str = "default";
const APP_NAME: &str = "Default";
const DOMAIN: &str = "localhost";
const SCRIPT_NAME: &str = "hello";
const SCRIPT_SOURCE: &str = include_str!("hello.rhai");
const ROUTES: [&str; 2] = ["/", "/hello/{name}"];

/// What the first start did.
#[derive(Debug)]
pub struct FirstStart {
    /// The one-time code for `POST /api/v1/admin/setup`; absent once somebody exists.
    pub setup_code: Option<String>,
    /// Whether this start made or completed the app `default`.
    pub seeded: bool,
    /// Whether this start made the first owner.
    pub owner_created: bool,
}

/// Why the instance cannot start.
#[derive(Debug, thiserror::Error)]
pub enum FirstStartError {
    /// The name of the first owner is no username.
    #[error("`{0}` cannot be the first owner's username")]
    Username(String, #[source] InvalidUsername),
    /// The password of the first owner is empty.
    #[error("the first owner's password is empty")]
    EmptyPassword,
    /// The password of the first owner is too long.
    #[error("the first owner's password is longer than {max} bytes", max = accounts::PASSWORD_BYTES_MAX)]
    LongPassword,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The app `default` could not be made.
    #[error("the app `default` cannot be made")]
    Seed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Manager {
    /// Prepares a fresh instance, and changes nothing on any other. `bootstrap` is the name and password of the
    /// first owner, if the settings have one; it is ignored once anybody exists.
    pub async fn first_start(
        &self,
        bootstrap: Option<(String, String)>,
    ) -> Result<FirstStart, FirstStartError> {
        let mut result = FirstStart {
            setup_code: None,
            seeded: false,
            owner_created: false,
        };
        if self.repository().any_user().await? {
            return Ok(result);
        }
        // The seed is complete before anybody can exist.
        result.seeded = seed(self).await?;
        match bootstrap {
            Some((username, password)) => {
                result.owner_created = create_owner(self, username, &password).await?;
            }
            None => result.setup_code = Some(self.setup_code_or_new().text()),
        }
        Ok(result)
    }
}

async fn create_owner(manager: &Manager, username: String, password: &str) -> Result<bool, FirstStartError> {
    let username: Username = username
        .parse()
        .map_err(|error| FirstStartError::Username(username, error))?;
    if password.is_empty() {
        return Err(FirstStartError::EmptyPassword);
    }
    if password.len() > accounts::PASSWORD_BYTES_MAX {
        return Err(FirstStartError::LongPassword);
    }
    if let Err(refused) = accounts::check_password(password, &username) {
        tracing::warn!(reason = %refused, "the first owner has a poor password; change it soon");
    }
    let credentials = Credentials {
        user: first_owner(manager, username),
        password_hash: accounts::hash_now(password),
    };
    manager.give_memory_back();
    let change = Change::by_server(credentials.user.created_at);
    Ok(manager
        .repository()
        .create_first_user(&credentials, &change)
        .await?)
}

/// The first owner, as an account that does not exist yet.
pub(crate) fn first_owner(manager: &Manager, username: Username) -> User {
    let now = manager.now();
    User {
        id: UserId::new(now),
        username,
        email: None,
        instance_role: InstanceRole::Owner,
        is_active: true,
        created_at: now,
    }
}

/// Makes what is missing of the app `default`; tells whether anything was.
async fn seed(manager: &Manager) -> Result<bool, FirstStartError> {
    let change = Change::by_server(manager.now());
    let (app, app_is_new) = app(manager, &change).await?;
    let domain_is_new = claim_domain(manager, app.id, &change).await?;
    let (script, script_is_new) = script(manager, app.id, &change).await?;
    let mut route_is_new = false;
    for (offset_us, path) in (0..).zip(ROUTES) {
        // Ids are in the order of time, and so are lists; the routes of the seed are made at one moment.
        let id = RouteId::new(change.at.plus(Duration::from_micros(offset_us)));
        route_is_new |= route(manager, &script, id, path, &change).await?;
    }
    let seeded = app_is_new || domain_is_new || script_is_new || route_is_new;
    if seeded {
        manager.publish(app.id).await;
    }
    Ok(seeded)
}

async fn app(manager: &Manager, change: &Change) -> Result<(App, bool), FirstStartError> {
    let slug: Slug = APP_SLUG.parse()?;
    let find = || async { manager.repository().find_app(&AppRef::Slug(slug.clone())).await };
    if let Some(FoundApp::Current(app) | FoundApp::Renamed(app)) = find().await? {
        return Ok((app, false));
    }
    let new = NewApp {
        id: AppId::new(change.at),
        slug: slug.clone(),
        name: APP_NAME.to_owned(),
        description: "The first app, for hosts that are this machine.".to_owned(),
        force: false,
    };
    match manager.repository().create_app(new, change).await {
        Ok(app) => Ok((app, true)),
        Err(CreateAppError::Store(error)) => Err(error.into()),
        // Another node was faster.
        Err(error @ (CreateAppError::SlugTaken | CreateAppError::SlugInHistory)) => match find().await? {
            Some(FoundApp::Current(app) | FoundApp::Renamed(app)) => Ok((app, false)),
            None => Err(FirstStartError::Seed(error.into())),
        },
    }
}

async fn claim_domain(manager: &Manager, app: AppId, change: &Change) -> Result<bool, FirstStartError> {
    let claim = DomainClaim {
        id: DomainId::new(change.at),
        app_id: app,
        pattern: DOMAIN.parse()?,
        created_at: change.at,
    };
    match manager.repository().add_domain(claim, change).await {
        Ok(_) => Ok(true),
        Err(AddDomainError::Taken { .. }) => Ok(false),
        Err(AddDomainError::Store(error)) => Err(error.into()),
        Err(error @ AddDomainError::NoApp) => Err(FirstStartError::Seed(error.into())),
    }
}

async fn script(manager: &Manager, app: AppId, change: &Change) -> Result<(Script, bool), FirstStartError> {
    let first = || async {
        let page = PageRequest {
            limit: 1,
            after: None,
        };
        let scripts = manager
            .repository()
            .list_scripts(AppScope::One(app), page)
            .await?;
        Ok::<_, StoreError>(scripts.items.into_iter().next())
    };
    if let Some(script) = first().await? {
        return Ok((script, false));
    }
    let new = NewScript {
        id: ScriptId::new(change.at),
        app_id: app,
        name: SCRIPT_NAME.parse()?,
        description: "Greets.".to_owned(),
        source: SCRIPT_SOURCE.into(),
        limits: Limits::DEFAULT,
        checked: None,
    };
    match manager.repository().create_script(new, change).await {
        Ok(script) => Ok((script, true)),
        Err(WriteScriptError::Store(error)) => Err(error.into()),
        // Another node was faster.
        Err(error) => match first().await? {
            Some(script) => Ok((script, false)),
            None => Err(FirstStartError::Seed(error.into())),
        },
    }
}

async fn route(
    manager: &Manager,
    script: &Script,
    id: RouteId,
    path: &str,
    change: &Change,
) -> Result<bool, FirstStartError> {
    let route = Route {
        id,
        app_id: script.app_id,
        script_id: script.id,
        host: None,
        path: path.parse()?,
        methods: MethodSet::from_names(["GET"])?,
        webhook: None,
        created_at: change.at,
        updated_at: change.at,
    };
    match manager.repository().create_route(route, change).await {
        Ok(_) => Ok(true),
        Err(WriteRouteError::Conflict(_)) => Ok(false),
        Err(WriteRouteError::Store(error)) => Err(error.into()),
        Err(error) => Err(FirstStartError::Seed(error.into())),
    }
}

/// The constants of the seed follow the rules of what they name; if one did not, the instance must not start.
macro_rules! seed_errors {
    ($($error:ty),+) => {$(
        impl From<$error> for FirstStartError {
            fn from(error: $error) -> Self {
                Self::Seed(error.into())
            }
        }
    )+};
}

seed_errors!(
    InvalidSlug,
    InvalidHostPattern,
    InvalidScriptName,
    InvalidPathPattern,
    InvalidMethods
);
