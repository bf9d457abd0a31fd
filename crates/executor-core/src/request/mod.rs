//! `request` as scripts see it. Nothing is parsed or copied before a script asks for it.

mod argument;
mod body;
mod event;
mod fields;
mod headers;
mod webhook;

use std::{rc::Rc, sync::Arc};

use picloud_shared::{events::Delivered, id::ExecutionId, invocation::ScriptRequest};
use rhai::{Dynamic, EvalAltResult, Map, Module};

pub(crate) use self::argument::Argument;
use crate::gate;

/// The request, cheap to clone.
#[derive(Clone)]
pub(crate) struct Request {
    id: ExecutionId,
    sent: Arc<ScriptRequest>,
    /// What a script was called with.
    argument: Option<Rc<Argument>>,
    delivered: Option<Arc<Delivered>>,
}

impl Request {
    /// What a script sees of `request`, and of the event that it runs for.
    pub(crate) fn new(id: ExecutionId, sent: Arc<ScriptRequest>, delivered: Option<Arc<Delivered>>) -> Self {
        Self {
            id,
            sent,
            argument: None,
            delivered,
        }
    }

    /// The same for a script that is called.
    pub(crate) fn with_argument(&self, argument: Argument) -> Self {
        Self {
            argument: Some(Rc::new(argument)),
            ..self.clone()
        }
    }

    /// Its path, as it came.
    pub(crate) fn path(&self) -> &str {
        self.sent.uri.path()
    }

    /// The request itself.
    pub(crate) fn request(&self) -> &ScriptRequest {
        &self.sent
    }
}

/// Makes the types known.
pub(crate) fn register_types(module: &mut Module) {
    module
        .set_custom_type::<Request>("Request")
        .set_custom_type::<headers::Headers>("Headers")
        .set_iterable::<headers::Headers>();
}

/// What scripts can do with them.
pub(crate) fn modules() -> [Module; 5] {
    [
        fields::module(),
        body::module(),
        event::module(),
        headers::module(),
        webhook::module(),
    ]
}

/// A map as Rhai keeps it: if a native function returned a [`rhai::Map`], Rhai would build it anew. What authors
/// read of a function is what its source says, so there it is called `Map`.
type MapValue = Dynamic;

/// A map of these pairs, with the first value of each name.
fn map_of<K: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (K, V)>) -> MapValue {
    let mut map = Map::new();
    for (name, value) in pairs {
        map.entry(name.as_ref().into())
            .or_insert_with(|| value.as_ref().into());
    }
    MapValue::from_map(map)
}

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// Asks for the memory of a copy of `bytes`, which parsing may make a few times larger, and counts its work.
fn pay_for(bytes: usize, times: usize) -> Fallible<()> {
    const BYTES_PER_OPERATION: u64 = 64;
    if bytes < 1_024 {
        return Ok(());
    }
    gate::reserve(bytes.saturating_mul(times))?;
    gate::spend(bytes as u64 / BYTES_PER_OPERATION)
}
