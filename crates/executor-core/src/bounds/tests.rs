//! The stack that nested data takes, measured: it changes with the compiler and with Rhai.

use std::{
    cell::Cell,
    fmt::{self, Write as _},
    hash::{Hash, Hasher},
    thread,
};

use rhai::{Dynamic, FnPtr, Map};

use super::*;
use crate::steps::stack_pointer;

const LEVELS: usize = 2_000;

/// Heap blocks that one level holds at least.
const BLOCKS_PER_LEVEL: usize = 2;

thread_local! {
    static DEEPEST: Cell<usize> = const { Cell::new(usize::MAX) };
}

fn note_stack() {
    DEEPEST.set(DEEPEST.get().min(stack_pointer()));
}

/// The innermost value, which notes how deep the stack is when it is reached.
struct Probe;

impl Clone for Probe {
    fn clone(&self) -> Self {
        note_stack();
        Self
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        note_stack();
    }
}

/// A target for text and for hashing that does the same.
struct Sink;

impl fmt::Write for Sink {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        note_stack();
        Ok(())
    }
}

impl Hasher for Sink {
    fn write(&mut self, _: &[u8]) {
        note_stack();
    }

    fn finish(&self) -> u64 {
        0
    }
}

fn array(inner: Dynamic) -> Dynamic {
    Dynamic::from_array(vec![inner])
}

fn map(inner: Dynamic) -> Dynamic {
    Dynamic::from_map(Map::from([("k".into(), inner)]))
}

fn function(inner: Dynamic) -> Dynamic {
    let mut function = FnPtr::new("f").expect("a name");
    function.set_curry([inner]);
    function.into()
}

/// A function that captured a variable.
fn closure(inner: Dynamic) -> Dynamic {
    function(inner.into_shared())
}

type Wrap = fn(Dynamic) -> Dynamic;

fn nested(wrap: Wrap) -> Dynamic {
    (0..LEVELS).fold(Dynamic::from(Probe), |inner, _| wrap(inner))
}

fn hashable(wrap: Wrap) -> Dynamic {
    (0..LEVELS).fold(Dynamic::from(1_i64), |inner, _| wrap(inner))
}

/// Stack bytes for each level that `act` takes.
fn bytes_per_level(act: impl FnOnce()) -> usize {
    DEEPEST.set(usize::MAX);
    let start = stack_pointer();
    act();
    start.saturating_sub(DEEPEST.get()) / LEVELS
}

#[test]
fn nested_data_takes_no_more_stack_than_is_reserved() {
    let measured = thread::Builder::new()
        .stack_size(64 * 1_024 * 1_024)
        .spawn(|| {
            let wraps: [(&str, Wrap); 4] = [
                ("array", array),
                ("map", map),
                ("function", function),
                ("closure", closure),
            ];
            let mut measured = Vec::new();
            for (name, wrap) in wraps {
                let value = nested(wrap);
                measured.push((name, "clone", bytes_per_level(|| drop(value.clone()))));
                measured.push((name, "drop", bytes_per_level(|| drop(value))));
                let value = hashable(wrap);
                measured.push((
                    name,
                    "debug",
                    bytes_per_level(|| write!(Sink, "{value:?}").expect("a sink")),
                ));
                measured.push((
                    name,
                    "display",
                    bytes_per_level(|| write!(Sink, "{value}").expect("a sink")),
                ));
                if name != "closure" {
                    measured.push((name, "hash", bytes_per_level(|| value.hash(&mut Sink))));
                }
            }
            measured
        })
        .expect("a thread")
        .join()
        .expect("no panic");

    let reserved = STACK_BYTES_PER_BLOCK * BLOCKS_PER_LEVEL;
    assert!(
        measured.iter().any(|(_, _, bytes)| *bytes > 50),
        "the probe is reached: {measured:?}"
    );
    assert!(
        measured.iter().all(|(_, _, bytes)| *bytes <= reserved),
        "more than {reserved}: {measured:?}"
    );
}

#[test]
fn default_limits_fit_a_stack_of_their_own_size() {
    assert_eq!(Bounds::of(&Limits::DEFAULT).stack_bytes(), 32 * 1_024 * 1_024);
}
