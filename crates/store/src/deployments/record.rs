//! What the audit log says of a deployment: what it changed, by name, as far as that fits into a record.

use picloud_shared::release::{
    Changed, Changes, ManifestBinding, ManifestConfig, ManifestDomain, ManifestRoute, ManifestScript,
};
use serde_json::{Map, Value, json};

/// Names of one kind that a record has; of the rest it says how many they are.
const NAMES_MAX: usize = 50;
/// Bytes that they take, so that those of all kinds fit into one state of a record.
const NAMES_BYTES_MAX: usize = 2_560;

/// What was removed and what was changed, as it was.
pub(super) fn before(changes: &Changes) -> Value {
    Value::Object(names(changes, |was_there, _| was_there))
}

/// What was added and what was changed, as it is now, with how many that are.
pub(super) fn after(changes: &Changes, summary: &str) -> Value {
    let mut state = names(changes, |_, is_there| is_there);
    state.insert("summary".to_owned(), summary.into());
    state.insert("changes".to_owned(), changes.summary().into());
    Value::Object(state)
}

/// The names of each kind, and how many more there are.
fn names(changes: &Changes, side: impl Fn(bool, bool) -> bool) -> Map<String, Value> {
    let kinds = [
        ("scripts", listed(&changes.scripts, &side, script)),
        ("routes", listed(&changes.routes, &side, route)),
        ("domains", listed(&changes.domains, &side, domain)),
        ("config", listed(&changes.config, &side, config)),
        ("subscriptions", listed(&changes.subscriptions, &side, binding)),
        ("schedules", listed(&changes.schedules, &side, binding)),
    ];
    let (mut state, mut more) = (Map::new(), Map::new());
    for (kind, (names, rest)) in kinds {
        if !names.is_empty() {
            state.insert(kind.to_owned(), names.into());
        }
        if rest > 0 {
            more.insert(kind.to_owned(), rest.into());
        }
    }
    if !more.is_empty() {
        state.insert("more".to_owned(), more.into());
    }
    state
}

/// What is called how before or after, and how many did not fit. `side` says whether something is wanted that was there
/// before, or is there after.
fn listed<T>(
    changed: &[Changed<T>],
    side: impl Fn(bool, bool) -> bool,
    name: impl Fn(&T) -> Value,
) -> (Vec<Value>, usize) {
    let (mut names, mut bytes, mut rest) = (Vec::new(), 0, 0);
    for changed in changed {
        let thing = match changed {
            Changed::Removed(thing) if side(true, false) => thing,
            Changed::Added(thing) if side(false, true) => thing,
            Changed::Changed { before, after, .. } => {
                if side(true, false) {
                    before
                } else {
                    after
                }
            }
            Changed::Removed(_) | Changed::Added(_) => continue,
        };
        let name = name(thing);
        let length = name.to_string().len();
        if names.len() < NAMES_MAX && bytes + length <= NAMES_BYTES_MAX {
            names.push(name);
            bytes += length;
        } else {
            rest += 1;
        }
    }
    (names, rest)
}

fn script(script: &ManifestScript) -> Value {
    json!({ "name": script.name, "version": script.version })
}

/// Such as `GET, POST example.com/hello`.
fn route(route: &ManifestRoute) -> Value {
    let host = route.host.as_deref().unwrap_or_default();
    format!("{} {host}{}", route.methods, route.path).into()
}

fn domain(domain: &ManifestDomain) -> Value {
    domain.pattern.as_str().into()
}

fn binding<S>(binding: &ManifestBinding<S>) -> Value {
    binding.name.as_str().into()
}

fn config(config: &ManifestConfig) -> Value {
    config.name.as_str().into()
}

#[cfg(test)]
mod tests {
    use picloud_shared::{id::DomainId, release::Manifest, time::Timestamp};

    use super::*;

    /// An app that claims so many domains, with `letters` in each.
    fn claims(count: usize, letters: usize) -> Manifest {
        let domain = |number| ManifestDomain {
            id: DomainId::new(Timestamp::from_micros(1)),
            pattern: format!("{number:03}-{}.test", "x".repeat(letters)),
        };
        Manifest {
            domains: (0..count).map(domain).collect(),
            ..Manifest::default()
        }
    }

    #[test]
    fn what_went_stands_before_and_what_came_after() {
        let changes = Changes::between(&claims(1, 1), &Manifest::default());
        assert_eq!(before(&changes), json!({ "domains": ["000-x.test"] }));
        let back = Changes::between(&Manifest::default(), &claims(1, 1));
        assert_eq!(before(&back), json!({}));
        assert_eq!(
            after(&back, "back"),
            json!({ "domains": ["000-x.test"], "summary": "back", "changes": "1 domain added" })
        );
    }

    #[test]
    fn what_is_too_much_is_counted() {
        for (count, letters, shown) in [(50, 1, 50), (51, 1, 50), (60, 200, 12), (1, 5_000, 0)] {
            let changes = Changes::between(&claims(count, letters), &Manifest::default());
            let state = before(&changes);
            let names = state["domains"].as_array().map_or(0, Vec::len);
            assert_eq!(names, shown, "{count} of {letters}");
            let more = state["more"]["domains"].as_u64().unwrap_or_default();
            assert_eq!(more, (count - shown) as u64, "{count} of {letters}");
            assert!(state.to_string().len() < 5 * 1_024);
        }
    }
}
