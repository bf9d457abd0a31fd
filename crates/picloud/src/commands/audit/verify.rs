//! `picloud audit verify`: whether the audit log is what was written.

use std::io::{self, Write as _};

use anyhow::bail;
use picloud_shared::{
    audit::{AuditVerdict, ChainFault},
    repository::AuditRepository as _,
};
use tokio::runtime;

use crate::{cli::Settings, commands::database::open_store, config::Config};

/// Computes every hash again; fails if one is not as it should be.
pub(crate) fn run(settings: Settings) -> anyhow::Result<()> {
    let config = Config::load(settings.with_secrets_of_environment())?;
    let verdict = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let store = open_store(&config).await?;
            let verdict = store.verify_audit().await?;
            store.close().await;
            anyhow::Ok(verdict)
        })?;
    tell(&verdict)?;
    if let Some(ChainFault {
        chain,
        sequence,
        fault,
    }) = verdict.first_bad
    {
        let (chain, fault) = (chain.as_str(), fault.as_str());
        bail!("the audit log is not what was written: in {chain}, record {sequence} is {fault}");
    }
    Ok(())
}

/// One line per chain, for people and for programs that compare it with an earlier one.
fn tell(verdict: &AuditVerdict) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for head in &verdict.heads {
        let (chain, sequence, hash) = (head.chain.as_str(), head.sequence, hex::encode(head.hash));
        writeln!(out, "{chain} {sequence} {hash}")?;
    }
    writeln!(out, "{} records", verdict.records)
}
