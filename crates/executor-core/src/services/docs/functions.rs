//! The functions.

use rhai::{Module, export_module, exported_module};

/// The module as scripts see it.
pub(crate) fn module() -> Module {
    exported_module!(functions)
}

/// Collections of documents that stay. Each app has its own; no other app sees them.
///
/// A document is a map of at most 256 KiB as JSON. It has an id within its collection, a text of 1 to 128 bytes. A
/// collection comes into being with its first document. A filter says what documents are like: a map of paths, each with a value or
/// with conditions (`eq`, `ne`, `lt`, `lte`, `gt`, `gte`, `in`, `contains`, `exists`), and `and`, `or` and `not`. What a
/// run writes takes effect when it has ended well, together with its keys. See the module `transaction`.
#[export_module(export_all)]
mod functions {
    use picloud_shared::services::Service;
    use rhai::{Dynamic, Map, NativeCallContext};

    use crate::{
        api::Fallible,
        error::at_call,
        services::{
            docs::{
                self, find,
                options::{Options, counted},
                valid_id, valid_name, write,
            },
            session::call,
        },
    };

    /// Writes a new document, and gives the id that it got. Later ones have greater ids.
    ///
    /// ```rhai
    /// let id = docs::insert("people", #{name: "Ada", age: 36});
    /// docs::get("people", id).name  //=> "Ada"
    /// docs::insert("_x", #{})       //=> error: reserved
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn insert(ctx: NativeCallContext, collection: &str, document: Map) -> Fallible<String> {
        at_call(&ctx, || {
            valid_name("docs::insert", collection)?;
            let document = write::given("docs::insert", &document)?;
            call(Service::Docs, |session| {
                write::insert_new(session, collection, document)
            })
        })
    }

    /// Writes a new document under an id of one's own; it is an error if there is one already.
    ///
    /// ```rhai
    /// docs::insert("people", "ada", #{name: "Ada"});
    /// docs::get("people", "ada").name         //=> "Ada"
    /// docs::insert("people", "b", #{});
    /// docs::insert("people", "b", #{})        //=> error: there is a document `b`
    /// ```
    #[rhai_fn(name = "insert", return_raw, volatile)]
    fn insert_as(ctx: NativeCallContext, collection: &str, id: &str, document: Map) -> Fallible<()> {
        at_call(&ctx, || {
            valid_name("docs::insert", collection)?;
            valid_id("docs::insert", id)?;
            let document = write::given("docs::insert", &document)?;
            call(Service::Docs, |session| {
                write::insert(session, collection, id, document)
            })
        })
    }

    /// The document with an id; `()` if there is none.
    ///
    /// ```rhai
    /// docs::insert("people", "ada", #{name: "Ada", tags: ["x"]});
    /// docs::get("people", "ada")  //=> #{name: "Ada", tags: ["x"]}
    /// docs::get("people", "bob")  //=> ()
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn get(ctx: NativeCallContext, collection: &str, id: &str) -> Fallible<Dynamic> {
        at_call(&ctx, || {
            valid_name("docs::get", collection)?;
            valid_id("docs::get", id)?;
            call(Service::Docs, |session| docs::get(session, collection, id))
        })
    }

    /// Writes another document in the place of one; tells whether that was there. If not, nothing is written.
    ///
    /// ```rhai
    /// docs::insert("people", "ada", #{name: "Ada"});
    /// docs::replace("people", "ada", #{name: "Ada L."})  //=> true
    /// docs::replace("people", "bob", #{name: "Bob"})     //=> false
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn replace(ctx: NativeCallContext, collection: &str, id: &str, document: Map) -> Fallible<bool> {
        at_call(&ctx, || {
            valid_name("docs::replace", collection)?;
            valid_id("docs::replace", id)?;
            let document = write::given("docs::replace", &document)?;
            call(Service::Docs, |session| {
                write::replace(session, collection, id, document)
            })
        })
    }

