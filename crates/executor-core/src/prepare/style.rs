//! The two styles of scripts: bare, or with a function that handles the request.

use std::collections::HashSet;

use picloud_shared::outcome::{Diagnostic, Severity};
use rhai::{AST, ASTFlags, ASTNode, Expr, FnAccess, Position, ScriptFnMetadata, Stmt};

use super::REQUEST;
use crate::error::{FUNCTIONS_SEE_PARAMETERS, diagnostic};

/// The function that handles requests, if a script has one.
pub(crate) const HANDLER: &str = "handle";

/// How a script is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// All of it, with `request` in scope; its value is the answer.
    Bare,
    /// `fn handle(request)` is called; its value is the answer.
    Handler,
}

/// Tells the style of a script, and what breaks the rules of that style.
pub(super) fn of(ast: &AST, source: &str) -> Result<Style, Diagnostic> {
    let handlers: Vec<_> = ast
        .iter_functions()
        .filter(|function| function.name == HANDLER)
        .collect();
    let style = if handlers.is_empty() {
        Style::Bare
    } else {
        Style::Handler
    };
    let fault = match style {
        Style::Bare => None,
        Style::Handler => wrong_handler(&handlers, source).or_else(|| stray_statement(ast)),
    };
    match fault.or_else(|| unreachable_request(ast, style)) {
        None => Ok(style),
        Some((position, message)) => Err(diagnostic(source, position, Severity::Error, &message)),
    }
}

/// Where the answer of a script is made: at its last statement, if it has no other that returns; or in its
/// handler.
pub(super) fn place_of_answer(ast: &AST, style: Style, source: &str) -> Position {
    if style == Style::Handler {
        return position_of_handler(source);
    }
    let mut returns = 0;
    ast.clone_statements_only().walk(&mut |path: &[ASTNode<'_>]| {
        returns += u32::from(matches!(path.last(), Some(ASTNode::Stmt(statement)) if is_return(statement)));
        true
    });
    match ast.statements().last() {
        Some(last) if returns == 0 || (returns == 1 && is_return(last)) => last.position(),
        _ => Position::NONE,
    }
}

fn is_return(statement: &Stmt) -> bool {
    // The other kind is `throw`.
    matches!(statement, Stmt::Return(_, flags, _) if !flags.intersects(ASTFlags::BREAK))
}

type Fault = (Position, String);

fn wrong_handler(handlers: &[ScriptFnMetadata<'_>], source: &str) -> Option<Fault> {
    let place = || position_of_handler(source);
    match handlers.iter().find(|handler| handler.params.len() == 1) {
        None => Some((
            place(),
            format!("`{HANDLER}` takes one parameter, the request: fn {HANDLER}({REQUEST}) {{ .. }}"),
        )),
        Some(handler) if handler.access == FnAccess::Private => Some((
            place(),
            format!("`{HANDLER}` is called from outside of the script and cannot be private"),
        )),
        Some(_) => None,
    }
}

/// With a handler, the top level runs before each call of it, and its value goes nowhere.
fn stray_statement(ast: &AST) -> Option<Fault> {
    let allowed = |statement: &&Stmt| match statement {
        Stmt::Var(_, flags, _) => flags.intersects(ASTFlags::CONSTANT),
        Stmt::Noop(_) | Stmt::Import(..) => true,
        _ => false,
    };
    let stray = ast.statements().iter().find(|statement| !allowed(statement))?;
    let message = format!(
        "a script with `fn {HANDLER}` has only functions, constants and imports beside it; move this into a function"
    );
    Some((stray.position(), message))
}

/// `request` where it is not: in a function without that parameter, or beside a handler. The compiler takes it
/// for defined everywhere. A closure that uses an outer `request` has it as a hidden parameter.
fn unreachable_request(ast: &AST, style: Style) -> Option<Fault> {
    let blind: HashSet<_> = ast
        .iter_functions()
        .filter(|function| !function.params.contains(&REQUEST))
        .map(|function| (function.name, function.params.len()))
        .collect();
    let mut in_question = if style == Style::Handler {
        ast.clone()
    } else {
        ast.clone_functions_only()
    };
    in_question.retain_functions(|_, _, name, count| blind.contains(&(name, count)));
    let place = unresolved_request(&in_question)?;
    Some((
        place,
        format!("there is no variable `{REQUEST}` here{FUNCTIONS_SEE_PARAMETERS}"),
    ))
}

fn unresolved_request(ast: &AST) -> Option<Position> {
    let mut place = None;
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(Expr::Variable(variable, short_index, position))) = path.last() {
            let (index, name, namespace, ..) = &**variable;
            let unresolved = index.is_none() && short_index.is_none() && namespace.is_empty();
            if unresolved && name == REQUEST {
                place = Some(*position);
            }
        }
        place.is_none()
    });
    place
}

/// The place of the words `fn handle`; a function does not know where it stands.
fn position_of_handler(source: &str) -> Position {
    position_of_function(source, Some(HANDLER))
}

/// The place of the first `fn` in a line, or of the first with that name.
pub(super) fn position_of_function(source: &str, name: Option<&str>) -> Position {
    for (line, text) in (1..=u16::MAX).zip(source.lines()) {
        let mut words = text.split_whitespace().skip_while(|word| *word != "fn").skip(1);
        let found = words
            .next()
            .is_some_and(|word| name.is_none() || word.split('(').next() == name);
        if found {
            let column = text.find("fn").map_or(0, |byte| text[..byte].chars().count()) + 1;
            return Position::new(line, u16::try_from(column).unwrap_or(u16::MAX));
        }
    }
    Position::START
}
