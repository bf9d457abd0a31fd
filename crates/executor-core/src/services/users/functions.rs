//! The functions.

use rhai::{Module, export_module, exported_module};

/// The module as scripts see it.
pub(crate) fn module() -> Module {
    exported_module!(functions)
}

/// The app's own users: who signs in to it. They have nothing to do with the accounts of PiCloud, and each app has its own.
///
/// A user is a map of `id`, `name`, `email`, `data`, `is_active`, `created_at`, `updated_at` and `last_sign_in_at` (moments
/// as in the module `time`). Making and changing users is part of the run's transaction, so no two have one name or one
/// address, in whatever case of letters. Who is signed in is `request.user`.
#[export_module(export_all)]
mod functions {
    use picloud_shared::services::Service;
    use rhai::{Dynamic, Map, NativeCallContext};

    use crate::{
        api::Fallible,
        coroutine::with_current,
        error::at_call,
        request::Request,
        services::{
            session::call,
            users::{
                change,
                fields::{self, Given, shown_or_unit},
                list::{self, Options},
                records, sign_in as sessions,
            },
        },
    };

    /// Makes a user from `name` and `password` (at least 8 bytes), with `email`, `data` (anything that JSON can hold) and
    /// `is_active` if they are given. Throws an error with `status` 409 if the name or the address is taken.
    ///
    /// ```rhai
    /// users::create(#{name: "Ada", password: "correct horse", data: #{plan: "free"}}).data  //=> #{plan: "free"}
    /// users::create(#{name: "Ada", password: "correct horse"}).is_active  //=> true
    /// users::create(#{name: "Ada", password: "horse"})                    //=> error: too short
    /// users::create(#{name: "Ada", password: "correct horse"});
    /// users::create(#{name: "ADA", password: "correct horse"})            //=> error: is there already
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn create(ctx: NativeCallContext, user: Map) -> Fallible<Map> {
        at_call(&ctx, || {
            let known = ["name", "password", "email", "data", "is_active"];
            let given = Given::read("users::create", &known, &user)?;
            call(Service::Users, |session| change::create(session, given))
        })
    }

    /// The user of a name, if the password is theirs and they are active; otherwise `()`, after the same time whether there
    /// is such a user or not. Whoever fails often has to wait: from the sixth failure in a row for one name, and from
    /// the 21st of a minute from one address, it throws an error with `status` 429 and `retry_after` in seconds, at first
    /// 1 and at last 15 minutes.
    ///
    /// ```rhai
    /// users::create(#{name: "Ada", password: "correct horse"});
    /// users::verify("ada", "correct horse").name  //=> "Ada"
    /// users::verify("ada", "wrong horse")         //=> ()
    /// users::verify("tom", "correct horse")       //=> ()
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn verify(ctx: NativeCallContext, name: &str, password: &str) -> Fallible<Dynamic> {
        at_call(&ctx, || {
            let address = with_current(|run| run.and_then(|run| run.client));
            call(Service::Users, |session| {
                sessions::verify(session, name, password, address)
            })
        })
    }

    /// The user with an id; `()` if there is none.
    ///
    /// ```rhai
    /// let ada = users::create(#{name: "Ada", password: "correct horse", email: "ada@example.com"});
    /// users::get(ada.id).email                            //=> "ada@example.com"
    /// users::get("00000000-0000-0000-0000-000000000000")  //=> ()
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn get(ctx: NativeCallContext, id: &str) -> Fallible<Dynamic> {
        at_call(&ctx, || {
            let id = fields::id("users::get", id)?;
            call(Service::Users, |session| {
                shown_or_unit(records::by_id(session, id)?.as_ref())
            })
        })
    }

    /// The user of a name, in whatever case of letters; `()` if there is none.
    ///
    /// ```rhai
    /// users::create(#{name: "Ada", password: "correct horse"});
    /// users::find("ADA").name  //=> "Ada"
    /// users::find("Tom")       //=> ()
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn find(ctx: NativeCallContext, name: &str) -> Fallible<Dynamic> {
        at_call(&ctx, || {
            call(Service::Users, |session| {
                shown_or_unit(records::by_name(session, name)?.as_ref())
            })
        })
    }

