//! The functions.

use rhai::{Module, export_module, exported_module};

/// The module as scripts see it.
pub(crate) fn module() -> Module {
    exported_module!(functions)
}

/// Requests to other servers, over HTTP and HTTPS.
///
/// A request has at most 30 seconds, 10 unless `timeout_ms` says otherwise, and never more than its run; its answer has at
/// most 8 MiB, 2 unless `max_bytes` says otherwise. Up to 5 redirects are followed. A run makes at most 50 requests.
///
/// Options are `headers`, `query` (maps), `timeout_ms`, `max_bytes` and `redirects` (0 to 5), and for what is sent `body`
/// (text or a blob), `json` or `form`.
///
/// What has no answer throws a map with `kind`, `message` and `url`. The kinds are `invalid`, `blocked`, `dns`, `connect`,
/// `tls`, `timeout`, `too_large`, `redirects`, `protocol` and `busy`. An answer with a status of failure, such as 404, is
/// an answer.
///
/// Only public addresses can be reached, unless a list of the app says otherwise. A run that has sent anything but GET,
/// HEAD and OPTIONS is not repeated after a conflict; see the module `transaction`.
#[export_module(export_all)]
mod functions {
    use picloud_shared::services::Service;
    use rhai::{Array, Dynamic, Map, NativeCallContext};

    use crate::{
        api::Fallible,
        error::at_call,
        services::{
            http::{self, draft::Draft, response::HttpResponse},
            session::call,
        },
    };

    /// Gets what is at a URL.
    ///
    /// ```rhai
    /// let answer = http::get("https://api.example.com/weather");
    /// answer.status         //=> 200
    /// answer.json().method  //=> "GET"
    /// http::get("https://unknown.example.com/")  //=> error: `unknown.example.com` has no address (`dns`)
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn get(ctx: NativeCallContext, url: &str) -> Fallible<HttpResponse> {
        at_call(&ctx, || http::send(&Draft::new("http::get", "GET", url)?))
    }

    /// Gets what is at a URL, with options.
    ///
    /// ```rhai
    /// let options = #{query: #{city: "Rome"}, headers: #{accept: "application/json"}, timeout_ms: 2000};
    /// http::get("https://api.example.com/weather", options).url  //=> "https://api.example.com/weather?city=Rome"
    /// http::get("https://api.example.com/", #{timeout: 1})       //=> error: there is no option `timeout`
    /// ```
    #[rhai_fn(name = "get", return_raw, volatile)]
    fn get_with(ctx: NativeCallContext, url: &str, options: Map) -> Fallible<HttpResponse> {
        at_call(&ctx, || {
            http::send(&Draft::new("http::get", "GET", url)?.with_options(&options)?)
        })
    }

    /// Asks for the headers of what is at a URL.
    ///
    /// ```rhai
    /// http::head("https://api.example.com/").status  //=> 200
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn head(ctx: NativeCallContext, url: &str) -> Fallible<HttpResponse> {
        at_call(&ctx, || http::send(&Draft::new("http::head", "HEAD", url)?))
    }

    /// Asks for the headers of what is at a URL, with options.
    ///
    /// ```rhai
    /// http::head("https://api.example.com/", #{redirects: 0}).status  //=> 200
    /// ```
    #[rhai_fn(name = "head", return_raw, volatile)]
    fn head_with(ctx: NativeCallContext, url: &str, options: Map) -> Fallible<HttpResponse> {
        at_call(&ctx, || {
            http::send(&Draft::new("http::head", "HEAD", url)?.with_options(&options)?)
        })
    }

    /// Sends a body to a URL: text, a blob, or a map or an array, which goes as JSON.
    ///
    /// ```rhai
    /// http::post("https://api.example.com/users", #{name: "Ada"}).json().body  //=> "{\"name\":\"Ada\"}"
    /// http::post("https://api.example.com/users", 1)                           //=> error: a body is a string
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn post(ctx: NativeCallContext, url: &str, body: Dynamic) -> Fallible<HttpResponse> {
        at_call(&ctx, || {
            http::send(&Draft::new("http::post", "POST", url)?.with_body(&body)?)
        })
    }

    /// Sends a body to a URL, with options.
    ///
    /// ```rhai
    /// let options = #{headers: #{"content-type": "text/csv"}};
    /// http::post("https://api.example.com/import", "a,b", options).json().headers["content-type"]  //=> "text/csv"
    /// ```
    #[rhai_fn(name = "post", return_raw, volatile)]
    fn post_with(ctx: NativeCallContext, url: &str, body: Dynamic, options: Map) -> Fallible<HttpResponse> {
        at_call(&ctx, || {
            http::send(
                &Draft::new("http::post", "POST", url)?
                    .with_body(&body)?
                    .with_options(&options)?,
            )
        })
    }

