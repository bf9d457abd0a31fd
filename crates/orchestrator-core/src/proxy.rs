//! What a trusted proxy says of the client it stands for.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The proxies whose `X-Forwarded-*` headers count; none unless configured.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

/// The client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client<'h> {
    pub(crate) address: IpAddr,
    pub(crate) scheme: &'static str,
    /// The `Host` that the client sent, if a proxy changed it.
    pub(crate) host: Option<&'h str>,
}

impl TrustedProxies {
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client of a request whose peer is a trusted proxy.
    ///
    /// Each proxy adds the address it got the request from at the right. So the list is read from there, and the
    /// first address that is no trusted proxy is the client's: what stands to its left, anybody may have
    /// written. A part that is no address ends the list.
    pub(crate) fn client<'h>(&self, peer: IpAddr, headers: &'h HeaderMap) -> Client<'h> {
        let mut address = peer;
        let values = headers.get_all(X_FORWARDED_FOR);
        let hops = values
            .iter()
            .rev()
            .flat_map(|value| value.to_str().unwrap_or("?").rsplit(','));
        for hop in hops {
            let Some(hop) = parse_hop(hop) else { break };
            address = hop;
            if !self.contains(hop) {
                break;
            }
        }
        let scheme = match last(headers, &X_FORWARDED_PROTO) {
            Some(proto) if proto.eq_ignore_ascii_case("https") => "https",
            _ => "http",
        };
        Client {
            address,
            scheme,
            host: last(headers, &X_FORWARDED_HOST),
        }
    }
}

/// The last part of a header: what the nearest proxy wrote.
fn last<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    let part = value.rsplit(',').next()?.trim();
    (!part.is_empty()).then_some(part)
}

/// An address, with or without port, brackets around a version 6 one.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let address = hop
        .parse::<IpAddr>()
        .ok()
        .or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
        .or_else(|| {
            hop.parse::<std::net::SocketAddr>()
                .ok()
                .map(|address| address.ip())
        })?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &'static str)], expected: (&str, &str, Option<&str>)) {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().expect("a network"));
        let proxies = TrustedProxies::new(networks.to_vec());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, http::HeaderValue::from_static(value));
        }
        let client = proxies.client("10.0.0.1".parse().expect("an address"), &map);
        assert_eq!(
            (client.address.to_string().as_str(), client.scheme, client.host),
            expected,
            "{headers:?}"
        );
    }

    #[test]
    fn the_client_is_the_rightmost_address_that_is_not_trusted() {
        check(&[], ("10.0.0.1", "http", None));
        check(&[("x-forwarded-for", "1.2.3.4")], ("1.2.3.4", "http", None));
        check(
            &[("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.2")],
            ("1.2.3.4", "http", None),
        );
        check(
            &[
                ("x-forwarded-for", "6.6.6.6"),
                ("x-forwarded-for", "1.2.3.4,fd00::1"),
            ],
            ("1.2.3.4", "http", None),
        );
        check(
            &[("x-forwarded-for", "10.0.0.3, 10.0.0.2")],
            ("10.0.0.3", "http", None),
        );
        check(
            &[("x-forwarded-for", "[2001:db8::1]:4711")],
            ("2001:db8::1", "http", None),
        );
        check(&[("x-forwarded-for", "1.2.3.4:4711")], ("1.2.3.4", "http", None));
        check(
            &[("x-forwarded-for", "::ffff:1.2.3.4")],
            ("1.2.3.4", "http", None),
        );
    }

    #[test]
    fn nonsense_is_ignored() {
        check(
            &[("x-forwarded-for", "1.2.3.4, unknown, 10.0.0.2")],
            ("10.0.0.2", "http", None),
        );
        check(&[("x-forwarded-for", "unknown")], ("10.0.0.1", "http", None));
        check(&[("x-forwarded-for", "")], ("10.0.0.1", "http", None));
        check(
            &[("x-forwarded-proto", "gopher"), ("x-forwarded-host", " ")],
            ("10.0.0.1", "http", None),
        );
    }

    #[test]
    fn scheme_and_host_are_what_the_nearest_proxy_wrote() {
        check(
            &[
                ("x-forwarded-proto", "http, HTTPS"),
                ("x-forwarded-host", "evil.example, a.example:8443"),
            ],
            ("10.0.0.1", "https", Some("a.example:8443")),
        );
    }
}