    /// Changes parts of a document, as JSON Merge Patch (RFC 7396) says: `()` takes a field away, a map is laid over
    /// what is there, all else takes its place. Gives the whole document; `()` if there is none.
    ///
    /// ```rhai
    /// docs::insert("people", "ada", #{name: "Ada", at: #{city: "Rome", zip: 1}});
    /// docs::patch("people", "ada", #{at: #{zip: ()}, age: 36})  //=> #{name: "Ada", at: #{city: "Rome"}, age: 36}
    /// docs::patch("people", "bob", #{age: 36})                  //=> ()
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn patch(ctx: NativeCallContext, collection: &str, id: &str, changes: Map) -> Fallible<Dynamic> {
        at_call(&ctx, || {
            valid_name("docs::patch", collection)?;
            valid_id("docs::patch", id)?;
            let changes = write::given("docs::patch", &changes)?;
            let changes = std::rc::Rc::unwrap_or_clone(changes.value);
            call(Service::Docs, |session| {
                write::patch(session, collection, id, changes)
            })
        })
    }

    /// Deletes a document; tells whether it was there.
    ///
    /// ```rhai
    /// docs::insert("people", "ada", #{name: "Ada"});
    /// docs::delete("people", "ada")  //=> true
    /// docs::delete("people", "bob")  //=> false
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn delete(ctx: NativeCallContext, collection: &str, id: &str) -> Fallible<bool> {
        at_call(&ctx, || {
            valid_name("docs::delete", collection)?;
            valid_id("docs::delete", id)?;
            call(Service::Docs, |session| write::delete(session, collection, id))
        })
    }

    /// The first 100 documents of a collection, in the order of their ids: `items`, each with `id` and `document`, and a
    /// `cursor` if there are more.
    ///
    /// ```rhai
    /// docs::insert("people", "ada", #{age: 36});
    /// docs::find("people").items   //=> [#{id: "ada", document: #{age: 36}}]
    /// docs::find("people").cursor  //=> ()
    /// ```
    #[rhai_fn(name = "find", return_raw, volatile)]
    fn find_all(ctx: NativeCallContext, collection: &str) -> Fallible<Map> {
        at_call(&ctx, || {
            valid_name("docs::find", collection)?;
            call(Service::Docs, |session| {
                find::find(session, collection, Options::default())
            })
        })
    }

    /// Documents that match: `filter`; `sort`, a path, or `_id`, with `-` before it for the other way round; `limit`, from
    /// 1 to 1,000; `cursor`, that of the page before, which had the same filter and sort. Without `sort` the order is that of
    /// the ids, or of the index that is used. A call that would have to look at more than 10,000 documents is an error.
    ///
    /// ```rhai
    /// docs::insert("people", "ada", #{age: 36, tags: ["x"]});
    /// docs::insert("people", "bob", #{age: 17, at: #{city: "Rome"}});
    /// docs::find("people", #{filter: #{age: #{gte: 18}}}).items[0].id  //=> "ada"
    /// docs::insert("people", #{at: #{city: "Rome"}}); docs::insert("people", #{tags: ["x"]});
    /// docs::find("people", #{filter: #{or: [#{"at.city": "Rome"}, #{tags: #{contains: "x"}}]}}).items.len  //=> 4
    /// docs::find("people", #{filter: #{age: #{above: 1}}})  //=> error: filter.age.above: is no condition
    /// ```
    #[rhai_fn(name = "find", return_raw, volatile)]
    fn find_matching(ctx: NativeCallContext, collection: &str, options: Map) -> Fallible<Map> {
        at_call(&ctx, || {
            valid_name("docs::find", collection)?;
            let options = Options::read(&options)?;
            call(Service::Docs, |session| find::find(session, collection, options))
        })
    }

    /// How many documents a collection has: up to 10,000.
    ///
    /// ```rhai
    /// docs::insert("people", #{name: "Ada"});
    /// docs::count("people")  //=> 1
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn count(ctx: NativeCallContext, collection: &str) -> Fallible<i64> {
        count_matching(ctx, collection, Map::new())
    }

    /// How many documents match a filter. At most 10,000 are looked at.
    ///
    /// ```rhai
    /// docs::insert("people", #{age: 36}); docs::insert("people", #{age: 17});
    /// docs::count("people", #{age: #{lt: 18}})  //=> 1
    /// ```
    #[rhai_fn(name = "count", return_raw, volatile)]
    fn count_matching(ctx: NativeCallContext, collection: &str, filter: Map) -> Fallible<i64> {
        at_call(&ctx, || {
            valid_name("docs::count", collection)?;
            let selection = counted(&Dynamic::from_map(filter))?;
            call(Service::Docs, |session| {
                find::count(session, collection, &selection)
            })
        })
    }
}
