//! From choices to statements.

use std::fmt::Write as _;

use picloud_executor_core::ScriptFunction;

use super::{Catalogue, Choices, values::value};
use crate::seeds::is_identifier;

/// Statements of one program at most.
const STATEMENTS_MAX: usize = 40;

/// What the variables hold before the first statement is over.
const BEGIN: &str = "\
fn same(x) { x }
fn less(x, y) { x < y }
let a = 1; let b = \"text ü\"; let c = [3, \"x\", 1.5, [], #{}]; let d = #{k: 1, \"\": \"v\"}; let e = ();
";

/// The variables that statements read and write.
const VARIABLES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A program: each statement puts something into a variable, what fails into its error; all are its answer.
pub(super) fn write(catalogue: &Catalogue, choices: &mut Choices<'_>) -> String {
    let mut out = BEGIN.to_owned();
    for _ in 0..STATEMENTS_MAX {
        if choices.are_over() {
            break;
        }
        let variable = choices.pick(&VARIABLES);
        let statement = statement(catalogue, choices, variable);
        // Writing to a string does not fail.
        let _ = writeln!(out, "try {{ {statement} }} catch (x) {{ {variable} = x; }}");
    }
    out.push_str(choices.pick(&[
        "[a, b, c, d, e]",
        "json([a, b, c])",
        "`${a}${b}${c}${d}${e}`",
        "a",
        "b",
        "throw d",
    ]));
    out.push('\n');
    out
}

fn statement(catalogue: &Catalogue, choices: &mut Choices<'_>, variable: &str) -> String {
    match choices.below(16) {
        0 => format!(
            "for x in {} {{ {variable} = {}; }}",
            operand(choices, "array"),
            call(catalogue, choices, true)
        ),
        1 => format!("{variable} += {};", operand(choices, "any")),
        2 => format!("{variable} = `<${{{}}}>`;", operand(choices, "any")),
        3 => format!(
            "{variable}[{}] = {};",
            operand(choices, "int"),
            operand(choices, "any")
        ),
        4 => format!(
            "{variable} = {}[{}];",
            operand(choices, "any"),
            operand(choices, "Range<i64>")
        ),
        5 => format!(
            "{variable} = {}.map(|x| {});",
            operand(choices, "array"),
            call(catalogue, choices, true)
        ),
        6 => format!("{variable} = {};", operand(choices, "any")),
        _ => format!("{variable} = {};", call(catalogue, choices, false)),
    }
}

/// A call of some function, with arguments that it may or may not take.
fn call(catalogue: &Catalogue, choices: &mut Choices<'_>, has_x: bool) -> String {
    let function = choices.function(catalogue);
    let args: Vec<_> = function
        .params
        .iter()
        .map(|(_, kind)| {
            // One in sixteen is of another type.
            let kind = if choices.below(16) == 15 { "any" } else { kind };
            if has_x && choices.below(4) == 3 {
                "x".to_owned()
            } else {
                operand(choices, kind)
            }
        })
        .collect();
    written(function, &args, choices)
}

/// A variable, which may hold anything by now, or a value of the type.
fn operand(choices: &mut Choices<'_>, kind: &str) -> String {
    if choices.below(3) == 0 {
        choices.pick(&VARIABLES).to_owned()
    } else {
        value(choices, kind)
    }
}

/// The call as a script writes it.
fn written(function: &ScriptFunction, args: &[String], choices: &mut Choices<'_>) -> String {
    let name = &function.name;
    if let Some(module) = &function.module {
        return format!("{module}::{name}({})", args.join(", "));
    }
    match (args, name.split_once('$')) {
        ([receiver, index, ..], Some(("index", _))) => format!("({receiver})[{index}]"),
        ([receiver, value, ..], Some(("set", property))) => format!("({receiver}).{property} = {value}"),
        ([receiver, ..], Some((_, property))) => format!("({receiver}).{property}"),
        ([only], None) if !is_identifier(name) => format!("({name}({only}))"),
        ([left, right], None) if !is_identifier(name) => format!("(({left}) {name} ({right}))"),
        ([receiver, others @ ..], None) if choices.below(2) == 0 => {
            format!("({receiver}).{name}({})", others.join(", "))
        }
        _ => format!("{name}({})", args.join(", ")),
    }
}
