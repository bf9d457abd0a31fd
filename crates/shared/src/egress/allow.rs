//! What an app's list lets its scripts connect to.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use ipnet::IpNet;

use super::is_public;
use crate::host::HostName;

/// Entries that one list may have.
pub const ALLOW_ENTRIES_MAX: usize = 100;

/// What scripts of an app may connect to. Without a list that is every public address; with one, it is what the list
/// names and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowList(Vec<AllowEntry>);

/// An entry of an [`AllowList`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowEntry {
    /// Public addresses of hosts.
    Hosts {
        /// Which.
        hosts: Hosts,
        /// At this port alone.
        port: Option<u16>,
    },
    /// A network, public or not, whatever name a host there is called by.
    Network {
        /// Which.
        network: IpNet,
        /// At this port alone.
        port: Option<u16>,
    },
}

/// Hosts by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// All: `*`.
    All,
    /// This one.
    Named(HostName),
    /// All below it, but not itself: `*.example.com`.
    Below(HostName),
}

/// Why a text is no [`AllowEntry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAllowEntry {
    /// It is neither a host nor a network.
    #[error(
        "an entry is a host (`api.example.com`, `*.example.com`), `*` for every public host, or an address or network \
         (`10.1.2.3`, `10.0.0.0/8`, `[fd00::1]`), each with a port after a colon if it is to be that one alone"
    )]
    Form,
    /// The port is none.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// Its addresses are those of IPv4 in another form.
    #[error("write an address of IPv4 as such: `10.0.0.0/8`, not `::ffff:10.0.0.0/104`")]
    Mapped,
}

impl AllowList {
    /// A list of these entries.
    pub fn new(entries: Vec<AllowEntry>) -> Self {
        Self(entries)
    }

    /// The entries.
    pub fn entries(&self) -> &[AllowEntry] {
        &self.0
    }

    /// Whether it lets scripts reach something that is not public and that `before` does not name.
    pub fn opens_more_than(&self, before: Option<&Self>) -> bool {
        let before = before.map_or(&[][..], Self::entries);
        self.0
            .iter()
            .any(|entry| entry.is_private() && !before.contains(entry))
    }

    /// Whether a host that is called `name` may be connected to at `address`; with `by_port`, only by an entry that names
    /// the port. A name is looked at in the form in which a URL has it, and is empty if that has an address.
    pub fn permits(&self, name: &str, address: SocketAddr, by_port: bool) -> bool {
        let mut entries = self.0.iter().filter(|entry| !by_port || entry.has_port());
        entries.any(|entry| entry.permits(name, address))
    }
}

impl AllowEntry {
    fn permits(&self, name: &str, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        let is_port = |port: &Option<u16>| port.is_none_or(|port| port == address.port());
        match self {
            Self::Hosts { hosts, port } => is_port(port) && is_public(ip) && hosts.have(name),
            Self::Network { network, port } => is_port(port) && network.contains(&ip),
        }
    }

    /// Whether it lets scripts reach what is not public.
    pub fn is_private(&self) -> bool {
        match self {
            Self::Hosts { .. } => false,
            // A single address is as it is. A network would have to lie outside of every one that is not public; those
            // who may open such networks may write it.
            Self::Network { network, .. } => {
                network.prefix_len() != network.max_prefix_len() || !is_public(network.addr())
            }
        }
    }

    /// Whether it names a port.
    fn has_port(&self) -> bool {
        match self {
            Self::Hosts { port, .. } | Self::Network { port, .. } => port.is_some(),
        }
    }
}

impl Hosts {
    fn have(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        match self {
            Self::All => true,
            Self::Named(host) => name == host.as_str(),
            Self::Below(host) => name
                .strip_suffix(host.as_str())
                .and_then(|below| below.strip_suffix('.'))
                .is_some_and(|below| !below.is_empty()),
        }
    }
}

