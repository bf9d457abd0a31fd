//! Routes: which requests of an app a script answers.

use std::{fmt, str::FromStr};

use crate::{
    domain::HostPattern,
    id::{AppId, RouteId, ScriptId},
    path::PathPattern,
    time::Timestamp,
    webhook::Webhook,
};

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Names the route.
    pub id: RouteId,
    /// Whose it is.
    pub app_id: AppId,
    /// Which script answers.
    pub script_id: ScriptId,
    /// Only on these hosts; on every host that the app claims if absent.
    pub host: Option<HostPattern>,
    /// The paths.
    pub path: PathPattern,
    /// The methods.
    pub methods: MethodSet,
    /// How its requests are signed; anybody may send some if absent.
    pub webhook: Option<Webhook>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Route {
    /// The key that two routes of one app share exactly when they match the same hosts and paths.
    pub fn shape_key(&self) -> String {
        shape_key(self.host.as_ref(), &self.path)
    }
}

/// See [`Route::shape_key`].
pub fn shape_key(host: Option<&HostPattern>, path: &PathPattern) -> String {
    format!(
        "{}{}",
        host.map(HostPattern::shape_key).unwrap_or_default(),
        path.shape_key()
    )
}

/// A set of HTTP methods, or every method there is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MethodSet(u8);

/// The methods that a route may name, in the order in which they are listed.
pub const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Why a list of methods is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMethods {
    /// None at all.
    #[error("name at least one method, or \"*\" for every method")]
    Empty,
    /// One that a route cannot have.
    #[error(
        "`{0}` is not a method that a route can have; use GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS or *"
    )]
    Unknown(String),
}

impl MethodSet {
    /// Every method, also those without a name here.
    pub const ANY: Self = Self(0xFF);

    /// Reads a list of method names in any case; `*` means every method.
    pub fn from_names<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Self, InvalidMethods> {
        let mut set = Self(0);
        for name in names {
            let name = name.as_ref();
            if name == "*" {
                set = Self::ANY;
            } else {
                let index = METHODS
                    .iter()
                    .position(|method| method.eq_ignore_ascii_case(name));
                set.0 |= 1 << index.ok_or_else(|| InvalidMethods::Unknown(name.to_owned()))?;
            }
        }
        if set.0 == 0 {
            Err(InvalidMethods::Empty)
        } else {
            Ok(set)
        }
    }

    /// Whether the set holds `method`, exactly as a request names it.
    pub fn contains(self, method: &str) -> bool {
        self == Self::ANY
            || METHODS
                .iter()
                .position(|known| *known == method)
                .is_some_and(|index| self.0 & (1 << index) != 0)
    }

    /// Whether both sets hold some method.
    pub fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The methods of either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The names, in the order of [`METHODS`]; `["*"]` for every method.
    pub fn names(self) -> Vec<&'static str> {
        if self == Self::ANY {
            vec!["*"]
        } else {
            self.known().collect()
        }
    }

    /// The known methods in the set, one by one, also when it stands for every method.
    pub fn known(self) -> impl Iterator<Item = &'static str> {
        METHODS
            .into_iter()
            .enumerate()
            .filter(move |(index, _)| self.0 & (1 << index) != 0)
            .map(|(_, name)| name)
    }
}

impl fmt::Display for MethodSet {
    /// As in an `Allow` header: `GET, POST`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

impl fmt::Debug for MethodSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MethodSet({self})")
    }
}

impl FromStr for MethodSet {
    type Err = InvalidMethods;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_names(text.split(',').map(str::trim))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_a_set() {
        let set = MethodSet::from_names(["post", "GET", "get"]).unwrap_or(MethodSet::ANY);
        assert_eq!(set.names(), ["GET", "POST"]);
        assert!(set.contains("GET") && !set.contains("get") && !set.contains("PUT"));
        assert!(MethodSet::ANY.contains("PROPFIND") && MethodSet::ANY.overlaps(set));
        assert_eq!("GET, POST".parse(), Ok(set));
        assert_eq!("*".parse(), Ok(MethodSet::ANY));
        assert_eq!(
            MethodSet::from_names(["GIT"]),
            Err(InvalidMethods::Unknown("GIT".to_owned()))
        );
        assert_eq!(MethodSet::from_names::<&str>([]), Err(InvalidMethods::Empty));
    }
}
