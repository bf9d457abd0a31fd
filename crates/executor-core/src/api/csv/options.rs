//! What may be chosen about a table.

use rhai::{ImmutableString, Map};

use crate::api::argument::{Fallible, fail};

/// What may be chosen about a table.
pub(super) struct Options {
    pub(super) header: bool,
    pub(super) separator: u8,
    pub(super) trim: bool,
    pub(super) columns: Option<Vec<ImmutableString>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            header: true,
            separator: b',',
            trim: false,
            columns: None,
        }
    }
}

impl Options {
    /// Reads what a script chose. Names that do not exist are errors.
    pub(super) fn read(chosen: &Map) -> Fallible<Self> {
        let mut options = Self::default();
        for (name, value) in chosen {
            let must_be = |what: &str| fail(format!("csv: `{name}` must be {what}"));
            match name.as_str() {
                "header" => options.header = value.as_bool().map_err(|_| must_be("true or false"))?,
                "trim" => options.trim = value.as_bool().map_err(|_| must_be("true or false"))?,
                "separator" => {
                    let text = value.to_string();
                    options.separator = match text.as_bytes() {
                        [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => *byte,
                        _ => return Err(must_be("one ASCII character")),
                    };
                }
                "columns" => {
                    let names = value.as_array_ref().map_err(|_| must_be("an array of names"))?;
                    let names = names.iter().map(|name| name.clone().into_immutable_string());
                    options.columns = Some(
                        names
                            .collect::<Result<_, _>>()
                            .map_err(|_| must_be("an array of names"))?,
                    );
                }
                _ => return Err(fail(format!("csv: there is no option `{name}`"))),
            }
        }
        Ok(options)
    }
}