    /// Changes `name`, `email`, `data` or `is_active` of a user, and gives the user; `()` if there is none. An `email` of
    /// `()` removes it. Who is not active is signed out everywhere.
    ///
    /// ```rhai
    /// let ada = users::create(#{name: "Ada", password: "correct horse"});
    /// users::update(ada.id, #{data: #{visits: 1}}).data       //=> #{visits: 1}
    /// users::update("00000000-0000-0000-0000-000000000000", #{})  //=> ()
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn update(ctx: NativeCallContext, id: &str, changes: Map) -> Fallible<Dynamic> {
        at_call(&ctx, || {
            const FUNCTION: &str = "users::update";
            let id = fields::id(FUNCTION, id)?;
            let given = Given::read(FUNCTION, &["name", "email", "data", "is_active"], &changes)?;
            call(Service::Users, |session| change::update(session, id, given))
        })
    }

    /// Gives a user another password, and signs them out everywhere; `false` if there is no such user.
    ///
    /// ```rhai
    /// let ada = users::create(#{name: "Ada", password: "correct horse"});
    /// users::set_password(ada.id, "battery staple");
    /// users::verify("Ada", "battery staple").id == ada.id  //=> true
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn set_password(ctx: NativeCallContext, id: &str, password: &str) -> Fallible<bool> {
        at_call(&ctx, || {
            const FUNCTION: &str = "users::set_password";
            let id = fields::id(FUNCTION, id)?;
            let password = fields::new_password(FUNCTION, password)?;
            call(Service::Users, |session| {
                change::set_password(session, id, password)
            })
        })
    }

    /// Removes a user; `false` if there was none.
    ///
    /// ```rhai
    /// let ada = users::create(#{name: "Ada", password: "correct horse"});
    /// users::delete(ada.id)  //=> true
    /// users::delete("00000000-0000-0000-0000-000000000000")  //=> false
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn delete(ctx: NativeCallContext, id: &str) -> Fallible<bool> {
        at_call(&ctx, || {
            let id = fields::id("users::delete", id)?;
            call(Service::Users, |session| change::delete(session, id))
        })
    }

    /// Users in the order of their names: `items`, and a `cursor` if there are more. Options: `q`, with which names begin,
    /// `limit`, from 1 to 100, and `cursor`, that of the page before.
    ///
    /// ```rhai
    /// users::create(#{name: "Tom", password: "correct horse"});
    /// users::create(#{name: "ada", password: "correct horse"});
    /// let page = users::list(#{limit: 1});
    /// users::list(#{cursor: page.cursor}).items.map(|user| user.name)  //=> ["Tom"]
    /// users::list(#{q: "A"}).items.len                                 //=> 1
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn list(ctx: NativeCallContext, options: Map) -> Fallible<Map> {
        at_call(&ctx, || {
            let options = Options::read(&options)?;
            call(Service::Users, |session| list::list(session, &options))
        })
    }

    /// Signs a user in for 30 days: gives the line of a cookie, for the header `set-cookie` of the answer. The cookie cannot be
    /// read by JavaScript and is not sent from other sites, except by following a link. A user is signed in at 20 places
    /// at most; the oldest ends.
    ///
    /// ```rhai
    /// let ada = users::create(#{name: "Ada", password: "correct horse"});
    /// response(200, "welcome").header("set-cookie", users::sign_in(ada)).status  //=> 200
    /// users::sign_in("00000000-0000-0000-0000-000000000000")  //=> error: no active user
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn sign_in(ctx: NativeCallContext, user: Dynamic) -> Fallible<String> {
        at_call(&ctx, || {
            let https = with_current(|run| run.is_some_and(|run| run.https));
            call(Service::Users, |session| sessions::sign_in(session, &user, https))
        })
    }

    /// Signs out who is signed in with a request, here and not elsewhere: gives the line that takes the cookie away, for the
    /// header `set-cookie` of the answer.
    ///
    /// ```rhai
    /// redirect("/").header("set-cookie", users::sign_out(request)).status  //=> 302
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn sign_out(ctx: NativeCallContext, request: Request) -> Fallible<String> {
        at_call(&ctx, || {
            call(Service::Users, |session| {
                sessions::sign_out(session, request.request())
            })
        })
    }

    /// Signs a user out everywhere; `false` if there is no such user.
    ///
    /// ```rhai
    /// let ada = users::create(#{name: "Ada", password: "correct horse"});
    /// users::sign_out_everywhere(ada.id)  //=> true
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn sign_out_everywhere(ctx: NativeCallContext, id: &str) -> Fallible<bool> {
        at_call(&ctx, || {
            let id = fields::id("users::sign_out_everywhere", id)?;
            call(Service::Users, |session| change::end_sessions(session, id))
        })
    }
}
