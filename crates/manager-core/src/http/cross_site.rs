//! Whether a request comes from a page of another site, in a browser that adds the user's cookie by itself.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header, uri::Authority};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a page of another origin sent this. Another app on a sibling subdomain is another origin too.
///
/// Every browser of the last years sends `Sec-Fetch-Site`, and every browser sends `Origin` with what changes
/// something. What has neither was not sent by a page: `curl`, for instance.
pub(crate) fn is_cross_site(headers: &HeaderMap, uri: &Uri) -> bool {
    let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
    let other_site = site.is_some_and(|site| !matches!(site, b"same-origin" | b"none"));
    let other_origin = headers.get(header::ORIGIN).is_some_and(|origin| {
        let own = own_authority(headers, uri);
        let from = origin.to_str().ok().and_then(authority_of);
        own.is_none() || from != own
    });
    other_site || other_origin
}

/// Whether a request with this method may change something.
pub(crate) fn changes_state(method: &Method) -> bool {
    !method.is_safe()
}

/// Host and port that the client asked for.
fn own_authority(headers: &HeaderMap, uri: &Uri) -> Option<(String, Option<u16>)> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.or_else(|| uri.authority().map(Authority::as_str))
        .and_then(parts)
}

/// Host and port of an origin. The scheme is left aside: behind a proxy that ends TLS it may differ.
fn authority_of(origin: &str) -> Option<(String, Option<u16>)> {
    parts(origin.split_once("://")?.1)
}

/// The ports that a browser leaves out are left out.
fn parts(authority: &str) -> Option<(String, Option<u16>)> {
    let authority: Authority = authority.parse().ok()?;
    let port = authority.port_u16().filter(|port| !matches!(port, 80 | 443));
    Some((authority.host().to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &'static str)], expected: bool) {
        let map: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        assert_eq!(
            is_cross_site(&map, &Uri::from_static("/")),
            expected,
            "{headers:?}"
        );
    }

    #[test]
    fn only_the_own_origin_may_change_something() {
        let host = ("host", "pi.example:8080");
        check(&[host], false);
        check(&[host, ("sec-fetch-site", "same-origin")], false);
        check(&[host, ("sec-fetch-site", "none")], false);
        check(&[host, ("origin", "http://PI.example:8080")], false);
        check(
            &[("host", "pi.example"), ("origin", "https://pi.example:443")],
            false,
        );

        check(&[host, ("sec-fetch-site", "same-site")], true);
        check(&[host, ("sec-fetch-site", "cross-site")], true);
        check(&[host, ("origin", "null")], true);
        check(&[host, ("origin", "http://pi.example")], true);
        check(&[host, ("origin", "http://evil.example:8080")], true);
        check(&[host, ("origin", "http://evil.pi.example:8080")], true);
        check(
            &[
                host,
                ("sec-fetch-site", "same-origin"),
                ("origin", "http://evil.example"),
            ],
            true,
        );
        check(&[("origin", "http://pi.example")], true);
    }
}
