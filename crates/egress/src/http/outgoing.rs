//! What is sent, and what becomes of it at a redirect.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use picloud_shared::services::{HTTP_URL_BYTES_MAX, HttpFailureKind, HttpRequest};
use url::{Origin, Position, Url};

use super::{Fault, fault};

/// Headers that are about the connection, or say how long a body is: those of a script could only be wrong.
const NOT_FOR_SCRIPTS: [HeaderName; 9] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Headers that another server is not told.
const NOT_FOR_OTHERS: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::WWW_AUTHENTICATE];

/// Headers that are about a body.
const ABOUT_BODY: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
];

/// A request that can be sent.
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Outgoing {
    /// What `request` asks for.
    pub(super) fn new(request: &HttpRequest) -> Result<Self, Fault> {
        let method = Method::from_bytes(request.method.as_bytes());
        let method = method
            .ok()
            .filter(|method| *method != Method::CONNECT && *method != Method::TRACE);
        let method = method.ok_or_else(|| invalid("the method is none that can be sent"))?;
        let url =
            Url::parse(&request.url).map_err(|error| invalid(format!("the URL is not valid: {error}")))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let (name, value) = header(name, value)?;
            headers.append(name, value);
        }
        headers
            .entry(header::USER_AGENT)
            .or_insert(HeaderValue::from_static("picloud"));
        headers
            .entry(header::ACCEPT)
            .or_insert(HeaderValue::from_static("*/*"));
        headers
            .entry(header::ACCEPT_ENCODING)
            .or_insert(HeaderValue::from_static("gzip"));
        Ok(Self {
            method,
            url: checked(url)?,
            headers,
            body: request.body.clone(),
        })
    }

    /// Whether sending it twice does what sending it once does.
    pub(super) fn is_safe(&self) -> bool {
        self.method.is_safe()
    }

    /// A copy of it, as it goes over a connection.
    pub(super) fn to_request(&self) -> Result<Request<Full<Bytes>>, Fault> {
        let mut request = Request::new(Full::new(self.body.clone().unwrap_or_default()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.url[Position::BeforePath..Position::AfterQuery]
            .parse()
            .map_err(|_| invalid("the path of the URL cannot be sent; encode it with `url::encode`"))?;
        *request.headers_mut() = self.headers.clone();
        let host = &self.url[Position::BeforeHost..Position::AfterPort];
        let host = HeaderValue::from_str(host).map_err(|_| invalid("the host of the URL cannot be sent"))?;
        request.headers_mut().insert(header::HOST, host);
        let has_body_by_nature = [Method::POST, Method::PUT, Method::PATCH].contains(&self.method);
        if self.body.is_none() && has_body_by_nature {
            request
                .headers_mut()
                .insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Ok(request)
    }

    /// What an answer with this status and these headers leads to; none if it leads nowhere.
    pub(super) fn redirect(&self, status: StatusCode, headers: &HeaderMap) -> Option<Result<Self, Fault>> {
        let keeps_method = match status {
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method != Method::POST,
            StatusCode::SEE_OTHER => self.method == Method::HEAD || self.method == Method::GET,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
            _ => return None,
        };
        let location = headers.get(header::LOCATION)?;
        Some(self.redirected(location, keeps_method))
    }

    fn redirected(&self, location: &HeaderValue, keeps_method: bool) -> Result<Self, Fault> {
        let leads_nowhere = |why: String| {
            let message = format!("a redirect leads nowhere: {why}");
            fault(HttpFailureKind::Redirects, message)
        };
        let text = String::from_utf8_lossy(location.as_bytes());
        let url = self
            .url
            .join(&text)
            .map_err(|error| leads_nowhere(error.to_string()))?;
        let url = checked(url).map_err(|fault| leads_nowhere(fault.message))?;
        let mut headers = self.headers.clone();
        if !is_same_origin(&self.url, &url) {
            remove(&mut headers, &NOT_FOR_OTHERS);
        }
        if !keeps_method {
            remove(&mut headers, &ABOUT_BODY);
        }
        Ok(Self {
            method: if keeps_method {
                self.method.clone()
            } else {
                Method::GET
            },
            url,
            headers,
            body: self.body.clone().filter(|_| keeps_method),
        })
    }
}

fn remove(headers: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        headers.remove(name);
    }
}

fn is_same_origin(left: &Url, right: &Url) -> bool {
    let (left, right) = (left.origin(), right.origin());
    matches!(left, Origin::Tuple(..)) && left == right
}

/// `url`, if it is one that a request can go to.
fn checked(url: Url) -> Result<Url, Fault> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("a URL begins with http:// or https://"));
    }
    if url.as_str().len() > HTTP_URL_BYTES_MAX {
        return Err(invalid(format!("a URL has at most {HTTP_URL_BYTES_MAX} bytes")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(
            "a URL has no name and password here; send the header `authorization` instead",
        ));
    }
    Ok(url)
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Fault> {
    let wrong = |what: &str| invalid(format!("the header `{}` {what}", name.escape_debug()));
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("has no valid name"))?;
    if NOT_FOR_SCRIPTS.contains(&parsed)
        || parsed.as_str() == "keep-alive"
        || parsed.as_str() == "proxy-connection"
    {
        return Err(wrong("is set by PiCloud alone"));
    }
    let value = HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| wrong("has a line break or another control character in its value"))?;
    Ok((parsed, value))
}

fn invalid(message: impl Into<String>) -> Fault {
    fault(HttpFailureKind::Invalid, message)
}
