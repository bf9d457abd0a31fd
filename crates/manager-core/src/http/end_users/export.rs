//! `GET /api/v1/admin/apps/{app}/users:export`.

use axum::{extract::State, response::Response};
use picloud_shared::{id::AppId, services::UserRecord, time::Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    list::{USERS_PER_PAGE_MAX, named},
    moment,
};
use crate::{
    Manager,
    http::{
        export::{self, Source},
        extract::{AppPath, QueryParams},
        file::FileQuery,
        problem::{Answer, problems},
    },
};

/// The first line of a CSV file.
pub(super) const COLUMNS: [&str; 6] = ["id", "name", "email", "data", "is_active", "created_at"];

problems!(ExportEndUsersProblems: NotFound);

/// One line of a JSON file.
#[derive(Serialize)]
struct Line<'a> {
    id: Uuid,
    name: &'a str,
    email: Option<&'a str>,
    data: &'a RawValue,
    is_active: bool,
    created_at: Timestamp,
}

/// Export an app's own users
///
/// In the order of their names, as a file that `users:import` takes. It is read page by page: what changes meanwhile is in it
/// as it was when its page was read. In JSON each line is `{"id", "name", "email", "data", "is_active", "created_at"}`; the
/// columns of CSV have the same names, and `data` is JSON there. Passwords, and what they are checked by, are in no file.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/users:export",
    tag = "users",
    params(FileQuery),
    responses(
        (
            status = 200,
            description = "The file",
            content((String = "application/x-ndjson"), (String = "text/csv")),
        ),
        ExportEndUsersProblems,
    ),
)]
pub(crate) async fn export_end_users(
    State(manager): State<Manager>,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<FileQuery>,
) -> Answer<Response> {
    let name = format!("{}-users", app.slug);
    let users = Users { manager, app: app.id };
    export::send(users, query.format, &name).await
}

/// The users of an app.
struct Users {
    manager: Manager,
    app: AppId,
}

impl Source for Users {
    type Item = UserRecord;
    type Place = String;

    async fn page(&self, after: Option<String>) -> Answer<(Vec<UserRecord>, Option<String>)> {
        named(&self.manager, self.app, "", after, USERS_PER_PAGE_MAX).await
    }

    fn line(&self, user: &UserRecord) -> serde_json::Result<String> {
        serde_json::to_string(&Line {
            id: user.id,
            name: &user.name,
            email: user.email.as_deref(),
            data: &user.data,
            is_active: user.is_active,
            created_at: moment(user.created_at),
        })
    }

    fn headings(&self) -> Vec<&str> {
        COLUMNS.to_vec()
    }

    fn row(&self, user: &UserRecord) -> serde_json::Result<Vec<String>> {
        Ok(vec![
            user.id.to_string(),
            user.name.clone(),
            user.email.clone().unwrap_or_default(),
            user.data.get().to_owned(),
            user.is_active.to_string(),
            moment(user.created_at).to_string(),
        ])
    }
}