impl FromStr for AllowEntry {
    type Err = InvalidAllowEntry;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(network) = network(text)? {
            return Ok(Self::Network { network, port: None });
        }
        if let Some(rest) = text.strip_prefix('[') {
            let (inside, port) = rest.split_once(']').ok_or(InvalidAllowEntry::Form)?;
            let network = network(inside)?.ok_or(InvalidAllowEntry::Form)?;
            let port = match port {
                "" => None,
                port => Some(port.strip_prefix(':').ok_or(InvalidAllowEntry::Form)?),
            };
            let port = port.map(parse_port).transpose()?;
            return Ok(Self::Network { network, port });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(parse_port(port)?)),
            None => (text, None),
        };
        if let Some(network) = network(host)? {
            return Ok(Self::Network { network, port });
        }
        let hosts = match host.strip_prefix("*.") {
            _ if host == "*" => Hosts::All,
            Some(below) => Hosts::Below(name(below)?),
            None => Hosts::Named(name(host)?),
        };
        Ok(Self::Hosts { hosts, port })
    }
}

impl fmt::Display for AllowEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = match self {
            Self::Hosts { hosts, port } => {
                match hosts {
                    Hosts::All => f.write_str("*"),
                    Hosts::Named(host) => write!(f, "{host}"),
                    Hosts::Below(host) => write!(f, "*.{host}"),
                }?;
                port
            }
            Self::Network { network, port } => {
                let is_one = network.prefix_len() == network.max_prefix_len();
                match (network, is_one) {
                    (IpNet::V4(network), true) => write!(f, "{}", network.addr()),
                    (IpNet::V4(network), false) => write!(f, "{network}"),
                    (IpNet::V6(network), true) => write!(f, "[{}]", network.addr()),
                    (IpNet::V6(network), false) => write!(f, "[{network}]"),
                }?;
                port
            }
        };
        port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// A network or a single address; none if the text is something else.
fn network(text: &str) -> Result<Option<IpNet>, InvalidAllowEntry> {
    let network = match (text.parse::<IpAddr>(), text.parse::<IpNet>()) {
        (Ok(address), _) => IpNet::from(address),
        (_, Ok(network)) => network.trunc(),
        _ => return Ok(None),
    };
    // Addresses are compared in their canonical form, so that these would never be met.
    if network.addr() != network.addr().to_canonical() {
        return Err(InvalidAllowEntry::Mapped);
    }
    Ok(Some(network))
}

fn parse_port(text: &str) -> Result<u16, InvalidAllowEntry> {
    let port = text.parse().ok().filter(|&port| port > 0);
    port.filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or(InvalidAllowEntry::Port)
}

