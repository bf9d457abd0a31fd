//! Argon2id on a bounded pool: each hash takes 19 MiB and much time, so few run at once and few wait.

use std::sync::Arc;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::{sync::Semaphore, task::spawn_blocking};

/// Most hashes that run at one time.
const RUNNING_MAX: usize = 4;
/// Most hashes that wait for their turn; what comes beyond is refused.
const WAITING_MAX: usize = 32;

/// What all hashes begin with that are made here.
const HASH_BEGINNING: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

/// What a hash from elsewhere may cost at most: KiB of memory, passes and lanes.
const FOREIGN_COST_MAX: [(&str, u32); 3] = [("m", 64 * 1_024), ("t", 4), ("p", 4)];

/// KiB of memory that each lane has to have; no password fits a hash with less.
const LANE_MEMORY_MIN: u32 = 8;

/// Longest hash from elsewhere in bytes.
const FOREIGN_HASH_BYTES_MAX: usize = 256;

/// Verified in place of a hash that does not exist, so that this takes as long. Nobody knows a password for it.
const DUMMY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$cGljbG91ZCBubyBzYWx0Lg$bm8gcGFzc3dvcmQgbGVhZHMgdG8gdGhpcyBoYXNoLi4";

/// Hashes and verifies passwords. No thread of its own waits while nobody signs in.
pub(crate) struct Hasher {
    /// Running and waiting.
    places: Arc<Semaphore>,
    /// Running.
    turns: Arc<Semaphore>,
    /// Called on the thread of each hash, at its end.
    give_memory_back: fn(),
}

/// Too many hashes wait already.
#[derive(Debug, thiserror::Error)]
#[error("too many sign-ins at once")]
pub(crate) struct Busy;

impl Hasher {
    pub(crate) fn new(give_memory_back: fn()) -> Self {
        Self::bounded(RUNNING_MAX, WAITING_MAX, give_memory_back)
    }

    /// One that runs and has wait as many as this.
    pub(crate) fn bounded(running_max: usize, waiting_max: usize, give_memory_back: fn()) -> Self {
        Self {
            places: Arc::new(Semaphore::new(running_max + waiting_max)),
            turns: Arc::new(Semaphore::new(running_max)),
            give_memory_back,
        }
    }

    /// Whether `hash` has the form and the cost of those that are made here. One from elsewhere may ask for any amount of
    /// memory and time.
    pub(crate) fn makes(hash: &str) -> bool {
        hash.starts_with(HASH_BEGINNING) && PasswordHash::new(hash).is_ok()
    }

    /// Whether `hash`, which was made elsewhere, is one that is verified here without much more memory and time than those
    /// that are made here.
    pub(crate) fn takes(hash: &str) -> bool {
        let Some((costs, _)) = hash
            .strip_prefix("$argon2id$v=19$")
            .and_then(|rest| rest.split_once('$'))
        else {
            return false;
        };
        let costs: Vec<_> = costs.split(',').filter_map(|cost| cost.split_once('=')).collect();
        let fits = |((name, cost), (known, most)): (&(&str, &str), (&str, u32))| {
            *name == known && cost.parse::<u32>().is_ok_and(|cost| (1..=most).contains(&cost))
        };
        let cost = |at: usize| costs.get(at).and_then(|(_, cost)| cost.parse::<u32>().ok());
        let has_room = |(memory, lanes): (u32, u32)| memory >= lanes * LANE_MEMORY_MIN;
        costs.len() == FOREIGN_COST_MAX.len()
            && costs.iter().zip(FOREIGN_COST_MAX).all(fits)
            && cost(0).zip(cost(2)).is_some_and(has_room)
            && hash.len() <= FOREIGN_HASH_BYTES_MAX
            && PasswordHash::new(hash).is_ok_and(|hash| hash.salt.is_some() && hash.hash.is_some())
    }

