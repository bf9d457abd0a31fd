//! `request` as scripts see it. Nothing is parsed or copied before a script asks for it.

mod body;
mod fields;
mod headers;

use std::rc::Rc;

use picloud_shared::{id::ExecutionId, invocation::ScriptRequest};
use rhai::{Engine, EvalAltResult};

use crate::gate;

/// The request, cheap to clone.
#[derive(Clone)]
pub(crate) struct Request(Rc<Parts>);

struct Parts {
    id: ExecutionId,
    request: ScriptRequest,
}

impl Request {
    /// What a script sees of `request`.
    pub(crate) fn new(id: ExecutionId, request: ScriptRequest) -> Self {
        Self(Rc::new(Parts { id, request }))
    }

    fn request(&self) -> &ScriptRequest {
        &self.0.request
    }
}

/// Registers the types and their functions.
pub(crate) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Request>("Request")
        .register_type_with_name::<headers::Headers>("Headers")
        .register_iterator::<headers::Headers>()
        .register_global_module(fields::module().into())
        .register_global_module(body::module().into())
        .register_global_module(headers::module().into());
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
