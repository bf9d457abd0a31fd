//! `url::…`

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rhai::{Dynamic, Module, export_module, exported_module};

use super::{argument::Fallible, bounded::BoundedText};

/// The module as scripts see it.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// Everything but letters, digits, `-`, `.`, `_` and `~` (RFC 3986, "unreserved").
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// `text` as it may stand for one segment of a path or one value of a query.
pub(super) fn encoded(text: &str) -> Fallible<String> {
    let mut encoded = BoundedText::with_capacity(text.len())?;
    utf8_percent_encode(text, RESERVED).try_for_each(|piece| encoded.push(piece))?;
    Ok(encoded.finish())
}

fn text_or_unit(text: Option<&str>) -> Dynamic {
    text.map_or(Dynamic::UNIT, Into::into)
}

/// Addresses, and text within them.
#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use percent_encoding::percent_decode_str;
    use rhai::{Dynamic, Map, NativeCallContext};
    use url::Url;

    use super::text_or_unit;
    use crate::{
        api::{
            argument::{Fallible, fail, spend_bytes, utf8},
            form,
        },
        error::at_call,
    };

    /// Writes text so that it can stand for one segment of a path or one value of a query.
    ///
    /// ```rhai
    /// url::encode("a/b c&d")  //=> "a%2Fb%20c%26d"
    /// ```
    #[rhai_fn(return_raw)]
    fn encode(ctx: NativeCallContext, text: &str) -> Fallible<String> {
        at_call(&ctx, || super::encoded(text))
    }

    /// Reads text in which `%` and two hexadecimal digits stand for a byte. A `+` stays as it is; for forms
    /// and queries use `form::parse`. Bytes that are not UTF-8 are an error.
    ///
    /// ```rhai
    /// url::decode("a%2Fb%20c")  //=> "a/b c"
    /// url::decode("%ff")        //=> error: not UTF-8
    /// ```
    #[rhai_fn(return_raw)]
    fn decode(ctx: NativeCallContext, text: &str) -> Fallible<String> {
        at_call(&ctx, || {
            spend_bytes(text.len())?;
            utf8("url::decode", percent_decode_str(text).collect())
        })
    }

    /// Takes an absolute URL apart: `scheme`, `username`, `password`, `host`, `port`, `path`, `query` (a map, as
    /// from `form::parse`) and `fragment`. What is absent is `()`; the path stays encoded; the port is `()` also
    /// if it is the usual one. Text that is no URL is an error.
    ///
    /// ```rhai
    /// let address = url::parse("https://Example.com:8443/a%20b?q=x+y#top");
    /// address.host      //=> "example.com"
    /// address.port      //=> 8443
    /// address.path      //=> "/a%20b"
    /// address.query.q   //=> "x y"
    /// address.fragment  //=> "top"
    /// url::parse("/a")  //=> error: relative URL without a base
    /// ```
    #[rhai_fn(return_raw)]
    fn parse(ctx: NativeCallContext, text: &str) -> Fallible<Map> {
        at_call(&ctx, || {
            spend_bytes(text.len())?;
            let url = Url::parse(text).map_err(|error| fail(format!("url::parse: {error}")))?;
            let username = Some(url.username()).filter(|name| !name.is_empty());
            let query = form::fields(url.query().unwrap_or_default().as_bytes())?;
            Ok(Map::from([
                ("scheme".into(), url.scheme().into()),
                ("username".into(), text_or_unit(username)),
                ("password".into(), text_or_unit(url.password())),
                ("host".into(), text_or_unit(url.host_str())),
                (
                    "port".into(),
                    url.port().map_or(Dynamic::UNIT, |port| i64::from(port).into()),
                ),
                ("path".into(), url.path().into()),
                ("query".into(), query.into()),
                ("fragment".into(), text_or_unit(url.fragment())),
            ]))
        })
    }

    /// Puts a URL together from the parts that `url::parse` gives. `scheme` and `host` are needed; `query` may be
    /// a map or text that is encoded already.
    ///
    /// ```rhai
    /// url::build(#{scheme: "https", host: "example.com", path: "/search", query: #{q: "a b"}})
    /// //=> "https://example.com/search?q=a+b"
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn build(ctx: NativeCallContext, parts: &mut Map) -> Fallible<String> {
        at_call(&ctx, || {
            let wrong = |name: &str| fail(format!("url::build: `{name}` is missing or not valid"));
            let text_of = |name: &str| match parts.get(name) {
                Some(value) if !value.is_unit() => form::scalar("url::build", value).map(Some),
                _ => Ok(None),
            };
            let scheme = text_of("scheme")?.ok_or_else(|| wrong("scheme"))?;
            let host = text_of("host")?.ok_or_else(|| wrong("host"))?;
            if !scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            {
                return Err(wrong("scheme"));
            }
            if host.contains(['/', '?', '#', '@', '\\']) {
                return Err(wrong("host"));
            }
            let mut url = Url::parse(&format!("{scheme}://{host}")).map_err(|_| wrong("host"))?;
            if let Some(username) = text_of("username")? {
                url.set_username(&username).map_err(|()| wrong("username"))?;
            }
            if let Some(password) = text_of("password")? {
                url.set_password(Some(&password))
                    .map_err(|()| wrong("password"))?;
            }
            if let Some(port) = text_of("port")? {
                let port = port.parse().map_err(|_| wrong("port"))?;
                url.set_port(Some(port)).map_err(|()| wrong("port"))?;
            }
            if let Some(path) = text_of("path")? {
                spend_bytes(path.len())?;
                url.set_path(&path);
            }
            match parts.get("query").map(|query| (query.as_map_ref(), query)) {
                Some((Ok(fields), _)) if fields.is_empty() => {}
                Some((Ok(fields), _)) => url.set_query(Some(&form::encode("url::build", &fields)?)),
                Some((Err(_), _)) => url.set_query(text_of("query")?.as_deref()),
                None => {}
            }
            url.set_fragment(text_of("fragment")?.as_deref());
            Ok(url.into())
        })
    }

    /// Resolves a reference, such as that of a link, against the absolute URL that it stands on.
    ///
    /// ```rhai
    /// url::join("https://example.com/a/b?x=1", "../c")  //=> "https://example.com/c"
    /// ```
    #[rhai_fn(return_raw)]
    fn join(ctx: NativeCallContext, base: &str, reference: &str) -> Fallible<String> {
        at_call(&ctx, || {
            spend_bytes(base.len() + reference.len())?;
            let base = Url::parse(base).map_err(|error| fail(format!("url::join: {error}")))?;
            let joined = base
                .join(reference)
                .map_err(|error| fail(format!("url::join: {error}")))?;
            Ok(joined.into())
        })
    }
}
