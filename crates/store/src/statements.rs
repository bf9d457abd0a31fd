//! How SQL is declared: by name, in one place per file, so that a test can prepare every statement.

/// Declares statements. Each becomes a constant; `ALL` lists them for the tests.
///
/// No SQL stands outside of this macro; a test looks for it.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)+) => {
        $($(#[$doc])* const $name: &str = $sql;)+

        pub(crate) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}
pub(crate) use statements;

/// One declared statement.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// The file that declares it.
    pub file: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// Its text.
    pub sql: &'static str,
}

/// Every statement that is sent to `database`, `sqlite` or `postgres`. For tests.
pub fn all_statements(database: &str) -> Vec<Statement> {
    let shared: [(&'static str, &'static [(&'static str, &'static str)]); 53] = [
        ("accounts", crate::accounts::ALL),
        ("apps", crate::apps::ALL),
        ("audit/append", crate::audit::append::ALL),
        ("audit/list", crate::audit::list::ALL),
        ("audit/purge", crate::audit::purge::ALL),
        ("audit/verify", crate::audit::verify::ALL),
        ("authority", crate::authority::ALL),
        ("bindings", crate::bindings::ALL),
        ("brokers/connections", crate::brokers::connections::ALL),
        ("brokers/settings", crate::brokers::settings::ALL),
        ("calls/mod", crate::calls::ALL),
        ("change", crate::change::ALL),
        ("config", crate::config::ALL),
        ("deployments/write", crate::deployments::write::ALL),
        ("docs/collections", crate::docs::collections::ALL),
        ("domains", crate::domains::ALL),
        ("egress", crate::egress::ALL),
        ("events/chain", crate::events::chain::ALL),
        ("events/clock", crate::events::ALL),
        ("events/leases", crate::events::leases::ALL),
        ("events/list", crate::events::list::ALL),
        ("events/manage", crate::events::manage::ALL),
        ("events/order", crate::events::order::ALL),
        ("events/purge", crate::events::purge::ALL),
        ("executions/counts", crate::executions::counts::ALL),
        ("executions/list", crate::executions::list::ALL),
        ("executions/purge", crate::executions::purge::ALL),
        ("executions/record", crate::executions::record::ALL),
        ("executions/stats", crate::executions::stats::ALL),
        ("imports", crate::imports::ALL),
        ("invitations", crate::invitations::ALL),
        ("kv/sweep", crate::kv::sweep::ALL),
        ("members", crate::members::ALL),
        ("migrate", crate::migrate::ALL),
        ("quotas", crate::quotas::ALL),
        ("releases", crate::releases::ALL),
        ("removed", crate::removed::ALL),
        ("routes", crate::routes::ALL),
        ("schedules/mod", crate::schedules::ALL),
        ("schedules/write", crate::schedules::write::ALL),
        ("scripts", crate::scripts::ALL),
        ("sealing/at_start", crate::sealing::AT_START),
        ("sealing/forget", crate::sealing::FORGET),
        ("sealing/sealer", crate::sealing::ALL),
        ("second_factors", crate::second_factors::ALL),
        ("secrets/mod", crate::secrets::ALL),
        ("secrets/open", crate::secrets::OPEN),
        ("sessions", crate::sessions::ALL),
        ("smtp", crate::smtp::ALL),
        ("store", crate::store::ALL),
        ("tokens", crate::tokens::ALL),
        ("users", crate::users::ALL),
        ("versions", crate::versions::ALL),
    ];
    let own = if database == "sqlite" {
        [
            ("sqlite/backup", crate::sqlite::backup::ALL),
            ("sqlite/docs/read", crate::sqlite::docs::read::ALL),
            ("sqlite/docs/writes", crate::sqlite::docs::writes::ALL),
            ("sqlite/events/by_state", crate::sqlite::events::by_state::ALL),
            ("sqlite/events/claim", crate::sqlite::events::claim::ALL),
            ("sqlite/events/lease", crate::sqlite::events::lease::ALL),
            ("sqlite/events/publish", crate::sqlite::events::publish::ALL),
            ("sqlite/events/queues", crate::sqlite::events::queues::ALL),
            ("sqlite/kv/batch", crate::sqlite::kv::batch::ALL),
            ("sqlite/kv/commit", crate::sqlite::kv::commit::ALL),
            ("sqlite/kv/read", crate::sqlite::kv::read::ALL),
            ("sqlite/kv/writes", crate::sqlite::kv::writes::ALL),
            ("sqlite/messages", crate::sqlite::messages::ALL),
            ("sqlite/settings", crate::sqlite::settings::ALL),
            ("sqlite/vacuum", crate::sqlite::vacuum::ALL),
        ]
        .as_slice()
    } else {
        [
            ("postgres/by_state", crate::postgres::by_state::ALL),
            ("postgres/claim", crate::postgres::claim::ALL),
            ("postgres/docs", crate::postgres::docs::ALL),
            ("postgres/events", crate::postgres::events::ALL),
            ("postgres/hints", crate::postgres::hints::ALL),
            ("postgres/kv", crate::postgres::kv::ALL),
            ("postgres/leases", crate::postgres::leases::ALL),
            ("postgres/lock", crate::postgres::lock::ALL),
            ("postgres/messages", crate::postgres::messages::ALL),
            ("postgres/open", crate::postgres::open::ALL),
            ("postgres/server", crate::postgres::server::ALL),
        ]
        .as_slice()
    };
    shared
        .iter()
        .chain(own)
        .flat_map(|(file, all)| all.iter().map(|(name, sql)| Statement { file, name, sql }))
        .collect()
}
