//! That each check finds what it is there for.

use std::time::Instant;

use super::*;

/// Of these kinds, all sent in calm and acknowledged.
fn accepted(kinds: &[Kind]) -> Vec<Entry> {
    let entry = |kind: &Kind| Entry {
        kind: *kind,
        is_calm: true,
        outcome: Outcome::Accepted(Instant::now()),
    };
    kinds.iter().map(entry).collect()
}

/// Each of these steps done once.
fn done(steps: &[(usize, &str)]) -> Found {
    Found {
        done: steps
            .iter()
            .map(|(number, step)| ((*number, (*step).to_owned()), (1, 1)))
            .collect(),
        ..Found::default()
    }
}

#[test]
fn a_missing_step_of_what_was_acknowledged_is_a_loss() {
    let mut entries = accepted(&[Kind::Single, Kind::Chain, Kind::Emitted]);
    entries[0].outcome = Outcome::Unknown;
    let found = done(&[(1, "a"), (1, "left"), (2, "asked"), (2, "b")]);
    assert_eq!(lost(&entries, &found), ["1/right"]);
}

#[test]
fn what_was_refused_or_never_sent_is_a_phantom() {
    let mut entries = accepted(&[Kind::Single, Kind::Single, Kind::Single]);
    entries[0].outcome = Outcome::Refused;
    entries[1].outcome = Outcome::Unknown;
    let found = done(&[(0, "a"), (1, "a"), (2, "a"), (2, "left"), (3, "a")]);
    assert_eq!(phantom(&entries, &found), ["0/a", "2/left", "3/a"]);
}

#[test]
fn each_step_counts_once_and_leaves_one_document() {
    let mut found = done(&[(0, "a"), (1, "a"), (2, "a")]);
    found.done.insert((1, "a".to_owned()), (2, 1));
    found.done.insert((2, "a".to_owned()), (1, 2));
    assert_eq!(doubled(&found).len(), 2);
}

#[test]
fn half_of_an_event_is_torn() {
    let mut entries = accepted(&[Kind::Emitted, Kind::Emitted, Kind::Emitted]);
    for entry in &mut entries {
        entry.outcome = Outcome::Unknown;
    }
    let found = done(&[(0, "asked"), (2, "asked"), (2, "b")]);
    assert_eq!(torn(&entries, &found), ["0"]);
}

#[test]
fn only_in_calm_nothing_may_begin_again() {
    let mut entries = accepted(&[Kind::Flaky, Kind::Single, Kind::Single]);
    entries[2].is_calm = false;
    let start = |number, attempt| Start {
        number,
        step: "a".to_owned(),
        delivery: format!("delivery-{number}"),
        attempt,
        at: Instant::now(),
    };
    let starts = [start(0, 1), start(0, 2), start(1, 1), start(2, 1), start(2, 1)];
    assert!(again_in_calm(&entries, &starts).is_empty());
    let again = again_in_calm(&entries, &[start(1, 1), start(1, 1), start(1, 1)]);
    let faults = |times| BTreeMap::from([("delivery-1".to_owned(), times)]);
    assert!(without_reason(&again, &faults(2)).is_empty());
    for faults in [faults(1), BTreeMap::new()] {
        let expected = ["1: 2 times again, delivery delivery-1"];
        assert_eq!(without_reason(&again, &faults), expected);
    }
}

#[test]
fn what_was_acknowledged_comes_in_the_order_of_its_key() {
    let (mut entries, none) = (accepted(&[Kind::Ordered; 4]), BTreeSet::new());
    let after = |pairs: &[(usize, Option<usize>)]| Found {
        after: pairs.iter().copied().collect(),
        ..Found::default()
    };
    let right = after(&[(0, None), (1, Some(0)), (2, None), (3, Some(1))]);
    assert!(disordered(&entries, &right, &none).is_empty());
    let turned = after(&[(0, None), (2, Some(0)), (1, Some(2))]);
    assert_eq!(disordered(&entries, &turned, &none), ["1 came after 2"]);
    assert!(disordered(&entries, &turned, &BTreeSet::from([1])).is_empty());
    entries[2].outcome = Outcome::Unknown;
    assert!(disordered(&entries, &turned, &none).is_empty());
    let forked = after(&[(0, None), (1, Some(0)), (3, Some(0))]);
    assert_eq!(
        disordered(&entries, &forked, &none),
        ["1 and 3 both came after 0"]
    );
}

#[test]
fn each_second_has_a_row_and_a_run() {
    let moment = |second: &str| format!("2026-01-31T{second}.000Z");
    let row = |second: &str| (moment(second), "ran".to_owned());
    let mut found = Found {
        occurrences: vec![row("00:00:01"), row("00:00:00"), row("23:59:59")],
        ..Found::default()
    };
    for second in ["00:00:01", "00:00:00", "23:59:59"] {
        found.ticks.insert(moment(second), 1);
    }
    assert!(schedule(&found).is_empty());
    found.ticks.insert(moment("00:00:00"), 2);
    assert_eq!(schedule(&found).len(), 1);
    found.occurrences.remove(1);
    // The second that is missing, and its run without a row.
    assert_eq!(schedule(&found).len(), 2);
    assert_eq!(schedule(&Found::default()).len(), 1);
}
