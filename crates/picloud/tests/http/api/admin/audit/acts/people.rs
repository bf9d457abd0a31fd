//! What people do with accounts, memberships, invitations and their own sign-in.

use serde_json::{Value, json};

use super::{
    Act,
    Leaves::{After, Before, Both},
};
use crate::{
    api::admin::audit::stage::{NEW_PASSWORD, id, nothing},
    harness::{PASSWORD, totp},
};

pub(super) const ACTS: &[Act] = &[
    (
        "add_member",
        After,
        |on| on.account(),
        |on, account| {
            on.app.admit(account, "viewer");
        },
    ),
    (
        "update_member",
        Both,
        |on| on.member(),
        |on, member| {
            let path = on.app.path(&format!("/members/{member}"));
            on.patch(&path, &json!({ "role": "editor" }));
        },
    ),
    (
        "remove_member",
        Before,
        |on| on.member(),
        |on, member| {
            on.delete(&on.app.path(&format!("/members/{member}")));
        },
    ),
    ("create_user", After, nothing, |on, _| {
        on.account();
    }),
    (
        "update_user",
        Both,
        |on| on.account(),
        |on, account| {
            let email = json!({ "email": "new@example.com" });
            on.patch(&format!("/admin/admins/{account}"), &email);
        },
    ),
    (
        "delete_user",
        Before,
        |on| on.account(),
        |on, account| {
            on.delete(&format!("/admin/admins/{account}"));
        },
    ),
    ("log_out", Before, nothing, |on, _| {
        on.change("POST", "/admin/auth/logout", &Value::Null);
    }),
    (
        "delete_session",
        Before,
        |on| on.session(),
        |on, session| {
            on.delete(&format!("/admin/auth/sessions/{session}"));
        },
    ),
    (
        "begin_totp",
        After,
        |on| on.person(),
        |on, _| {
            on.as_person("POST", "/admin/auth/totp", &json!({ "password": PASSWORD }));
        },
    ),
    (
        "confirm_totp",
        Both,
        |on| on.proposed_factor(),
        |on, secret| {
            on.confirm_factor(secret);
        },
    ),
    (
        "renew_recovery_codes",
        Both,
        |on| on.factor(),
        |on, secret| {
            let proof = json!({ "password": PASSWORD, "code": totp(secret, 1) });
            on.as_person("POST", "/admin/auth/totp:recovery-codes", &proof);
        },
    ),
    (
        "disable_totp",
        Before,
        |on| on.factor(),
        |on, secret| {
            let proof = json!({ "password": PASSWORD, "code": totp(secret, 1) });
            on.as_person("POST", "/admin/auth/totp:disable", &proof);
        },
    ),
    (
        "change_password",
        After,
        |on| on.person(),
        |on, _| {
            let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
            on.as_person("POST", "/admin/auth/password", &change);
        },
    ),
    (
        "delete_sessions",
        Before,
        |on| on.person(),
        |on, _| {
            on.as_person("DELETE", "/admin/auth/sessions", &Value::Null);
        },
    ),
    ("create_token", After, nothing, |on, _| {
        on.token();
    }),
    (
        "delete_token",
        Before,
        |on| id(&on.token()),
        |on, token| {
            on.delete(&format!("/admin/tokens/{token}"));
        },
    ),
    ("create_invitation", After, nothing, |on, _| {
        on.invitation();
    }),
    (
        "delete_invitation",
        Before,
        |on| id(&on.invitation()),
        |on, invitation| {
            on.delete(&format!("/admin/invitations/{invitation}"));
        },
    ),
    (
        "accept_invitation",
        Both,
        |on| on.invitation()["token"].as_str().expect("a token").to_owned(),
        |on, token| {
            let body = json!({ "token": token, "password": PASSWORD });
            on.anonymously("POST", "/admin/invitations:accept", &body);
        },
    ),
];
