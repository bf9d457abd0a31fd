//! How every Rhai engine of PiCloud is built.

use rhai::{
    Engine,
    packages::{Package, StandardPackage},
};

use crate::api;

/// An engine with the whole script API and all bounds, and nothing that reaches out of the sandbox.
pub(crate) fn build() -> Engine {
    let mut engine = Engine::new_raw();
    StandardPackage::new().register_into_engine(&mut engine);
    api::register(&mut engine);
    engine
}