    /// The hash of `password`, in PHC form and with a salt of its own.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Busy> {
        self.run(move || hash(&password)).await
    }

    /// Whether `password` is the one behind `hash`. Without a hash it takes as long and says no.
    pub(crate) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Busy> {
        self.run(move || {
            let Some(hash) = hash else {
                verify(&password, DUMMY_HASH);
                return false;
            };
            let fits = verify(&password, &hash);
            if !fits && !hash.starts_with(HASH_BEGINNING) {
                // One that costs less would tell, by the time that it takes, that somebody has it.
                verify(&password, DUMMY_HASH);
            }
            fits
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| Busy)?;
        // Both go with the work: it runs to its end even if nobody waits for it any longer.
        let held = (place, turn);
        let give_memory_back = self.give_memory_back;
        spawn_blocking(move || {
            let result = work();
            give_memory_back();
            drop(held);
            result
        })
        .await
        .map_err(|_| Busy)
    }
}

/// The hash of `password`, on the calling thread.
pub(crate) fn hash(password: &str) -> String {
    let hash = Argon2::default().hash_password(password.as_bytes());
    // Only a password of 4 GiB or a system without chance can fail; neither leaves anything to do.
    hash.unwrap_or_else(|error| panic!("a password cannot be hashed: {error}"))
        .to_string()
}

fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .inspect_err(|error| tracing::error!(%error, "a stored password hash cannot be read"))
        .is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of a hash with the parameters that are in use.
    fn parameters(hash: &str) -> &str {
        let end = hash.match_indices('$').nth(3).map_or(0, |(at, _)| at);
        &hash[..end]
    }

    #[test]
    fn the_dummy_costs_what_a_real_hash_costs() {
        let real = hash("correct horse battery");
        assert_eq!(parameters(&real), "$argon2id$v=19$m=19456,t=2,p=1");
        assert!(Hasher::makes(&real));
        assert_eq!(parameters(DUMMY_HASH), parameters(&real));
        assert_eq!(DUMMY_HASH.len(), real.len());
        assert!(PasswordHash::new(DUMMY_HASH).is_ok());
    }

    #[test]
    fn hashes_from_elsewhere_have_a_bound() {
        let hash = |costs: &str| {
            format!(
                "$argon2id$v=19${costs}$cGljbG91ZCBubyBzYWx0Lg$bm8gcGFzc3dvcmQgbGVhZHMgdG8gdGhpcyBoYXNoLi4"
            )
        };
        for fine in [
            "m=19456,t=2,p=1",
            "m=65536,t=3,p=4",
            "m=8,t=1,p=1",
            "m=32,t=1,p=4",
        ] {
            assert!(Hasher::takes(&hash(fine)), "{fine}");
        }
        for wrong in [
            "m=65537,t=1,p=1",
            "m=19456,t=5,p=1",
            "m=19456,t=2,p=5",
            "m=0,t=2,p=1",
            "m=7,t=1,p=1",
            "m=31,t=1,p=4",
            "t=2,m=19456,p=1",
            "m=19456,t=2",
            "m=19456,t=2,p=1,keyid=AAAA",
            "",
        ] {
            assert!(!Hasher::takes(&hash(wrong)), "{wrong}");
        }
        for wrong in [
            "",
            "$2b$10$abc",
            "$argon2id$v=19$m=19456,t=2,p=1",
            "$argon2id$v=19$m=19456,t=2,p=1$cGljbG91ZCBubyBzYWx0Lg",
        ] {
            assert!(!Hasher::takes(wrong), "{wrong}");
        }
        assert!(!Hasher::takes(
            &hash("m=19456,t=2,p=1").replace("argon2id", "argon2i")
        ));
    }

    #[tokio::test]
    async fn verifies_what_it_hashed() -> Result<(), Busy> {
        let hasher = Hasher::new(|| ());
        let hash = hasher.hash("correct horse battery".to_owned()).await?;
        assert!(
            hasher
                .verify("correct horse battery".to_owned(), Some(hash.clone()))
                .await?
        );
        assert!(
            !hasher
                .verify("correct horse batterx".to_owned(), Some(hash))
                .await?
        );
        assert!(!hasher.verify(String::new(), None).await?);
        Ok(())
    }

    #[tokio::test]
    async fn the_queue_has_an_end() -> Result<(), Busy> {
        let hasher = Hasher::new(|| ());
        let all = u32::try_from(RUNNING_MAX + WAITING_MAX).unwrap_or(u32::MAX);
        let queue = Arc::clone(&hasher.places).try_acquire_many_owned(all);
        assert!(hasher.run(|| ()).await.is_err());
        drop(queue);
        hasher.run(|| ()).await
    }
}
