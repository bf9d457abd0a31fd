//! `picloud admin forget-secret-key`: a way on for those who lost the key for what is sealed in the database.

use picloud_shared::{change::Change, time::Clock as _};
use tokio::runtime;

use crate::{
    cli::Settings,
    clock::SystemClock,
    commands::{database::open_store, tell},
    config::Config,
};

/// Deletes what only that key could open.
pub(crate) fn run(settings: Settings) -> anyhow::Result<()> {
    let config = Config::load(settings.with_secrets_of_environment())?;
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let store = open_store(&config).await?;
            let forgotten = store
                .forget_secret_key(&Change::by_console(SystemClock.now()))
                .await?;
            store.close().await;
            tell(format_args!(
                "The old key is forgotten, and with it {} second factors, {} secrets, {} mail servers and {} brokers of \
                 apps. A new key is made when it is first needed, unless there is a file {}. A server that runs has to be \
                 started again.",
                forgotten.second_factors,
                forgotten.secrets,
                forgotten.mail_servers,
                forgotten.brokers,
                config.secret_key_file.display()
            ));
            Ok(())
        })
}
