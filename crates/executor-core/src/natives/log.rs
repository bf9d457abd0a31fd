//! `log`, `print` and `debug`: lines for the author of a script.

use picloud_shared::outcome::LogLevel;
use rhai::{
    Array, Dynamic, FnPtr, FuncRegistration, ImmutableString, Map, Module, NativeCallContext, Variant,
};

use super::text_of;
use crate::{gate, log::Place};

/// Longest text of one value in a line.
const VALUE_BYTES_MAX: usize = 8 * 1_024;

/// The module `log` as scripts see it.
pub(crate) fn module() -> Module {
    let mut module = Module::new();
    register(
        &mut module,
        "debug",
        LogLevel::Debug,
        "Detail for finding out what happened.",
    );
    register(&mut module, "info", LogLevel::Info, "What happened.");
    register(&mut module, "warn", LogLevel::Warn, "Something to look at.");
    register(&mut module, "error", LogLevel::Error, "Something failed.");
    module
}

/// `print` and `debug` as scripts see them. Rhai prefers a function with exactly the types of a call, and has
/// its own for most types; so each is replaced, beside the one for any type.
pub(super) fn globals() -> Module {
    let mut module = Module::new();
    for (name, level) in [("print", LogLevel::Info), ("debug", LogLevel::Debug)] {
        let plain = FuncRegistration::new(name)
            .in_global_namespace()
            .with_volatility(true);
        plain.set_into_module(&mut module, move |context: NativeCallContext| {
            write(&context, level, &[]);
        });
        replace::<ImmutableString>(&mut module, name, level);
        replace::<i64>(&mut module, name, level);
        replace::<f64>(&mut module, name, level);
        replace::<bool>(&mut module, name, level);
        replace::<char>(&mut module, name, level);
        replace::<()>(&mut module, name, level);
        replace::<Array>(&mut module, name, level);
        replace::<Map>(&mut module, name, level);
        replace::<FnPtr>(&mut module, name, level);
        replace::<Dynamic>(&mut module, name, level);
    }
    module
}

fn replace<T: Variant + Clone>(module: &mut Module, name: &str, level: LogLevel) {
    FuncRegistration::new(name)
        .in_global_namespace()
        .with_comments([
            format!(
                "/// Writes a value to the log, as `log::{}` does.",
                if name == "print" { "info" } else { "debug" }
            ),
            "///".to_owned(),
            "/// ```rhai".to_owned(),
            format!("/// {name}(\"hello\") //=> ()"),
            "/// ```".to_owned(),
        ])
        .with_params_info(["value: ?", "()"])
        .with_volatility(true)
        .set_into_module(module, move |context: NativeCallContext, value: T| {
            write(&context, level, &[Dynamic::from(value)]);
        });
}

/// Registers one level, for any number of values that a call may have.
fn register(module: &mut Module, name: &str, level: LogLevel, about: &str) {
    let comments = [
        format!("/// Writes a line to the log, level `{name}`: {about}"),
        "/// Takes up to eight values of any type; they stand in the line with a space between them."
            .to_owned(),
        "///".to_owned(),
        "/// ```rhai".to_owned(),
        format!("/// log::{name}(\"order\", 42, #{{total: 9.5}}) //=> ()"),
        "/// ```".to_owned(),
    ];
    macro_rules! arity {
        ($($value:ident)+) => {
            FuncRegistration::new(name)
                .with_comments(&comments)
                .with_params_info([$(concat!(stringify!($value), ": ?"),)+ "()"])
                .with_volatility(true)
                .set_into_module(module, move |context: NativeCallContext, $($value: Dynamic),+| {
                    write(&context, level, &[$($value),+]);
                });
        };
    }

    arity!(a);
    arity!(a b);
    arity!(a b c);
    arity!(a b c d);
    arity!(a b c d e);
    arity!(a b c d e f);
    arity!(a b c d e f g);
    arity!(a b c d e f g h);
}

fn write(context: &NativeCallContext<'_>, level: LogLevel, values: &[Dynamic]) {
    let texts: Vec<_> = values
        .iter()
        .map(|value| text_of(value, VALUE_BYTES_MAX))
        .collect();
    gate::log(level, &texts.join(" "), Place::of(context));
}
