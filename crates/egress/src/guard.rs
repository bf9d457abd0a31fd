//! Where a connection may go. What is decided here is an address, and the connection is opened to that very address:
//! nobody asks for the name a second time.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
};

use picloud_shared::{
    egress::{AllowList, is_public},
    mail::MailHost,
    services::HttpFailureKind,
};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};
use url::{Host, Url};

use crate::{
    apps::App,
    http::{Fault, fault},
    resolve::{LOOKUP_TURN_TIMEOUT, Resolve},
};

/// Addresses of one name that are looked at.
const ADDRESSES_MAX: usize = 32;

/// Ports of services that would take a request for something else (the Fetch standard's list of bad ports).
const PORTS_OF_OTHERS: [u16; 83] = [
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103,
    104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514,
    515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723,
    2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

/// Whose mail server it is.
#[derive(Clone, Copy)]
pub(crate) enum MailReach {
    /// That of the instance.
    OfInstance,
    /// That of the app.
    OfApp,
}

/// Decides where connections go.
pub(crate) struct Guard {
    resolver: Arc<dyn Resolve>,
    listeners: Vec<SocketAddr>,
}

impl Guard {
    pub(crate) fn new(resolver: Arc<dyn Resolve>, listeners: Vec<SocketAddr>) -> Self {
        Self { resolver, listeners }
    }

    /// The addresses to connect to for `url`, by what the list of `app` permits. If one of them is not permitted, none is.
    pub(crate) async fn addresses(&self, app: &App, url: &Url) -> Result<Vec<SocketAddr>, Fault> {
        let port = url.port_or_known_default().unwrap_or_default();
        let (name, mut addresses) = match url.host() {
            Some(Host::Domain(name)) => (name, self.resolve(app, name, port).await?),
            Some(Host::Ipv4(address)) => ("", vec![SocketAddr::new(IpAddr::V4(address), port)]),
            Some(Host::Ipv6(address)) => ("", vec![SocketAddr::new(IpAddr::V6(address), port)]),
            None => return Err(fault(HttpFailureKind::Invalid, "the URL has no host")),
        };
        for address in &mut addresses {
            // The form in which it is looked at is the one in which it is connected to.
            address.set_ip(address.ip().to_canonical());
            self.check(app.allow.as_ref(), name, *address)?;
        }
        Ok(addresses)
    }

    /// The addresses of a mail server. One that an app has named itself is public, or on its list, whatever else is there:
    /// scripts do not choose it. With `reach` of the instance it may be anywhere but here.
    pub(crate) async fn mail_addresses(
        &self,
        app: &App,
        reach: MailReach,
        host: &MailHost,
        port: u16,
    ) -> Result<Vec<SocketAddr>, Fault> {
        let (name, addresses) = self.of_host(app, host, port).await?;
        let blocked = |why: &str| Err(fault(HttpFailureKind::Blocked, why));
        for address in &addresses {
            if self.is_own(*address) {
                return blocked("the mail server that is set is this server itself");
            }
            if matches!(reach, MailReach::OfInstance) {
                continue;
            }
            let is_listed = is_listed(app, name, *address);
            if !is_public(address.ip()) && !is_listed {
                return blocked(
                    "the mail server of the app is at an address that is not public, and the app's list does not allow it \
                     (see `egress` in the app's settings)",
                );
            }
        }
        Ok(addresses)
    }

    /// The addresses of a broker that an app has named: public ones, or some on its list, as with its mail server.
    pub(crate) async fn broker_addresses(
        &self,
        app: &App,
        host: &MailHost,
        port: u16,
    ) -> Result<Vec<SocketAddr>, Fault> {
        let (name, addresses) = self.of_host(app, host, port).await?;
        let blocked = |why: &str| Err(fault(HttpFailureKind::Blocked, why));
        for address in &addresses {
            if self.is_own(*address) {
                return blocked("the broker that is set is this server itself");
            }
            let is_listed = is_listed(app, name, *address);
            if !is_public(address.ip()) && !is_listed {
                return blocked(
                    "the broker is at an address that is not public, and the app's list does not allow it (see `egress` \
                     in the app's settings)",
                );
            }
        }
        Ok(addresses)
    }

    /// The name and the addresses of a host that is named without a URL, in the form in which they are looked at and
    /// connected to.
    async fn of_host<'h>(
        &self,
        app: &App,
        host: &'h MailHost,
        port: u16,
    ) -> Result<(&'h str, Vec<SocketAddr>), Fault> {
        let (name, mut addresses) = match host {
            MailHost::Name(name) => (name.as_str(), self.resolve(app, name.as_str(), port).await?),
            MailHost::Address(address) => ("", vec![SocketAddr::new(*address, port)]),
        };
        for address in &mut addresses {
            address.set_ip(address.ip().to_canonical());
        }
        Ok((name, addresses))
    }

    async fn resolve(&self, app: &App, name: &str, port: u16) -> Result<Vec<SocketAddr>, Fault> {
        let Ok(turn) = timeout(LOOKUP_TURN_TIMEOUT, Arc::clone(&app.lookups).acquire_owned()).await else {
            return Err(fault(
                HttpFailureKind::Busy,
                format!(
                    "`{name}` was not looked up: the app looks up as many names already as it may at one time, and none of \
                     them has an answer; try again later"
                ),
            ));
        };
        // Nobody closes them, so it has a place now.
        let found = self.look_up(turn.ok(), name, port).await;
        let mut addresses = found.map_err(|error| {
            tracing::debug!(%error, "a name was not found");
            if error.kind() == io::ErrorKind::ResourceBusy {
                return fault(
                    HttpFailureKind::Busy,
                    format!(
                        "`{name}` was not looked up: the server looks up as many names already as it may at one time, and \
                         none of them has an answer; try again later"
                    ),
                );
            }
            fault(HttpFailureKind::Dns, format!("`{name}` has no address"))
        })?;
        if addresses.is_empty() {
            return Err(fault(HttpFailureKind::Dns, format!("`{name}` has no address")));
        }
        addresses.truncate(ADDRESSES_MAX);
        Ok(addresses)
    }

    /// Asks for the addresses of a name. The place goes with the question: whoever asked may be gone long before there is
    /// an answer.
    async fn look_up(
        &self,
        place: Option<OwnedSemaphorePermit>,
        name: &str,
        port: u16,
    ) -> io::Result<Vec<SocketAddr>> {
        let (resolver, name) = (Arc::clone(&self.resolver), name.to_owned());
        let question = tokio::spawn(async move {
            let _place = place;
            resolver.resolve(&name, port).await
        });
        question
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    fn check(&self, allow: Option<&AllowList>, name: &str, address: SocketAddr) -> Result<(), Fault> {
        let blocked = |why: &str| Err(fault(HttpFailureKind::Blocked, why));
        if self.is_own(address) {
            return blocked("the URL leads to this server itself; use `import` or share what both need");
        }
        match allow {
            None if !is_public(address.ip()) => blocked(
                "the URL leads to an address that is not public, and the app has no list that allows it (see \
                 `egress` in the app's settings)",
            ),
            None if is_port_of_others(address.port()) => blocked(
                "the port is that of a service that does not speak HTTP; the app's list can allow it (see `egress` in \
                 the app's settings)",
            ),
            Some(allow) if !allow.permits(name, address, is_port_of_others(address.port())) => blocked(
                "the app's list does not allow this host and port (see `egress` in the app's settings)",
            ),
            None | Some(_) => Ok(()),
        }
    }

    /// Whether this server listens there.
    fn is_own(&self, address: SocketAddr) -> bool {
        let with_port = self
            .listeners
            .iter()
            .filter(|listener| listener.port() == address.port());
        with_port.into_iter().any(|listener| {
            let ip = listener.ip().to_canonical();
            ip == address.ip()
                || ip.is_unspecified() && is_of_this_machine(address)
                || ip.is_loopback() && means_this_machine(address.ip())
        })
    }
}

/// Whether the list of `app` has that address of a mail server or a broker.
fn is_listed(app: &App, name: &str, address: SocketAddr) -> bool {
    let allow = app.allow.as_ref();
    allow.is_some_and(|allow| allow.permits(name, address, false))
}

/// Whether whoever connects there is led to loopback: to no address, or to one of those that are kept for that.
fn means_this_machine(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.octets()[0] == 0,
        IpAddr::V6(ip) => ip.is_unspecified(),
    }
}

fn is_port_of_others(port: u16) -> bool {
    PORTS_OF_OTHERS.binary_search(&port).is_ok()
}

/// Whether an address is one of this machine: what is sent there would come from that same address. Nothing is sent to
/// find out.
fn is_of_this_machine(address: SocketAddr) -> bool {
    if address.ip().is_loopback() || address.ip().is_unspecified() {
        return true;
    }
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0; 16], 0).into(),
    };
    let source = UdpSocket::bind(any).and_then(|socket| {
        socket.connect(address)?;
        socket.local_addr()
    });
    source.is_ok_and(|source| source.ip() == address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_in_order() {
        assert!(PORTS_OF_OTHERS.is_sorted());
        assert!(is_port_of_others(25) && !is_port_of_others(443));
    }

    #[test]
    fn this_machine_knows_its_addresses() {
        for (address, expected) in [("127.8.9.1:80", true), ("[::1]:80", true), ("0.0.0.0:1", true)] {
            assert_eq!(
                is_of_this_machine(address.parse().unwrap()),
                expected,
                "{address}"
            );
        }
        assert!(!is_of_this_machine("192.0.2.1:80".parse().unwrap()));
    }
}
