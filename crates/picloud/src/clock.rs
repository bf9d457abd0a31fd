//! The real clock, and who is told that it was set.

use std::time::{SystemTime, UNIX_EPOCH};

use picloud_shared::time::{Clock, Timestamp};

/// Tells the machine's time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that all others are handed"
    )]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

/// Has `events` told that the clock was set, and that the machine slept. Only Linux tells, and costs nothing until then:
/// elsewhere whoever waits for a moment of the clock looks at it now and then.
#[cfg(target_os = "linux")]
pub(crate) use linux::tell_when_set;

#[cfg(target_os = "linux")]
mod linux {
    use std::{convert::Infallible, io, thread, time::Duration};

    use nix::sys::{
        time::TimeSpec,
        timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
    };
    use picloud_orchestrator_core::Events;

    /// Since 1970. The timer is there to be cancelled, and never fires.
    const FAR: Duration = Duration::from_secs(1 << 33);
    const STACK_BYTES: usize = 128 * 1_024;

    /// On a thread that waits as long as the process lives: it has nothing to end.
    pub(crate) fn tell_when_set(events: Events) {
        let watching = thread::Builder::new()
            .name("clock-watch".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let Err(error) = watch(&events);
                warn(&error);
            });
        if let Err(error) = watching {
            warn(&error);
        }
    }

    fn warn(error: &io::Error) {
        tracing::warn!(%error, "nothing tells when the clock is set; it is noticed within ten minutes");
    }

    fn watch(events: &Events) -> io::Result<Infallible> {
        let timer = TimerFd::new(ClockId::CLOCK_REALTIME, TimerFlags::TFD_CLOEXEC)?;
        arm(&timer)?;
        loop {
            timer.wait()?;
            // First, so that nothing that happens meanwhile is missed.
            arm(&timer)?;
            tracing::info!("the clock was set, or the machine slept");
            events.clock_was_set();
        }
    }

    /// From here on the system cancels it when the clock is set.
    fn arm(timer: &TimerFd) -> io::Result<()> {
        let flags = TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        Ok(timer.set(Expiration::OneShot(TimeSpec::from_duration(FAR)), flags)?)
    }
}

/// The same where nobody tells.
#[cfg(not(target_os = "linux"))]
pub(crate) fn tell_when_set(_events: picloud_orchestrator_core::Events) {}
