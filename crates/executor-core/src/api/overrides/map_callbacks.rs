//! Maps, and functions that are called for each of their entries.

use std::mem;

use rhai::{Dynamic, Identifier, Map, Module, export_module, exported_module};

use crate::api::{argument::Fallible, callback::Callback};

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// Whether the callback says yes; all that is no boolean is no.
fn says_yes(callback: &mut Callback<'_>, key: &Identifier, value: &mut Dynamic) -> Fallible<bool> {
    let answer = callback.call_with(value, [key.into()], [])?;
    Ok(answer.as_bool().unwrap_or(false))
}

/// Takes the entries out for which the callback gives `taken`. After an error, those that it was not asked about stay;
/// the one that it was asked about is gone, as in Rhai.
fn take_out(map: &mut Map, callback: &mut Callback<'_>, taken: bool) -> Fallible<Map> {
    let (mut kept, mut out) = (Map::new(), Map::new());
    let mut entries = mem::take(map).into_iter();
    let mut result = Ok(());
    for (key, mut value) in entries.by_ref() {
        match says_yes(callback, &key, &mut value) {
            Ok(answer) if answer == taken => out.insert(key, value),
            Ok(_) => kept.insert(key, value),
            Err(error) => {
                result = Err(error);
                break;
            }
        };
    }
    kept.extend(entries);
    *map = kept;
    result.map(|()| out)
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{FnPtr, Map, NativeCallContext};

    use super::{Callback, says_yes, take_out};
    use crate::api::argument::Fallible;

    /// What a function gives for each key and value, under the same keys as a new map.
    #[rhai_fn(return_raw, pure)]
    fn map(ctx: NativeCallContext, map: &mut Map, mapper: FnPtr) -> Fallible<Map> {
        // So Rhai names it in errors.
        let mut callback = Callback::new("filter", &ctx, &mapper);
        let mut result = Map::new();
        for (key, value) in map.iter_mut() {
            result.insert(key.clone(), callback.call_with(value, [key.into()], [])?);
        }
        Ok(result)
    }

    /// The entries for which a function gives `true`, as a new map.
    #[rhai_fn(return_raw, pure)]
    fn filter(ctx: NativeCallContext, map: &mut Map, filter: FnPtr) -> Fallible<Map> {
        let mut callback = Callback::new("filter", &ctx, &filter);
        let mut filtered = Map::new();
        for (key, value) in map.iter_mut() {
            if says_yes(&mut callback, key, value)? {
                filtered.insert(key.clone(), value.clone());
            }
        }
        Ok(filtered)
    }

    /// Takes the entries out for which a function gives `true`, and gives them.
    #[rhai_fn(return_raw)]
    fn drain(ctx: NativeCallContext, map: &mut Map, filter: FnPtr) -> Fallible<Map> {
        take_out(map, &mut Callback::new("drain", &ctx, &filter), true)
    }

    /// Takes the entries out for which a function does not give `true`, and gives them.
    #[rhai_fn(return_raw)]
    fn retain(ctx: NativeCallContext, map: &mut Map, filter: FnPtr) -> Fallible<Map> {
        take_out(map, &mut Callback::new("retain", &ctx, &filter), false)
    }
}
