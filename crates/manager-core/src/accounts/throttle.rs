//! Slows down whoever guesses passwords or setup codes.
//!
//! Per account, known or not, five failures are free; from then on each next try must wait, 1 s at first and
//! twice as long after every failure, up to 15 min. Per client address there are 20 failures a minute. An
//! attempt counts as failed until it is known to have succeeded, so that many at once gain nothing. All of it
//! is in memory and bounded; nothing ticks.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use picloud_shared::time::Timestamp;
use sha2::{Digest as _, Sha256};

const FREE_FAILURES_PER_ACCOUNT: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// After so long without a try, an account starts afresh. Long, because it bounds the guesses per day.
const ACCOUNT_MEMORY: Duration = Duration::from_hours(24);
const FAILURES_PER_ADDRESS_MAX: u32 = 20;
const ADDRESS_WINDOW: Duration = Duration::from_mins(1);
const ACCOUNTS_MAX: usize = 10_000;
const ADDRESSES_MAX: usize = 10_000;

/// Counts failures.
#[derive(Default)]
pub(crate) struct Throttle {
    /// By a hash of the name, so that long names cost no memory.
    accounts: Mutex<HashMap<[u8; 32], Failures>>,
    addresses: Mutex<HashMap<IpAddr, Failures>>,
}

/// One try, which counts as failed unless it is told otherwise.
pub(crate) struct Attempt<'a> {
    throttle: &'a Throttle,
    account: Option<Counted>,
    address: IpAddr,
}

/// What an attempt changed about an account.
struct Counted {
    account: [u8; 32],
    before: Option<Failures>,
    now: Failures,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Failures {
    count: u32,
    /// Of an account, the last failure; of an address, the beginning of its window.
    since: Timestamp,
}

impl Throttle {
    /// Begins a try for `account`, if there is one to protect. The error is how long to wait.
    pub(crate) fn begin(
        &self,
        account: Option<&str>,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Attempt<'_>, Duration> {
        let account = account.map(|name| Sha256::digest(name.to_lowercase().as_bytes()).into());
        let address = network(address);
        let (mut accounts, mut addresses) = (lock(&self.accounts), lock(&self.addresses));

        let of_account = account.and_then(|account| accounts.get(&account)).copied();
        let of_account = of_account.filter(|failures| now < failures.since.plus(ACCOUNT_MEMORY));
        let of_address = addresses.get(&address).copied();
        let of_address = of_address.filter(|failures| now < failures.since.plus(ADDRESS_WINDOW));
        let free_at = [
            of_account.map(|failures| failures.since.plus(wait_after(failures.count))),
            of_address
                .filter(|failures| failures.count >= FAILURES_PER_ADDRESS_MAX)
                .map(|failures| failures.since.plus(ADDRESS_WINDOW)),
        ];
        if let Some(free_at) = free_at
            .into_iter()
            .flatten()
            .max()
            .filter(|free_at| now < *free_at)
        {
            let micros = u64::try_from(free_at.as_micros() - now.as_micros()).unwrap_or(0);
            return Err(Duration::from_micros(micros));
        }

        let account = account.map(|account| {
            make_room(&mut accounts, &account, ACCOUNTS_MAX);
            let count = of_account.map_or(0, |failures| failures.count) + 1;
            let now = Failures { count, since: now };
            accounts.insert(account, now);
            Counted {
                account,
                before: of_account,
                now,
            }
        });
        make_room(&mut addresses, &address, ADDRESSES_MAX);
        let window = of_address.unwrap_or(Failures { count: 0, since: now });
        let counted = Failures {
            count: window.count + 1,
            ..window
        };
        addresses.insert(address, counted);
        Ok(Attempt {
            throttle: self,
            account,
            address,
        })
    }
}

impl Attempt<'_> {
    /// The try succeeded: the account starts afresh.
    pub(crate) fn succeeded(self) {
        if let Some(Counted { account, .. }) = self.account {
            lock(&self.throttle.accounts).remove(&account);
        }
        self.forgive_address();
    }

    /// Nothing was tried after all.
    pub(crate) fn withdrawn(self) {
        if let Some(counted) = &self.account
            && let Some(failures) = lock(&self.throttle.accounts).get_mut(&counted.account)
        {
            match counted.before {
                // Nobody else tried meanwhile: all is as it was, also since when.
                Some(before) if *failures == counted.now => *failures = before,
                _ => failures.count = failures.count.saturating_sub(1),
            }
        }
        self.forgive_address();
    }

