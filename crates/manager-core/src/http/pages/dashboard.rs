//! `/admin`: the dashboard. It is a page of one file that makes everything else in the browser, out of this API.
//!
//! Its files lie in the program as they are sent, compressed; nothing is read or made at the start.

use std::{borrow::Cow, io::Read as _};

use axum::{
    extract::{Path, rejection::PathRejection},
    response::{IntoResponse as _, Redirect, Response},
};
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::{Embed, EmbeddedFile};

use crate::http::problem::{internal, not_found};

/// The built dashboard, each file compressed by the build script.
#[derive(Embed)]
#[folder = "$OUT_DIR/dashboard"]
struct Files;

/// The file that every page begins with.
const INDEX: &str = "index.html";
/// Where the files are that the build made. What is not there is missing; every other path is a page.
const BUILT: &str = "_app/";
/// Of these the names change with the content.
const IMMUTABLE: &str = "_app/immutable/";

/// Scripts and styles come from files of the dashboard alone, and it talks with nobody but this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The admin host itself leads to the dashboard.
pub(crate) async fn redirect_to_dashboard() -> Redirect {
    Redirect::temporary("/admin")
}

/// `/admin` itself leads to the list of apps.
pub(crate) async fn redirect_to_apps() -> Redirect {
    Redirect::temporary("/admin/apps")
}

/// A file of the dashboard, or the page itself. A path that is no text leads to neither.
pub(crate) async fn get_dashboard(path: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Response {
    let Ok(Path(path)) = path else {
        return not_found("page").into_response();
    };
    match Files::get(&path) {
        Some(file) => serve(&path, file, &headers),
        None if path.starts_with(BUILT) => not_found("file").into_response(),
        None => match Files::get(INDEX) {
            Some(index) => serve(INDEX, index, &headers),
            None => internal().into_response(),
        },
    }
}

fn serve(path: &str, file: EmbeddedFile, asked: &HeaderMap) -> Response {
    let etag = etag(&file);
    let mut response = if is_known(asked, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match content(file, takes_gzip(asked)) {
            Ok(response) => response,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    path,
                    "a file of the dashboard is damaged"
                );
                return internal().into_response();
            }
        }
    };
    let caching = if path.starts_with(IMMUTABLE) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if let Ok(etag) = HeaderValue::try_from(etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

/// The file as it lies here, or as it was for the few that cannot decompress.
fn content(file: EmbeddedFile, gzip: bool) -> std::io::Result<Response> {
    if gzip {
        let encoding = [(header::CONTENT_ENCODING, "gzip")];
        return Ok(match file.data {
            Cow::Borrowed(data) => (encoding, data).into_response(),
            Cow::Owned(data) => (encoding, data).into_response(),
        });
    }
    let mut plain = Vec::new();
    GzDecoder::new(&*file.data).read_to_end(&mut plain)?;
    Ok(plain.into_response())
}

/// Weak: the same for both forms of the file.
fn etag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    format!("W/\"{}\"", hex(&hash[..8]))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn is_known(asked: &HeaderMap, etag: &str) -> bool {
    let known = asked.get_all(header::IF_NONE_MATCH).into_iter();
    known
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|one| matches!(one.trim(), "*") || one.trim() == etag)
}

fn takes_gzip(asked: &HeaderMap) -> bool {
    let accepted = asked.get_all(header::ACCEPT_ENCODING).into_iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|one| {
            let (name, weight) = one.split_once(';').unwrap_or((one, ""));
            let refused = weight
                .trim()
                .strip_prefix("q=")
                .is_some_and(|q| q.parse() == Ok(0.0_f32));
            matches!(name.trim().to_ascii_lowercase().as_str(), "gzip" | "x-gzip") && !refused
        })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, routing::get};
    use http::Request;
    use picloud_shared::problem::{Code, Problem};
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_path_that_is_no_text_is_not_found() {
        let router: Router = Router::new().route("/admin/{*rest}", get(get_dashboard));
        let request = Request::get("/admin/%ff").body(Body::empty()).expect("a request");
        let answer = router.oneshot(request).await.expect("an answer");
        let problem = answer.extensions().get::<Problem>().expect("a problem");
        assert_eq!(problem.code.as_str(), Code::NotFound.as_str());
    }

    #[test]
    fn every_file_has_a_type_that_browsers_know() {
        let unknown: Vec<_> = Files::iter()
            .filter(|path| content_type(path) == "application/octet-stream")
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        assert!(Files::iter().any(|path| path.starts_with(IMMUTABLE)));
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let takes = |value: &str| {
            let value = HeaderValue::from_str(value).expect("a header");
            takes_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, value)]))
        };
        assert!(takes("gzip, deflate, br"));
        assert!(takes("br;q=1.0, GZIP;q=0.5"));
        assert!(!takes("br"));
        assert!(!takes("gzip;q=0, br"));
        assert!(!takes("gzip; q=0.000"));
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
