//! How each operation is called so that nothing but who calls decides what is answered.

use serde_json::{Value, json};

use super::ground::{APP, Caller, DOMAIN, Ground};
use crate::harness::{Answer, OWNER, PASSWORD, items};

/// The id of nothing.
const NOTHING: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Has `caller` call the operation, with a path and a body that are good for whoever may.
#[track_caller]
pub(super) fn attempt(ground: &Ground, caller: &Caller, method: &str, template: &str) -> Answer {
    let path = path(ground, caller, method, template);
    let client = caller.client();
    let call = client.call(method, &path);
    let answer = match body(ground, caller, method, template) {
        Some(body) if template == "/api/v1/apps/{app}/events" => {
            let call = call.header("content-type", "application/cloudevents+json");
            call.body(body.to_string()).send()
        }
        Some(body) => call.json(&body).send(),
        None => call.send(),
    };
    if ends_sessions(method, template) && answer.status < 300 {
        caller.sign_in_again(ground);
    }
    answer
}

/// Whether the caller's own session may have ended with the answer.
fn ends_sessions(method: &str, template: &str) -> bool {
    method != "GET" && template.contains("/auth/")
}

/// The template with what is there in place of its parameters.
fn path(ground: &Ground, caller: &Caller, method: &str, template: &str) -> String {
    let mut path = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').expect("a parameter ends");
        path.push_str(before);
        path.push_str(&parameter(ground, caller, method, template, name));
        rest = after;
    }
    path + rest + query(template)
}

/// What lists, searches and comparisons are about.
fn query(template: &str) -> &'static str {
    match template {
        "/api/v1/admin/scripts" | "/api/v1/admin/routes" | "/api/v1/admin/users:search" => "?app=here",
        "/api/v1/admin/apps/{app}/releases:compare" => "?from=1&to=2",
        _ => "",
    }
}

/// What a parameter names: something that is there for all, or something new if the operation uses it up.
fn parameter(ground: &Ground, caller: &Caller, method: &str, template: &str, name: &str) -> String {
    let is_last = template.ends_with(&format!("{{{name}}}"));
    let is_used_up = method == "DELETE" && is_last && template.starts_with("/api/v1/admin/");
    match name {
        // What restores or replaces an app takes away what is there for all. A token for one app sees no new ones.
        "app" if method == "POST" && template.contains("/releases") => ground.fresh_app_with_release(),
        "app" if is_used_up => ground.fresh_app(),
        "app" if method == "DELETE" && template.ends_with("/smtp") => {
            ground.put_mail_server(&new_mail_server());
            APP.to_owned()
        }
        // No message goes to a mail server that others have set.
        "app" if template.ends_with("/smtp:test") => {
            ground.take_mail_server_away();
            APP.to_owned()
        }
        "app" => APP.to_owned(),
        "broker" => ground.put_broker(is_used_up),
        "code" => "not_found".to_owned(),
        "delivery" if template.ends_with(":redrive") => ground.fresh_delivery("dead"),
        "delivery" => ground.fresh_delivery("waiting"),
        "domain" => {
            let pattern = format!("{}.test", ground.fresh("domain"));
            ground.make(
                &format!("/admin/apps/{APP}/domains"),
                &json!({ "pattern": pattern }),
            )
        }
        "end_user" => ground.fresh_end_user(),
        "collection" => ground.make_collection(is_used_up),
        "document" => ground.put_document(),
        "execution" | "root" => ground.execution.clone(),
        "key" => {
            ground.put_key();
            "there".to_owned()
        }
        "invitation" => ground.invite().0,
        "name" => {
            let kind = if template.contains("/secrets/") {
                "secrets"
            } else {
                "config"
            };
            ground.set(kind, "KEY");
            "KEY".to_owned()
        }
        "release" | "version" => "1".to_owned(),
        "route" if is_used_up => ground.make("/admin/routes", &new_route(ground)),
        "route" => ground.route.clone(),
        "script" if is_used_up => ground.make("/admin/scripts", &new_script(ground)),
        "script" | "script_id" => ground.script.clone(),
        "schedule" => ground.fresh_binding("schedules"),
        "session" => session(ground, caller),
        "subscription" => ground.fresh_binding("subscriptions"),
        "token" => token(ground, caller),
        "user" if template.contains("/members/") => {
            ground.admit_subject(true);
            ground.subject.clone()
        }
        "user" if is_used_up => ground.fresh_account(),
        "user" => ground.subject.clone(),
        _ => panic!("say in access/attempt.rs what `{{{name}}}` in {method} {template} names"),
    }
}

