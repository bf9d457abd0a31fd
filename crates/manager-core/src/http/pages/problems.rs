//! `/api/v1/problems/{code}`: what the `type` of a problem leads to.

use std::fmt::Write as _;

use axum::{
    extract::{Path, rejection::PathRejection},
    response::{IntoResponse as _, Response},
};
use picloud_shared::problem::Code;
use rust_embed::Embed;

use super::page;
use crate::http::problem::{not_found, problems};

/// One page per code, in Markdown.
#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/../../docs/errors"]
#[include = "*.md"]
struct Pages;

problems!(GetProblemPageProblems: NotFound);

/// Explain a problem
///
/// A page for people: what the problem means, why it happens and what to do.
#[utoipa::path(
    get,
    path = "/api/v1/problems/{code}",
    tag = "instance",
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), GetProblemPageProblems),
)]
pub(crate) async fn get_problem_page(code: Result<Path<String>, PathRejection>) -> Response {
    // What is no text is no code either.
    let Ok(Path(code)) = code else {
        return not_found("problem").into_response();
    };
    let known = Code::ALL.iter().find(|known| known.as_str() == code);
    match known.and_then(|code| markdown(*code)) {
        Some(markdown) => page(&markdown),
        None => not_found("problem").into_response(),
    }
}

/// The list of all pages.
pub(crate) async fn list_problem_pages() -> Response {
    let mut markdown = String::from(
        "# Problems\n\nEvery error of the API has a stable `code`. Each code has a page.\n\n| code | status | |\n|---|---|---|\n",
    );
    for code in Code::ALL {
        // Writing to a string does not fail.
        let _ = writeln!(
            markdown,
            "| [`{}`]({}) | {} | {} |",
            code.as_str(),
            code.type_uri(),
            code.status().as_u16(),
            code.title()
        );
    }
    page(&markdown)
}

fn markdown(code: Code) -> Option<String> {
    let file = Pages::get(&format!("{}.md", code.as_str()))?;
    String::from_utf8(file.data.into_owned()).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::{Router, body::Body, routing::get};
    use http::Request;
    use picloud_shared::problem::Problem;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_code_that_is_no_text_is_not_found() {
        let router: Router = Router::new().route("/api/v1/problems/{code}", get(get_problem_page));
        let request = Request::get("/api/v1/problems/%ff")
            .body(Body::empty())
            .expect("a request");
        let answer = router.oneshot(request).await.expect("an answer");
        let problem = answer.extensions().get::<Problem>().expect("a problem");
        assert_eq!(problem.code.as_str(), Code::NotFound.as_str());
    }

    #[test]
    fn codes_and_pages_are_pairs() {
        let pages: BTreeSet<String> = Pages::iter().map(std::borrow::Cow::into_owned).collect();
        let codes: BTreeSet<String> = Code::ALL
            .iter()
            .map(|code| format!("{}.md", code.as_str()))
            .collect();
        assert_eq!(pages, codes);
    }

    #[test]
    fn every_page_has_the_same_parts() {
        for code in Code::ALL {
            let text = markdown(*code).unwrap_or_default();
            let heading = format!("# {}\n", code.title());
            assert!(
                text.starts_with(&heading),
                "{}: starts with `{heading}`",
                code.as_str()
            );
            let line = format!("`{}`, status {}.", code.as_str(), code.status().as_u16());
            assert!(text.contains(&line), "{}: says `{line}`", code.as_str());
            for part in ["## Why it happens", "## What to do", "## Example"] {
                assert!(text.contains(part), "{}: has `{part}`", code.as_str());
            }
            let example = format!("\"type\": \"{}\"", code.type_uri());
            assert!(text.contains(&example), "{}: shows `{example}`", code.as_str());
        }
    }
}
