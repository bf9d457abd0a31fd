//! PiCloud: the manager, the orchestrator and the executor in one process.

mod cli;
mod clock;
mod commands;
mod config;
mod in_flight;
mod logging;
mod machine;
mod signals;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{AdminCommand, AuditCommand, Cli, Command};

/// Counts what each run of a script allocates; see the executor's allocator.
#[global_allocator]
static ALLOCATOR: picloud_executor_core::CountingAllocator = picloud_executor_core::CountingAllocator;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        None => commands::serve::run(cli.settings),
        Some(Command::Admin(AdminCommand::ResetPassword { username })) => {
            commands::admin::reset_password::run(cli.settings, &username)
        }
        Some(Command::Admin(AdminCommand::ForgetSecretKey)) => {
            commands::admin::forget_secret_key::run(cli.settings)
        }
        Some(Command::Audit(AuditCommand::Verify)) => commands::audit::verify::run(cli.settings),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            commands::tell(format_args!("picloud: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
