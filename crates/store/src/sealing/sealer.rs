//! Seals and opens with the key of this database.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use picloud_shared::{repository::StoreError, time::Timestamp};

use super::{
    key_file::{self, SecretKeyError},
    seal::{NotOpened, Seal},
};
use crate::{db::Transaction, statements::statements, value::args};

statements! {
    SEALED_WITH = "SELECT key_id FROM sealing_key WHERE singleton = 1";
    // Of two nodes that seal something for the first time, one waits here for the other, and then finds its key.
    SEAL_WITH = "INSERT INTO sealing_key (singleton, key_id, created_at) VALUES (1, $1, $2) ON CONFLICT DO NOTHING";
}

/// Seals and opens. The key is read when it is first needed, and kept.
pub(crate) struct Sealer {
    path: PathBuf,
    seal: OnceLock<Seal>,
}

impl Sealer {
    /// With the key in the file at `path`, which need not be there yet.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            seal: OnceLock::new(),
        }
    }

    /// Seals `plain`, which is a `kind` of secret and belongs to `owner`. The first time makes the key, if there is no
    /// file. A database that was sealed with another key takes nothing of this one.
    pub(crate) async fn seal(
        &self,
        transaction: &mut Transaction,
        kind: &'static str,
        owner: &[u8],
        plain: &[u8],
        now: Timestamp,
    ) -> Result<Vec<u8>, StoreError> {
        let seal = if let Some(seal) = self.recorded(transaction).await? {
            seal
        } else {
            let seal = self.key_or_new().map_err(no_key)?;
            transaction
                .execute(SEAL_WITH, args![seal.id().as_slice(), now])
                .await?;
            let recorded = self.recorded(transaction).await?;
            recorded.ok_or_else(|| StoreError::Corrupt("no name of the secret key".to_owned()))?
        };
        seal.seal(kind, owner, plain)
            .ok_or_else(|| StoreError::Failed("nothing can be sealed: no random bytes".into()))
    }

    /// What was sealed for `kind` and `owner`.
    pub(crate) fn open(
        &self,
        kind: &'static str,
        owner: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let seal = self.key().map_err(no_key)?;
        seal.open(kind, owner, sealed).map_err(|error| match error {
            NotOpened::OtherKey => no_key(SecretKeyError::Wrong(self.path.clone())),
            NotOpened::Altered => StoreError::Corrupt(format!("a sealed {kind} is not what was sealed")),
        })
    }

    /// The key, if the database was sealed with one; any other is refused.
    pub(super) async fn recorded(&self, transaction: &mut Transaction) -> Result<Option<&Seal>, StoreError> {
        let row: Option<(Vec<u8>,)> = transaction.fetch_optional(SEALED_WITH, args![]).await?;
        let Some((key_id,)) = row else {
            return Ok(None);
        };
        let seal = self.key().map_err(no_key)?;
        if seal.id() == *key_id {
            Ok(Some(seal))
        } else {
            Err(no_key(SecretKeyError::Wrong(self.path.clone())))
        }
    }

    fn key(&self) -> Result<&Seal, SecretKeyError> {
        if let Some(seal) = self.seal.get() {
            return Ok(seal);
        }
        let seal = key_file::read(&self.path)?.ok_or_else(|| SecretKeyError::Missing(self.path.clone()))?;
        Ok(self.seal.get_or_init(|| seal))
    }

    fn key_or_new(&self) -> Result<&Seal, SecretKeyError> {
        match self.key() {
            Err(SecretKeyError::Missing(_)) => {
                key_file::make(&self.path)?;
                self.key()
            }
            found => found,
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

fn no_key(error: SecretKeyError) -> StoreError {
    StoreError::SecretKey(error.into())
}
