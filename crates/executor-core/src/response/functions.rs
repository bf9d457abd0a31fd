//! What scripts make responses with.

use rhai::{Dynamic, Map, Module, export_module, exported_module};

use super::{Fallible, Response};
use crate::{api::spend_bytes, gate};

/// The functions as scripts see them.
pub(crate) fn module() -> Module {
    exported_module!(functions)
}

/// The headers as a map; values of one name are joined.
fn headers_of(response: &Response) -> Map {
    let mut map = Map::new();
    let content_type = response.0.body.content_type.as_ref();
    let headers = response
        .0
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value));
    if let Some(content_type) = content_type
        && !headers.clone().any(|(name, _)| name == "content-type")
    {
        let value = String::from_utf8_lossy(content_type.as_bytes());
        map.insert("content-type".into(), value.as_ref().into());
    }
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let joined = match map.get(name).map(Dynamic::to_string) {
            Some(before) => format!("{before}, {value}"),
            None => value.into_owned(),
        };
        map.insert(name.into(), joined.into());
    }
    map
}

/// Asks for the memory of a copy, and counts its work.
fn pay_for(body: &[u8]) -> Fallible<()> {
    gate::reserve(body.len())?;
    spend_bytes(body.len())
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use http::{HeaderValue, header};
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    use rhai::{Blob, Dynamic, ImmutableString, Map, NativeCallContext};

    use crate::{
        api::fail,
        coroutine::with_current,
        error::at_call,
        response::{
            Fallible, Response,
            body::{Body, HTML, TEXT},
            cookie,
            functions::{headers_of, pay_for},
            unsendable,
        },
    };

    /// A response with a status and no body.
    ///
    /// ```rhai
    /// response(404).status //=> 404
    /// ```
    #[rhai_fn(name = "response", return_raw)]
    fn response_empty(ctx: NativeCallContext, status: i64) -> Fallible<Response> {
        at_call(&ctx, || Response::new(status, Body::absent()))
    }

    /// A response with a status and a body: text for a string, JSON for a map, array, number or boolean, bytes
    /// for a blob, none for `()`.
    ///
    /// ```rhai
    /// response(201, #{id: 7}).header("location", "/items/7").status //=> 201
    /// ```
    #[rhai_fn(return_raw)]
    fn response(ctx: NativeCallContext, status: i64, body: Dynamic) -> Fallible<Response> {
        at_call(&ctx, || Response::new(status, Body::of(&body)?))
    }

    /// A page of HTML, with status 200.
    ///
    /// ```rhai
    /// html("<h1>Hello</h1>").status //=> 200
    /// ```
    #[rhai_fn(return_raw)]
    fn html(ctx: NativeCallContext, page: &str) -> Fallible<Response> {
        html_with_status(ctx, 200, page)
    }

    /// A page of HTML.
    ///
    /// ```rhai
    /// html(404, "<h1>Not here</h1>").status //=> 404
    /// ```
    #[rhai_fn(name = "html", return_raw)]
    fn html_with_status(ctx: NativeCallContext, status: i64, page: &str) -> Fallible<Response> {
        at_call(&ctx, || {
            Response::new(status, Body::copied(page.as_bytes(), HTML)?)
        })
    }

    /// Plain text, with status 200.
    ///
    /// ```rhai
    /// text("Hello").status //=> 200
    /// ```
    #[rhai_fn(return_raw)]
    fn text(ctx: NativeCallContext, text: &str) -> Fallible<Response> {
        text_with_status(ctx, 200, text)
    }

    /// Plain text.
    ///
    /// ```rhai
    /// text(503, "back soon").status //=> 503
    /// ```
    #[rhai_fn(name = "text", return_raw)]
    fn text_with_status(ctx: NativeCallContext, status: i64, text: &str) -> Fallible<Response> {
        at_call(&ctx, || {
            Response::new(status, Body::copied(text.as_bytes(), TEXT)?)
        })
    }

    /// Any value as JSON, strings and `()` too, with status 200.
    ///
    /// ```rhai
    /// json("a string").status //=> 200
    /// ```
    #[rhai_fn(return_raw)]
    fn json(ctx: NativeCallContext, value: Dynamic) -> Fallible<Response> {
        json_with_status(ctx, 200, value)
    }

    /// Any value as JSON.
    ///
    /// ```rhai
    /// json(422, #{error: "no name"}).status //=> 422
    /// ```
    #[rhai_fn(name = "json", return_raw)]
    fn json_with_status(ctx: NativeCallContext, status: i64, value: Dynamic) -> Fallible<Response> {
        at_call(&ctx, || Response::new(status, Body::json(&value)?))
    }

    /// Sends the client to another address, for this time (status 302).
    ///
    /// ```rhai
    /// redirect("/login").status //=> 302
    /// ```
    #[rhai_fn(return_raw)]
    fn redirect(ctx: NativeCallContext, url: &str) -> Fallible<Response> {
        redirect_with_status(ctx, 302, url)
    }

    /// Sends the client to another address, with a status of 301, 302, 303, 307 or 308.
    ///
    /// ```rhai
    /// redirect(308, "https://example.com/").status //=> 308
    /// ```
    #[rhai_fn(name = "redirect", return_raw)]
    fn redirect_with_status(ctx: NativeCallContext, status: i64, url: &str) -> Fallible<Response> {
        at_call(&ctx, || {
            /// What cannot stand in an address. `%` may: the address is encoded already.
            const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\');
            if !matches!(status, 301 | 302 | 303 | 307 | 308) {
                return Err(unsendable(format!(
                    "a redirect has the status 301, 302, 303, 307 or 308, not {status}"
                )));
            }
            let location = utf8_percent_encode(url, ESCAPED).to_string();
            let location = HeaderValue::try_from(location)
                .map_err(|_| unsendable("the address of a redirect has a character that cannot be sent"))?;
            let mut response = Response::new(status, Body::absent())?;
            response.put_header(header::LOCATION, location)?;
            Ok(response)
        })
    }

    /// Sends the client to another address; the same as with the status first.
    ///
    /// ```rhai
    /// redirect("/moved", 301).status //=> 301
    /// ```
    #[rhai_fn(name = "redirect", return_raw)]
    fn redirect_to(ctx: NativeCallContext, url: &str, status: i64) -> Fallible<Response> {
        redirect_with_status(ctx, status, url)
    }

    /// Sets a header, in place of one with the same name; `set-cookie` is added to those that are there.
    ///
    /// ```rhai
    /// response(200, "{}").header("content-type", "application/json").status //=> 200
    /// ```
    #[rhai_fn(name = "header", return_raw)]
    fn set_header(
        ctx: NativeCallContext,
        response: &mut Response,
        name: &str,
        value: Dynamic,
    ) -> Fallible<Response> {
        at_call(&ctx, || {
            response.set_header(name, &value)?;
            Ok(response.clone())
        })
    }

    /// Sets a cookie for this site: not readable from JavaScript, kept until the browser closes.
    ///
    /// ```rhai
    /// response(200, "hi").cookie("theme", "dark").status //=> 200
    /// ```
    #[rhai_fn(name = "cookie", return_raw)]
    fn set_cookie(
        ctx: NativeCallContext,
        response: &mut Response,
        name: &str,
        value: &str,
    ) -> Fallible<Response> {
        set_cookie_with(ctx, response, name, value, Map::new())
    }

    /// Sets a cookie with options: `path`, `domain`, `max_age` (seconds), `secure`, `http_only`, `same_site`.
    ///
    /// ```rhai
    /// response(200, "bye").cookie("session", "", #{max_age: 0}).status //=> 200
    /// ```
    #[rhai_fn(name = "cookie", return_raw)]
    fn set_cookie_with(
        ctx: NativeCallContext,
        response: &mut Response,
        name: &str,
        value: &str,
        options: Map,
    ) -> Fallible<Response> {
        at_call(&ctx, || {
            let https = with_current(|run| run.is_some_and(|run| run.https));
            let line = cookie::line(name, value, &options, https)?;
            response.put_header(header::SET_COOKIE, line)?;
            Ok(response.clone())
        })
    }

    /// The status of a response.
    ///
    /// ```rhai
    /// response(418, "short and stout").status //=> 418
    /// ```
    #[rhai_fn(get = "status", pure)]
    fn status(response: &mut Response) -> i64 {
        response.0.status.as_u16().into()
    }

    /// The headers of a response as a map, with names in lower case. Values of one name are joined by a comma.
    ///
    /// ```rhai
    /// html("<h1>Hello</h1>").headers["content-type"] //=> "text/html; charset=utf-8"
    /// ```
    #[rhai_fn(get = "headers", pure)]
    fn headers(response: &mut Response) -> Map {
        headers_of(response)
    }

    /// The body of a response as text. A body that is not UTF-8 is an error; `bytes` has it.
    ///
    /// ```rhai
    /// json(#{id: 7}).body //=> "{\"id\":7}"
    /// ```
    #[rhai_fn(get = "body", pure, return_raw)]
    fn body(response: &mut Response) -> Fallible<ImmutableString> {
        let body = &response.0.body.bytes;
        pay_for(body)?;
        match std::str::from_utf8(body) {
            Ok(text) => Ok(text.into()),
            Err(_) => Err(fail("the body of the response is not UTF-8 text; read `bytes`")),
        }
    }

    /// The body of a response as a blob.
    ///
    /// ```rhai
    /// text("Hello").bytes.len() //=> 5
    /// ```
    #[rhai_fn(get = "bytes", pure, return_raw)]
    fn bytes(response: &mut Response) -> Fallible<Blob> {
        let body = &response.0.body.bytes;
        pay_for(body)?;
        Ok(body.to_vec())
    }
}
