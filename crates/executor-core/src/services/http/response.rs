//! The answer of another server as scripts see it.

use std::rc::Rc;

use picloud_shared::services::HttpAnswer;
use rhai::{Dynamic, Map, Module, export_module, exported_module};

use crate::{
    api::{Fallible, fail, spend_bytes},
    gate,
};

/// The answer of another server. Cheap to clone.
#[derive(Clone)]
pub(super) struct HttpResponse(Rc<Seen>);

struct Seen {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    url: String,
    redirected: bool,
}

impl HttpResponse {
    /// A copy of `answer` that counts as memory of the run.
    pub(super) fn new(answer: &HttpAnswer) -> Fallible<Self> {
        let headers: usize = answer
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 64)
            .sum();
        gate::reserve(answer.body.len() + headers)?;
        spend_bytes(answer.body.len())?;
        Ok(Self(Rc::new(Seen {
            status: answer.status,
            headers: answer.headers.clone(),
            body: answer.body.to_vec(),
            url: answer.url.clone(),
            redirected: answer.redirected,
        })))
    }
}

/// Makes the type known.
pub(crate) fn register_types(module: &mut Module) {
    module.set_custom_type::<HttpResponse>("HttpResponse");
}

/// What scripts can do with it.
pub(crate) fn method_module() -> Module {
    exported_module!(functions)
}

/// The headers as a map; values of one name are joined.
fn headers_of(response: &HttpResponse) -> Map {
    let mut map = Map::new();
    for (name, value) in &response.0.headers {
        let joined = match map.get(name.as_str()).map(Dynamic::to_string) {
            Some(before) => format!("{before}, {value}"),
            None => value.clone(),
        };
        map.insert(name.as_str().into(), joined.into());
    }
    map
}

fn text_of(response: &HttpResponse) -> Fallible<&str> {
    spend_bytes(response.0.body.len())?;
    std::str::from_utf8(&response.0.body).map_err(|error| {
        let place = error.valid_up_to();
        fail(format!(
            "the body of the answer is not UTF-8 text (byte {place}); read `bytes`"
        ))
    })
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Array, Blob, Dynamic, ImmutableString, Map};

    use crate::{
        api::{Fallible, spend_bytes},
        gate, json,
        services::http::response::{HttpResponse, headers_of, text_of},
    };

    /// The status of an answer.
    ///
    /// ```rhai
    /// http::get("https://api.example.com/").status  //=> 200
    /// ```
    #[rhai_fn(get = "status", pure)]
    fn status(response: &mut HttpResponse) -> i64 {
        i64::from(response.0.status)
    }

    /// Whether the status is one of success, 200 to 299. A failure in what `http::all` gives has `ok` too, which is
    /// false.
    ///
    /// ```rhai
    /// http::get("https://api.example.com/").ok  //=> true
    /// ```
    #[rhai_fn(get = "ok", pure)]
    fn ok(response: &mut HttpResponse) -> bool {
        (200..300).contains(&response.0.status)
    }

    /// The headers of an answer as a map, with names in lower case. Values of one name are joined by a comma; see
    /// `header_values`.
    ///
    /// ```rhai
    /// http::get("https://api.example.com/").headers["content-type"]  //=> "application/json"
    /// ```
    #[rhai_fn(get = "headers", pure)]
    fn headers(response: &mut HttpResponse) -> Map {
        headers_of(response)
    }

    /// All values of a header of an answer, such as its cookies.
    ///
    /// ```rhai
    /// http::get("https://api.example.com/").header_values("Set-Cookie")  //=> []
    /// ```
    #[rhai_fn(pure)]
    fn header_values(response: &mut HttpResponse, name: &str) -> Array {
        let named = response
            .0
            .headers
            .iter()
            .filter(|(found, _)| found.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.clone().into()).collect()
    }

    /// The body of an answer as text. A body that is not UTF-8 is an error; `bytes` has it.
    ///
    /// ```rhai
    /// http::get("https://api.example.com/").body.starts_with("{")  //=> true
    /// ```
    #[rhai_fn(get = "body", pure, return_raw)]
    fn body(response: &mut HttpResponse) -> Fallible<ImmutableString> {
        gate::reserve(response.0.body.len())?;
        Ok(text_of(response)?.into())
    }

    /// The body of an answer as a blob.
    ///
    /// ```rhai
    /// http::get("https://api.example.com/").bytes.len() > 0  //=> true
    /// ```
    #[rhai_fn(get = "bytes", pure, return_raw)]
    fn bytes(response: &mut HttpResponse) -> Fallible<Blob> {
        gate::reserve(response.0.body.len())?;
        spend_bytes(response.0.body.len())?;
        Ok(response.0.body.clone())
    }

    /// The value that the body of an answer has as JSON. It is parsed at each call: keep it in a variable. A body that is
    /// not JSON is an error.
    ///
    /// ```rhai
    /// let answer = http::post("https://api.example.com/", #{name: "Ada"}).json();
    /// answer.method   //=> "POST"
    /// answer.body     //=> "{\"name\":\"Ada\"}"
    /// ```
    #[rhai_fn(pure, return_raw)]
    fn json(response: &mut HttpResponse) -> Fallible<Dynamic> {
        Ok(json::parse_text(text_of(response)?)?)
    }

    /// The URL that answered, after redirects.
    ///
    /// ```rhai
    /// http::get("https://api.example.com/a").url  //=> "https://api.example.com/a"
    /// ```
    #[rhai_fn(get = "url", pure)]
    fn url(response: &mut HttpResponse) -> ImmutableString {
        response.0.url.as_str().into()
    }

    /// Whether there was a redirect.
    ///
    /// ```rhai
    /// http::get("https://api.example.com/").redirected  //=> false
    /// ```
    #[rhai_fn(get = "redirected", pure)]
    fn redirected(response: &mut HttpResponse) -> bool {
        response.0.redirected
    }
}