    fn forgive_address(&self) {
        if let Some(failures) = lock(&self.throttle.addresses).get_mut(&self.address) {
            failures.count = failures.count.saturating_sub(1);
        }
    }
}

/// How long an account must rest after its `failures`th failure.
fn wait_after(failures: u32) -> Duration {
    match failures.checked_sub(FREE_FAILURES_PER_ACCOUNT) {
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn address(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
    }

    /// Fails once for `name` from a fresh address at `now`; how long to wait if that is refused.
    fn fail(throttle: &Throttle, name: &str, last: u8, now: Timestamp) -> Option<Duration> {
        throttle.begin(Some(name), address(last), now).err()
    }

    #[test]
    fn after_five_failures_each_wait_doubles_up_to_a_quarter_of_an_hour() {
        let throttle = Throttle::default();
        let mut now = START;
        for _ in 0..5 {
            assert_eq!(fail(&throttle, "ada", 1, now), None);
        }
        let mut waits = Vec::new();
        for round in 0..12 {
            let Some(wait) = fail(&throttle, "ADA", 100 + round, now) else {
                panic!("no wait in round {round}")
            };
            waits.push(wait.as_secs());
            now = now.plus(wait);
            assert_eq!(fail(&throttle, "ada", 100 + round, now), None, "round {round}");
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(
            fail(&throttle, "grace", 1, now),
            None,
            "others are not slowed down"
        );
        let tomorrow = now.plus(ACCOUNT_MEMORY);
        assert_eq!(fail(&throttle, "ada", 1, tomorrow), None);
        assert_eq!(fail(&throttle, "ada", 1, tomorrow), None, "a fresh start");
    }

    #[test]
    fn success_starts_afresh_and_what_was_not_tried_does_not_count() {
        let throttle = Throttle::default();
        for _ in 0..100 {
            match throttle.begin(Some("ada"), address(1), START) {
                Ok(attempt) => attempt.withdrawn(),
                Err(wait) => panic!("wait {wait:?}"),
            }
        }
        for _ in 0..4 {
            assert_eq!(fail(&throttle, "ada", 1, START), None);
        }
        if let Ok(attempt) = throttle.begin(Some("ada"), address(1), START) {
            attempt.succeeded();
        }
        for _ in 0..5 {
            assert_eq!(fail(&throttle, "ada", 1, START), None);
        }
        assert!(fail(&throttle, "ada", 1, START).is_some());
    }

    #[test]
    fn what_was_not_tried_does_not_begin_a_wait_anew() {
        let throttle = Throttle::default();
        for _ in 0..6 {
            let _ = fail(&throttle, "ada", 1, START);
        }
        let later = START.plus(Duration::from_secs(1));
        for _ in 0..2 {
            match throttle.begin(Some("ada"), address(1), later) {
                Ok(attempt) => attempt.withdrawn(),
                Err(wait) => panic!("wait {wait:?}"),
            }
        }
        assert_eq!(fail(&throttle, "ada", 1, later), None, "it counted as nothing");
        assert!(fail(&throttle, "ada", 1, later).is_some());
    }

    #[test]
    fn an_address_has_twenty_failures_a_minute() {
        let throttle = Throttle::default();
        for name in 0..20 {
            assert_eq!(fail(&throttle, &name.to_string(), 1, START), None);
        }
        assert_eq!(fail(&throttle, "other", 1, START), Some(ADDRESS_WINDOW));
        assert_eq!(fail(&throttle, "other", 2, START), None);
        assert_eq!(fail(&throttle, "other", 1, START.plus(ADDRESS_WINDOW)), None);
    }

    #[test]
    fn memory_is_bounded_and_the_most_guessed_stay() {
        let mut map = HashMap::new();
        for key in 0..10_u32 {
            let count = if key == 3 { 9 } else { 1 };
            make_room(&mut map, &key, 5);
            map.insert(key, Failures { count, since: START });
        }
        assert_eq!(map.len(), 5);
        assert!(map.contains_key(&3) && map.contains_key(&9));
    }

    #[test]
    fn one_household_is_one_address() {
        let parse = |text: &str| text.parse::<IpAddr>().unwrap_or(address(0));
        assert_eq!(network(parse("2001:db8::1")), network(parse("2001:db8::ffff:1")));
        assert_ne!(network(parse("2001:db8::1")), network(parse("2001:db8:0:1::1")));
        assert_eq!(network(parse("::ffff:192.0.2.1")), address(1));
    }
}