fn name(text: &str) -> Result<HostName, InvalidAllowEntry> {
    let name = HostName::from_name(text).map_err(|_| InvalidAllowEntry::Form)?;
    // A name whose last part begins with a digit is an address in one of its other forms, such as `127.1`.
    let last = name.as_str().rsplit('.').next().unwrap_or_default();
    if last.starts_with(|first: char| first.is_ascii_digit()) || text.starts_with('[') {
        return Err(InvalidAllowEntry::Form);
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(entry: &str, form: Result<&str, InvalidAllowEntry>) {
        let read = entry.parse::<AllowEntry>();
        let shown = read.as_ref().map(ToString::to_string).map_err(|error| *error);
        assert_eq!(shown, form.map(str::to_owned), "{entry}");
        if let Ok(entry) = read {
            assert_eq!(entry.to_string().parse(), Ok(entry));
        }
    }

    #[test]
    fn one_form_for_each_entry() {
        check("*", Ok("*"));
        check("*:8443", Ok("*:8443"));
        check("API.example.com.", Ok("api.example.com"));
        check("*.bücher.example", Ok("*.xn--bcher-kva.example"));
        check("example.com:8080", Ok("example.com:8080"));
        check("10.1.2.3", Ok("10.1.2.3"));
        check("10.1.2.3/8", Ok("10.0.0.0/8"));
        check("10.0.0.0/8:8080", Ok("10.0.0.0/8:8080"));
        check("127.0.0.1:3000", Ok("127.0.0.1:3000"));
        check("fd00::1", Ok("[fd00::1]"));
        check("[fd00::1]:80", Ok("[fd00::1]:80"));
        check("fd00::/8", Ok("[fd00::/8]"));
        check("[fd00::/8]:80", Ok("[fd00::/8]:80"));
    }

    #[test]
    fn other_texts_are_no_entry() {
        use InvalidAllowEntry::{Form, Mapped, Port};
        for (text, why) in [
            ("", Form),
            ("a b", Form),
            ("https://example.com", Port),
            ("example.com/path", Form),
            ("user@example.com", Form),
            ("*example.com", Form),
            ("a.*.example.com", Form),
            ("127.1", Form),
            ("0x7f.1", Form),
            ("2130706433", Form),
            ("example.com:", Port),
            ("example.com:0", Port),
            ("example.com:+80", Port),
            ("example.com:65536", Port),
            ("[fd00::1", Form),
            ("[fd00::1]80", Form),
            ("[example.com]", Form),
            ("::ffff:10.0.0.1", Mapped),
            ("[::ffff:10.0.0.0/104]:80", Mapped),
        ] {
            check(text, Err(why));
        }
    }

    #[test]
    fn a_name_never_opens_what_is_not_public() {
        let list =
            |entries: &[&str]| AllowList::new(entries.iter().map(|entry| entry.parse().unwrap()).collect());
        let permits =
            |list: &AllowList, name: &str, address: &str| list.permits(name, address.parse().unwrap(), false);
        let names = list(&["*.example.com", "example.org:8443"]);
        for (name, address, expected) in [
            ("api.example.com", "1.1.1.1:443", true),
            ("a.b.example.com.", "1.1.1.1:80", true),
            ("example.com", "1.1.1.1:443", false),
            ("badexample.com", "1.1.1.1:443", false),
            ("api.example.com", "10.0.0.1:443", false),
            ("api.example.com", "[::ffff:127.0.0.1]:443", false),
            ("example.org", "1.1.1.1:8443", true),
            ("example.org", "1.1.1.1:443", false),
        ] {
            assert_eq!(permits(&names, name, address), expected, "{name} {address}");
        }
        let networks = list(&["10.0.0.0/8:8080", "*"]);
        for (name, address, expected) in [
            ("intranet", "10.1.2.3:8080", true),
            ("intranet", "[::ffff:10.1.2.3]:8080", true),
            ("10.1.2.3", "10.1.2.3:80", false),
            ("intranet", "11.1.2.3:8080", true),
            ("intranet", "192.168.0.1:8080", false),
            ("example.com", "1.1.1.1:80", true),
        ] {
            assert_eq!(permits(&networks, name, address), expected, "{name} {address}");
        }
        assert!(!permits(&list(&[]), "example.com", "1.1.1.1:80"));
        let mail = "1.1.1.1:25".parse().unwrap();
        for (entries, expected) in [
            (["*"], false),
            (["*:25"], true),
            (["1.1.1.1"], false),
            (["1.1.1.1:25"], true),
        ] {
            assert_eq!(
                list(&entries).permits("example.com", mail, true),
                expected,
                "{entries:?}"
            );
        }
    }

    #[test]
    fn only_networks_open_what_is_not_public() {
        for (entry, expected) in [
            ("*", false),
            ("localhost:3000", false),
            ("1.1.1.1", false),
            ("127.0.0.1:3000", true),
            ("8.0.0.0/6", true),
            ("[fd00::1]", true),
        ] {
            let entry: AllowEntry = entry.parse().unwrap();
            assert_eq!(entry.is_private(), expected, "{entry}");
        }
    }
}
