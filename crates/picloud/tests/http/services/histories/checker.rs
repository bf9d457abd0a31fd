//! Whether a history of one key has an order that explains it.
//!
//! The search of Wing and Gong, which takes one call after the other that may have been next, with the memory of Lowe:
//! a set of calls that has led to a state is not tried again. A call without an answer may have happened at any moment
//! since it was asked, or never.

use std::{collections::HashSet, time::Duration};

use super::key::{Call, Told};

/// One call of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) call: Call,
    pub(super) asked: Duration,
    /// None if nothing is known of it.
    pub(super) answered: Option<Duration>,
    pub(super) told: Option<Told>,
}

/// The calls that have happened, a bit for each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Happened(Vec<u64>);

/// What is tried: the calls in this order, which leave this state.
struct Step {
    happened: Happened,
    copy: Option<i64>,
    order: Vec<usize>,
}

/// Finds an order that explains a history that begins without a value; the longest one that was found if there is none.
pub(super) fn explain(history: &[Event]) -> Result<Vec<Call>, Vec<Call>> {
    let calls = |order: &[usize]| order.iter().map(|number| history[*number].call.clone()).collect();
    let mut tried = HashSet::new();
    let mut longest = Vec::new();
    let mut steps = vec![Step {
        happened: Happened(vec![0; history.len().div_ceil(64)]),
        copy: None,
        order: Vec::new(),
    }];
    while let Some(step) = steps.pop() {
        let open = |number: &usize| !step.happened.has(*number);
        // Whatever is next was asked before the first of those that are left was answered.
        let ends = (0..history.len())
            .filter(open)
            .filter_map(|number| history[number].answered);
        let Some(first_end) = ends.min() else {
            return Ok(calls(&step.order));
        };
        if step.order.len() > longest.len() {
            longest.clone_from(&step.order);
        }
        for number in (0..history.len()).filter(open) {
            let event = &history[number];
            if event.asked > first_end {
                continue;
            }
            let (copy, told) = event.call.apply(step.copy);
            if event.told.is_some_and(|heard| heard != told) {
                continue;
            }
            let happened = step.happened.with(number);
            if tried.insert((happened.clone(), copy)) {
                let order = step.order.iter().copied().chain([number]).collect();
                steps.push(Step {
                    happened,
                    copy,
                    order,
                });
            }
        }
    }
    Err(calls(&longest))
}

impl Happened {
    fn has(&self, number: usize) -> bool {
        self.0[number / 64] & (1 << (number % 64)) != 0
    }

    fn with(&self, number: usize) -> Self {
        let mut bits = self.0.clone();
        bits[number / 64] |= 1 << (number % 64);
        Self(bits)
    }
}

/// A call that was asked and answered at these moments.
fn event(asked: u64, answered: u64, call: Call, told: Told) -> Event {
    Event {
        call,
        asked: Duration::from_millis(asked),
        answered: Some(Duration::from_millis(answered)),
        told: Some(told),
    }
}

/// A call that was never answered.
fn without_answer(asked: u64, call: Call) -> Event {
    Event {
        call,
        asked: Duration::from_millis(asked),
        answered: None,
        told: None,
    }
}

const SET: Told = Told::Nothing;
const YES: Told = Told::Whether(true);
const NO: Told = Told::Whether(false);

fn value(value: i64) -> Told {
    Told::Value(Some(value))
}

#[test]
fn good_histories_are_explained() {
    let none = Told::Value(None);
    let histories = [
        vec![],
        // One after the other.
        vec![
            event(0, 1, Call::Get, none),
            event(2, 3, Call::Set(5), SET),
            event(4, 5, Call::Incr, value(6)),
            event(6, 7, Call::Swap(Some(6), 1), YES),
            event(8, 9, Call::Delete, YES),
            event(10, 11, Call::Delete, NO),
        ],
        // Two at one time, in either order.
        vec![
            event(0, 9, Call::Set(1), SET),
            event(0, 9, Call::Set(2), SET),
            event(10, 11, Call::Get, value(1)),
        ],
        // Who reads twice during a write may see it from any moment on.
        vec![
            event(0, 9, Call::Set(1), SET),
            event(1, 2, Call::Get, none),
            event(3, 4, Call::Get, value(1)),
        ],
        // Nobody was told of a write, and it happened; another one did not, or late.
        vec![
            without_answer(0, Call::Set(7)),
            without_answer(0, Call::Set(8)),
            event(1, 2, Call::Get, none),
            event(3, 4, Call::Get, value(7)),
            event(5, 6, Call::Get, value(7)),
        ],
    ];
    for history in histories {
        let order = explain(&history).unwrap_or_else(|longest| panic!("{history:?}: only {longest:?}"));
        assert!(order.len() >= history.iter().filter(|event| event.told.is_some()).count());
    }
}

#[test]
fn bad_histories_are_not() {
    let none = Told::Value(None);
    let histories = [
        // A lost write.
        vec![event(0, 1, Call::Set(1), SET), event(2, 3, Call::Get, none)],
        // A stale read.
        vec![
            event(0, 1, Call::Set(1), SET),
            event(2, 3, Call::Set(2), SET),
            event(4, 5, Call::Get, value(1)),
        ],
        // A write that was seen, and then not.
        vec![
            event(0, 9, Call::Set(1), SET),
            event(1, 2, Call::Get, value(1)),
            event(3, 4, Call::Get, none),
        ],
        // A lost increment.
        vec![
            event(0, 9, Call::Incr, value(1)),
            event(0, 9, Call::Incr, value(1)),
        ],
        // An increment that counted twice.
        vec![
            event(0, 1, Call::Incr, value(1)),
            event(2, 3, Call::Get, value(2)),
        ],
        // A name that two have claimed.
        vec![
            event(0, 9, Call::Swap(None, 1), YES),
            event(0, 9, Call::Swap(None, 2), YES),
        ],
        // A claim that was refused though nobody had the name.
        vec![event(0, 9, Call::Swap(None, 1), NO)],
        // A write before it was asked for.
        vec![event(0, 1, Call::Get, value(7)), without_answer(2, Call::Set(7))],
        // One without an answer that happened twice.
        vec![
            without_answer(0, Call::Incr),
            event(1, 2, Call::Get, value(1)),
            event(3, 4, Call::Get, value(2)),
        ],
        // What was deleted is back.
        vec![
            event(0, 1, Call::Set(1), SET),
            event(2, 3, Call::Delete, YES),
            event(4, 5, Call::Get, value(1)),
        ],
    ];
    for history in histories {
        assert!(explain(&history).is_err(), "{history:?}");
    }
}
