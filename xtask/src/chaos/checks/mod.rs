//! What must hold, whatever has failed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use super::{
    found::Found,
    kind::Kind,
    ledger::{Entry, Outcome},
    load::ORDERS_MAX,
    waits::Waits,
    witness::Start,
};

/// All that is known in the end.
pub(super) struct Evidence<'a> {
    pub(super) entries: &'a [Entry],
    pub(super) starts: &'a [Start],
    pub(super) found: &'a Found,
    pub(super) waits: Waits,
    /// How often PiCloud says that it could not bring a delivery to its end, by its id; of those that began again in calm.
    pub(super) faults: &'a BTreeMap<String, u64>,
    /// The ids of deliveries that were dead, by the reason.
    pub(super) dead: &'a BTreeMap<String, Vec<String>>,
    pub(super) strange: &'a [String],
}

/// A promise, and what breaks it.
pub(super) struct Check {
    pub(super) promise: &'static str,
    pub(super) broken: Vec<String>,
}

/// Of what was on its way when something failed, something runs after this time at most.
const RESUMED_MAX: Duration = Duration::from_secs(45);
/// And each event after this time, if nothing else failed since. More than two leases, as a slow machine has a queue.
const FORGOTTEN_MIN: Duration = Duration::from_secs(90);
const SECONDS_PER_DAY: u64 = 86_400;

/// Each promise, with all that breaks it.
pub(super) fn all(evidence: &Evidence<'_>) -> Vec<Check> {
    let check = |promise, broken| Check { promise, broken };
    let Evidence { entries, found, .. } = *evidence;
    vec![
        check("what was acknowledged is done", lost(entries, found)),
        check("nothing is done that was not sent", phantom(entries, found)),
        check("nothing is done twice", doubled(found)),
        check("what belongs together is done together", torn(entries, found)),
        check(
            "nothing begins twice while nothing fails",
            without_reason(&again_in_calm(entries, evidence.starts), evidence.faults),
        ),
        check(
            "each key is in order",
            disordered(entries, found, &set_aside(evidence)),
        ),
        check("each second has its row and its run", schedule(found)),
        check("work goes on within 45 s", late(evidence.waits)),
        check("nothing is dead but by servers that ended", dead(evidence.dead)),
        check("nothing strange was seen", evidence.strange.to_vec()),
    ]
}

/// Steps of acknowledged events that left nothing.
fn lost(entries: &[Entry], found: &Found) -> Vec<String> {
    let accepted = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| matches!(entry.outcome, Outcome::Accepted(_)));
    accepted
        .flat_map(|(number, entry)| {
            entry
                .kind
                .steps()
                .iter()
                .map(move |step| (number, (*step).to_owned()))
        })
        .filter(|step| !found.done.contains_key(step))
        .map(|(number, step)| format!("{number}/{step}"))
        .collect()
}

/// What was left by events that nobody sent, or that were refused, or that have no such step.
fn phantom(entries: &[Entry], found: &Found) -> Vec<String> {
    let is_known = |(number, step): &(usize, String)| {
        entries.get(*number).is_some_and(|entry| {
            entry.outcome != Outcome::Refused && entry.kind.steps().contains(&step.as_str())
        })
    };
    let unknown = found.done.keys().filter(|step| !is_known(step));
    unknown.map(|(number, step)| format!("{number}/{step}")).collect()
}

/// Steps that did not count exactly one and leave exactly one document.
fn doubled(found: &Found) -> Vec<String> {
    let wrong = found.done.iter().filter(|(_, done)| **done != (1, 1));
    wrong
        .map(|((number, step), (count, documents))| {
            format!("{number}/{step}: counted {count}, {documents} documents")
        })
        .collect()
}

/// Events of which some steps were done and others not. Of what was acknowledged that is lost already.
fn torn(entries: &[Entry], found: &Found) -> Vec<String> {
    let unknown = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.outcome == Outcome::Unknown);
    unknown
        .filter(|(number, entry)| {
            let steps = entry.kind.steps();
            let is_done = |step: &&&str| found.done.contains_key(&(*number, (**step).to_owned()));
            let done = steps.iter().filter(is_done).count();
            done != 0 && done != steps.len()
        })
        .map(|(number, _)| number.to_string())
        .collect()
}

/// Runs that began again though nothing was made to fail: the event, and how often it did; by the delivery.
pub(super) fn again_in_calm(entries: &[Entry], starts: &[Start]) -> BTreeMap<String, (usize, u64)> {
    let mut times: HashMap<(&str, u32), (usize, u64)> = HashMap::new();
    for start in starts {
        if entries.get(start.number).is_some_and(|entry| entry.is_calm) {
            let run = times.entry((&start.delivery, start.attempt)).or_default();
            *run = (start.number, run.1 + 1);
        }
    }
    let mut again: BTreeMap<String, (usize, u64)> = BTreeMap::new();
    for ((delivery, _), (number, times)) in times.into_iter().filter(|(_, (_, times))| *times > 1) {
        let of_delivery = again.entry(delivery.to_owned()).or_insert((number, 0));
        of_delivery.1 += times - 1;
    }
    again
}

