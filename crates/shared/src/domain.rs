//! Domains: which hosts an app answers for.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    host::HostName,
    id::{AppId, DomainId},
    time::Timestamp,
};

/// An app's claim on the hosts that a pattern describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainClaim {
    /// Names the claim.
    pub id: DomainId,
    /// Whose it is.
    pub app_id: AppId,
    /// The hosts.
    pub pattern: HostPattern,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A pattern of hosts.
///
/// - `example.com` is that host alone.
/// - `*.example.com` is every host below it, however deep.
/// - `{tenant}.example.com` is every host one label below it; the label is the parameter `tenant`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPattern {
    text: String,
    wildcard: bool,
    /// From left to right, without the `*`.
    labels: Vec<HostLabel>,
}

/// One label of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostLabel {
    /// Exactly this label.
    Literal(String),
    /// Any one label, given to the script under this name.
    Param(String),
}

/// What kind of pattern it is, from the most to the least specific.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostKind {
    /// One host.
    Exact,
    /// With `{param}` labels.
    Parameterized,
    /// Starts with `*.`.
    Wildcard,
}

/// Why a text is no pattern; each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHostPattern {
    /// Not a host name, apart from its parameters.
    #[error("`{0}` is not a host name; write it like example.com, *.example.com or {{tenant}}.example.com")]
    Host(String),
    /// `*` somewhere else than first, or beside `{param}`.
    #[error("`*` may stand only as the whole first label, and not together with {{param}} labels")]
    Wildcard,
    /// A parameter that is no identifier, or stands twice.
    #[error(
        "`{{{0}}}` is not a parameter name: use a letter or _, then letters, digits or _, each name once"
    )]
    Param(String),
    /// Nothing literal under the variable labels.
    #[error("under `*` or {{param}} labels there must be a domain of at least one literal label")]
    TooBroad,
}

impl HostPattern {
    /// As it was written, with literal labels in their one form.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The kind of pattern.
    pub fn kind(&self) -> HostKind {
        if self.wildcard {
            HostKind::Wildcard
        } else if self
            .labels
            .iter()
            .any(|label| matches!(label, HostLabel::Param(_)))
        {
            HostKind::Parameterized
        } else {
            HostKind::Exact
        }
    }

    /// What two patterns have in common when some host falls under both with equal right: `*` and every
    /// `{param}` become `*`.
    pub fn shape_key(&self) -> String {
        let labels = self.labels.iter().map(|label| match label {
            HostLabel::Literal(text) => text.as_str(),
            HostLabel::Param(_) => "*",
        });
        self.wildcard
            .then_some("*")
            .into_iter()
            .chain(labels)
            .collect::<Vec<_>>()
            .join(".")
    }

    /// The labels from left to right, without the `*` of a wildcard.
    pub fn labels(&self) -> &[HostLabel] {
        &self.labels
    }

    /// Whether every host under `self` also falls under `claim`.
    pub fn is_under(&self, claim: &Self) -> bool {
        let fits = |(own, claimed): (&HostLabel, &HostLabel)| match claimed {
            HostLabel::Literal(_) => own == claimed,
            HostLabel::Param(_) => true,
        };
        let from_right = || self.labels.iter().rev().zip(claim.labels.iter().rev());
        if claim.wildcard {
            let deeper = self.labels.len() > claim.labels.len()
                || (self.wildcard && self.labels.len() == claim.labels.len());
            deeper && from_right().all(fits)
        } else {
            !self.wildcard && self.labels.len() == claim.labels.len() && from_right().all(fits)
        }
    }

    /// The parameters of `host`, left to right, if it falls under this pattern.
    pub fn matches(&self, host: &str) -> Option<Vec<(String, String)>> {
        if self.kind() == HostKind::Exact {
            // An address has dots too, and they separate no labels there.
            return (self.text == host).then(Vec::new);
        }
        let mut found: Vec<&str> = host.split('.').collect();
        let extra = found.len().checked_sub(self.labels.len())?;
        if (self.wildcard && extra == 0) || (!self.wildcard && extra != 0) {
            return None;
        }
        let mut params = Vec::new();
        for (label, found) in self.labels.iter().zip(found.drain(extra..)) {
            match label {
                HostLabel::Literal(text) if text == found => {}
                HostLabel::Literal(_) => return None,
                HostLabel::Param(name) => params.push((name.clone(), found.to_owned())),
            }
        }
        Some(params)
    }
}

/// What IDNA takes for a dot, beside the dot.
const IDNA_DOTS: [char; 3] = ['\u{3002}', '\u{ff0e}', '\u{ff61}'];

