//! Mail servers of apps. A password goes in, sealed, and comes out for those who send e-mail alone.

use std::mem;

use async_trait::async_trait;
use picloud_shared::{
    change::Change,
    id::AppId,
    mail::{MailServer, MailSettings, Senders},
    repository::{AppSmtp, MailServers, PutSmtpError, SmtpRepository, StoreError},
    secret::SecretText,
    time::Timestamp,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    Store,
    audit::{Entry, append},
    authority::confirm,
    convert::{number, parse},
    db::Transaction,
    statements::statements,
    value::args,
};

/// What is sealed here. Its owner is the app with where the password goes.
const KIND: &str = "app_smtp";

statements! {
    FIND_SMTP = "SELECT host, port, security, username, senders, sealed, updated_at, author_name \
        FROM app_smtp WHERE app_id = $1";
    /// Makes those who change the settings of an app wait for each other, and keeps it from being deleted meanwhile.
    HOLD_APP_OF_SMTP = "UPDATE apps SET release = release WHERE id = $1 RETURNING slug";
    PUT_SMTP = "INSERT INTO app_smtp \
        (app_id, host, port, security, username, sealed, senders, updated_at, author_id, author_name) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, (SELECT username FROM users WHERE id = $9)) \
        ON CONFLICT (app_id) DO UPDATE SET host = excluded.host, port = excluded.port, security = excluded.security, \
        username = excluded.username, sealed = excluded.sealed, senders = excluded.senders, \
        updated_at = excluded.updated_at, author_id = excluded.author_id, author_name = excluded.author_name";
    DELETE_SMTP = "DELETE FROM app_smtp WHERE app_id = $1";
}

#[derive(sqlx::FromRow)]
struct SmtpRow {
    host: String,
    port: i64,
    security: String,
    username: Option<String>,
    /// One on each line.
    senders: String,
    /// Empty if nobody signs in.
    sealed: Vec<u8>,
    updated_at: i64,
    author_name: Option<String>,
}

#[async_trait]
impl SmtpRepository for Store {
    async fn find_smtp(&self, app: AppId) -> Result<Option<AppSmtp>, StoreError> {
        let row: Option<SmtpRow> = self.db.fetch_optional(FIND_SMTP, args![app]).await?;
        row.map(AppSmtp::try_from).transpose()
    }

    async fn put_smtp(
        &self,
        app: AppId,
        settings: &MailSettings,
        password: Option<&SecretText>,
        change: &Change,
    ) -> Result<AppSmtp, PutSmtpError> {
        let mut transaction = self.db.write().await?;
        let Some(slug) = hold(&mut transaction, app, change).await? else {
            return Err(PutSmtpError::NoApp);
        };
        let row: Option<SmtpRow> = transaction.fetch_optional(FIND_SMTP, args![app]).await?;
        let before_sealed = row.as_ref().map(|row| row.sealed.clone());
        let before = row.map(AppSmtp::try_from).transpose()?;
        let sealed = match (&settings.username, password) {
            (None, _) => Vec::new(),
            (Some(_), Some(password)) => {
                let (owner, plain) = (owner(app, settings), password.expose().as_bytes());
                self.sealer
                    .seal(&mut transaction, KIND, &owner, plain, change.at)
                    .await?
            }
            (Some(_), None) => {
                let stays = before
                    .as_ref()
                    .is_some_and(|before| before.settings.is_same_place(settings));
                before_sealed
                    .filter(|_| stays)
                    .ok_or(PutSmtpError::PasswordNeeded)?
            }
        };
        let (host, senders) = (settings.host.to_string(), settings.senders.texts().join("\n"));
        let new = args![
            app,
            host.as_str(),
            settings.port,
            settings.security.as_str(),
            settings.username.as_deref(),
            sealed.as_slice(),
            senders.as_str(),
            change.at,
            change.author
        ];
        transaction.execute(PUT_SMTP, new).await?;
        let row: Option<SmtpRow> = transaction.fetch_optional(FIND_SMTP, args![app]).await?;
        let after = row.map(AppSmtp::try_from).transpose()?;
        let mut entry = Entry::new("put_smtp")
            .in_app(app)
            .about("app", app, &slug)
            .after(state(settings));
        if let Some(before) = &before {
            entry = entry.before(state(&before.settings));
        }
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        after.ok_or(PutSmtpError::NoApp)
    }

