//! Slows down whoever guesses passwords or codes, and nobody else.
//!
//! Five failures are free; from then on each next try must wait, 1 s at first and twice as long after every failure, up
//! to 15 min. What is counted together:
//!
//! - at sign-in, all tries for an account, whether it exists or not, from addresses that are not [known] for it;
//! - at sign-in from a known address, those for this account from there: what strangers do elsewhere, however long, holds
//!   up nobody who comes from where they signed in before;
//! - of people who are signed in and prove who they are once more, those of their session: whoever knows but a name holds
//!   up none of its changes, and whoever stole a session guesses no faster.
//!
//! Beside that, there are 20 failures a minute per client address, of PiCloud's own accounts together and of the users of
//! each app apart: no app holds up who asks another. An attempt counts as failed until it is known to have
//! succeeded, so that many at once gain nothing. All of it is in memory and bounded; nothing ticks.

mod known;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use picloud_shared::{
    id::{AppId, SessionId},
    time::Timestamp,
};
use sha2::{Digest as _, Sha256};

use known::Known;

const FREE_FAILURES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// After so long without a try, one starts afresh. Long, because it bounds the guesses per day.
const MEMORY: Duration = Duration::from_hours(24);
const FAILURES_PER_ADDRESS_MAX: u32 = 20;
const ADDRESS_WINDOW: Duration = Duration::from_mins(1);
const GUESSED_MAX: usize = 10_000;
const ADDRESSES_MAX: usize = 10_000;

/// Counts failures.
#[derive(Default)]
pub(crate) struct Throttle {
    guessed: Mutex<HashMap<Key, Failures>>,
    addresses: Mutex<HashMap<Place, Failures>>,
    known: Mutex<Known>,
}

/// Whom a try is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who<'a> {
    /// No account in particular.
    Nobody,
    /// The account of this name, if there is one.
    Account(&'a str),
    /// The user of an app who is called so, if there is one.
    User(AppId, &'a str),
    /// Somebody who is signed in.
    Session(SessionId),
}

/// Where failures are counted together: the network of a client, and the app whose users are asked for, if it is one's.
type Place = (Option<AppId>, IpAddr);

/// A hash of what is counted together, so that long names cost no memory.
type Key = [u8; 32];

/// One try, which counts as failed unless it is told otherwise.
pub(crate) struct Attempt<'a> {
    throttle: &'a Throttle,
    counted: Option<Counted>,
    /// Of a sign-in, what becomes known by its success.
    sign_in: Option<SignInFrom>,
    /// Whose failures are counted by address.
    place: Option<Place>,
    at: Timestamp,
}

