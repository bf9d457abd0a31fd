//! `GET /api/v1/admin/apps/{app}/collections/{collection}/documents:export`.

use axum::{extract::State, response::Response};
use bytes::Bytes;
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
        extract::{AppPath, InPath, QueryParams},
        file::{self, FileQuery, Format},
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
    let source = Source {
        manager,
        app: app.id,
        collection,
    };
    let columns = match query.format {
        Format::Json => None,
        Format::Csv => Some(source.columns().await?),
    };
    let export = Export {
        source,
        columns,
        after: None,
        is_first: true,
    };
    file::send(export, query.format, &name).await
}

/// Where documents are read.
struct Source {
    manager: Manager,
    app: AppId,
    collection: CollectionName,
}

impl Source {
    /// The documents behind a position, and where the next ones begin.
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

    /// The columns of a table of them.
    async fn columns(&self) -> Answer<Columns> {
        let mut columns = Columns::default();
        let mut after = None;
        loop {
            let (documents, until) = self.page(after).await?;
            for document in &documents {
                columns.add(&fields(document)?);
            }
            if until.is_none() {
                return Ok(columns);
            }
            after = until;
        }
    }
}

/// An export on its way.
struct Export {
    source: Source,
    /// For a table.
    columns: Option<Columns>,
    after: Option<Vec<u8>>,
    is_first: bool,
}

impl file::Export for Export {
    async fn next(mut self) -> Answer<(Bytes, Option<Self>)> {
        let (documents, until) = self.source.page(self.after.take()).await?;
        let text = match &self.columns {
            None => json_lines(&documents).map_err(|error| file::broken(&error))?,
            Some(columns) => csv_lines(columns, &documents, self.is_first)?,
        };
        self.is_first = false;
        self.after = until;
        let has_more = self.after.is_some();
        Ok((text.into(), has_more.then_some(self)))
    }
}

fn json_lines(documents: &[Document]) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = Vec::new();
    for Document { id, document, .. } in documents {
        let line = Line {
            id,
            document: serde_json::from_str(document)?,
        };
        serde_json::to_writer(&mut text, &line)?;
        text.push(b'\n');
    }
    Ok(text)
}

fn csv_lines(columns: &Columns, documents: &[Document], with_headings: bool) -> Answer<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if with_headings {
        writer
            .write_record(columns.headings())
            .map_err(|error| file::broken(&error))?;
    }
    for document in documents {
        writer
            .write_record(columns.row(&document.id, &fields(document)?))
            .map_err(|error| file::broken(&error))?;
    }
    writer.into_inner().map_err(|error| file::broken(&error))
}

fn fields(document: &Document) -> Answer<Map<String, Value>> {
    serde_json::from_str(&document.document).map_err(|error| file::broken(&error))
}
