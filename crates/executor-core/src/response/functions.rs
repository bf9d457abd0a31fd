//! What scripts make responses with.

use rhai::{Module, export_module, exported_module};

/// The functions as scripts see them.
pub(crate) fn module() -> Module {
    exported_module!(functions)
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use http::{HeaderValue, header};
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    use rhai::{Dynamic, Map, NativeCallContext};

    use crate::{
        coroutine::with_current,
        error::at_call,
        response::{
            Fallible, Response,
            body::{Body, HTML, TEXT},
            cookie, unsendable,
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
}
