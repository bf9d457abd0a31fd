//! A stream of server-sent events.

use std::io::{BufRead as _, BufReader};

use serde_json::Value;
use ureq::{Body, BodyReader};

/// What comes, until it ends or the test has waited long enough.
pub(crate) struct Events {
    lines: BufReader<BodyReader<'static>>,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// `message` unless the stream says otherwise.
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    pub(crate) data: Value,
}

impl Events {
    pub(super) fn of(body: Body) -> Self {
        Self {
            lines: BufReader::new(body.into_with_config().limit(u64::MAX).reader()),
        }
    }

    /// The next event; none if the stream ends before one.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Option<Event> {
        let (mut name, mut id, mut data) = ("message".to_owned(), None, None);
        loop {
            let mut line = String::new();
            let length = self
                .lines
                .read_line(&mut line)
                .expect("the stream goes on or ends");
            if length == 0 {
                return None;
            }
            match line.trim_end_matches('\n').split_once(':') {
                Some(("event", value)) => value.trim_start().clone_into(&mut name),
                Some(("id", value)) => id = Some(value.trim_start().to_owned()),
                Some(("data", value)) => data = Some(serde_json::from_str(value).expect("data is JSON")),
                // Comments and what is for browsers alone.
                Some(_) => {}
                None => match data {
                    Some(data) => return Some(Event { name, id, data }),
                    None => id = None,
                },
            }
        }
    }

    /// The next event, which must be a run; its record.
    #[track_caller]
    pub(crate) fn next_run(&mut self) -> Value {
        let event = self.next().expect("the stream goes on");
        assert_eq!(event.name, "message", "{event:?}");
        assert_eq!(event.id.as_deref(), event.data["id"].as_str(), "{event:?}");
        event.data
    }

    /// Fails unless the stream ends for this reason.
    #[track_caller]
    pub(crate) fn ends(mut self, reason: &str) {
        let event = self.next().expect("a last event");
        assert_eq!(
            (event.name.as_str(), event.data["reason"].as_str()),
            ("end", Some(reason)),
            "{event:?}"
        );
        assert_eq!(self.next(), None);
    }
}
