//! `uuid::…`

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rhai::{Module, export_module, exported_module};
use uuid::{Builder, Uuid};

use super::{argument::Fallible, chance, clock};

/// Bits of a UUID that count on within a millisecond.
const COUNT_BITS: u32 = 12;

/// The millisecond of the last UUID that began with its time, and its number in it. It is the same for all threads: what
/// this process makes later is greater, even if the clock goes back.
static LAST: AtomicU64 = AtomicU64::new(0);

/// The module as scripts see it.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// A new UUID that begins with the present time, greater than those that this process made before.
pub(crate) fn new_v7() -> Fallible<Uuid> {
    let mut bytes = [0; 10];
    chance::fill(&mut bytes)?;
    let now = u64::try_from(clock::now_ms()).unwrap_or_default() << COUNT_BITS;
    // More than have room in a millisecond go on in the next one.
    let after = |last: u64| now.max(last + 1);
    let place = after(LAST.update(Relaxed, Relaxed, after));
    // The bits above the count give way to the version.
    let [.., high, low] = place.to_be_bytes();
    (bytes[0], bytes[1]) = (high, low);
    Ok(Builder::from_unix_timestamp_millis(place >> COUNT_BITS, &bytes).into_uuid())
}

/// Names that are unique everywhere (RFC 9562), as text in lower case.
#[export_module(export_all)]
mod functions {
    use rhai::NativeCallContext;
    use uuid::{Builder, Uuid};

    use crate::{
        api::{
            argument::{Fallible, fail},
            chance,
        },
        error::at_call,
    };

    /// A random UUID.
    ///
    /// ```rhai
    /// uuid::v4().len              //=> 36
    /// uuid::is_valid(uuid::v4())  //=> true
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn v4(ctx: NativeCallContext) -> Fallible<String> {
        at_call(&ctx, || {
            let mut bytes = [0; 16];
            chance::fill(&mut bytes)?;
            Ok(Builder::from_random_bytes(bytes).into_uuid().to_string())
        })
    }

    /// A UUID that begins with the present time in milliseconds, so that later ones sort after earlier ones.
    ///
    /// ```rhai
    /// uuid::v7()[14]  //=> '7'
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn v7(ctx: NativeCallContext) -> Fallible<String> {
        at_call(&ctx, || Ok(super::new_v7()?.to_string()))
    }

    /// Reads a UUID in any usual form (upper case, braces, without hyphens, `urn:uuid:`) and gives the plain
    /// one. Anything else is an error.
    ///
    /// ```rhai
    /// uuid::parse("{67E55044-10B1-426F-9247-BB680E5FE0C8}")  //=> "67e55044-10b1-426f-9247-bb680e5fe0c8"
    /// uuid::parse("no")                                      //=> error: not a UUID
    /// ```
    #[rhai_fn(return_raw)]
    fn parse(ctx: NativeCallContext, text: &str) -> Fallible<String> {
        at_call(&ctx, || {
            let uuid =
                Uuid::try_parse(text).map_err(|error| fail(format!("uuid::parse: not a UUID: {error}")))?;
            Ok(uuid.to_string())
        })
    }

    /// Whether text is a UUID in any usual form.
    ///
    /// ```rhai
    /// uuid::is_valid("67e55044-10b1-426f-9247-bb680e5fe0c8")  //=> true
    /// uuid::is_valid("67e55044")                              //=> false
    /// ```
    fn is_valid(text: &str) -> bool {
        Uuid::try_parse(text).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_one_moment_rise() {
        let make = || (0..10_000).map(|_| new_v7().unwrap());
        let ids: Vec<_> = make().collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        let all: Vec<_> = std::thread::scope(|scope| {
            let others: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| make().collect::<Vec<_>>()))
                .collect();
            others
                .into_iter()
                .flat_map(|other| other.join().unwrap())
                .collect()
        });
        for others in all.chunks(10_000) {
            assert!(others.is_sorted_by(|one, next| one < next));
            assert!(others.iter().all(|id| *id > ids[9_999]));
            assert!(others.iter().all(|id| id.get_version_num() == 7));
        }
    }
}
