//! `/api/v1/admin/admins`: accounts.

mod accounts;
mod random;
mod ranks;
mod sessions;

use serde_json::{Value, json};

use crate::harness::{Client, TestCloud};

const PASSWORD: &str = "a bicycle for the mind";

/// A new person with this role, made by the owner; gives the account.
#[track_caller]
fn person(cloud: &TestCloud, username: &str, role: &str) -> Value {
    let body = json!({ "username": username, "password": PASSWORD, "instance_role": role });
    cloud.owner().post("/admin/admins", &body).expect(201).json()
}

/// The same, signed in.
#[track_caller]
fn signed_in(cloud: &TestCloud, username: &str, role: &str) -> Client {
    person(cloud, username, role);
    cloud.sign_in(username, PASSWORD)
}
