//! The standard library of scripts.
//!
//! Each module of it is a file here, a Rhai plugin module whose doc comments are what authors read: one
//! sentence, what the arguments are and when it fails, and an example that the tests run.

mod argument;
mod bounded;
mod callback;
mod chance;
mod clock;

mod base64;
mod config;
mod csv;
mod form;
mod hash;
mod hex;
mod hmac;
mod html;
mod json;
mod jwt;
mod markdown;
mod random;
mod regex;
mod template;
mod time;
mod url;
mod uuid;
mod xml;

mod comfort;
mod overrides;
mod reference;

use std::cell::OnceCell;

use rhai::{Engine, Module, Shared};

pub use self::reference::{ScriptFunction, definitions, functions, reference_json, reference_markdown};
pub(crate) use self::{
    argument::{Fallible, fail, spend_bytes, type_name},
    chance::fill as fill_with_chance,
    clock::now_ms,
    form::{encode as encode_form, scalar},
    regex::RecentPatterns,
    uuid::new_v7,
};
use crate::services;

/// Registers all of it, over those of Rhai with the same names.
pub(crate) fn register(engine: &mut Engine) {
    thread_local! {
        static MODULES: OnceCell<Modules> = const { OnceCell::new() };
    }
    MODULES.with(|modules| {
        let modules = modules.get_or_init(Modules::build);
        engine.register_global_module(Shared::clone(&modules.global));
        for (name, module) in &modules.named {
            engine.register_static_module(name, Shared::clone(module));
        }
    });
}

/// All modules, built once per thread: engines share them.
struct Modules {
    /// One, because Rhai looks through all global modules for every function that it meets first in a run.
    global: Shared<Module>,
    named: Vec<(&'static str, Shared<Module>)>,
}

impl Modules {
    fn build() -> Self {
        let named = [
            ("base64", base64::module()),
            ("config", config::module()),
            ("crypto", hmac::crypto_module()),
            ("csv", csv::module()),
            ("docs", services::docs_module()),
            ("email", services::email_module()),
            ("event", services::event_module()),
            ("form", form::module()),
            ("hash", hash::module()),
            ("hex", hex::module()),
            ("hmac", hmac::module()),
            ("html", html::module()),
            ("http", services::http_module()),
            ("json", json::module()),
            ("jwt", jwt::module()),
            ("kv", services::kv_module()),
            ("markdown", markdown::module()),
            ("mqtt", services::mqtt_module()),
            ("password", services::password_module()),
            ("random", random::module()),
            ("regex", regex::module()),
            ("retry", services::retry_module()),
            ("template", template::module()),
            ("script", services::script_module()),
            ("secret", services::secret_module()),
            ("time", time::module()),
            ("transaction", services::transaction_module()),
            ("url", url::module()),
            ("users", services::users_module()),
            ("uuid", uuid::module()),
            ("xml", xml::module()),
        ];
        let mut global = Module::new();
        for module in comfort::modules().into_iter().chain(overrides::modules()) {
            global.combine(module);
        }
        Self {
            global: shared(global),
            named: named
                .into_iter()
                .map(|(name, module)| (name, shared(module)))
                .collect(),
        }
    }
}

/// An index is needed to look functions up by their qualified names.
fn shared(mut module: Module) -> Shared<Module> {
    module.build_index();
    module.into()
}
