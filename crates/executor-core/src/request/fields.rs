//! What stands in the head of a request.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use rhai::{Module, export_module, exported_module};

/// Name and value of one cookie. A value that is no valid percent-encoding is taken as it is.
fn cookie(pair: &str) -> Option<(&str, Cow<'_, str>)> {
    let (name, value) = pair.split_once('=')?;
    let value = value.trim();
    let value = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(value);
    Some((
        name.trim(),
        percent_decode_str(value).decode_utf8().unwrap_or(value.into()),
    ))
}

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Array, Dynamic, ImmutableString};

    use crate::{
        error::nearest,
        request::{Fallible, MapValue as Map, Request, fields::cookie, headers::Headers, map_of, pay_for},
        services,
    };

    /// The method, in capitals.
    ///
    /// ```rhai
    /// request.method //=> "GET"
    /// ```
    #[rhai_fn(get = "method", pure)]
    fn method(request: &mut Request) -> ImmutableString {
        request.request().method.as_str().into()
    }

    /// The whole address: scheme, host, path and query.
    ///
    /// ```rhai
    /// request.url //=> "http://example.com/"
    /// ```
    #[rhai_fn(get = "url", pure)]
    fn url(request: &mut Request) -> ImmutableString {
        let request = request.request();
        let target = request.uri.path_and_query().map_or("/", |target| target.as_str());
        format!("{}://{}{target}", request.scheme, request.host).into()
    }

    /// The path as it came, still percent-encoded.
    ///
    /// ```rhai
    /// request.path //=> "/"
    /// ```
    #[rhai_fn(get = "path", pure)]
    fn path(request: &mut Request) -> ImmutableString {
        request.request().uri.path().into()
    }

    /// The host, in lower case and without port.
    ///
    /// ```rhai
    /// request.host //=> "example.com"
    /// ```
    #[rhai_fn(get = "host", pure)]
    fn host(request: &mut Request) -> ImmutableString {
        (&*request.request().host).into()
    }

    /// `http` or `https`, as the client sees it.
    ///
    /// ```rhai
    /// request.scheme //=> "http"
    /// ```
    #[rhai_fn(get = "scheme", pure)]
    fn scheme(request: &mut Request) -> ImmutableString {
        request.request().scheme.into()
    }

    /// The client's address.
    ///
    /// ```rhai
    /// request.remote_addr //=> "192.0.2.1"
    /// ```
    #[rhai_fn(get = "remote_addr", pure)]
    fn remote_addr(request: &mut Request) -> ImmutableString {
        request.request().remote_addr.to_string().into()
    }

    /// Names this call: the `x-request-id` of its answer, and its place in the list of executions.
    ///
    /// ```rhai
    /// uuid::is_valid(request.id) //=> true
    /// ```
    #[rhai_fn(get = "id", pure)]
    fn id(request: &mut Request) -> ImmutableString {
        request.id.to_string().into()
    }

    /// The parameters of host and path, decoded: for the route `/hello/{name}`, `request.params.name`.
    ///
    /// ```rhai
    /// request.params.name ?? "nobody" //=> "nobody"
    /// ```
    #[rhai_fn(get = "params", pure)]
    fn params(request: &mut Request) -> Map {
        map_of(
            request
                .request()
                .params
                .iter()
                .map(|(name, value)| (&**name, value.as_str())),
        )
    }

    /// The query as a map, decoded. Of a name that stands there more than once this is the first value; see
    /// `query_all`. A name that is missing gives `()`.
    ///
    /// ```rhai
    /// request.query.name ?? "World" //=> "World"
    /// ```
    #[rhai_fn(get = "query", pure, return_raw)]
    fn query(request: &mut Request) -> Fallible<Map> {
        let query = request.request().uri.query().unwrap_or("");
        pay_for(query.len(), 16)?;
        Ok(map_of(form_urlencoded::parse(query.as_bytes())))
    }

    /// All values of a name in the query, in their order.
    ///
    /// ```rhai
    /// request.query_all("tag") //=> []
    /// ```
    #[rhai_fn(pure, return_raw)]
    fn query_all(request: &mut Request, name: &str) -> Fallible<Array> {
        let Some(query) = request.request().uri.query() else {
            return Ok(Array::new());
        };
        pay_for(query.len(), 16)?;
        let pairs = form_urlencoded::parse(query.as_bytes());
        Ok(pairs
            .filter(|(key, _)| key == name)
            .map(|(_, value)| (&*value).into())
            .collect())
    }

    /// The headers: `request.headers["content-type"]`, in any case of letters.
    ///
    /// ```rhai
    /// request.headers["content-type"] ?? "none" //=> "none"
    /// ```
    #[rhai_fn(get = "headers", pure)]
    fn headers(request: &mut Request) -> Headers {
        Headers(request.clone())
    }

    /// The cookies as a map, percent-decoded.
    ///
    /// ```rhai
    /// request.cookies.session //=> ()
    /// ```
    #[rhai_fn(get = "cookies", pure, return_raw)]
    fn cookies(request: &mut Request) -> Fallible<Map> {
        let headers = request.request().headers.get_all(http::header::COOKIE);
        headers.iter().try_for_each(|header| pay_for(header.len(), 16))?;
        let lines: Vec<_> = headers
            .iter()
            .map(|header| String::from_utf8_lossy(header.as_bytes()))
            .collect();
        Ok(map_of(
            lines.iter().flat_map(|line| line.split(';')).filter_map(cookie),
        ))
    }

    /// The user of the app who is signed in, as `users::sign_in` did it; `()` if nobody is.
    ///
    /// ```rhai
    /// request.user ?? "nobody" //=> "nobody"
    /// ```
    #[rhai_fn(get = "user", pure, return_raw)]
    fn user(request: &mut Request) -> Fallible<Dynamic> {
        services::current_user(request.request())
    }

    /// What a script was called with by `script::call`; `()` if it was not called, or with nothing.
    ///
    /// ```rhai
    /// request.argument ?? "nothing" //=> "nothing"
    /// ```
    #[rhai_fn(get = "argument", pure, return_raw)]
    fn argument(request: &mut Request) -> Fallible<Dynamic> {
        match &request.argument {
            Some(argument) => argument.copied(),
            None => Ok(Dynamic::UNIT),
        }
    }

    /// Says that there is no such field.
    ///
    /// ```rhai
    /// request.bdoy //=> error: bdoy
    /// ```
    #[rhai_fn(index_get, pure, return_raw)]
    fn unknown_field(request: &mut Request, name: &str) -> Fallible<Dynamic> {
        const FIELDS: [&str; 18] = [
            "method",
            "url",
            "path",
            "host",
            "scheme",
            "params",
            "query",
            "headers",
            "body",
            "bytes",
            "json()",
            "form()",
            "cookies",
            "remote_addr",
            "id",
            "user",
            "argument",
            "event",
        ];
        let _ = request;
        let suggestion = nearest(name, FIELDS).map_or_else(
            || format!("; it has {}", FIELDS.join(", ")),
            |field| format!("; did you mean `{field}`?"),
        );
        Err(format!("a request has no field `{name}`{suggestion}").into())
    }
}