impl FromStr for HostPattern {
    type Err = InvalidHostPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidHostPattern::Host(text.to_owned());
        let text = &text.replace(IDNA_DOTS, ".");
        let trimmed = text.strip_suffix('.').unwrap_or(text);
        if trimmed.ends_with('.') {
            return Err(invalid());
        }
        if let Some(address) = trimmed.strip_prefix('[') {
            let host = HostName::from_name(&format!("[{address}")).map_err(|_| invalid())?;
            let label = HostLabel::Literal(host.as_str().to_owned());
            return Ok(Self {
                text: host.as_str().to_owned(),
                wildcard: false,
                labels: vec![label],
            });
        }
        let (wildcard, rest) = match trimmed.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, trimmed),
        };
        if rest.contains('*') {
            return Err(InvalidHostPattern::Wildcard);
        }

        // The whole name is normalised at once, with parameters replaced by a stand-in, because IDNA and the
        // length limits look at more than one label.
        let mut params = Vec::new();
        let mut stand_in = Vec::new();
        for label in rest.split('.') {
            if let Some(name) = label.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                if !is_param_name(name) || params.iter().flatten().any(|seen| seen == name) {
                    return Err(InvalidHostPattern::Param(name.to_owned()));
                }
                params.push(Some(name.to_owned()));
                stand_in.push("x");
            } else {
                params.push(None);
                stand_in.push(label);
            }
        }
        let host = HostName::from_name(&stand_in.join(".")).map_err(|_| invalid())?;
        let literals: Vec<&str> = host.as_str().split('.').collect();
        let variable = params.iter().any(Option::is_some);
        if !wildcard && !variable {
            params = vec![None; literals.len()];
        }
        if literals.len() != params.len() {
            // A name that IDNA, or the rule for 127.0.0.1, gives another number of labels.
            return Err(invalid());
        }
        if wildcard && variable {
            return Err(InvalidHostPattern::Wildcard);
        }
        if params.last().is_none_or(Option::is_some) {
            return Err(InvalidHostPattern::TooBroad);
        }
        let labels: Vec<HostLabel> = params
            .into_iter()
            .zip(literals)
            .map(|(param, literal)| {
                param.map_or_else(|| HostLabel::Literal(literal.to_owned()), HostLabel::Param)
            })
            .collect();
        let written = labels.iter().map(|label| match label {
            HostLabel::Literal(text) => text.clone(),
            HostLabel::Param(name) => format!("{{{name}}}"),
        });
        let text = wildcard
            .then(|| "*".to_owned())
            .into_iter()
            .chain(written)
            .collect::<Vec<_>>()
            .join(".");
        Ok(Self {
            text,
            wildcard,
            labels,
        })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether `name` may name a parameter of a host or a path.
pub(crate) fn is_param_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn kinds_and_shapes() {
        for (text, kind, shape) in [
            ("Example.COM.", HostKind::Exact, "example.com"),
            ("*.example.com", HostKind::Wildcard, "*.example.com"),
            ("{tenant}.example.com", HostKind::Parameterized, "*.example.com"),
            ("{a}.{b}.example.com", HostKind::Parameterized, "*.*.example.com"),
            (
                "api.{region}.example.com",
                HostKind::Parameterized,
                "api.*.example.com",
            ),
            ("bücher.example", HostKind::Exact, "xn--bcher-kva.example"),
            ("127.0.0.1", HostKind::Exact, "localhost"),
            ("[::1]", HostKind::Exact, "localhost"),
            ("例\u{3002}jp", HostKind::Exact, "xn--fsq.jp"),
            ("*\u{ff0e}a\u{ff61}jp", HostKind::Wildcard, "*.a.jp"),
            ("{x}\u{3002}jp", HostKind::Parameterized, "*.jp"),
        ] {
            assert_eq!(
                (pattern(text).kind(), pattern(text).shape_key().as_str()),
                (kind, shape),
                "{text}"
            );
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "*",
            "*.",
            "a.*.com",
            "*.{x}.com",
            "{x}",
            "{x}.{x}.com",
            "{1}.com",
            "a b.com",
            "http://a.com",
            "a.com:80",
            "{x}.com/y",
            "*.127.0.0.1",
            "{x}.\u{2026}",
        ] {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_wildcard_reaches_any_depth_and_a_parameter_one_label() {
        assert_eq!(pattern("*.example.com").matches("a.b.example.com"), Some(vec![]));
        assert_eq!(pattern("*.example.com").matches("example.com"), None);
        let tenant = pattern("{tenant}.example.com");
        assert_eq!(
            tenant.matches("ada.example.com"),
            Some(vec![("tenant".to_owned(), "ada".to_owned())])
        );
        assert_eq!(tenant.matches("a.b.example.com"), None);
    }

    #[test]
    fn an_address_with_dots_is_one_host() {
        let address = "[::ffff:1.2.3.4]";
        assert_eq!(pattern(address).matches(address), Some(vec![]));
        assert_eq!(pattern(address).matches("[::ffff:1.2.3.5]"), None);
    }

    #[test]
    fn a_route_host_must_fall_under_a_claim() {
        for (host, claim, expected) in [
            ("a.example.com", "*.example.com", true),
            ("a.b.example.com", "*.example.com", true),
            ("*.b.example.com", "*.example.com", true),
            ("*.example.com", "*.example.com", true),
            ("{x}.example.com", "*.example.com", true),
            ("example.com", "*.example.com", false),
            ("a.example.com", "{t}.example.com", true),
            ("*.example.com", "{t}.example.com", false),
            ("example.com", "example.com", true),
            ("a.example.com", "example.com", false),
        ] {
            assert_eq!(
                pattern(host).is_under(&pattern(claim)),
                expected,
                "{host} under {claim}"
            );
        }
    }
}
