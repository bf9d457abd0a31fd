//! `GET /api/v1/admin/apps/{app}/collections/{collection}/documents:export`.

use axum::{extract::State, response::Response};
use picloud_shared::{
    id::AppId,
    services::docs::{CollectionName, DocsAsk, DocsFound, Document, FIND_DOCUMENTS_MAX, Find, Selection},
};
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{ask, table::Columns};
use crate::{
    Manager,
    http::{
        export::{self, Source, broken},
        extract::{AppPath, InPath, QueryParams},
        file::{FileQuery, Format},
        problem::{Answer, internal, problems},
    },
};

problems!(ExportDocumentsProblems: NotFound);

/// One line of a JSON file.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    document: &'a RawValue,
}

/// Export the documents of a collection
///
/// In the order of their ids, as a file that `documents:import` takes. It is read page by page: what changes meanwhile is in
/// it as it was when its page was read. In JSON each line is `{"id", "document"}`. In CSV there is a column `_id`, then one
/// for each field of the documents, at most 256, and a last one, `_more`, with what has none, as a JSON object. A text stands
/// in its cell as it is, unless it would be read as something else; all else stands as JSON, and a field that a document does
/// not have is an empty cell.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/collections/{collection}/documents:export",
    tag = "documents",
    params(FileQuery),
    responses(
        (
            status = 200,
            description = "The file",
            content((String = "application/x-ndjson"), (String = "text/csv")),
        ),
        ExportDocumentsProblems,
    ),
)]
pub(crate) async fn export_documents(
    State(manager): State<Manager>,
    AppPath { app, .. }: AppPath,
    InPath(collection): InPath<CollectionName>,
    QueryParams(query): QueryParams<FileQuery>,
) -> Answer<Response> {
    let name = format!("{}-{collection}", app.slug);
    let mut documents = Documents {
        manager,
        app: app.id,
        collection,
        columns: Columns::default(),
    };
    if query.format == Format::Csv {
        documents.columns = documents.find_columns().await?;
    }
    export::send(documents, query.format, &name).await
}

/// The documents of a collection.
struct Documents {
    manager: Manager,
    app: AppId,
    collection: CollectionName,
    /// Of a table of them.
    columns: Columns,
}

impl Documents {
    async fn find_columns(&self) -> Answer<Columns> {
        let mut columns = Columns::default();
        let mut after = None;
        loop {
            let (documents, until) = self.page(after).await?;
            for document in &documents {
                columns.add(&fields(document).map_err(|error| broken(&error))?);
            }
            if until.is_none() {
                return Ok(columns);
            }
            after = until;
        }
    }
}

impl Source for Documents {
    type Item = Document;
    type Place = Vec<u8>;

    async fn page(&self, after: Option<Vec<u8>>) -> Answer<(Vec<Document>, Option<Vec<u8>>)> {
        let find = Find {
            selection: Selection {
                filter: json!({}),
                sort: Some("_id".to_owned()),
            },
            after,
            limit: FIND_DOCUMENTS_MAX,
            except: Vec::new(),
            only_count: false,
        };
        match ask(&self.manager, self.app, &self.collection, DocsAsk::Find(find)).await? {
            (_, DocsFound::Page(page)) => Ok((page.documents, page.until)),
            _ => Err(internal()),
        }
    }

    fn line(&self, document: &Document) -> serde_json::Result<String> {
        serde_json::to_string(&Line {
            id: &document.id,
            document: serde_json::from_str(&document.document)?,
        })
    }

    fn headings(&self) -> Vec<&str> {
        self.columns.headings().collect()
    }

    fn row(&self, document: &Document) -> serde_json::Result<Vec<String>> {
        Ok(self.columns.row(&document.id, &fields(document)?))
    }
}

fn fields(document: &Document) -> serde_json::Result<Map<String, Value>> {
    serde_json::from_str(&document.document)
}
