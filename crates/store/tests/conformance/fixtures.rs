//! The things that cases are about, in few words.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use picloud_shared::{
    access::Ceiling,
    app::App,
    change::{Change, Via},
    domain::DomainClaim,
    execution::{Execution, ExecutionStatus, RequestSummary},
    id::{AppId, DomainId, ExecutionId, RouteId, ScriptId, SessionId, TokenId, UserId},
    invocation::Trigger,
    limits::Limits,
    outcome::{LogLevel, LogLine, Usage},
    page::PageRequest,
    repository::{
        AccountRepository, AppRepository, DomainRepository, NewApp, NewScript, RouteRepository,
        ScriptRepository,
    },
    route::{MethodSet, Route},
    script::Script,
    services::{
        Expiry, KvValue, Service, ServiceUse, Write,
        docs::{CollectionCommit, Definition, DocumentWrite},
    },
    time::Timestamp,
    token::ApiToken,
    user::{Credentials, Device, InstanceRole, Session, User},
};
use picloud_store::Store;
use uuid::Uuid;

/// A moment that no case has used before; each is a microsecond after the last.
pub(crate) fn now() -> Timestamp {
    static MICROS: AtomicI64 = AtomicI64::new(1_700_000_000_000_000);
    Timestamp::from_micros(MICROS.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn change() -> Change {
    Change::by_server(now())
}

/// Nobody, for lists of which nothing depends on who asks.
pub(crate) const NOBODY: UserId = UserId(Uuid::nil());

/// The first `limit` items.
pub(crate) fn first(limit: u32) -> PageRequest {
    PageRequest { limit, after: None }
}

pub(crate) fn new_app(slug: &str) -> NewApp {
    NewApp {
        id: AppId::new(now()),
        slug: slug.parse().unwrap(),
        name: format!("App {slug}"),
        description: String::new(),
        force: false,
    }
}

pub(crate) async fn app(store: &Store, slug: &str) -> App {
    store.create_app(new_app(slug), &change()).await.unwrap()
}

pub(crate) fn new_claim(app: AppId, pattern: &str) -> DomainClaim {
    let at = now();
    DomainClaim {
        id: DomainId::new(at),
        app_id: app,
        pattern: pattern.parse().unwrap(),
        created_at: at,
    }
}

pub(crate) async fn claim(store: &Store, app: AppId, pattern: &str) -> DomainClaim {
    store
        .add_domain(new_claim(app, pattern), &change())
        .await
        .unwrap()
}

pub(crate) fn new_script(app: AppId, name: &str, source: &str) -> NewScript {
    NewScript {
        id: ScriptId::new(now()),
        app_id: app,
        name: name.parse().unwrap(),
        description: String::new(),
        source: Arc::from(source),
        limits: Limits::DEFAULT,
        checked: None,
    }
}

pub(crate) async fn script(store: &Store, app: AppId, name: &str) -> Script {
    let new = new_script(app, name, "\"hello\"");
    store.create_script(new, &change()).await.unwrap()
}

pub(crate) fn new_route(script: &Script, methods: &str, host: Option<&str>, path: &str) -> Route {
    let at = now();
    Route {
        id: RouteId::new(at),
        app_id: script.app_id,
        script_id: script.id,
        host: host.map(|host| host.parse().unwrap()),
        path: path.parse().unwrap(),
        methods: methods.parse::<MethodSet>().unwrap(),
        webhook: None,
        created_at: at,
        updated_at: at,
    }
}

pub(crate) async fn route(
    store: &Store,
    script: &Script,
    methods: &str,
    host: Option<&str>,
    path: &str,
) -> Route {
    let new = new_route(script, methods, host, path);
    store.create_route(new, &change()).await.unwrap()
}

pub(crate) fn credentials(username: &str) -> Credentials {
    let at = now();
    Credentials {
        user: User {
            id: UserId::new(at),
            username: username.parse().unwrap(),
            email: Some(format!("{username}@example.com")),
            instance_role: InstanceRole::Owner,
            is_active: true,
            created_at: at,
        },
        password_hash: "$argon2id$hash".to_owned(),
    }
}

/// Somebody with this role, made on the machine.
pub(crate) async fn person(store: &Store, username: &str, role: InstanceRole) -> User {
    let mut made = credentials(username);
    made.user.instance_role = role;
    let change = Change::by_console(now());
    store.create_account(&made, &change).await.unwrap();
    made.user
}

/// A change that this person makes.
pub(crate) fn by(person: &User) -> Change {
    Change {
        author: Some(person.id),
        via: Via::Session(SessionId::new(now())),
        ..change()
    }
}

/// A session that ends an hour after it began.
pub(crate) fn session(user: UserId, token: u8) -> Session {
    let at = now();
    Session {
        id: SessionId::new(at),
        user_id: user,
        token_hash: [token; 32],
        created_at: at,
        last_used_at: at,
        expires_at: at.plus(std::time::Duration::from_hours(1)),
        device: Device {
            address: Some([192, 0, 2, token].into()),
            user_agent: Some("a test".to_owned()),
        },
    }
}

/// An API token that never ends.
pub(crate) fn api_token(user: UserId, name: &str, token: u8) -> ApiToken {
    let at = now();
    ApiToken {
        id: TokenId::new(at),
        user_id: user,
        name: name.to_owned(),
        token_hash: [token; 32],
        hint: "x7Qd".to_owned(),
        ceiling: Ceiling::default(),
        created_at: at,
        expires_at: None,
        last_used_at: None,
    }
}

/// Writes a value, as JSON, that never expires.
pub(crate) fn put(key: &str, value: &str) -> Write {
    Write {
        key: key.to_owned(),
        value: Some(KvValue::Json(value.to_owned())),
        expiry: Expiry::Never,
    }
}

/// Makes a collection, with one document.
pub(crate) fn new_collection(name: &str) -> CollectionCommit {
    CollectionCommit {
        name: name.to_owned(),
        id: Some(Uuid::new_v4()),
        version: None,
        created: Some(Definition::default()),
        documents: Vec::new(),
        stretches: Vec::new(),
        writes: vec![DocumentWrite {
            id: "a".to_owned(),
            document: Some("{}".to_owned()),
            added: Vec::new(),
            removed: Vec::new(),
            claims: Vec::new(),
        }],
        indexed: Vec::new(),
    }
}

/// A successful run that logged one line.
pub(crate) fn execution(script: &Script, started_at: Timestamp) -> Execution {
    Execution {
        id: ExecutionId::new(started_at),
        app_id: script.app_id,
        script_id: script.id,
        script_name: script.name.to_string(),
        version: script.version,
        trigger: Trigger::Http,
        status: ExecutionStatus::Success,
        started_at,
        usage: Usage {
            operations: 12,
            duration_us: 345,
            cpu_us: 67,
            memory_bytes_peak: 8_900,
        },
        services: vec![ServiceUse {
            calls: 2,
            bytes_read: 3,
            bytes_written: 4,
            duration_us: 5,
            ..ServiceUse::none(Service::Kv)
        }],
        request: RequestSummary {
            method: "GET".to_owned(),
            host: "localhost".to_owned(),
            path: "/hello".to_owned(),
            body_bytes: 0,
            remote_addr: "127.0.0.1".to_owned(),
        },
        response_status: 200,
        logs: vec![LogLine {
            level: LogLevel::Info,
            message: "it ran".to_owned(),
            offset_us: 10,
            line: 1,
            script: None,
        }],
        error: None,
        node: "node-1".to_owned(),
        delivery: None,
    }
}

/// Runs `attempt` 50 times at once.
pub(crate) async fn fifty_at_once<T, F>(attempt: impl Fn(u32) -> F) -> Vec<T>
where
    F: Future<Output = T>,
{
    futures_util::future::join_all((0..50).map(attempt)).await
}
