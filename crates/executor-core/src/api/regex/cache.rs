//! Compiled patterns, kept per thread.

use std::cell::RefCell;

use super::pattern::Pattern;
use crate::{api::argument::Fallible, gate};

/// How many compiled patterns a thread keeps.
pub(super) const PATTERNS_MAX: usize = 16;

thread_local! {
    /// The one used last stands last.
    static PATTERNS: RefCell<Vec<Pattern>> = const { RefCell::new(Vec::new()) };
}

/// Compiles the pattern, unless this thread has it already, and lends it to `act`. While it is lent it is not
/// in the cache, because `act` may let other runs have the thread.
pub(super) fn with_pattern<T>(source: &str, act: impl FnOnce(&mut Pattern) -> Fallible<T>) -> Fallible<T> {
    let is_first_use = gate::uses_pattern_first(source);
    if is_first_use {
        Pattern::pay_for(source)?;
    }
    let mut pattern = match take(source) {
        Some(mut pattern) => {
            if is_first_use {
                pattern.forget_texts();
            }
            pattern
        }
        None => Pattern::compile(source)?,
    };
    let result = act(&mut pattern);
    give_back(pattern);
    result
}

fn take(source: &str) -> Option<Pattern> {
    PATTERNS.with_borrow_mut(|patterns| {
        let index = patterns.iter().rposition(|pattern| pattern.source() == source)?;
        Some(patterns.remove(index))
    })
}

fn give_back(pattern: Pattern) {
    PATTERNS.with_borrow_mut(|patterns| {
        if patterns.len() >= PATTERNS_MAX {
            patterns.remove(0);
        }
        patterns.push(pattern);
    });
}
