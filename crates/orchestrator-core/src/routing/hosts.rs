//! Which app claims a host.

use std::{fmt::Write as _, sync::Arc};

use picloud_shared::domain::{HostKind, HostLabel, HostPattern};

use super::{app::AppTable, sharded::Sharded};

/// An app's claim on a host.
pub(crate) struct Claim {
    pub(crate) pattern: HostPattern,
    pub(crate) app: Arc<AppTable>,
    pub(crate) params: HostParams,
}

/// The parameters of a pattern, left to right: the name, and which label it is, counted from the right.
pub(crate) struct HostParams(Box<[(Arc<str>, usize)]>);

/// All claims. The most specific one wins: an exact host, then a pattern with more labels before one with
/// fewer, then `{param}` before `*`.
///
/// Every pattern but a wildcard has as many labels as the hosts under it. So of the patterns that a host falls
/// under, those with parameters come first, then the wildcards from the longest to the shortest. Among patterns
/// with parameters, the one that is literal where the other is variable wins, at the rightmost such label.
#[derive(Clone, Default)]
pub(crate) struct Hosts {
    exact: Sharded<Box<str>, Arc<Claim>>,
    /// By shape, such as `*.example.com` for `{tenant}.example.com`.
    parameterized: Sharded<Box<str>, Arc<Claim>>,
    /// By what stands after the `*.`.
    wildcards: Sharded<Box<str>, Arc<Claim>>,
    /// Which labels are variable in any of `parameterized`; in order of precedence.
    forms: Vec<Form>,
}

/// Which labels of a pattern are variable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Form {
    labels: usize,
    /// One bit a label, the rightmost label in the highest, so that the smaller number is the more specific.
    variable: u128,
}

impl Hosts {
    pub(crate) fn insert(&mut self, claim: Claim) {
        let key = key(&claim.pattern);
        if claim.pattern.kind() == HostKind::Parameterized
            && let Err(at) = self.forms.binary_search(&Form::of(&claim.pattern))
        {
            self.forms.insert(at, Form::of(&claim.pattern));
        }
        self.map(claim.pattern.kind()).insert(key, Arc::new(claim));
    }

    /// Removes the claim that `app` has on `pattern`; leaves it if another app has it by now.
    pub(crate) fn remove(&mut self, pattern: &HostPattern, app: &AppTable) {
        let key = key(pattern);
        let map = self.map(pattern.kind());
        if map.get(&*key).is_some_and(|claim| claim.app.app_id == app.app_id) {
            map.remove(&*key);
        }
        // A form that no claim has any more costs a look-up that finds nothing; it goes when the last claim does.
        if self.parameterized.is_empty() {
            self.forms.clear();
        }
    }

    /// The claim that `host` falls under.
    pub(crate) fn find(&self, host: &str) -> Option<&Arc<Claim>> {
        self.exact
            .get(host)
            .or_else(|| self.find_parameterized(host))
            .or_else(|| self.find_wildcard(host))
    }

    fn find_parameterized(&self, host: &str) -> Option<&Arc<Claim>> {
        if self.forms.is_empty() {
            return None;
        }
        let labels = host.split('.').count();
        let fitting = self.forms.iter().filter(|form| form.labels == labels);
        fitting
            .map(|form| form.shape(host))
            .find_map(|shape| self.parameterized.get(shape.as_str()))
    }

    fn find_wildcard(&self, host: &str) -> Option<&Arc<Claim>> {
        if self.wildcards.is_empty() {
            return None;
        }
        host.match_indices('.')
            .find_map(|(dot, _)| self.wildcards.get(&host[dot + 1..]))
    }

    fn map(&mut self, kind: HostKind) -> &mut Sharded<Box<str>, Arc<Claim>> {
        match kind {
            HostKind::Exact => &mut self.exact,
            HostKind::Parameterized => &mut self.parameterized,
            HostKind::Wildcard => &mut self.wildcards,
        }
    }
}

