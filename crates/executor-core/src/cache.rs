//! Prepared scripts of one thread, by the hash of their source.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    hash::{BuildHasherDefault, Hasher},
    rc::Rc,
};

use picloud_shared::script::ContentHash;

use crate::prepare::Prepared;

/// A bounded cache. What was not used since it was last looked at goes first (second chance), so a hit costs
/// one look-up and one store.
pub(crate) struct Cache {
    entries: RefCell<Entries>,
    bytes_max: usize,
}

#[derive(Default)]
struct Entries {
    by_hash: HashMap<ContentHash, Rc<Entry>, BuildHasherDefault<FirstBytes>>,
    /// In the order in which they are looked at for removal.
    queue: VecDeque<Rc<Entry>>,
    bytes: usize,
}

struct Entry {
    hash: ContentHash,
    script: Rc<Prepared>,
    used: Cell<bool>,
}

impl Cache {
    /// An empty cache that holds at most `bytes_max`.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            entries: RefCell::default(),
            bytes_max,
        }
    }

    /// The prepared script for a source.
    pub(crate) fn get(&self, hash: &ContentHash) -> Option<Rc<Prepared>> {
        let entries = self.entries.borrow();
        let entry = entries.by_hash.get(hash)?;
        entry.used.set(true);
        Some(Rc::clone(&entry.script))
    }

    /// Keeps a prepared script, unless it alone is too large; makes room for it.
    pub(crate) fn insert(&self, hash: ContentHash, script: &Rc<Prepared>) {
        let mut entries = self.entries.borrow_mut();
        let bytes = script.bytes();
        if bytes > self.bytes_max || entries.by_hash.contains_key(&hash) {
            return;
        }
        while entries.bytes + bytes > self.bytes_max {
            entries.remove_one();
        }
        let entry = Rc::new(Entry {
            hash,
            script: Rc::clone(script),
            used: Cell::new(false),
        });
        entries.bytes += bytes;
        entries.by_hash.insert(hash, Rc::clone(&entry));
        entries.queue.push_back(entry);
    }
}

impl Entries {
    fn remove_one(&mut self) {
        while let Some(entry) = self.queue.pop_front() {
            if entry.used.replace(false) {
                self.queue.push_back(entry);
            } else {
                self.by_hash.remove(&entry.hash);
                self.bytes -= entry.script.bytes();
                return;
            }
        }
    }
}

/// The first bytes of a SHA-256 are as good a hash as any.
#[derive(Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*first);
        }
    }

    /// The length of the array, which is always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine, prepare::prepare};

    #[test]
    fn what_is_in_use_stays() {
        let engine = engine::build(64);
        let script = |source: &str| {
            (
                ContentHash::of(source),
                Rc::new(prepare(&engine, source).unwrap()),
            )
        };
        let scripts: Vec<_> = ["1 + request", "2 + request", "3 + request"].map(script).into();
        let two = scripts[0].1.bytes() + scripts[1].1.bytes();
        let cache = Cache::new(two.max(scripts[2].1.bytes() + scripts[1].1.bytes()));
        cache.insert(scripts[0].0, &scripts[0].1);
        cache.insert(scripts[1].0, &scripts[1].1);
        assert!(cache.get(&scripts[0].0).is_some());
        cache.insert(scripts[2].0, &scripts[2].1);
        assert!(cache.get(&scripts[0].0).is_some(), "used, so it stays");
        assert!(cache.get(&scripts[1].0).is_none(), "unused, so it went");
        assert!(cache.get(&scripts[2].0).is_some());
    }

    #[test]
    fn a_script_larger_than_the_cache_is_not_kept() {
        let script = Rc::new(prepare(&engine::build(64), "1 + request").unwrap());
        let cache = Cache::new(script.bytes() - 1);
        cache.insert(ContentHash::of("x"), &script);
        assert!(cache.get(&ContentHash::of("x")).is_none());
    }
}
