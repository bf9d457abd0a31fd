//! What a script gets when it asks for a secret.

use std::{collections::BTreeMap, sync::Arc};

use picloud_shared::{
    id::AppId,
    repository::StoreError,
    secret::{SecretText, SettingName},
};
use zeroize::Zeroizing;

use super::{KIND, cache::Opened, owner};
use crate::{Store, statements::statements, value::args};

statements! {
    SEALED_SECRETS = "SELECT name, sealed FROM secrets WHERE app_id = $1";
}

impl Store {
    /// The value of a secret; none if the app has no such secret. All secrets of the app are opened at once, the first
    /// time that one is asked for after a change.
    pub async fn open_secret(
        &self,
        app: AppId,
        name: &SettingName,
    ) -> Result<Option<SecretText>, StoreError> {
        if let Some(known) = self.secrets.find(app, name) {
            return Ok(known);
        }
        // Runs that begin at the same time read once.
        let _turn = self.secrets.reading.lock().await;
        if let Some(known) = self.secrets.find(app, name) {
            return Ok(known);
        }
        let changes = self.secrets.changes();
        let opened = Arc::new(self.open_all(app).await?);
        self.secrets.keep(app, &opened, changes);
        Ok(opened.get(name.as_str()).cloned())
    }

    async fn open_all(&self, app: AppId) -> Result<Opened, StoreError> {
        let rows: Vec<(String, Vec<u8>)> = self.db.fetch_all(SEALED_SECRETS, args![app]).await?;
        let mut opened = BTreeMap::new();
        for (name, sealed) in rows {
            let plain = Zeroizing::new(self.sealer.open(KIND, &owner(app, &name), &sealed)?);
            let text = std::str::from_utf8(&plain)
                .map_err(|_| StoreError::Corrupt("a secret that is no text".to_owned()))?;
            opened.insert(name, SecretText::from(text.to_owned()));
        }
        Ok(opened)
    }
}
