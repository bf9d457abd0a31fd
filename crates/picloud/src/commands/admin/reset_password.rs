//! `picloud admin reset-password`: a new password for somebody who lost theirs.

use std::io::{self, BufRead as _, IsTerminal as _};

use anyhow::{Context as _, bail, ensure};
use picloud_shared::time::Clock as _;
use tokio::runtime;

use crate::{
    cli::Settings,
    clock::SystemClock,
    commands::{database::open_store, tell},
    config::Config,
};

/// Sets a new password, removes the second factor, and ends all sessions of that person.
pub(crate) fn run(settings: Settings, username: &str) -> anyhow::Result<()> {
    let config = Config::load(settings.with_secrets_of_environment())?;
    let username = username
        .parse()
        .with_context(|| format!("`{username}` cannot be a username"))?;
    let password = read_password()?;

    runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let store = open_store(&config).await?;
            let found =
                picloud_manager_core::reset_password(&store, &username, &password, SystemClock.now()).await?;
            store.close().await;
            if !found {
                bail!("nobody has the username {username}");
            }
            tell(format_args!(
                "{username} has a new password and no second factor; all sessions and API tokens have ended."
            ));
            Ok(())
        })
}

fn read_password() -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        let password = rpassword::prompt_password("New password: ")?;
        let again = rpassword::prompt_password("Once more: ")?;
        ensure!(password == again, "the two passwords differ; nothing was changed");
        Ok(password)
    } else {
        let mut line = String::new();
        io::stdin()
            .lock()
            .read_line(&mut line)
            .context("cannot read the password from standard input")?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}
