//! Which domains an app may claim: any but those that belong to everybody, or to the dashboard.

use picloud_shared::{
    admin_host::AdminHost,
    domain::{HostKind, HostLabel, HostPattern},
};

/// Why a domain cannot be claimed; each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAllowed {
    #[error(
        "`{0}` reaches across the public suffix `{1}`, under which anybody can register a domain; claim a domain below it that is yours"
    )]
    PublicSuffix(HostPattern, String),
    #[error("`{0}` is the host of this instance's dashboard and API; claim another")]
    AdminHost(HostPattern),
}

/// Suffixes of the public list that are nobody's but the home network's (RFC 8375).
const HOME_SUFFIXES: [&str; 1] = ["home.arpa"];

/// Whether an app may claim `pattern`.
///
/// A pattern that the admin host merely falls under may be claimed: it never wins over that host.
pub(crate) fn check(pattern: &HostPattern, admin_host: &AdminHost) -> Result<(), NotAllowed> {
    if admin_host.owns(pattern.as_str()) {
        return Err(NotAllowed::AdminHost(pattern.clone()));
    }
    match public_suffix(pattern) {
        Some(suffix) => Err(NotAllowed::PublicSuffix(pattern.clone(), suffix)),
        None => Ok(()),
    }
}

/// The public suffix that `pattern` is, or that hosts under it have without the pattern saying whose they are.
///
/// Names that are on no list, such as `nas`, `nas.local` or `nas.lan`, have none. Neither have the suffixes of
/// companies, such as `duckdns.org`: those belong to somebody, who may run this very instance.
fn public_suffix(pattern: &HostPattern) -> Option<String> {
    let mut fixed: Vec<&str> = pattern
        .labels()
        .iter()
        .rev()
        .map_while(|label| match label {
            HostLabel::Literal(text) => Some(text.as_str()),
            HostLabel::Param(_) => None,
        })
        .collect();
    fixed.reverse();
    let fixed = fixed.join(".");
    if is_public_suffix(&fixed) {
        return Some(fixed);
    }
    // Of some domains every name one label below is a suffix; only there does a variable label make one.
    let below = format!("x.{fixed}");
    (pattern.kind() != HostKind::Exact && is_public_suffix(&below)).then(|| format!("*.{fixed}"))
}

fn is_public_suffix(name: &str) -> bool {
    let listed = psl::suffix(name.as_bytes())
        .is_some_and(|suffix| suffix == name.as_bytes() && suffix.typ() == Some(psl::Type::Icann));
    listed && !HOME_SUFFIXES.contains(&name)
}

#[cfg(test)]
mod tests {
    use picloud_shared::host::HostName;

    use super::*;

    fn verdict(pattern: &str) -> Result<(), NotAllowed> {
        let admin = HostName::from_name("admin.example.com").unwrap_or_else(|error| panic!("{error}"));
        let parsed = pattern
            .parse()
            .unwrap_or_else(|error| panic!("{pattern}: {error}"));
        check(&parsed, &AdminHost::new(admin))
    }

    #[test]
    fn public_suffixes_are_nobodys() {
        for (pattern, suffix) in [
            ("com", "com"),
            ("CO.UK.", "co.uk"),
            ("*.com", "com"),
            ("*.co.uk", "co.uk"),
            ("{x}.com", "com"),
            ("{x}.{y}.com", "com"),
            ("www.{x}.co.uk", "co.uk"),
            ("рф", "xn--p1ai"),
            ("*.公司.cn", "xn--55qx5d.cn"),
            ("osaka.jp", "osaka.jp"),
            ("*.kawasaki.jp", "*.kawasaki.jp"),
            ("{x}.ck", "*.ck"),
            ("arpa", "arpa"),
        ] {
            let expected = pattern
                .parse()
                .map(|pattern| NotAllowed::PublicSuffix(pattern, suffix.to_owned()));
            assert_eq!(verdict(pattern).err(), expected.ok(), "{pattern}");
        }
    }

    #[test]
    fn what_is_below_a_suffix_or_on_no_list_may_be_claimed() {
        for pattern in [
            "example.com",
            "*.example.com",
            "{tenant}.example.co.uk",
            "www.ck",
            "city.kawasaki.jp",
            "*.city.kawasaki.jp",
            "bücher.de",
            "localhost",
            "nas",
            "*.nas",
            "nas.local",
            "*.local",
            "{host}.lan",
            "git.internal",
            "*.internal",
            "home.arpa",
            "*.home.arpa",
            "nas.home.arpa",
            "a.test",
            "*.test",
            "ada.duckdns.org",
            "{tenant}.duckdns.org",
            "192.168.1.4",
            "[2001:db8::1]",
        ] {
            assert_eq!(verdict(pattern), Ok(()), "{pattern}");
        }
    }

    #[test]
    fn the_admin_host_is_nobodys_but_patterns_may_cover_it() {
        for pattern in ["admin.example.com", "ADMIN.example.com."] {
            assert!(
                matches!(verdict(pattern), Err(NotAllowed::AdminHost(_))),
                "{pattern}"
            );
        }
        for pattern in ["*.example.com", "{x}.example.com", "x.admin.example.com"] {
            assert_eq!(verdict(pattern), Ok(()), "{pattern}");
        }
    }
}
