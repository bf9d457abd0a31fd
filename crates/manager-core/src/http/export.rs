//! Giving a file out: a part at a time, each of which is a page of what is there.

use std::{error::Error, io};

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::header;

use super::{
    file::Format,
    problem::{Answer, Refusal, internal},
};

/// What is put into a file.
pub(crate) trait Source: Sized + Send + Sync + 'static {
    /// What a line is about.
    type Item: Send;
    /// Where a page begins.
    type Place: Send;

    /// The items from a place on, and where the next ones begin, if there are more.
    fn page(&self, from: Option<Self::Place>) -> impl Future<Output = Answer<Page<Self>>> + Send;

    /// The line of a JSON file.
    fn line(&self, item: &Self::Item) -> serde_json::Result<String>;

    /// The first line of a CSV file.
    fn headings(&self) -> Vec<&str>;

    /// Its row of a CSV file.
    fn row(&self, item: &Self::Item) -> serde_json::Result<Vec<String>>;
}

/// Items, and where the next ones begin, if there are more.
pub(crate) type Page<S> = (Vec<<S as Source>::Item>, Option<<S as Source>::Place>);

/// Gives a file out while it is read. `name` is what clients call it, without an ending.
pub(crate) async fn send(source: impl Source, format: Format, name: &str) -> Answer<Response> {
    let (media_type, ending) = match format {
        Format::Json => ("application/x-ndjson", "ndjson"),
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
    };
    let export = Export {
        source,
        format,
        from: None,
        is_first: true,
    };
    // The first part is read before the answer begins, so that what fails at once has a status.
    let (first, rest) = export.next().await?;
    let rest = stream::try_unfold(rest, |rest| async move {
        let Some(export) = rest else {
            return Ok(None);
        };
        let next = export.next().await;
        next.map(Some)
            .map_err(|_| io::Error::other("the rest of the file could not be read"))
    });
    let parts = stream::once(async { Ok::<_, io::Error>(first) }).chain(rest);
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.{ending}\""),
        ),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}

/// A file on its way out.
struct Export<S: Source> {
    source: S,
    format: Format,
    from: Option<S::Place>,
    is_first: bool,
}

impl<S: Source> Export<S> {
    /// The next part of it, and the rest of the way unless that was all.
    async fn next(mut self) -> Answer<(Bytes, Option<Self>)> {
        let (items, until) = self.source.page(self.from.take()).await?;
        let text = match self.format {
            Format::Json => self.lines(&items),
            Format::Csv => self.rows(&items),
        };
        let text = text.map_err(|error| broken(&*error))?;
        self.is_first = false;
        self.from = until;
        let has_more = self.from.is_some();
        Ok((text.into(), has_more.then_some(self)))
    }

    fn lines(&self, items: &[S::Item]) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut text = Vec::new();
        for item in items {
            text.extend(self.source.line(item)?.as_bytes());
            text.push(b'\n');
        }
        Ok(text)
    }

    fn rows(&self, items: &[S::Item]) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        if self.is_first {
            writer.write_record(self.source.headings())?;
        }
        for item in items {
            writer.write_record(self.source.row(item)?)?;
        }
        Ok(writer.into_inner()?)
    }
}

/// That something could not be put into a file.
pub(crate) fn broken(error: &dyn Error) -> Refusal {
    tracing::error!(%error, "a part of a file could not be written");
    internal()
}
