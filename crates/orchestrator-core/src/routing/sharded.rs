//! A hash map whose copies share what they have in common.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::{BuildHasher, Hash},
    sync::Arc,
};

use foldhash::fast::RandomState;

/// Into how many parts a map is cut. A change copies one part and the list of parts.
const SHARDS: usize = 128;

type Shard<K, V> = HashMap<K, V, RandomState>;

/// A hash map in [`SHARDS`] parts, each shared by all copies until one of them changes it.
#[derive(Clone)]
pub(crate) struct Sharded<K, V> {
    shards: Box<[Arc<Shard<K, V>>]>,
    hasher: RandomState,
    len: usize,
}

impl<K: Eq + Hash + Clone, V: Clone> Sharded<K, V> {
    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        if self.len == 0 {
            None
        } else {
            self.shards[self.shard_of(key)].get(key)
        }
    }

    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let shard = self.shard_of(&key);
        let old = Arc::make_mut(&mut self.shards[shard]).insert(key, value);
        self.len += usize::from(old.is_none());
        old
    }

    pub(crate) fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let shard = self.shard_of(key);
        let old = Arc::make_mut(&mut self.shards[shard]).remove(key);
        self.len -= usize::from(old.is_some());
        old
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.shards.iter().flat_map(|shard| shard.values())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn shard_of<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        // Bits that the map inside the shard looks at neither for its bucket nor for its tag.
        let bits = self.hasher.hash_one(key) >> 32;
        usize::try_from(bits % SHARDS as u64).unwrap_or(0)
    }
}

impl<K, V> Default for Sharded<K, V> {
    fn default() -> Self {
        let hasher = RandomState::default();
        let shards = (0..SHARDS)
            .map(|_| Arc::new(HashMap::with_hasher(hasher.clone())))
            .collect();
        Self {
            shards,
            hasher,
            len: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_do_not_see_each_others_changes() {
        let mut first: Sharded<String, u32> = Sharded::default();
        first.insert("a".to_owned(), 1);
        let mut second = first.clone();
        second.insert("b".to_owned(), 2);
        second.remove("a");
        assert_eq!((first.get("a"), first.get("b")), (Some(&1), None));
        assert_eq!((second.get("a"), second.get("b")), (None, Some(&2)));
        second.remove("b");
        assert!(second.is_empty() && !first.is_empty());
    }
}
