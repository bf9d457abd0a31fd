//! What scripts can ask of the world, and the invocation as a transaction.
//!
//! Reading order: [`Services`] (what an executor is given), `session` (what a run has asked; the one place where a
//! script reaches the host), `transaction` (what it has read and written, without any I/O), `kv`, `docs`, `secret`, `http`,
//! `email`, `event`, `mqtt` and `commit` (the functions that scripts call), `password` and `users` (more of them, the latter over
//! keys of the app), `script` (calls of other scripts),
//! `settle` (the end of a run), `lines` (whose turn it is after a conflict); `foreign` and `value` are about memory and
//! form.

mod commit;
mod docs;
mod email;
mod event;
mod foreign;
mod http;
mod kv;
mod lines;
mod mqtt;
mod password;
mod script;
mod secret;
mod session;
mod settle;
mod transaction;
mod users;
mod value;

use std::{fmt, sync::Arc};

use picloud_shared::services::HostServices;

use self::lines::Lines;
pub(crate) use self::{
    commit::module as transaction_module,
    docs::module as docs_module,
    email::module as email_module,
    event::{module as event_module, retry_module},
    http::{method_module as http_methods, module as http_module, register_types as register_http_types},
    kv::module as kv_module,
    mqtt::module as mqtt_module,
    password::module as password_module,
    script::module as script_module,
    secret::module as secret_module,
    session::Session,
    settle::{Next, Repeats, Settled, gave_up},
    users::{current as current_user, module as users_module},
};

/// What runs may ask, shared by all executors of a process.
#[derive(Clone)]
pub struct Services {
    host: Arc<dyn HostServices>,
    lines: Arc<Lines>,
}

impl Services {
    /// Those that `host` answers.
    pub fn new(host: Arc<dyn HostServices>) -> Self {
        Self {
            host,
            lines: Arc::default(),
        }
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}
