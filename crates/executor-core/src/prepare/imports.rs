//! The `import` statements of a script.
//!
//! They stand at the top level and name their module in plain words, so that what a script imports is known before it
//! runs, and is there once and for all.

use std::collections::HashSet;

use picloud_shared::{
    modules::{self, MODULES_MAX},
    outcome::{Diagnostic, Severity},
    script::ScriptName,
};
use rhai::{AST, ASTNode, Engine, Expr, Position, Stmt};

use crate::error::{diagnostic, script_modules};

/// One `import` of a script.
#[derive(Clone, Debug)]
pub(crate) struct Import<'a> {
    /// What is imported.
    pub(crate) name: &'a str,
    /// What it is called here.
    pub(crate) alias: &'a str,
    /// Where its name stands.
    pub(crate) position: Position,
}

const NOT_AT_THE_TOP: &str = "`import` stands at the top of a script, not inside of a block or a function";

type Fault = (Position, String);

/// What a script imports, whatever else is wrong with it.
pub(crate) fn imports(ast: &AST) -> impl Iterator<Item = Import<'_>> {
    ast.statements().iter().filter_map(|statement| match statement {
        Stmt::Import(import, _) => {
            let (name, alias) = &**import;
            let Expr::StringConstant(name, position) = name else {
                return None;
            };
            Some(Import {
                name: name.as_str(),
                alias: alias.name.as_str(),
                position: *position,
            })
        }
        _ => None,
    })
}

/// Refuses imports that cannot be known before the script runs, and those that mean something else than they seem to.
pub(super) fn check(engine: &Engine, ast: &AST, source: &str) -> Result<(), Diagnostic> {
    if !source.contains("import") {
        return Ok(());
    }
    match misplaced(ast)
        .or_else(|| misnamed(engine, ast))
        .or_else(|| misread(ast, source))
    {
        None => Ok(()),
        Some((position, message)) => Err(diagnostic(source, position, Severity::Error, &message)),
    }
}

/// An import in a block or a function, or of a name that is put together.
fn misplaced(ast: &AST) -> Option<Fault> {
    let top: HashSet<_> = ast.statements().iter().map(std::ptr::from_ref).collect();
    let mut fault = None;
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Stmt(statement @ Stmt::Import(import, position))) = path.last() {
            if !top.contains(&std::ptr::from_ref(*statement)) {
                fault = Some((*position, NOT_AT_THE_TOP.to_owned()));
            } else if !matches!(import.0, Expr::StringConstant(..)) {
                let message = "the name of a script to import is a plain text: import \"name\" as m;";
                fault = Some((import.0.start_position(), message.to_owned()));
            }
        }
        fault.is_none()
    });
    fault
}

/// An import without a name of its own, or with one that stands for something else already.
fn misnamed(engine: &Engine, ast: &AST) -> Option<Fault> {
    let taken = script_modules(engine);
    let mut seen = HashSet::new();
    for Import {
        name,
        alias,
        position,
    } in imports(ast)
    {
        let message = if seen.len() == MODULES_MAX {
            format!("a script has at most {MODULES_MAX} imports; join some of the scripts")
        } else if alias.is_empty() {
            format!("say what the script is called here: import \"{name}\" as m;")
        } else if alias == "global" || taken.iter().any(|taken| taken == alias) {
            format!("`{alias}` is a module of the script API; call `{name}` something else here")
        } else if !seen.insert(alias) {
            format!("`{alias}` is what another import is called; call `{name}` something else here")
        } else {
            continue;
        };
        return Some((position, message));
    }
    None
}

/// An import that is not found by those who do not know the whole language, and decide by what they find; or one that
/// only they find, because the compiler has taken it away.
fn misread(ast: &AST, source: &str) -> Option<Fault> {
    let mut found = modules::imports(source);
    for Import { name, position, .. } in imports(ast) {
        let Some(place) = found.iter().position(|found| found.name == name) else {
            let message = "write the name of a script to import between double quotes: import \"name\" as m;";
            return Some((position, message.to_owned()));
        };
        found.remove(place);
    }
    let left = found.first()?;
    let number = |number| u16::try_from(number).unwrap_or(u16::MAX).max(1);
    let place = Position::new(number(left.line), number(left.column));
    Some((place, NOT_AT_THE_TOP.to_owned()))
}

/// Refuses imports of scripts that are not there.
pub(super) fn check_found(
    ast: &AST,
    source: &str,
    is_there: impl Fn(&str) -> bool,
) -> Result<(), Diagnostic> {
    match imports(ast).find(|import| !is_there(import.name)) {
        None => Ok(()),
        Some(Import { name, position, .. }) => {
            let message = if name.parse::<ScriptName>().is_ok() {
                format!("there is no script `{name}` in this app; make it first")
            } else {
                "what is imported is a script of this app, by its name".to_owned()
            };
            Err(diagnostic(source, position, Severity::Error, &message))
        }
    }
}
