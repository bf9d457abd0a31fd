//! On which hosts PiCloud answers its own paths.

use crate::{
    domain::HostPattern,
    host::{HostName, LOOPBACK},
    path::is_reserved,
};

/// The host that the control plane has for itself, if it has one.
///
/// Without one, [`RESERVED_PATHS`](crate::path::RESERVED_PATHS) are PiCloud's own on every host, and the apps have
/// the rest. With one, all of that host is PiCloud's, and of every other host nothing but the reserved paths of
/// `localhost`, so that whoever is on the machine always gets in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminHost(Option<HostName>);

impl AdminHost {
    /// `localhost` means that alone: its other paths stay with the apps.
    pub fn new(host: HostName) -> Self {
        Self(Some(host))
    }

    /// Its name, if there is one.
    pub fn name(&self) -> Option<&str> {
        self.0.as_ref().map(HostName::as_str)
    }

    /// Whether PiCloud itself answers `path` on `host`, which is in its one form.
    #[inline]
    pub fn answers(&self, host: &str, path: &str) -> bool {
        if self.0.is_some() {
            (self.owns(host) && path.starts_with('/')) || (host == LOOPBACK && is_reserved(path))
        } else {
            is_reserved(path)
        }
    }

    /// Whether no app ever answers on `host`.
    pub fn owns(&self, host: &str) -> bool {
        self.name() == Some(host) && host != LOOPBACK
    }

    /// Whether a route on these hosts can have a reserved path: not where PiCloud would always come before it.
    /// Without hosts it is about all that an app claims.
    pub fn leaves_reserved_paths_to(&self, hosts: Option<&HostPattern>) -> bool {
        self.0.is_some() && hosts.is_none_or(|hosts| hosts.as_str() != LOOPBACK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admin_host(name: &str) -> AdminHost {
        AdminHost::new(HostName::from_name(name).unwrap_or_else(|error| panic!("{name}: {error}")))
    }

    #[test]
    fn without_one_the_reserved_paths_are_everywhere() {
        let nowhere = AdminHost::default();
        for host in ["localhost", "a.test"] {
            assert!(nowhere.answers(host, "/api/v1"), "{host}");
            assert!(!nowhere.answers(host, "/"), "{host}");
            assert!(!nowhere.owns(host), "{host}");
        }
        assert!(!nowhere.leaves_reserved_paths_to(None));
    }

    #[test]
    fn with_one_all_of_it_is_reserved_and_nothing_of_others_but_loopback() {
        let admin = admin_host("Admin.test");
        for (host, path, expected) in [
            ("admin.test", "/", true),
            ("admin.test", "/anything", true),
            ("admin.test", "/healthz", true),
            ("admin.test", "*", false),
            ("localhost", "/healthz", true),
            ("localhost", "/", false),
            ("a.test", "/healthz", false),
            ("a.admin.test", "/admin", false),
        ] {
            assert_eq!(admin.answers(host, path), expected, "{host}{path}");
        }
        assert!(admin.owns("admin.test") && !admin.owns("localhost") && !admin.owns("a.test"));
    }

    #[test]
    fn loopback_as_admin_host_stays_with_the_apps_but_for_reserved_paths() {
        let admin = admin_host("127.0.0.1");
        assert!(admin.answers("localhost", "/admin"));
        assert!(!admin.answers("localhost", "/"));
        assert!(!admin.answers("a.test", "/admin"));
        assert!(!admin.owns("localhost"));
    }

    #[test]
    fn routes_may_have_reserved_paths_where_they_are_not_reserved() {
        let admin = admin_host("admin.test");
        let on = |host: &str| {
            let pattern = host.parse().unwrap_or_else(|error| panic!("{host}: {error}"));
            admin.leaves_reserved_paths_to(Some(&pattern))
        };
        assert!(on("a.test") && on("*.test") && admin.leaves_reserved_paths_to(None));
        assert!(!on("localhost") && !on("[::1]"));
    }
}
