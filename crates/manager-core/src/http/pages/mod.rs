//! Pages for people: the dashboard, and plain HTML made from Markdown. Nothing of them comes from elsewhere.

pub(crate) mod dashboard;
pub(crate) mod problems;

use axum::response::{Html, IntoResponse, Response};
use http::header;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html::push_html};

/// Where the style sheet of all pages is.
pub(crate) const STYLE_PATH: &str = "/api/v1/page.css";

const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The style sheet of all pages.
pub(crate) async fn get_style() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "max-age=3600"),
    ];
    (headers, include_str!("page.css"))
}

/// A page made from Markdown. Its title is its first heading.
fn page(markdown: &str) -> Response {
    let parser = || Parser::new_ext(markdown, Options::ENABLE_TABLES);
    let title: String = parser()
        .skip_while(|event| !matches!(event, Event::Start(Tag::Heading { .. })))
        .take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))))
        .filter_map(|event| match event {
            Event::Text(text) | Event::Code(text) => Some(text.into_string()),
            _ => None,
        })
        .collect();
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title} · PiCloud</title>\n\
         <link rel=\"stylesheet\" href=\"{STYLE_PATH}\">\n</head>\n<body>\n<main>\n"
    );
    push_html(&mut html, parser());
    html.push_str("</main>\n</body>\n</html>\n");
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(html)).into_response()
}