/// One that nobody tries to connect to.
pub(super) fn new_broker() -> Value {
    json!({ "url": "mqtt://broker.example.com", "is_paused": true })
}

fn new_mail_server() -> Value {
    json!({ "host": "mail.example.com", "security": "tls", "from": ["shop@example.com"] })
}

/// The body, if there is one.
fn body(ground: &Ground, caller: &Caller, method: &str, template: &str) -> Option<Value> {
    let template = template.strip_prefix("/api/v1").unwrap_or(template);
    let in_app = template.strip_prefix("/admin/apps/{app}");
    Some(match (method, in_app.unwrap_or(template)) {
        ("GET" | "DELETE", _)
        | (
            _,
            "/execute/{script_id}"
            | "/users/{end_user}/sessions:end"
            | "/schedules/{schedule}:run"
            | "/deliveries/{delivery}:cancel",
        )
        | ("POST", "/admin/auth/logout" | "/admin/scripts/{script}/resume" | "/admin/audit:verify") => {
            return None;
        }

        ("POST", "/admin/setup") => json!({ "code": "0", "username": "eve", "password": PASSWORD }),
        ("POST", "/admin/auth/login") => json!({ "username": OWNER.0, "password": OWNER.1 }),
        ("POST", "/admin/auth/password") => {
            // Too short: a new password would end the caller's API tokens, with which others here call.
            json!({ "current_password": caller.password(), "new_password": "short" })
        }
        ("POST", "/admin/admins") => {
            json!({ "username": ground.fresh("user"), "password": PASSWORD, "instance_role": "member" })
        }
        ("PATCH", "/admin/admins/{user}") => json!({ "email": "subject@example.com" }),
        ("POST", "/admin/invitations") => {
            json!({ "username": ground.fresh("guest"), "instance_role": "member" })
        }
        ("POST", "/admin/invitations:preview") => json!({ "token": ground.invite().1 }),
        ("POST", "/admin/invitations:accept") => {
            json!({ "token": ground.invite().1, "password": PASSWORD })
        }

        ("POST", "/admin/auth/totp") => json!({ "password": caller.password() }),
        ("POST", "/admin/auth/totp:confirm") => json!({ "code": "000000" }),
        ("POST", "/admin/auth/totp:disable" | "/admin/auth/totp:recovery-codes") => {
            json!({ "password": caller.password(), "code": "000000" })
        }
        ("POST", "/admin/tokens") => json!({ "name": ground.fresh("token") }),

        ("POST", "/admin/apps") => json!({ "slug": ground.fresh("new"), "name": "New" }),
        ("POST", "/admin/apps/slug:check") => json!({ "slug": "free" }),
        ("PATCH", "" | "/admin/scripts/{script}") => json!({ "description": ground.fresh("Described") }),
        ("POST", "/members") => {
            ground.admit_subject(false);
            json!({ "user_id": ground.subject, "role": "viewer" })
        }
        ("PATCH", "/members/{user}") => json!({ "role": "editor" }),
        ("POST", "/users") => json!({ "name": ground.fresh("joined"), "password": PASSWORD }),
        ("PATCH", "/users/{end_user}") => json!({ "data": { "a": 1 } }),
        ("PUT", "/kv/{key}") => json!({ "value": 1 }),
        // One line of a file.
        ("POST", "/users:import") => json!({ "name": ground.fresh("imported") }),
        ("POST", "/kv:import") => json!({ "key": "imported", "value": 1 }),
        ("PUT", "/smtp") => new_mail_server(),
        ("POST", "/smtp:test") => json!({ "to": "ada@example.com" }),
        ("PUT", "/brokers/{broker}") => new_broker(),
        ("PUT", "/egress") => json!({ "allow": ["*.example.com"] }),
        ("POST", "/collections") => json!({ "name": ground.fresh("c") }),
        ("PATCH", "/collections/{collection}") => json!({ "indexes": [{ "path": ground.fresh("p") }] }),
        (
            "POST" | "PUT" | "PATCH",
            "/collections/{collection}/documents"
            | "/collections/{collection}/documents:import"
            | "/collections/{collection}/documents/{document}",
        ) => {
            json!({ "document": { "a": 1 } })
        }
        ("PATCH", "/quotas") => json!({ "data_rows_max": 1_000_000 }),
        ("POST", "/domains") => json!({ "pattern": format!("{}.test", ground.fresh("claim")) }),

        ("PUT", "/secrets/{name}" | "/config/{name}") => json!({ "value": ground.fresh("value") }),

        ("POST", "/subscriptions") => ground.new_binding("subscriptions"),
        ("POST", "/schedules") => ground.new_binding("schedules"),
        ("POST", "/schedules:preview") => json!({ "schedule": { "kind": "every", "seconds": 60 } }),
        ("PATCH", "/subscriptions/{subscription}" | "/schedules/{schedule}") => json!({ "is_paused": true }),

        ("POST", "/events" | "/apps/{app}/events") => {
            json!({ "specversion": "1.0", "id": "1", "source": "/test", "type": "nothing.of.it" })
        }
        ("POST", "/deliveries/{delivery}:redrive" | "/deliveries:redrive" | "/deliveries:purge") => json!({}),

        ("POST", "/releases") => json!({ "scripts": [{ "name": "deployed", "source": "1" }], "routes": [] }),
        ("POST", "/releases/{release}:restore") => json!({ "note": "once more" }),

        ("POST", "/admin/scripts") => new_script(ground),
        ("POST", "/admin/scripts/{script}/rollback") => json!({ "version": 1 }),
        ("POST", "/scripts:check" | "/scripts:run") => json!({ "source": "1" }),
        ("POST", "/admin/routes") => new_route(ground),
        ("PATCH", "/admin/routes/{route}") => json!({ "methods": ["GET"] }),
        ("POST", "/routes:match") => json!({ "method": "GET", "url": format!("http://{DOMAIN}/") }),
        _ => panic!("say in access/attempt.rs with what body {method} {template} is called"),
    })
}

fn new_script(ground: &Ground) -> Value {
    json!({ "app_id": APP, "name": ground.fresh("script"), "source": "1" })
}

fn new_route(ground: &Ground) -> Value {
    json!({ "script_id": ground.script, "path": format!("/{}", ground.fresh("route")), "methods": ["GET"] })
}

/// A token of the caller that is not the one with which they call.
fn token(ground: &Ground, caller: &Caller) -> String {
    if !caller.is_somebody() {
        return NOTHING.to_owned();
    }
    let new = json!({ "name": ground.fresh("token") });
    let made = caller.sign_in(ground).post("/admin/tokens", &new).expect(201);
    made.json()["id"].as_str().expect("an id").to_owned()
}

/// A session of the caller that is not the one with which they call.
fn session(ground: &Ground, caller: &Caller) -> String {
    if !caller.is_somebody() {
        return NOTHING.to_owned();
    }
    let sessions = items(caller.sign_in(ground).get("/admin/auth/sessions"));
    let new = sessions.iter().find(|session| session["current"] == true);
    let id = new.and_then(|session| session["id"].as_str());
    id.expect("the session that asks is listed").to_owned()
}
