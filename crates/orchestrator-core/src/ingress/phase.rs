//! The life of a server.

/// What a server is doing. It only ever goes on to a later phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Accepts and answers.
    #[default]
    Serving,
    /// Accepts no more, and closes each connection when its requests in flight are answered.
    Draining,
    /// Drops what is left.
    Stopped,
}
