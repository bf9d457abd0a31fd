//! The functions.

use rhai::{Module, export_module, exported_module};

/// The module as scripts see it.
pub(in crate::api) fn module() -> Module {
    exported_module!(functions)
}

/// Tables as comma-separated text (RFC 4180).
#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Array, Dynamic, Map, NativeCallContext};

    use crate::{
        api::{
            argument::Fallible,
            csv::{options::Options, read, write},
        },
        error::at_call,
    };

    /// Reads a table from a string or a blob. The first line names the columns, every other line becomes a map of
    /// strings. Cells that a line lacks are `()`; a line with more cells than columns is an error.
    ///
    /// ```rhai
    /// csv::parse("name,city\nAda,\"London, UK\"\n")  //=> [#{name: "Ada", city: "London, UK"}]
    /// csv::parse("name\nAda,London")                 //=> error: line 2 has 2 cells
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn parse(ctx: NativeCallContext, data: &mut Dynamic) -> Fallible<Array> {
        at_call(&ctx, || read::parse(data, &Options::default()))
    }

    /// Reads a table with options: `header: false` makes every line an array of strings, `separator` is the
    /// character between cells, `trim: true` removes white space around cells.
    ///
    /// ```rhai
    /// csv::parse("a; b\nc;d", #{header: false, separator: ";", trim: true})  //=> [["a", "b"], ["c", "d"]]
    /// ```
    #[rhai_fn(name = "parse", return_raw, pure)]
    fn parse_with(ctx: NativeCallContext, data: &mut Dynamic, options: Map) -> Fallible<Array> {
        at_call(&ctx, || read::parse(data, &Options::read(&options)?))
    }

    /// Writes an array of maps as a table with a header, or an array of arrays as one without. The columns are
    /// those of the first map, in the order of the alphabet. Cells are text, numbers, booleans or `()`.
    ///
    /// ```rhai
    /// csv::stringify([#{name: "Ada", age: 36}, #{name: "Tom \"T\""}])
    /// //=> "age,name\r\n36,Ada\r\n,\"Tom \"\"T\"\"\"\r\n"
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn stringify(ctx: NativeCallContext, rows: &mut Array) -> Fallible<String> {
        at_call(&ctx, || write::stringify(rows, &Options::default()))
    }

    /// Writes a table with options: `columns` is an array of names that says which columns there are and in which
    /// order, `header: false` leaves the header out, `separator` is the character between cells.
    ///
    /// ```rhai
    /// csv::stringify([#{name: "Ada", age: 36}], #{columns: ["name", "age"], separator: ";"})
    /// //=> "name;age\r\nAda;36\r\n"
    /// ```
    #[rhai_fn(name = "stringify", return_raw, pure)]
    fn stringify_with(ctx: NativeCallContext, rows: &mut Array, options: Map) -> Fallible<String> {
        at_call(&ctx, || write::stringify(rows, &Options::read(&options)?))
    }
}