    /// Puts a body to a URL.
    ///
    /// ```rhai
    /// http::put("https://api.example.com/users/1", #{name: "Ada"}).json().method  //=> "PUT"
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn put(ctx: NativeCallContext, url: &str, body: Dynamic) -> Fallible<HttpResponse> {
        at_call(&ctx, || {
            http::send(&Draft::new("http::put", "PUT", url)?.with_body(&body)?)
        })
    }

    /// Puts a body to a URL, with options.
    ///
    /// ```rhai
    /// http::put("https://api.example.com/a", "text", #{timeout_ms: 2000}).json().body  //=> "text"
    /// ```
    #[rhai_fn(name = "put", return_raw, volatile)]
    fn put_with(ctx: NativeCallContext, url: &str, body: Dynamic, options: Map) -> Fallible<HttpResponse> {
        at_call(&ctx, || {
            http::send(
                &Draft::new("http::put", "PUT", url)?
                    .with_body(&body)?
                    .with_options(&options)?,
            )
        })
    }

    /// Sends a change of what is at a URL.
    ///
    /// ```rhai
    /// http::patch("https://api.example.com/users/1", #{name: "Ada"}).json().method  //=> "PATCH"
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn patch(ctx: NativeCallContext, url: &str, body: Dynamic) -> Fallible<HttpResponse> {
        at_call(&ctx, || {
            http::send(&Draft::new("http::patch", "PATCH", url)?.with_body(&body)?)
        })
    }

    /// Sends a change of what is at a URL, with options.
    ///
    /// ```rhai
    /// http::patch("https://api.example.com/a", "text", #{timeout_ms: 2000}).json().body  //=> "text"
    /// ```
    #[rhai_fn(name = "patch", return_raw, volatile)]
    fn patch_with(ctx: NativeCallContext, url: &str, body: Dynamic, options: Map) -> Fallible<HttpResponse> {
        at_call(&ctx, || {
            http::send(
                &Draft::new("http::patch", "PATCH", url)?
                    .with_body(&body)?
                    .with_options(&options)?,
            )
        })
    }

    /// Deletes what is at a URL.
    ///
    /// ```rhai
    /// http::delete("https://api.example.com/users/1").json().method  //=> "DELETE"
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn delete(ctx: NativeCallContext, url: &str) -> Fallible<HttpResponse> {
        at_call(&ctx, || http::send(&Draft::new("http::delete", "DELETE", url)?))
    }

    /// Deletes what is at a URL, with options.
    ///
    /// ```rhai
    /// let options = #{headers: #{authorization: "Bearer x"}};
    /// http::delete("https://api.example.com/users/1", options).json().headers.authorization  //=> "Bearer x"
    /// ```
    #[rhai_fn(name = "delete", return_raw, volatile)]
    fn delete_with(ctx: NativeCallContext, url: &str, options: Map) -> Fallible<HttpResponse> {
        at_call(&ctx, || {
            http::send(&Draft::new("http::delete", "DELETE", url)?.with_options(&options)?)
        })
    }

    /// Makes the request in a map: `url`, `method` if it is not GET, and options.
    ///
    /// ```rhai
    /// let request = #{method: "POST", url: "https://api.example.com/", form: #{name: "Ada"}};
    /// http::request(request).json().body  //=> "name=Ada"
    /// http::request(#{})                  //=> error: the request has no `url`
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn request(ctx: NativeCallContext, request: Map) -> Fallible<HttpResponse> {
        at_call(&ctx, || http::send(&Draft::of_map("http::request", &request)?))
    }

    /// Makes up to 10 requests at one time, each a URL or a map as for `http::request`. Gives their answers in the same
    /// order. One that has none is not thrown: in its place stands the map with `kind`, `message` and `url`, and with `ok`,
    /// which is false.
    ///
    /// ```rhai
    /// let answers = http::all(["https://api.example.com/", "https://unknown.example.com/"]);
    /// answers.map(|answer| answer.ok)  //=> [true, false]
    /// answers[1].kind                  //=> "dns"
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn all(ctx: NativeCallContext, requests: Array) -> Fallible<Array> {
        at_call(&ctx, || {
            let drafts = requests
                .iter()
                .map(|request| Draft::of_value("http::all", request));
            let drafts = drafts.collect::<Fallible<Vec<_>>>()?;
            call(Service::Http, |session| http::all(session, &drafts))
        })
    }
}
