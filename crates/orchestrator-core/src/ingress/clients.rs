//! How many connections each client has, so that no client has them all.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use crate::proxy::TrustedProxies;

/// So many clients are remembered in any case before those that have left are forgotten.
const REMEMBERED_MIN: usize = 1_024;

/// The connections of all clients that are no trusted proxies. A proxy has those of everybody behind it.
pub(super) struct Clients {
    connections_max: usize,
    proxies: TrustedProxies,
    /// The connections of a client hold its value; so the number of those who hold it is the count.
    known: RefCell<HashMap<IpAddr, Arc<()>>>,
    /// When so many are known, it is time to forget.
    forget_at: Cell<usize>,
}

/// A connection of a client; counted until this value is dropped.
pub(crate) struct Counted {
    _client: Option<Arc<()>>,
}

impl Clients {
    pub(super) fn new(connections_max: usize, proxies: TrustedProxies) -> Self {
        Self {
            connections_max,
            proxies,
            known: RefCell::default(),
            forget_at: Cell::new(REMEMBERED_MIN),
        }
    }

    /// Counts a connection from `peer`, unless it has as many as it may.
    pub(super) fn admit(&self, peer: IpAddr) -> Option<Counted> {
        let peer = peer.to_canonical();
        if self.proxies.contains(peer) {
            return Some(Counted { _client: None });
        }
        let mut known = self.known.borrow_mut();
        if known.len() >= self.forget_at.get() {
            known.retain(|_, client| connections(client) > 0);
            self.forget_at.set((known.len() * 2).max(REMEMBERED_MIN));
        }
        let client = known.entry(client_of(peer)).or_default();
        (connections(client) < self.connections_max).then(|| Counted {
            _client: Some(Arc::clone(client)),
        })
    }
}

fn connections(client: &Arc<()>) -> usize {
    Arc::strong_count(client) - 1
}

/// Whoever has one address of version 6 usually has the whole network of 64 bits.
fn client_of(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(peer) => {
            let [a, b, c, d, ..] = peer.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(clients: &Clients, peer: &str) -> Option<Counted> {
        clients.admit(peer.parse().expect("an address"))
    }

    #[test]
    fn a_client_is_an_address_or_a_network_of_version_6() {
        let clients = Clients::new(1, TrustedProxies::default());
        let _first = admits(&clients, "192.0.2.1").expect("the first");
        assert!(admits(&clients, "192.0.2.1").is_none());
        assert!(admits(&clients, "::ffff:192.0.2.1").is_none());
        assert!(admits(&clients, "192.0.2.2").is_some());
        let sixth = admits(&clients, "2001:db8:0:1::1").expect("the first");
        assert!(admits(&clients, "2001:db8:0:1:ffff::9").is_none());
        assert!(admits(&clients, "2001:db8:0:2::1").is_some());
        drop(sixth);
        assert!(admits(&clients, "2001:db8:0:1:ffff::9").is_some());
    }

    #[test]
    fn clients_that_left_are_forgotten_and_others_are_not() {
        let clients = Clients::new(1, TrustedProxies::default());
        let _stays = admits(&clients, "192.0.2.1").expect("the first");
        for number in 0..100_000_u32 {
            assert!(clients.admit(IpAddr::V4((0x0A00_0000 + number).into())).is_some());
        }
        assert!(clients.known.borrow().len() <= REMEMBERED_MIN);
        assert!(admits(&clients, "192.0.2.1").is_none());
    }
}
