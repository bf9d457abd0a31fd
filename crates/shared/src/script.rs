//! Scripts and their immutable versions.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    config::AppConfig,
    id::{AppId, ScriptId, UserId},
    limits::Limits,
    modules::{Linker, Modules, imports},
    strikes::Strikes,
    time::Timestamp,
};

/// A script with its live version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Names the script, whatever its version.
    pub id: ScriptId,
    /// Whose it is.
    pub app_id: AppId,
    /// Unique in its app.
    pub name: ScriptName,
    /// What it is for.
    pub description: String,
    /// The number of the live version; the first is 1.
    pub version: u32,
    /// The source of the live version.
    pub source: Arc<str>,
    /// What one run may use.
    pub limits: Limits,
    /// What it has to answer for, and whether it is suspended.
    pub strikes: Option<Strikes>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// One version of a script: never changed once written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptVersion {
    /// Of which script.
    pub script_id: ScriptId,
    /// Counts up from 1.
    pub version: u32,
    /// The source.
    pub source: Arc<str>,
    /// Names the source, wherever it stands.
    pub content_hash: ContentHash,
    /// Who wrote it; absent for what the first start made.
    pub author: Option<UserId>,
    /// The author's name at that time.
    pub author_name: Option<String>,
    /// Why.
    pub note: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

/// What a serving thread needs to run the live version of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveScript {
    /// Whose it is.
    pub app_id: AppId,
    /// Which script.
    pub script_id: ScriptId,
    /// For people.
    pub name: ScriptName,
    /// Which version; 0 for a source that was never saved, in a test run.
    pub version: u32,
    /// Names the source.
    pub content_hash: ContentHash,
    /// The source.
    pub source: Arc<str>,
    /// What it imports, as it was in the same state of the app; absent if that is nothing.
    pub modules: Option<Arc<Modules>>,
    /// What one run may use.
    pub limits: Limits,
    /// Whether it may not run, because the server ended too often because of it.
    pub suspended: bool,
    /// The configuration of its app in the same release.
    pub config: Arc<AppConfig>,
}

impl LiveScript {
    /// Names the source with all that it imports, in caches.
    #[inline]
    pub fn prepared_hash(&self) -> &ContentHash {
        self.modules
            .as_ref()
            .map_or(&self.content_hash, |modules| &modules.hash)
    }
}

/// All scripts of an app in one state, to be found by name: a run calls those of the state that it began with. Copies
/// share it.
#[derive(Clone, Debug, Default)]
pub struct AppScripts(Arc<[Arc<LiveScript>]>);

impl AppScripts {
    /// Those.
    pub fn new(scripts: impl IntoIterator<Item = Arc<LiveScript>>) -> Self {
        let mut scripts: Vec<_> = scripts.into_iter().collect();
        scripts.sort_by(|one, other| one.name.cmp(&other.name));
        Self(scripts.into())
    }

    /// The one with this name.
    pub fn find(&self, name: &str) -> Option<&Arc<LiveScript>> {
        let place = self.0.binary_search_by(|script| script.name.as_str().cmp(name));
        place.ok().map(|place| &self.0[place])
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|script| script.name.as_str())
    }
}

/// All scripts of an app in one state, each with what it imports. One whose imports lead nowhere fails when it runs;
/// none is saved like that.
pub fn linked(mut scripts: Vec<LiveScript>) -> Vec<Arc<LiveScript>> {
    if scripts.iter().any(|script| !imports(&script.source).is_empty()) {
        let named = scripts
            .iter()
            .map(|script| (script.name.clone(), Arc::clone(&script.source)));
        let linker = Linker::new(named);
        for script in &mut scripts {
            script.modules = linker.link(&script.name).ok().flatten().map(Arc::new);
        }
    }
    scripts.into_iter().map(Arc::new).collect()
}

/// A script's name: 1 to 64 of `a-z`, `A-Z`, `0-9`, `-`, `_`, `.`, the first a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ScriptName(String);

/// Why a text is no script name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a script name has 1 to 64 characters, each a letter, digit, -, _ or ., and starts with a letter or digit"
)]
pub struct InvalidScriptName;

impl ScriptName {
    /// The text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ScriptName {
    type Err = InvalidScriptName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let valid = (1..=64).contains(&text.len())
            && text.bytes().all(allowed)
            && text.starts_with(|first: char| first.is_ascii_alphanumeric());
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidScriptName)
        }
    }
}

impl fmt::Display for ScriptName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ScriptName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// SHA-256 of a source.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// The hash of `source`.
    pub fn of(source: &str) -> Self {
        Self(Sha256::digest(source.as_bytes()).into())
    }
}

impl fmt::Display for ContentHash {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Serialize for ContentHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut hash = [0; 32];
        hex::decode_to_slice(String::deserialize(deserializer)?, &mut hash)
            .map_err(serde::de::Error::custom)?;
        Ok(Self(hash))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}
