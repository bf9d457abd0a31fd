//! Prepared scripts of one thread, by the hash of their source and of what they import.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    hash::{BuildHasherDefault, Hasher},
    rc::Rc,
};

use picloud_shared::script::ContentHash;

use crate::{modules::PreparedModule, prepare::Prepared};

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
    /// Those that scripts here import, each with how many.
    modules: HashMap<ContentHash, (Rc<PreparedModule>, usize), BuildHasherDefault<FirstBytes>>,
    /// What scripts and modules take.
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

    /// Whether so much may be kept at all.
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        bytes <= self.bytes_max
    }

    /// A module that a script here imports.
    pub(crate) fn module(&self, hash: &ContentHash) -> Option<Rc<PreparedModule>> {
        let entries = self.entries.borrow();
        entries.modules.get(hash).map(|(module, _)| Rc::clone(module))
    }

    /// Keeps a prepared script, unless it alone is too large; makes room for it.
    pub(crate) fn insert(&self, hash: ContentHash, script: &Rc<Prepared>) {
        let mut entries = self.entries.borrow_mut();
        let whole = script.bytes() + script.modules().iter().map(|module| module.bytes).sum::<usize>();
        if whole > self.bytes_max || entries.by_hash.contains_key(&hash) {
            return;
        }
        if script
            .modules()
            .iter()
            .any(|module| entries.has_other_copy_of(module))
        {
            // Two scripts were prepared at the same time. The next time, this one gets what is here.
            return;
        }
        while entries.bytes + entries.bytes_more_with(script) > self.bytes_max {
            entries.remove_one();
        }
        let entry = Rc::new(Entry {
            hash,
            script: Rc::clone(script),
            used: Cell::new(false),
        });
        entries.bytes += entries.bytes_more_with(script);
        entries.keep_modules_of(script);
        entries.by_hash.insert(hash, Rc::clone(&entry));
        entries.queue.push_back(entry);
    }
}

impl Entries {
    /// What a script takes beside what is here: modules are shared.
    fn bytes_more_with(&self, script: &Prepared) -> usize {
        let new = script
            .modules()
            .iter()
            .filter(|module| !self.modules.contains_key(&module.hash));
        script.bytes() + new.map(|module| module.bytes).sum::<usize>()
    }

    fn has_other_copy_of(&self, module: &Rc<PreparedModule>) -> bool {
        let kept = self.modules.get(&module.hash);
        kept.is_some_and(|(kept, _)| !Rc::ptr_eq(kept, module))
    }

    fn keep_modules_of(&mut self, script: &Prepared) {
        for module in script.modules().iter() {
            let entry = self.modules.entry(module.hash);
            entry.or_insert_with(|| (Rc::clone(module), 0)).1 += 1;
        }
    }

    /// Lets go of modules that nothing here imports any more.
    fn leave_modules_of(&mut self, script: &Prepared) {
        for module in script.modules().iter() {
            if let Some((kept, importers)) = self.modules.get_mut(&module.hash) {
                *importers -= 1;
                if *importers == 0 {
                    self.bytes -= kept.bytes;
                    self.modules.remove(&module.hash);
                }
            }
        }
    }

    fn remove_one(&mut self) {
        while let Some(entry) = self.queue.pop_front() {
            if entry.used.replace(false) {
                self.queue.push_back(entry);
            } else {
                self.by_hash.remove(&entry.hash);
                self.bytes -= entry.script.bytes();
                self.leave_modules_of(&entry.script);
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
    use crate::{engine, modules::ModuleSet, prepare::prepare};

    #[test]
    fn what_is_in_use_stays() {
        let engine = engine::build(64);
        let script = |source: &str| {
            (
                ContentHash::of(source),
                Rc::new(prepare(&engine, source, ModuleSet::default()).unwrap()),
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
        let script = Rc::new(prepare(&engine::build(64), "1 + request", ModuleSet::default()).unwrap());
        let cache = Cache::new(script.bytes() - 1);
        cache.insert(ContentHash::of("x"), &script);
        assert!(cache.get(&ContentHash::of("x")).is_none());
    }
}
