//! A run's log, bounded in bytes.

use picloud_shared::outcome::{LogLevel, LogLine};
use rhai::{NativeCallContext, Position};

use crate::error::script_of;

/// Longest message of one line in bytes; a longer one is cut.
const MESSAGE_BYTES_MAX: usize = 8 * 1_024;

/// What a line costs beside its text, so that empty lines are bounded too.
const LINE_BYTES: u64 = 32;

const CUT_MARK: &str = "… [cut]";

/// Where a line comes from.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    position: Position,
    /// The script, if it is one that is imported.
    pub(crate) script: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// The place of a call.
    pub(crate) fn of(context: &'a NativeCallContext<'_>) -> Self {
        Self {
            position: context.call_position(),
            script: script_of(context),
        }
    }

    /// The line there; 0 if unknown.
    pub(crate) fn line(&self) -> u32 {
        self.position
            .line()
            .and_then(|line| u32::try_from(line).ok())
            .unwrap_or(0)
    }
}

/// The lines of one run. Once a line does not fit, it and all after it are dropped and counted, so that what
/// is kept is the beginning of the log without holes.
#[derive(Default)]
pub(crate) struct Log {
    lines: Vec<LogLine>,
    bytes_left: u64,
    dropped: u64,
}

impl Log {
    /// An empty log that holds `bytes_max`.
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self {
            bytes_left: bytes_max,
            ..Self::default()
        }
    }

    /// Whether every further line is dropped.
    pub(crate) fn is_full(&self) -> bool {
        self.dropped > 0
    }

    /// Counts one line as dropped.
    pub(crate) fn drop_line(&mut self) {
        self.dropped += 1;
    }

    /// Adds a line if it fits.
    pub(crate) fn push(&mut self, line: LogLine) {
        let cost = line.message.len() as u64 + LINE_BYTES;
        if let Some(left) = self.bytes_left.checked_sub(cost) {
            self.bytes_left = left;
            self.lines.push(line);
        } else {
            self.drop_line();
        }
    }

    /// `message`, or its beginning if it is too long for one line.
    pub(crate) fn cut(message: &str) -> String {
        if message.len() <= MESSAGE_BYTES_MAX {
            return message.to_owned();
        }
        let end = message.floor_char_boundary(MESSAGE_BYTES_MAX);
        [&message[..end], CUT_MARK].concat()
    }

    /// All lines; the last says how many were dropped, if any were.
    pub(crate) fn into_lines(mut self, offset_us: u64) -> Vec<LogLine> {
        if self.dropped > 0 {
            self.lines.push(LogLine {
                level: LogLevel::Warn,
                message: format!("[dropped {} lines]", self.dropped),
                offset_us,
                line: 0,
                script: None,
            });
        }
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str) -> LogLine {
        LogLine {
            level: LogLevel::Info,
            message: Log::cut(message),
            offset_us: 0,
            line: 1,
            script: None,
        }
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let mut log = Log::new(100);
        log.push(line("first"));
        log.push(line("second"));
        log.push(line("third"));
        assert!(log.is_full());
        log.drop_line();
        let lines = log.into_lines(9);
        let texts: Vec<_> = lines.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(texts, ["first", "second", "[dropped 2 lines]"]);
        assert_eq!(lines[2].level, LogLevel::Warn);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let message = "ä".repeat(MESSAGE_BYTES_MAX);
        let cut = Log::cut(&message);
        assert!(cut.ends_with("ä… [cut]"));
        assert!(cut.len() <= MESSAGE_BYTES_MAX + CUT_MARK.len());
        assert_eq!(Log::cut("short"), "short");
    }
}
