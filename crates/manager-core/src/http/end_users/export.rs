//! `GET /api/v1/admin/apps/{app}/users:export`.

use axum::{extract::State, response::Response};
use bytes::Bytes;
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
        extract::{AppPath, QueryParams},
        file::{self, FileQuery, Format},
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
    let export = Export {
        manager,
        app: app.id,
        format: query.format,
        after: None,
        is_first: true,
    };
    file::send(export, query.format, &name).await
}

/// An export on its way.
struct Export {
    manager: Manager,
    app: AppId,
    format: Format,
    after: Option<String>,
    is_first: bool,
}

impl file::Export for Export {
    async fn next(mut self) -> Answer<(Bytes, Option<Self>)> {
        let after = self.after.take();
        let (users, last) = named(&self.manager, self.app, "", after, USERS_PER_PAGE_MAX).await?;
        let text = match self.format {
            Format::Json => json_lines(&users),
            Format::Csv => csv_lines(&users, self.is_first),
        };
        let text = text.map_err(|error| file::broken(&*error))?;
        self.is_first = false;
        self.after = last;
        let has_more = self.after.is_some();
        Ok((text.into(), has_more.then_some(self)))
    }
}

fn json_lines(users: &[UserRecord]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut text = Vec::new();
    for user in users {
        let line = Line {
            id: user.id,
            name: &user.name,
            email: user.email.as_deref(),
            data: &user.data,
            is_active: user.is_active,
            created_at: moment(user.created_at),
        };
        serde_json::to_writer(&mut text, &line)?;
        text.push(b'\n');
    }
    Ok(text)
}

fn csv_lines(users: &[UserRecord], with_headings: bool) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if with_headings {
        writer.write_record(COLUMNS)?;
    }
    for user in users {
        writer.write_record([
            user.id.to_string().as_str(),
            &user.name,
            user.email.as_deref().unwrap_or_default(),
            user.data.get(),
            if user.is_active { "true" } else { "false" },
            &moment(user.created_at).to_string(),
        ])?;
    }
    Ok(writer.into_inner()?)
}