    async fn delete_smtp(&self, app: AppId, change: &Change) -> Result<bool, StoreError> {
        let mut transaction = self.db.write().await?;
        let Some(slug) = hold(&mut transaction, app, change).await? else {
            return Ok(false);
        };
        let row: Option<SmtpRow> = transaction.fetch_optional(FIND_SMTP, args![app]).await?;
        let Some(before) = row.map(AppSmtp::try_from).transpose()? else {
            return Ok(false);
        };
        transaction.execute(DELETE_SMTP, args![app]).await?;
        let entry = Entry::new("delete_smtp")
            .in_app(app)
            .about("app", app, &slug)
            .before(state(&before.settings));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

#[async_trait]
impl MailServers for Store {
    async fn mail_server(&self, app: AppId) -> Result<Option<MailServer>, StoreError> {
        let row: Option<SmtpRow> = self.db.fetch_optional(FIND_SMTP, args![app]).await?;
        let Some(mut row) = row else {
            return Ok(None);
        };
        let sealed = mem::take(&mut row.sealed);
        let settings = AppSmtp::try_from(row)?.settings;
        if sealed.is_empty() {
            return Ok(Some(settings.with(None)));
        }
        let plain = Zeroizing::new(self.sealer.open(KIND, &owner(app, &settings), &sealed)?);
        let text = std::str::from_utf8(&plain)
            .map_err(|_| StoreError::Corrupt("a password that is no text".to_owned()))?;
        Ok(Some(settings.with(Some(text.to_owned().into()))))
    }
}

/// Keeps the app's mail server as it is until `transaction` ends, if the author of `change` may change it; gives the slug of
/// the app, unless it is gone.
async fn hold(
    transaction: &mut Transaction,
    app: AppId,
    change: &Change,
) -> Result<Option<String>, StoreError> {
    let held: Option<(String,)> = transaction.fetch_optional(HOLD_APP_OF_SMTP, args![app]).await?;
    let Some((slug,)) = held else {
        return Ok(None);
    };
    confirm(transaction, change, Some(app)).await?;
    Ok(Some(slug))
}

/// Whom a password is sealed for: whoever writes another host into a row gets none that opens.
fn owner(app: AppId, settings: &MailSettings) -> Vec<u8> {
    let place = format!(
        "{}\0{}\0{}\0{}",
        settings.host,
        settings.port,
        settings.security.as_str(),
        settings.username.as_deref().unwrap_or_default()
    );
    [app.0.as_bytes(), place.as_bytes()].concat()
}

/// What the audit log says of it: never the password, nor anything made from it.
fn state(settings: &MailSettings) -> Value {
    json!({
        "host": settings.host.to_string(),
        "port": settings.port,
        "security": settings.security.as_str(),
        "username": settings.username,
        "from": settings.senders.texts(),
    })
}

impl TryFrom<SmtpRow> for AppSmtp {
    type Error = StoreError;

    fn try_from(row: SmtpRow) -> Result<Self, StoreError> {
        let senders = row.senders.lines().map(|text| parse("sender of e-mail", text));
        let senders = Senders::new(senders.collect::<Result<_, _>>()?)
            .map_err(|error| StoreError::Corrupt(format!("senders of e-mail: {error}")))?;
        Ok(Self {
            settings: MailSettings {
                host: parse("host of a mail server", &row.host)?,
                port: number("port of a mail server", row.port)?,
                security: parse("security of a mail server", &row.security)?,
                username: row.username,
                senders,
            },
            updated_at: Timestamp::from_micros(row.updated_at),
            updated_by: row.author_name,
        })
    }
}
