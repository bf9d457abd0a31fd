//! A call of every function that reaches a store, with a name that somebody else may use too.

/// The functions that scripts have, as the executor's tests hold them.
const FUNCTIONS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../executor-core/tests/functions.txt"
));

/// Modules of functions that reach no store that somebody reads from. What `mqtt` publishes goes to a broker of the app.
const WITHOUT_STORE: [&str; 25] = [
    "base64", "crypto", "csv", "email", "form", "hash", "hex", "hmac", "html", "http", "json", "jwt", "log",
    "markdown", "mqtt", "password", "random", "regex", "retry", "template", "time", "url", "uuid", "xml",
    "yaml",
];

/// A function, and how the test calls it with a `name`, or with the `id` of a user.
pub(super) struct Call {
    /// As the list of functions has it.
    pub(super) function: &'static str,
    /// The call. What an app writes is its own `CANARY`.
    pub(super) source: &'static str,
    /// Puts `CANARY` where the call finds it, if that is for this call to do.
    pub(super) fill: &'static str,
    /// Whether it finds the canary.
    pub(super) reads: bool,
}

const fn reads(function: &'static str, source: &'static str) -> Call {
    Call {
        function,
        source,
        fill: "",
        reads: true,
    }
}

const fn writes(function: &'static str, source: &'static str) -> Call {
    Call {
        function,
        source,
        fill: "",
        reads: false,
    }
}

impl Call {
    const fn filled_by(mut self, fill: &'static str) -> Self {
        self.fill = fill;
        self
    }
}

