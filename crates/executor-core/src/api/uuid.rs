//! `uuid::…`

use rhai::{Module, export_module, exported_module};
use uuid::{Builder, Uuid};

use super::{argument::Fallible, chance, clock};

/// The module as scripts see it.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// A new UUID that begins with the present time.
pub(crate) fn new_v7() -> Fallible<Uuid> {
    let mut bytes = [0; 10];
    chance::fill(&mut bytes)?;
    let millis = u64::try_from(clock::now_ms()).unwrap_or_default();
    Ok(Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
}

/// Names that are unique everywhere (RFC 9562), as text in lower case.
#[export_module(export_all)]
mod functions {
    use uuid::{Builder, Uuid};

    use crate::api::{
        argument::{Fallible, fail},
        chance,
    };

    /// A random UUID.
    ///
    /// ```rhai
    /// uuid::v4().len              //=> 36
    /// uuid::is_valid(uuid::v4())  //=> true
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn v4() -> Fallible<String> {
        let mut bytes = [0; 16];
        chance::fill(&mut bytes)?;
        Ok(Builder::from_random_bytes(bytes).into_uuid().to_string())
    }

    /// A UUID that begins with the present time in milliseconds, so that later ones sort after earlier ones.
    ///
    /// ```rhai
    /// uuid::v7()[14]  //=> '7'
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn v7() -> Fallible<String> {
        Ok(super::new_v7()?.to_string())
    }

    /// Reads a UUID in any usual form (upper case, braces, without hyphens, `urn:uuid:`) and gives the plain
    /// one. Anything else is an error.
    ///
    /// ```rhai
    /// uuid::parse("{67E55044-10B1-426F-9247-BB680E5FE0C8}")  //=> "67e55044-10b1-426f-9247-bb680e5fe0c8"
    /// uuid::parse("no")                                      //=> error: not a UUID
    /// ```
    #[rhai_fn(return_raw)]
    fn parse(text: &str) -> Fallible<String> {
        let uuid =
            Uuid::try_parse(text).map_err(|error| fail(format!("uuid::parse: not a UUID: {error}")))?;
        Ok(uuid.to_string())
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
