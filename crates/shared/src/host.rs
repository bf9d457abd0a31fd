//! Host names in the one form in which they are compared.

use std::{fmt, net::Ipv6Addr};

/// A host name: lower case, ASCII (IDNA), without port and without trailing dot. `127.0.0.1` and `[::1]`
/// are `localhost`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostName(String);

/// The name of this machine itself, and what its addresses `127.0.0.1` and `[::1]` are called here.
pub const LOOPBACK: &str = "localhost";

/// Longest host name in bytes (RFC 1035).
pub const HOST_BYTES_MAX: usize = 253;

/// Why a text is no host name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid host name")]
pub struct InvalidHost;

impl HostName {
    /// Reads a `Host` header or the authority of a URL, with or without port.
    pub fn from_authority(authority: &str) -> Result<Self, InvalidHost> {
        let host = strip_port(authority)?;
        Self::from_name(host)
    }

    /// Reads a host name without port.
    pub fn from_name(host: &str) -> Result<Self, InvalidHost> {
        if let Some(address) = host.strip_prefix('[') {
            return ipv6(address);
        }
        if host.is_empty() || host.len() > HOST_BYTES_MAX * 4 {
            return Err(InvalidHost);
        }
        let ascii =
            idna::domain_to_ascii_cow(host.as_bytes(), idna::AsciiDenyList::URL).map_err(|_| InvalidHost)?;
        let name = ascii.strip_suffix('.').unwrap_or(&ascii);
        if name.len() > HOST_BYTES_MAX || !name.split('.').all(is_label) {
            return Err(InvalidHost);
        }
        Ok(Self(if name == "127.0.0.1" { LOOPBACK } else { name }.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `authority` is already in the form a [`HostName`] has, so that it can be looked up as it is.
/// May say no to a text that is; never says yes to one that is not.
pub fn is_canonical(authority: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    authority.len() <= HOST_BYTES_MAX
        && authority.bytes().all(plain)
        && authority.split('.').all(is_label)
        && !authority.contains("xn--")
        && !authority.ends_with(|last: char| last.is_ascii_digit())
}

fn strip_port(authority: &str) -> Result<&str, InvalidHost> {
    let after_address = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let Some(colon) = authority[after_address..].find(':') else {
        return Ok(authority);
    };
    let (host, port) = authority.split_at(after_address + colon);
    let port = &port[1..];
    let valid =
        port.is_empty() || (port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok());
    if valid { Ok(host) } else { Err(InvalidHost) }
}

fn ipv6(address: &str) -> Result<HostName, InvalidHost> {
    let address: Ipv6Addr = address
        .strip_suffix(']')
        .ok_or(InvalidHost)?
        .parse()
        .map_err(|_| InvalidHost)?;
    Ok(HostName(if address.is_loopback() {
        LOOPBACK.to_owned()
    } else {
        format!("[{address}]")
    }))
}

/// Letters, digits, `-` and `_`, 1 to 63 of them, neither first nor last a `-`. The underscore is not for
/// host names, but home networks have machines called that.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(authority: &str, expected: Option<&str>) {
        let host = HostName::from_authority(authority).ok();
        assert_eq!(host.as_ref().map(HostName::as_str), expected, "{authority}");
        if is_canonical(authority) {
            assert_eq!(expected, Some(authority), "{authority} is not canonical");
        }
    }

    #[test]
    fn one_form_for_every_way_to_write_a_host() {
        check("example.com", Some("example.com"));
        check("EXAMPLE.com.:8443", Some("example.com"));
        check("example.com:", Some("example.com"));
        check("bücher.example", Some("xn--bcher-kva.example"));
        check("BÜCHER.example", Some("xn--bcher-kva.example"));
        check("xn--bcher-kva.example", Some("xn--bcher-kva.example"));
        check("127.0.0.1:8080", Some("localhost"));
        check("[::1]:8080", Some("localhost"));
        check("[0:0::1]", Some("localhost"));
        check("[2001:db8::1]:80", Some("[2001:db8::1]"));
        check("192.168.1.4", Some("192.168.1.4"));
        check("my_pi.local", Some("my_pi.local"));
    }

    #[test]
    fn nonsense_is_refused() {
        let long = format!("{}.com", "a".repeat(64));
        for bad in [
            "",
            ".",
            "..",
            "example.com..",
            "a..b",
            ":80",
            "a b",
            "a/b",
            "a@b",
            "host:port",
            "host:99999",
            "host:1:2",
            "[::1",
            "[x]",
        ]
        .into_iter()
        .chain(["-a.com", "a-.com", "a\0b", "xn--a", long.as_str()])
        {
            check(bad, None);
        }
    }
}
