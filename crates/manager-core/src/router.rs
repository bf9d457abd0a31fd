//! Every operation on one page, each with who may call it.

use axum::{Router, middleware::from_fn_with_state, routing::get};
use picloud_shared::access::Capability::{
    AppAudit, AppCreate, AppRead, AppWrite, DataRead, DataWrite, DomainWrite, EgressWrite, EventPublish,
    EventRead, EventWrite, InstanceAudit, MemberManage, QuotaWrite, ReleaseWrite, RouteWrite, ScriptWrite,
    SecretList, SecretWrite, UserManage,
};

use crate::{
    Manager,
    http::{
        access::Access::{Open, Session, SignedIn, With},
        admins,
        answer::{finish, no_such_path},
        api, apps, audit, auth, brokers, chains, collections, config, deliveries, documents, domains, egress,
        end_users, events, executions, health, invitations, kv, members, pages, releases, routes, schedules,
        script_api, scripts, secrets, setup, smtp, subscriptions, tokens, usage,
        verbs::{Verbs, rewrite},
    },
    operation::{
        Effect::{Changes, Reads},
        Operation, table,
    },
};

/// Every operation.
#[expect(clippy::too_many_lines, reason = "it is a table, with a line for each")]
pub(crate) fn operations() -> Vec<Operation> {
    table! {
        Open, Reads: health::get_healthz;
        Open, Reads: health::get_readyz;
        Open, Reads: health::get_version;
        Open, Reads: api::get_openapi;
        Open, Reads: script_api::get_script_api;
        Open, Reads: pages::problems::get_problem_page;

        Open, Reads: setup::get_setup;
        Open, Reads: setup::set_up;
        Open, Reads: auth::login::log_in;
        SignedIn, Reads: auth::me::get_me;
        Session, Changes: auth::logout::log_out;
        Session, Reads: auth::sessions::list_sessions;
        Session, Changes: auth::sessions::delete_sessions;
        Session, Changes: auth::sessions::delete_session;
        Session, Changes: auth::password::change_password;
        Session, Reads: auth::totp::get_totp;
        Session, Changes: auth::totp::begin_totp;
        Session, Changes: auth::totp::confirm_totp;
        Session, Changes: auth::totp::disable_totp;
        Session, Changes: auth::totp::renew_recovery_codes;
        Session, Reads: tokens::list_tokens;
        Session, Changes: tokens::create_token;
        Session, Changes: tokens::delete_token;

        With(UserManage), Reads: admins::list::list_users;
        With(UserManage), Changes: admins::create::create_user;
        With(UserManage), Reads: admins::get::get_user;
        With(UserManage), Changes: admins::update::update_user;
        With(UserManage), Changes: admins::delete::delete_user;

        With(UserManage), Reads: invitations::list::list_invitations;
        With(UserManage), Changes: invitations::create::create_invitation;
        With(UserManage), Changes: invitations::delete::delete_invitation;
        Open, Reads: invitations::preview::preview_invitation;
        Open, Changes: invitations::accept::accept_invitation;

        SignedIn, Reads: apps::list::list_apps;
        With(AppCreate), Changes: apps::create::create_app;
        SignedIn, Reads: apps::slug_check::check_slug;
        With(AppRead), Reads: apps::get::get_app;
        With(AppWrite), Changes: apps::update::update_app;
        With(AppWrite), Changes: apps::delete::delete_app;

        With(DataRead), Reads: usage::get_app_usage;
        With(QuotaWrite), Changes: usage::update_quotas;

        With(DataRead), Reads: kv::list::list_kv;
        With(DataRead), Reads: kv::get::get_kv;
        With(DataWrite), Changes: kv::put::put_kv;
        With(DataWrite), Changes: kv::delete::delete_kv;
        With(DataRead), Reads: kv::export::export_kv;
        With(DataWrite), Changes: kv::import::import_kv;

        With(DataRead), Reads: collections::list_collections;
        With(DataWrite), Changes: collections::create_collection;
        With(DataRead), Reads: collections::get_collection;
        With(DataWrite), Changes: collections::update::update_collection;
        With(DataWrite), Changes: collections::delete_collection;
        With(DataRead), Reads: documents::read::list_documents;
        With(DataWrite), Changes: documents::change::create_document;
        With(DataRead), Reads: documents::read::get_document;
        With(DataWrite), Changes: documents::change::replace_document;
        With(DataWrite), Changes: documents::change::patch_document;
        With(DataWrite), Changes: documents::change::delete_document;
        With(DataRead), Reads: documents::export::export_documents;
        With(DataWrite), Changes: documents::import::import_documents;

        With(DataRead), Reads: end_users::list::list_end_users;
        With(DataWrite), Changes: end_users::create::create_end_user;
        With(DataRead), Reads: end_users::get::get_end_user;
        With(DataWrite), Changes: end_users::update::update_end_user;
        With(DataWrite), Changes: end_users::delete::delete_end_user;
        With(DataWrite), Changes: end_users::end_sessions::end_end_user_sessions;
        With(DataRead), Reads: end_users::export::export_end_users;
        With(DataWrite), Changes: end_users::import::import_end_users;

        With(MemberManage), Reads: members::list::list_members;
        With(MemberManage), Changes: members::add::add_member;
        With(MemberManage), Reads: members::list::get_member;
        With(MemberManage), Changes: members::update::update_member;
        With(MemberManage), Changes: members::remove::remove_member;
        With(MemberManage), Reads: members::search_users::search_users;

        With(AppRead), Reads: domains::list_domains;
        With(DomainWrite), Changes: domains::add_domain;
        With(DomainWrite), Changes: domains::remove_domain;

        With(AppRead), Reads: egress::get_egress;
        With(EgressWrite), Changes: egress::put_egress;

        With(AppRead), Reads: smtp::get_smtp;
        With(EgressWrite), Changes: smtp::put_smtp;
        With(EgressWrite), Changes: smtp::delete_smtp;
        With(EgressWrite), Changes: smtp::trial::test_smtp;

        With(AppRead), Reads: brokers::list_brokers;
        With(AppRead), Reads: brokers::get_broker;
        With(EgressWrite), Changes: brokers::put_broker;
        With(EgressWrite), Changes: brokers::delete_broker;

        With(AppRead), Reads: scripts::list::list_scripts;
        With(ScriptWrite), Changes: scripts::create::create_script;
        With(AppRead), Reads: scripts::get::get_script;
        With(ScriptWrite), Changes: scripts::update::update_script;
        With(ScriptWrite), Changes: scripts::delete::delete_script;
        With(AppRead), Reads: scripts::versions::list_script_versions;
        With(AppRead), Reads: scripts::versions::get_script_version;
        With(ScriptWrite), Changes: scripts::rollback::roll_back_script;
        With(ScriptWrite), Changes: scripts::resume::resume_script;
        With(AppRead), Reads: scripts::check::check_script;
        With(ScriptWrite), Changes: scripts::run::run_script;

        With(AppRead), Reads: routes::list::list_routes;
        With(RouteWrite), Changes: routes::create::create_route;
        With(AppRead), Reads: routes::update::get_route;
        With(RouteWrite), Changes: routes::update::update_route;
        With(RouteWrite), Changes: routes::delete::delete_route;
        With(AppRead), Reads: routes::explain::match_route;

        With(DataRead), Reads: config::list_config;
        With(DataWrite), Changes: config::set_config;
        With(DataWrite), Changes: config::delete_config;

        With(EventRead), Reads: subscriptions::list_subscriptions;
        With(EventWrite), Changes: subscriptions::create_subscription;
        With(EventRead), Reads: subscriptions::get_subscription;
        With(EventWrite), Changes: subscriptions::update_subscription;
        With(EventWrite), Changes: subscriptions::delete_subscription;

        With(EventRead), Reads: schedules::list_schedules;
        With(EventWrite), Changes: schedules::create_schedule;
        With(EventRead), Reads: schedules::get_schedule;
        With(EventWrite), Changes: schedules::update_schedule;
        With(EventWrite), Changes: schedules::delete_schedule;
        With(EventRead), Reads: schedules::get_next_of_schedule;
        With(EventRead), Reads: schedules::ledger::list_ledger;
        With(EventRead), Reads: schedules::preview::preview_schedule;

        // What is published is nothing that is configured, and leaves no record in the audit log, as requests leave none.
        With(EventPublish), Reads: events::publish_events;
        With(EventPublish), Reads: events::signed_in::publish_event;
        With(EventWrite), Reads: schedules::run::run_schedule;
        With(EventRead), Reads: deliveries::list::list_deliveries;
        With(EventRead), Reads: deliveries::list::get_delivery;
        With(EventWrite), Changes: deliveries::change::cancel_delivery;
        With(EventWrite), Changes: deliveries::change::redrive_delivery;
        With(EventWrite), Changes: deliveries::change::redrive_deliveries;
        With(EventWrite), Changes: deliveries::change::purge_deliveries;
        With(EventRead), Reads: deliveries::queues::list_queues;
        With(EventRead), Reads: chains::get_chain;

        With(SecretList), Reads: secrets::list_secrets;
        With(SecretWrite), Changes: secrets::set_secret;
        With(SecretWrite), Changes: secrets::delete_secret;

        With(AppRead), Reads: releases::list::list_releases;
        With(ReleaseWrite), Changes: releases::create::create_release;
        With(AppRead), Reads: releases::get::get_release;
        With(AppRead), Reads: releases::compare::compare_releases;
        With(ReleaseWrite), Changes: releases::restore::restore_release;

        With(AppRead), Reads: executions::list::list_executions;
        With(AppRead), Reads: executions::stats::get_execution_stats;
        With(AppRead), Reads: executions::tail::tail_executions;
        With(AppRead), Reads: executions::get::get_execution;

        With(AppAudit), Reads: audit::list::list_audit;
        With(InstanceAudit), Reads: audit::verify::verify_audit;
    }
}

/// Answers every request for a reserved path.
pub(crate) fn router(manager: Manager) -> Router {
    let operations = operations();
    let verbs = Verbs::among(operations.iter().map(|operation| operation.template.clone()));
    let router = operations
        .into_iter()
        .fold(Router::new(), |router, operation| {
            operation.added_to(router, &manager)
        })
        .merge(for_people())
        .fallback(no_such_path)
        .layer(from_fn_with_state(manager.clone(), finish))
        .with_state(manager);
    // Around the router, which has chosen the operation before any layer of its own sees a request.
    Router::new()
        .fallback_service(router)
        .layer(from_fn_with_state(verbs, rewrite))
}

/// Pages that are no part of the API.
fn for_people() -> Router<Manager> {
    Router::new()
        .route("/api/v1/problems", get(pages::problems::list_problem_pages))
        .route(pages::STYLE_PATH, get(pages::get_style))
        // Nobody but the admin host gives this one to the control plane.
        .route("/", get(pages::dashboard::redirect_to_dashboard))
        .route("/admin", get(pages::dashboard::redirect_to_apps))
        .route("/admin/", get(pages::dashboard::redirect_to_apps))
        .route("/admin/{*rest}", get(pages::dashboard::get_dashboard))
}
