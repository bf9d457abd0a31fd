//! People other than the owner, made through the API.

use serde_json::{Value, json};

use super::{App, Client, TestCloud};

/// The password of everybody but the owner.
pub(crate) const PASSWORD: &str = "a bicycle for the mind";

/// Somebody who signed in.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) client: Client,
}

impl TestCloud {
    /// A new account, with this role on the instance; as the API describes it.
    #[track_caller]
    pub(crate) fn account(&self, username: &str, role: &str) -> Value {
        let body = json!({ "username": username, "password": PASSWORD, "instance_role": role });
        self.owner().post("/admin/admins", &body).expect(201).json()
    }

    /// The same, signed in.
    #[track_caller]
    pub(crate) fn person(&self, username: &str, role: &str) -> Person {
        let account = self.account(username, role);
        Person {
            id: account["id"].as_str().expect("an id").to_owned(),
            client: self.sign_in(username, PASSWORD),
        }
    }
}

impl App<'_> {
    /// Makes somebody a member; gives the membership.
    #[track_caller]
    pub(crate) fn admit(&self, user: &str, role: &str) -> Value {
        let body = json!({ "user_id": user, "role": role });
        self.cloud
            .owner()
            .post(&self.path("/members"), &body)
            .expect(201)
            .json()
    }
}