impl Form {
    fn of(pattern: &HostPattern) -> Self {
        let mut variable = 0;
        for (at, label) in pattern.labels().iter().rev().enumerate() {
            if matches!(label, HostLabel::Param(_)) {
                variable |= Self::bit(at);
            }
        }
        Self {
            labels: pattern.labels().len(),
            variable,
        }
    }

    /// The shape of those patterns of this form that `host` falls under.
    fn shape(self, host: &str) -> String {
        let mut shape = String::with_capacity(host.len());
        for (at, label) in host.split('.').enumerate() {
            if at > 0 {
                shape.push('.');
            }
            let variable = self.variable & Self::bit(self.labels - 1 - at) != 0;
            shape.push_str(if variable { "*" } else { label });
        }
        shape
    }

    fn bit(label_from_right: usize) -> u128 {
        // A host name has at most 127 labels.
        1 << (127 - label_from_right.min(127))
    }
}

impl Claim {
    pub(crate) fn new(pattern: HostPattern, app: Arc<AppTable>) -> Self {
        Self {
            params: HostParams::of(&pattern),
            pattern,
            app,
        }
    }
}

impl HostParams {
    pub(crate) fn of(pattern: &HostPattern) -> Self {
        let labels = pattern.labels();
        let param = |(at, label): (usize, &HostLabel)| match label {
            HostLabel::Param(name) => Some((name.as_str().into(), labels.len() - 1 - at)),
            HostLabel::Literal(_) => None,
        };
        Self(labels.iter().enumerate().filter_map(param).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds what the parameters are in `host`.
    pub(crate) fn collect(&self, host: &str, into: &mut Vec<(Arc<str>, String)>) {
        let value = |label: usize| host.rsplit('.').nth(label).unwrap_or_default().to_owned();
        into.extend(
            self.0
                .iter()
                .map(|(name, label)| (Arc::clone(name), value(*label))),
        );
    }
}

/// Sorts patterns from the most to the least specific; see [`Hosts`].
pub(crate) fn specificity(pattern: &HostPattern) -> impl Ord + use<> {
    let wildcard = pattern.kind() == HostKind::Wildcard;
    let labels = pattern.labels().len() + usize::from(wildcard);
    (
        pattern.kind() != HostKind::Exact,
        std::cmp::Reverse(labels),
        wildcard,
        Form::of(pattern).variable,
    )
}

/// Whether `host` falls under `pattern`; allocates nothing.
pub(crate) fn covers(pattern: &HostPattern, host: &str) -> bool {
    let mut found = host.rsplit('.');
    let fits = |label: &HostLabel| match (label, found.next()) {
        (_, None) => false,
        (HostLabel::Literal(text), Some(found)) => text == found,
        (HostLabel::Param(_), Some(_)) => true,
    };
    pattern.labels().iter().rev().all(fits)
        && found.next().is_some() == (pattern.kind() == HostKind::Wildcard)
}

/// Whether exactly the same hosts fall under both: they differ in the names of parameters at most.
pub(crate) fn same_hosts(one: &HostPattern, other: &HostPattern) -> bool {
    let fits = |(one, other): (&HostLabel, &HostLabel)| match (one, other) {
        (HostLabel::Param(_), HostLabel::Param(_)) => true,
        (one, other) => one == other,
    };
    one.kind() == other.kind()
        && one.labels().len() == other.labels().len()
        && one.labels().iter().zip(other.labels()).all(fits)
}

/// Where a claim stands in the map of its kind.
fn key(pattern: &HostPattern) -> Box<str> {
    match pattern.kind() {
        HostKind::Parameterized => pattern.shape_key().into(),
        HostKind::Exact | HostKind::Wildcard => {
            let mut key = String::new();
            for label in pattern.labels() {
                let HostLabel::Literal(text) = label else { continue };
                // Writing to a string does not fail.
                let _ = write!(key, "{}{text}", if key.is_empty() { "" } else { "." });
            }
            key.into()
        }
    }
}
