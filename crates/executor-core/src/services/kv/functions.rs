//! The functions.

use rhai::{Module, export_module, exported_module};

/// The module as scripts see it.
pub(crate) fn module() -> Module {
    exported_module!(functions)
}

/// Keys and values that stay. Each app has its own; no other app sees them.
///
/// A key is a text of 1 to 512 bytes. A value is a blob, or whatever JSON can hold, of at most 256 KiB; `()` and floats
/// that are no number become null, a blob within an array or a map becomes its Base64 text. A run sees what it has
/// written itself; others see it when the run has ended well. See the module `transaction`.
#[export_module(export_all)]
mod functions {
    use picloud_shared::services::{Expiry, Service};
    use rhai::{Array, Dynamic, Map, NativeCallContext};

    use crate::{
        api::Fallible,
        error::at_call,
        services::{
            kv::{self, list::Options},
            session::call,
            value::stored,
        },
    };

    /// The value of a key; `()` if it is not there.
    ///
    /// ```rhai
    /// kv::set("user/ada", #{name: "Ada", visits: 1});
    /// kv::get("user/ada").name     //=> "Ada"
    /// kv::get("nobody")            //=> ()
    /// kv::get("nobody") ?? "Tom"   //=> "Tom"
    /// kv::get("")                  //=> error: a key has 1 to 512 bytes
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn get(ctx: NativeCallContext, key: &str) -> Fallible<Dynamic> {
        at_call(&ctx, || {
            let key = kv::valid("kv::get", key)?;
            call(Service::Kv, |session| kv::get(session, key))
        })
    }

    /// Writes a value, which stays until it is written again or deleted.
    ///
    /// ```rhai
    /// kv::set("greeting", "hello");
    /// kv::get("greeting")      //=> "hello"
    /// kv::set("f", |x| x + 1)  //=> error: cannot be written as JSON
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn set(ctx: NativeCallContext, key: &str, value: Dynamic) -> Fallible<()> {
        at_call(&ctx, || {
            let key = kv::valid("kv::set", key)?;
            let value = stored("kv::set", &value)?;
            call(Service::Kv, |session| kv::set(session, key, value, Expiry::Never))
        })
    }

    /// Writes a value that is there for a number of seconds, counted from the end of the run.
    ///
    /// ```rhai
    /// kv::set("session/x", "ada", 3600);
    /// kv::get("session/x")   //=> "ada"
    /// kv::set("x", 1, -1)    //=> error: more than 0
    /// ```
    #[rhai_fn(name = "set", return_raw, volatile)]
    fn set_for(ctx: NativeCallContext, key: &str, value: Dynamic, seconds: i64) -> Fallible<()> {
        #[expect(clippy::cast_precision_loss, reason = "more than 10 years are refused")]
        set_for_float(ctx, key, value, seconds as f64)
    }

    /// Writes a value that is there for a number of seconds with a fraction, counted from the end of the run.
    ///
    /// ```rhai
    /// kv::set("lock", true, 0.5);
    /// kv::has("lock")  //=> true
    /// ```
    #[rhai_fn(name = "set", return_raw, volatile)]
    fn set_for_float(ctx: NativeCallContext, key: &str, value: Dynamic, seconds: f64) -> Fallible<()> {
        at_call(&ctx, || {
            let key = kv::valid("kv::set", key)?;
            let value = stored("kv::set", &value)?;
            let expiry = kv::ttl("kv::set", seconds)?;
            call(Service::Kv, |session| kv::set(session, key, value, expiry))
        })
    }

    /// Deletes a key; tells whether it was there.
    ///
    /// ```rhai
    /// kv::set("a", 1);
    /// kv::delete("a")       //=> true
    /// kv::delete("nobody")  //=> false
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn delete(ctx: NativeCallContext, key: &str) -> Fallible<bool> {
        at_call(&ctx, || {
            let key = kv::valid("kv::delete", key)?;
            call(Service::Kv, |session| kv::delete(session, key))
        })
    }

    /// Whether a key is there.
    ///
    /// ```rhai
    /// kv::set("a", ());
    /// kv::has("a")       //=> true
    /// kv::has("nobody")  //=> false
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn has(ctx: NativeCallContext, key: &str) -> Fallible<bool> {
        at_call(&ctx, || {
            let key = kv::valid("kv::has", key)?;
            call(Service::Kv, |session| {
                Ok(kv::look_up_one(session, key)?.value().is_some())
            })
        })
    }

    /// The values of up to 100 keys, as they were at one moment: a map of those that are there.
    ///
    /// ```rhai
    /// kv::set("a", 1); kv::set("b", 2);
    /// kv::get_many(["a", "b", "nobody"])  //=> #{a: 1, b: 2}
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn get_many(ctx: NativeCallContext, keys: Array) -> Fallible<Map> {
        at_call(&ctx, || {
            let keys = kv::all_valid("kv::get_many", &keys)?;
            let keys: Vec<&str> = keys.iter().map(rhai::ImmutableString::as_str).collect();
            call(Service::Kv, |session| kv::get_many(session, &keys))
        })
    }

