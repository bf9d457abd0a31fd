//! Waiting for time to pass.

use rhai::{Module, export_module, exported_module};

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

#[export_module(export_all)]
mod functions {
    use std::time::Duration;

    use rhai::EvalAltResult;

    use crate::gate;

    /// Waits for a number of seconds, which may have a fraction. Other requests are served meanwhile, and
    /// waiting uses no processor time. It counts towards `timeout_ms`.
    ///
    /// ```rhai
    /// sleep(0.001) //=> ()
    /// ```
    #[rhai_fn(name = "sleep", return_raw)]
    fn sleep_float(seconds: f64) -> Result<(), Box<EvalAltResult>> {
        // What is negative or no number is no time; what is too long for a duration is for ever.
        let duration = if seconds > 0.0 {
            Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
        } else {
            Duration::ZERO
        };
        gate::wait(tokio::time::sleep(duration))
    }

    /// Waits for a number of seconds. Other requests are served meanwhile, and waiting uses no processor
    /// time. It counts towards `timeout_ms`.
    ///
    /// ```rhai
    /// sleep(0) //=> ()
    /// ```
    #[rhai_fn(return_raw)]
    fn sleep(seconds: i64) -> Result<(), Box<EvalAltResult>> {
        gate::wait(tokio::time::sleep(Duration::from_secs(
            u64::try_from(seconds).unwrap_or(0),
        )))
    }
}
