//! From where the owners of accounts came before.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use picloud_shared::time::Timestamp;

use super::Key;

/// Addresses of all accounts together. Who signed in longest ago goes first.
const KNOWN_MAX: usize = 10_000;
/// How long after the last time an address is known.
const AGE_MAX: Duration = Duration::from_hours(30 * 24);

/// Networks from which somebody signed in, or used a session, as the owner of an account.
#[derive(Default)]
pub(super) struct Known(HashMap<(Key, IpAddr), Timestamp>);

impl Known {
    pub(super) fn contains(&self, account: Key, network: IpAddr, now: Timestamp) -> bool {
        let since = self.0.get(&(account, network));
        since.is_some_and(|since| now < since.plus(AGE_MAX))
    }

    pub(super) fn note(&mut self, account: Key, network: IpAddr, now: Timestamp) {
        let key = (account, network);
        if self.0.len() >= KNOWN_MAX && !self.0.contains_key(&key) {
            let oldest = self.0.iter().min_by_key(|(_, since)| **since);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(key, now);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn is_bounded_and_forgets_the_oldest() {
        let mut known = Known::default();
        let network = |number: usize| IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number).unwrap_or(0)));
        let at = |number: usize| Timestamp::from_micros(i64::try_from(number).unwrap_or(0));
        for number in 0..KNOWN_MAX + 10 {
            known.note([1; 32], network(number), at(number));
        }
        assert_eq!(known.0.len(), KNOWN_MAX);
        let now = at(KNOWN_MAX + 10);
        assert!(!known.contains([1; 32], network(9), now));
        assert!(known.contains([1; 32], network(10), now));
        assert!(!known.contains([2; 32], network(10), now));
    }
}