/// What an attempt counted as.
struct Counted {
    key: Key,
    before: Option<Failures>,
    now: Failures,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct SignInFrom {
    account: Key,
    network: IpAddr,
    known: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Failures {
    count: u32,
    /// Of what is guessed, the last failure; of an address, the beginning of its window.
    since: Timestamp,
}

impl Throttle {
    /// Begins a try. The error is how long to wait.
    pub(crate) fn begin(
        &self,
        who: Who<'_>,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Attempt<'_>, Duration> {
        let network = network(address);
        let account = match who {
            Who::Account(name) => Some(key_of_account(name)),
            Who::User(app, name) => Some(key_of_user(app, name)),
            Who::Nobody | Who::Session(_) => None,
        };
        let sign_in = account.map(|account| SignInFrom {
            account,
            network,
            known: lock(&self.known).contains(account, network, now),
        });
        let key = match who {
            Who::Nobody => None,
            Who::Session(session) => Some(key(&[b"session", session.0.as_bytes()])),
            Who::Account(_) | Who::User(..) => sign_in.map(SignInFrom::key),
        };
        // A session is slowed down by itself, wherever it is used.
        let place = match who {
            Who::Session(_) => None,
            Who::User(app, _) => Some((Some(app), network)),
            Who::Nobody | Who::Account(_) => Some((None, network)),
        };

        let (mut guessed, mut addresses) = (lock(&self.guessed), lock(&self.addresses));
        let before = key.and_then(|key| guessed.get(&key)).copied();
        let before = before.filter(|failures| now < failures.since.plus(MEMORY));
        let window = place.and_then(|place| addresses.get(&place)).copied();
        let window = window.filter(|failures| now < failures.since.plus(ADDRESS_WINDOW));
        let free_at = [
            before.map(|failures| failures.since.plus(wait_after(failures.count))),
            window
                .filter(|failures| failures.count >= FAILURES_PER_ADDRESS_MAX)
                .map(|failures| failures.since.plus(ADDRESS_WINDOW)),
        ];
        let free_at = free_at.into_iter().flatten().max();
        if let Some(free_at) = free_at.filter(|free_at| now < *free_at) {
            let micros = u64::try_from(free_at.as_micros() - now.as_micros()).unwrap_or(0);
            return Err(Duration::from_micros(micros));
        }

        let counted = key.map(|key| {
            make_room(&mut guessed, &key, GUESSED_MAX);
            let count = before.map_or(0, |failures| failures.count) + 1;
            let now = Failures { count, since: now };
            guessed.insert(key, now);
            Counted { key, before, now }
        });
        if let Some(place) = place {
            make_room(&mut addresses, &place, ADDRESSES_MAX);
            let window = window.unwrap_or(Failures { count: 0, since: now });
            let count = window.count + 1;
            addresses.insert(place, Failures { count, ..window });
        }
        Ok(Attempt {
            throttle: self,
            counted,
            sign_in,
            place,
            at: now,
        })
    }

    /// Notes that the owner of the account `name` is at `address`.
    pub(crate) fn knows(&self, name: &str, address: IpAddr, now: Timestamp) {
        lock(&self.known).note(key_of_account(name), network(address), now);
    }
}

impl Attempt<'_> {
    /// The try succeeded. Who signs in, from an address that is known from now on, and who proves who they are, start
    /// afresh; what strangers did stays counted.
    pub(crate) fn succeeded(self) {
        if let Some(SignInFrom { account, network, .. }) = self.sign_in {
            lock(&self.throttle.known).note(account, network, self.at);
        }
        let of_strangers = self.sign_in.is_some_and(|sign_in| !sign_in.known);
        if of_strangers {
            self.uncount();
        } else if let Some(counted) = &self.counted {
            lock(&self.throttle.guessed).remove(&counted.key);
        }
        self.forgive_address();
    }

    /// Nothing was tried after all.
    pub(crate) fn withdrawn(self) {
        self.uncount();
        self.forgive_address();
    }

    fn uncount(&self) {
        let Some(counted) = &self.counted else {
            return;
        };
        let mut guessed = lock(&self.throttle.guessed);
        let Some(failures) = guessed.get_mut(&counted.key) else {
            return;
        };
        // Unless somebody else tried meanwhile, all is as it was, also since when.
        match counted.before {
            Some(before) if *failures == counted.now => *failures = before,
            _ => failures.count = failures.count.saturating_sub(1),
        }
    }

    fn forgive_address(&self) {
        if let Some(place) = &self.place
            && let Some(failures) = lock(&self.throttle.addresses).get_mut(place)
        {
            failures.count = failures.count.saturating_sub(1);
        }
    }
}

impl SignInFrom {
    fn key(self) -> Key {
        if !self.known {
            return self.account;
        }
        let address = match self.network {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        key(&[b"known address", &self.account, &address])
    }
}

fn key_of_account(name: &str) -> Key {
    key(&[b"account", name.to_lowercase().as_bytes()])
}

fn key_of_user(app: AppId, name: &str) -> Key {
    key(&[b"user", app.0.as_bytes(), name.to_lowercase().as_bytes()])
}

fn key(parts: &[&[u8]]) -> Key {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
        hasher.update(b"\0");
    }
    hasher.finalize().into()
}

/// How long the next try must wait after the `failures`th failure.
fn wait_after(failures: u32) -> Duration {
    match failures.checked_sub(FREE_FAILURES) {
        None => Duration::ZERO,
        Some(doublings) => FIRST_WAIT
            .saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX))
            .min(LONGEST_WAIT),
    }
}

/// One household has one `IPv4` address or 2^64 `IPv6` addresses.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

/// Makes room for `key` in a full map. What was guessed least goes first, then what is oldest: to be forgotten, an
/// attacker would have to guess at thousands of other names as often.
fn make_room<K: Copy + Eq + Hash>(map: &mut HashMap<K, Failures>, key: &K, max: usize) {
    if map.len() < max || map.contains_key(key) {
        return;
    }
    let least = map
        .iter()
        .min_by_key(|(_, failures)| (failures.count, failures.since));
    if let Some(key) = least.map(|(key, _)| *key) {
        map.remove(&key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