/// Those of them for which PiCloud has no reason. On a machine that has too much to do the database answers too late, which
/// is a fault that it counts.
fn without_reason(again: &BTreeMap<String, (usize, u64)>, faults: &BTreeMap<String, u64>) -> Vec<String> {
    let without = again
        .iter()
        .filter(|(delivery, (_, times))| faults.get(*delivery).is_none_or(|faults| faults < times));
    without
        .map(|(delivery, (number, times))| format!("{number}: {times} times again, delivery {delivery}"))
        .collect()
}

/// Events that were dead in between. Those after them do not wait for them.
fn set_aside(evidence: &Evidence<'_>) -> BTreeSet<usize> {
    let dead: BTreeSet<&String> = evidence.dead.values().flatten().collect();
    let starts = evidence.starts.iter();
    starts
        .filter(|start| dead.contains(&start.delivery))
        .map(|start| start.number)
        .collect()
}

/// Ordered events that came before one that was accepted before them, or did not come one after the other; but for those
/// that were set aside.
fn disordered(entries: &[Entry], found: &Found, set_aside: &BTreeSet<usize>) -> Vec<String> {
    let is_ordered = |number: &usize| {
        entries
            .get(*number)
            .is_some_and(|entry| entry.kind == Kind::Ordered)
    };
    let mut next: BTreeMap<usize, usize> = BTreeMap::new();
    let (mut firsts, mut wrong) = (Vec::new(), Vec::new());
    for (number, after) in found.after.iter().filter(|(number, _)| is_ordered(number)) {
        match after {
            None => firsts.push(*number),
            Some(before) => {
                if let Some(other) = next.insert(*before, *number) {
                    wrong.push(format!("{other} and {number} both came after {before}"));
                }
            }
        }
    }
    if firsts.len() > ORDERS_MAX {
        wrong.push(format!("{} came first, of {ORDERS_MAX} keys", firsts.len()));
    }
    for first in firsts {
        let (mut at, mut newest, mut seen) = (Some(first), 0, BTreeSet::new());
        while let Some(number) = at.filter(|number| seen.insert(*number)) {
            // What nobody acknowledged may have been accepted at any time.
            if matches!(entries[number].outcome, Outcome::Accepted(_)) && !set_aside.contains(&number) {
                if number < newest {
                    wrong.push(format!("{number} came after {newest}"));
                }
                newest = newest.max(number);
            }
            at = next.get(&number).copied();
        }
    }
    wrong
}

/// Seconds without a row, rows without a run or with several, and runs without a row.
fn schedule(found: &Found) -> Vec<String> {
    let mut wrong = Vec::new();
    if found.occurrences.is_empty() {
        wrong.push("there are no rows".to_owned());
    }
    for pair in found.occurrences.windows(2) {
        if let [(newer, _), (older, _)] = pair {
            let step = second_of_day(newer).zip(second_of_day(older));
            let step = step.map(|(newer, older)| (newer + SECONDS_PER_DAY - older) % SECONDS_PER_DAY);
            if step != Some(1) {
                wrong.push(format!("from {older} to {newer}"));
            }
        }
    }
    for (moment, state) in &found.occurrences {
        let runs = found.ticks.get(moment).copied().unwrap_or(0);
        if runs != 1 || !["ran", "late"].contains(&state.as_str()) {
            wrong.push(format!("{moment}: {state}, {runs} runs"));
        }
    }
    let moments: BTreeSet<&String> = found.occurrences.iter().map(|(moment, _)| moment).collect();
    let alone = found.ticks.keys().filter(|moment| !moments.contains(moment));
    wrong.extend(alone.map(|moment| format!("{moment}: no row")));
    wrong
}

/// Of a moment such as `2026-01-31T09:30:00.000Z`.
fn second_of_day(moment: &str) -> Option<u64> {
    let clock = moment.get(11..19)?;
    let parts: Vec<u64> = clock.split(':').filter_map(|part| part.parse().ok()).collect();
    match parts.as_slice() {
        [hours, minutes, seconds] => Some((hours * 60 + minutes) * 60 + seconds),
        _ => None,
    }
}

fn late(waits: Waits) -> Vec<String> {
    let mut late = Vec::new();
    if waits.first_max > RESUMED_MAX {
        late.push(format!("nothing ran for {:?} after a fault", waits.first_max));
    }
    if waits.undisturbed_max > FORGOTTEN_MIN {
        late.push(format!(
            "an event waited for {:?} after a fault",
            waits.undisturbed_max
        ));
    }
    late
}

fn dead(dead: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    // Who is hit by three ends by chance looks like who makes them, is set aside, and runs when it is told to.
    let others = dead.iter().filter(|(reason, _)| *reason != "poison");
    others
        .flat_map(|(reason, ids)| ids.iter().map(move |id| format!("{id}: {reason}")))
        .collect()
}

#[cfg(test)]
mod tests;
