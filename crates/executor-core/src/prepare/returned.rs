//! Scripts that end in the name of a variable.
//!
//! A bare script often ends like `let order = request.json(); …; order`. Evaluated as it stands, its last line copies
//! the whole value, right before all variables are dropped. So that line gives a mark instead, and the value is
//! moved out of the scope.

use rhai::{AST, Dynamic, Expr, ImmutableString, Scope, Stmt};

/// What the last line gives instead of the value. No script can make one.
#[derive(Clone)]
struct Mark;

/// The variable whose value a script returns at its end.
pub(super) struct Returned(ImmutableString);

impl Returned {
    /// Replaces the last line of `ast` by a mark, if it is the name of a variable that the script declares.
    pub(super) fn replace(ast: &mut AST) -> Option<Self> {
        let (last, before) = ast.statements().split_last()?;
        let Stmt::Expr(expression) = last else { return None };
        let Expr::Variable(variable, _, position) = &**expression else {
            return None;
        };
        let (_, name, namespace, _) = &**variable;
        let declares =
            |statement: &Stmt| matches!(statement, Stmt::Var(variable, ..) if variable.0.name == *name);
        if !namespace.is_empty() || !before.iter().any(declares) {
            return None;
        }
        let mark = Expr::DynamicConstant(Box::new(Dynamic::from(Mark)), *position);
        let statements = before.iter().cloned().chain([Stmt::Expr(Box::new(mark))]);
        let returned = Self(name.clone());
        *ast = AST::new(statements.collect::<Vec<_>>(), ast.shared_lib().clone());
        Some(returned)
    }

    /// The value of a script that gave `result`: from `scope`, unless it returned before its end.
    pub(super) fn take(&self, scope: &mut Scope<'_>, result: Dynamic) -> Dynamic {
        if !result.is::<Mark>() {
            return result;
        }
        // It is there: the script has declared it, and nothing takes a variable away.
        scope.remove::<Dynamic>(&self.0).unwrap_or_default().flatten()
    }
}

#[cfg(test)]
mod tests {
    use rhai::Engine;

    use super::*;

    #[track_caller]
    fn check(source: &str, replaced: bool, expected: &str) {
        let engine = Engine::new();
        let mut ast = engine.compile(source).expect("a script");
        let plain: Dynamic = engine.eval_ast(&ast).expect("a value");
        let returned = Returned::replace(&mut ast);
        assert_eq!(returned.is_some(), replaced, "{source}");
        let mut scope = Scope::new();
        let result: Dynamic = engine.eval_ast_with_scope(&mut scope, &ast).expect("a value");
        let value = match &returned {
            Some(returned) => returned.take(&mut scope, result),
            None => result,
        };
        assert_eq!(format!("{value:?}"), expected, "{source}");
        assert_eq!(format!("{plain:?}"), expected, "{source}");
    }

    #[test]
    fn the_value_is_the_same() {
        check("let a = [1]; a.push(2); a", true, "[1, 2]");
        check("const A = [1]; A", false, "[1]");
        check("let a = 1; let a = 2; a", true, "2");
        check("let a = 1; { let a = 2; } a", true, "1");
        check("let a = 1; let f = || a += 1; f.call(); a", true, "2");
        check("let a = 1; if a == 1 { return 9; } a", true, "9");
        check("fn double(x) { x * 2 } let a = double(4); a", true, "8");
        check("let a = 1; a + 1", false, "2");
        check("let a = 1; return a;", true, "1");
        check("let a = 1; a + 0", false, "1");
    }
}
