//! Which events there are, and what each must lead to.

/// How an event comes to be, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Published alone.
    Single,
    /// Published with others, all or none.
    Batch,
    /// Its script emits another one, which two scripts get.
    Chain,
    /// Emitted by a script that a client waits for.
    Emitted,
    /// A run for which nobody waits.
    Invoked,
    /// Its first run fails.
    Flaky,
    /// One of a key, in order.
    Ordered,
    /// Given to a run with others; some of these fail, and then each of their events runs alone.
    Gathered,
}

impl Kind {
    /// What is published by chance: of batches fewer, as each is many events.
    pub(super) const CHOICES: [Self; 15] = [
        Self::Batch,
        Self::Single,
        Self::Single,
        Self::Chain,
        Self::Chain,
        Self::Emitted,
        Self::Emitted,
        Self::Invoked,
        Self::Invoked,
        Self::Flaky,
        Self::Flaky,
        Self::Ordered,
        Self::Ordered,
        Self::Gathered,
        Self::Gathered,
    ];

    /// The steps that leave something behind. Each does once.
    pub(super) fn steps(self) -> &'static [&'static str] {
        match self {
            Self::Single | Self::Batch | Self::Invoked | Self::Flaky | Self::Ordered | Self::Gathered => {
                &["a"]
            }
            Self::Chain => &["a", "left", "right"],
            Self::Emitted => &["asked", "b"],
        }
    }

    /// The step that is the first run for an event.
    pub(super) fn first_run(self) -> &'static str {
        match self {
            Self::Emitted => "b",
            _ => "a",
        }
    }

    /// How many are published by one request.
    pub(super) fn at_one_time(self) -> usize {
        match self {
            Self::Batch => BATCH,
            _ => 1,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Batch => "batch",
            Self::Chain => "chain",
            Self::Emitted => "emitted",
            Self::Invoked => "invoked",
            Self::Flaky => "flaky",
            Self::Ordered => "ordered",
            Self::Gathered => "gathered",
        }
    }
}

const BATCH: usize = 10;