    /// Writes all values of a map, up to 100.
    ///
    /// ```rhai
    /// kv::set_many(#{a: 1, "user/b": 2});
    /// kv::get("user/b")  //=> 2
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn set_many(ctx: NativeCallContext, values: Map) -> Fallible<()> {
        at_call(&ctx, || {
            call(Service::Kv, |session| {
                kv::set_many(session, &values, Expiry::Never)
            })
        })
    }

    /// Writes all values of a map, up to 100, for a number of seconds.
    ///
    /// ```rhai
    /// kv::set_many(#{a: 1, b: 2}, 60);
    /// kv::get("b")  //=> 2
    /// ```
    #[rhai_fn(name = "set_many", return_raw, volatile)]
    fn set_many_for(ctx: NativeCallContext, values: Map, seconds: i64) -> Fallible<()> {
        #[expect(clippy::cast_precision_loss, reason = "more than 10 years are refused")]
        set_many_for_float(ctx, values, seconds as f64)
    }

    /// Writes all values of a map, up to 100, for a number of seconds with a fraction.
    ///
    /// ```rhai
    /// kv::set_many(#{a: 1, b: 2}, 0.5);
    /// kv::get("b")  //=> 2
    /// ```
    #[rhai_fn(name = "set_many", return_raw, volatile)]
    fn set_many_for_float(ctx: NativeCallContext, values: Map, seconds: f64) -> Fallible<()> {
        at_call(&ctx, || {
            let expiry = kv::ttl("kv::set_many", seconds)?;
            call(Service::Kv, |session| kv::set_many(session, &values, expiry))
        })
    }

    /// Adds one to a whole number and gives the result. What is not there counts as 0; how long it is there stays as
    /// it is.
    ///
    /// ```rhai
    /// kv::incr("visits")  //=> 1
    /// kv::set("name", "Ada");
    /// kv::incr("name")    //=> error: does not hold a whole number
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn incr(ctx: NativeCallContext, key: &str) -> Fallible<i64> {
        incr_by(ctx, key, 1)
    }

    /// Adds a number, which may be negative, to a whole number and gives the result.
    ///
    /// ```rhai
    /// kv::set("stock", 5);
    /// kv::incr("stock", -2)  //=> 3
    /// ```
    #[rhai_fn(name = "incr", return_raw, volatile)]
    fn incr_by(ctx: NativeCallContext, key: &str, by: i64) -> Fallible<i64> {
        at_call(&ctx, || {
            let key = kv::valid("kv::incr", key)?;
            call(Service::Kv, |session| kv::add(session, key, by))
        })
    }

    /// Writes a value if the key has the expected one; tells whether it did. Expected `()` means that the key is not
    /// there: a stored `()` is not overwritten.
    ///
    /// ```rhai
    /// kv::compare_and_set("name/ada", (), "user 1")          //=> true
    /// kv::set("x", 1);
    /// kv::compare_and_set("x", 2, 3)                         //=> false
    /// kv::set("x", 1);
    /// kv::compare_and_set("x", 1, 3)                         //=> true
    /// kv::set("x", ());
    /// kv::compare_and_set("x", (), 3)                        //=> false
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn compare_and_set(
        ctx: NativeCallContext,
        key: &str,
        expected: Dynamic,
        value: Dynamic,
    ) -> Fallible<bool> {
        at_call(&ctx, || {
            let key = kv::valid("kv::compare_and_set", key)?;
            let value = stored("kv::compare_and_set", &value)?;
            call(Service::Kv, |session| {
                kv::compare_and_set(session, key, &expected, value)
            })
        })
    }

    /// The first 100 entries whose keys begin with a prefix, in the order of their keys: `entries`, each with `key` and
    /// `value`, and a `cursor` if there are more.
    ///
    /// ```rhai
    /// kv::set_many(#{"user/a": 1, "user/b": 2, "other": 3});
    /// kv::list("user/").entries  //=> [#{key: "user/a", value: 1}, #{key: "user/b", value: 2}]
    /// kv::list("user/").cursor   //=> ()
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn list(ctx: NativeCallContext, prefix: &str) -> Fallible<Map> {
        at_call(&ctx, || {
            call(Service::Kv, |session| {
                kv::list::list(session, prefix, Options::default())
            })
        })
    }

    /// The same with options: `limit`, from 1 to 1,000, and `cursor`, that of the page before.
    ///
    /// ```rhai
    /// kv::set_many(#{"user/a": 1, "user/b": 2});
    /// let page = kv::list("user/", #{limit: 1});
    /// kv::list("user/", #{limit: 1, cursor: page.cursor}).entries  //=> [#{key: "user/b", value: 2}]
    /// ```
    #[rhai_fn(name = "list", return_raw, volatile)]
    fn list_page(ctx: NativeCallContext, prefix: &str, options: Map) -> Fallible<Map> {
        at_call(&ctx, || {
            let options = Options::read(&options)?;
            call(Service::Kv, |session| kv::list::list(session, prefix, options))
        })
    }
}