pub(super) const CALLS: &[Call] = &[
    reads("kv::get(key: string)", "kv::get(name)").filled_by("kv::set(name, CANARY);\n"),
    reads("kv::get_many(keys: array)", "kv::get_many([name, \"nowhere\"])"),
    reads("kv::list(prefix: string)", "kv::list(name)"),
    reads(
        "kv::list(prefix: string, options: map)",
        "kv::list(\"\", #{limit: 1000})",
    ),
    writes("kv::has(key: string)", "kv::has(name)"),
    writes("kv::set(key: string, value: any)", "kv::set(name, CANARY)"),
    writes(
        "kv::set(key: string, value: any, seconds: float)",
        "kv::set(name, CANARY, 3600.5)",
    ),
    writes(
        "kv::set(key: string, value: any, seconds: int)",
        "kv::set(name, CANARY, 3600)",
    ),
    writes(
        "kv::set_many(values: map)",
        "let all = #{}; all[name] = CANARY; kv::set_many(all)",
    ),
    writes(
        "kv::set_many(values: map, seconds: float)",
        "let all = #{}; all[name] = CANARY; kv::set_many(all, 3600.5)",
    ),
    writes(
        "kv::set_many(values: map, seconds: int)",
        "let all = #{}; all[name] = CANARY; kv::set_many(all, 3600)",
    ),
    writes("kv::delete(key: string)", "kv::delete(name)"),
    // Of what is no number it says so; of a new key it makes one.
    writes(
        "kv::incr(key: string)",
        "try { kv::incr(name) } catch (error) { `${error}` }",
    ),
    writes("kv::incr(key: string, by: int)", "kv::incr(name + \"/n\", 2)"),
    writes(
        "kv::compare_and_set(key: string, expected: any, value: any)",
        "kv::compare_and_set(name, (), CANARY)",
    ),
    writes(
        "transaction::commit()",
        "kv::set(name, CANARY); transaction::commit()",
    ),
    reads(
        "docs::get(collection: string, id: string)",
        "docs::get(\"notes\", name)",
    )
    .filled_by("docs::insert(\"notes\", name, #{text: CANARY});\n"),
    reads("docs::find(collection: string)", "docs::find(\"notes\")"),
    reads(
        "docs::find(collection: string, options: map)",
        "docs::find(\"notes\", #{filter: #{text: #{exists: true}}, limit: 1000})",
    ),
    writes("docs::count(collection: string)", "docs::count(\"notes\")"),
    writes(
        "docs::count(collection: string, filter: map)",
        "docs::count(\"notes\", #{text: CANARY})",
    ),
    writes(
        "docs::insert(collection: string, document: map)",
        "docs::insert(\"others\", #{text: CANARY})",
    ),
    writes(
        "docs::insert(collection: string, id: string, document: map)",
        "docs::insert(\"notes\", name, #{text: CANARY})",
    ),
    writes(
        "docs::patch(collection: string, id: string, changes: map)",
        "docs::patch(\"notes\", name, #{more: CANARY})",
    ),
    writes(
        "docs::replace(collection: string, id: string, document: map)",
        "docs::replace(\"notes\", name, #{text: CANARY})",
    ),
    writes(
        "docs::delete(collection: string, id: string)",
        "docs::delete(\"notes\", name)",
    ),
    reads("secret::get(name: string)", "secret::get(name)"),
    writes("secret::has(name: string)", "secret::has(name)"),
    reads("config::get(name: string)", "config::get(name)"),
    reads("config::get(name: string, default: any)", "config::get(name, ())"),
    reads("script::call(name: string)", "script::call(name)"),
    reads(
        "script::call(name: string, argument: any)",
        "script::call(name, #{from: CANARY})",
    ),
    // The app's own script hears of it, and keeps it where the functions above find it.
    writes(
        "event::emit(topic: string, data: any)",
        "event::emit(name, CANARY); \"emitted\"",
    ),
    writes(
        "event::emit(topic: string, data: any, options: map)",
        "event::emit(name, CANARY, #{key: name}); \"emitted\"",
    ),
    // Passwords take long to hash, so only one user is made for each app beforehand.
    reads("users::get(id: string)", "users::get(id)").filled_by(
        "if name.starts_with(\"only\") { \
         users::create(#{name: name, password: \"correct horse\", data: CANARY}) }\n",
    ),
    reads("users::find(name: string)", "users::find(name)"),
    reads("users::list(options: map)", "users::list(#{limit: 100})"),
    writes(
        "users::create(user: map)",
        "users::create(#{name: name, password: \"correct horse\", data: CANARY})",
    ),
    writes(
        "users::update(id: string, changes: map)",
        "users::update(id, #{data: CANARY})",
    ),
    // Whoever guesses too often has to wait.
    writes(
        "users::verify(name: string, password: string)",
        "try { users::verify(name, \"correct horse\") } catch (error) { `${error}` }",
    ),
    writes(
        "users::set_password(id: string, password: string)",
        "users::set_password(id, \"battery staple\")",
    ),
    writes("users::sign_in(user: any)", "users::sign_in(id)"),
    writes("users::sign_out(request: Request)", "users::sign_out(request)"),
    writes(
        "users::sign_out_everywhere(id: string)",
        "users::sign_out_everywhere(id)",
    ),
    writes("users::delete(id: string)", "users::delete(id)"),
];

/// Those of them that there are.
pub(super) fn all() -> Vec<&'static Call> {
    let there = functions();
    CALLS
        .iter()
        .filter(|call| there.contains(&call.function))
        .collect()
}

/// Whether there is a module of that name.
pub(super) fn has(module: &str) -> bool {
    let prefix = format!("{module}::");
    functions().iter().any(|function| function.starts_with(&prefix))
}

/// Functions that reach a store, and that nobody calls here.
pub(super) fn missing() -> Vec<&'static str> {
    let reaching = functions().into_iter().filter(|function| {
        let module = function.split_once("::").map_or("", |(module, _)| module);
        !module.is_empty() && module.chars().all(char::is_alphanumeric) && !WITHOUT_STORE.contains(&module)
    });
    reaching
        .filter(|function| CALLS.iter().all(|call| call.function != *function))
        .collect()
}

/// All functions of PiCloud's own, without what they give back.
fn functions() -> Vec<&'static str> {
    FUNCTIONS
        .lines()
        .filter_map(|line| line.strip_prefix("picloud "))
        .map(|function| {
            function
                .split_once(" -> ")
                .map_or(function, |(function, _)| function)
        })
        .collect()
}
