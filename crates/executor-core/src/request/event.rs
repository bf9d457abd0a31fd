//! The event that a script runs for.

use picloud_shared::{
    events::{Delivered, Origin, Topic},
    time::Timestamp,
};
use rhai::{Dynamic, Map, Module, export_module, exported_module};

use super::{Fallible, pay_for};
use crate::json;

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// The event as a map.
fn described(delivered: &Delivered) -> Fallible<Map> {
    let event = &delivered.event;
    let moment = |moment: Timestamp| Dynamic::from(moment.as_micros() / 1_000);
    let (schedule, scheduled_at, catch_up) = match delivered.origin {
        Origin::Schedule {
            id,
            scheduled_at,
            catch_up,
        } => (id.to_string().into(), moment(scheduled_at), catch_up),
        _ => (Dynamic::UNIT, Dynamic::UNIT, false),
    };
    let extensions = event.extensions.iter();
    let extensions: Map = extensions
        .map(|(name, value)| (name.as_str().into(), value.as_str().into()))
        .collect();
    Ok(Map::from([
        ("id".into(), event.id.to_string().into()),
        ("topic".into(), or_unit(event.topic.as_ref().map(Topic::as_str))),
        ("source".into(), event.source.as_str().into()),
        ("subject".into(), or_unit(event.subject.as_deref())),
        ("time".into(), moment(event.time)),
        ("key".into(), or_unit(event.key.as_deref())),
        ("data".into(), data(&event.content_type, &event.data)?),
        ("content_type".into(), event.content_type.as_str().into()),
        ("extensions".into(), extensions.into()),
        ("delivery".into(), delivered.delivery.to_string().into()),
        ("attempt".into(), i64::from(delivered.attempt).into()),
        ("depth".into(), i64::from(event.lineage.depth).into()),
        ("schedule".into(), schedule),
        ("scheduled_at".into(), scheduled_at),
        ("catch_up".into(), catch_up.into()),
    ]))
}

/// What an event carries, by its media type: a value of JSON, text, or a blob. What is not what it says is a blob.
fn data(content_type: &str, data: &[u8]) -> Fallible<Dynamic> {
    if data.is_empty() {
        return Ok(Dynamic::UNIT);
    }
    let media_type = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let is_json = media_type == "application/json" || media_type.ends_with("+json");
    let text = std::str::from_utf8(data).ok();
    match text {
        Some(text) if is_json => {
            pay_for(text.len(), 1)?;
            Ok(json::parse_text(text)?)
        }
        Some(text) if media_type.starts_with("text/") => {
            pay_for(text.len(), 1)?;
            Ok(text.into())
        }
        _ => {
            pay_for(data.len(), 1)?;
            Ok(Dynamic::from_blob(data.to_vec()))
        }
    }
}

fn or_unit(text: Option<&str>) -> Dynamic {
    text.map_or(Dynamic::UNIT, Into::into)
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Array, Dynamic};

    use crate::request::{Fallible, Request, event::described};

    /// The event that the script runs for; `()` if it runs for a request, or for several events. A map with `id`, `topic`,
    /// `source`, `subject`, `time`, `key`, `data`, `content_type` and `extensions`; `delivery` and `attempt`, from 1;
    /// `depth`, how many events led to it; and `schedule`, `scheduled_at` and `catch_up` if a schedule made it. Moments are
    /// in milliseconds, as of `time::now()`.
    ///
    /// ```rhai
    /// request.event          //=> ()
    /// request.event?.topic   //=> ()
    /// ```
    #[rhai_fn(get = "event", pure, return_raw)]
    fn event(request: &mut Request) -> Fallible<Dynamic> {
        match &request.delivered {
            Some(delivered) if delivered.others.is_empty() => Ok(Dynamic::from_map(described(delivered)?)),
            _ => Ok(Dynamic::UNIT),
        }
    }

    /// All events that the script runs for, each as `request.event` is: one, or several if the subscription says so. Empty
    /// if it runs for a request.
    ///
    /// ```rhai
    /// request.events                               //=> []
    /// request.events.map(|event| event.data.order) //=> []
    /// ```
    #[rhai_fn(get = "events", pure, return_raw)]
    fn events(request: &mut Request) -> Fallible<Array> {
        let all = request.delivered.iter().flat_map(|first| first.all());
        all.map(|one| Ok(Dynamic::from_map(described(one)?))).collect()
    }
}
