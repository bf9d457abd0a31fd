//! Names of a module's own.
//!
//! Rhai looks for a function by its name in everything that runs together, whoever calls it: a script and its modules
//! would take each other's functions for their own. So the names of a module's functions, constants and imports get a
//! mark in front, the same for each word of the source that means one of them, and no two modules have the same mark.
//! Those functions of a script that is run which they would find get one, too (see `apart`).
//! It is put there between the tokenizer and the parser. Whoever shows a name takes it away again.

use std::{borrow::Cow, cell::RefCell, collections::HashSet, rc::Rc};

use picloud_shared::script::ContentHash;
use rhai::{AST, ASTFlags, ASTNode, Expr, Position, ScriptFuncDef, Stmt, Token};

use super::imports::imports;
use crate::error::is_closure;

/// Characters of a mark between its first and its last.
const MARK_DIGITS: usize = 16;

/// What stands in the mark of a script that is run, in the place of a hash.
const DIGITS_OF_IMPORTER: &str = "0000000000000000";

/// Words of a source that get a mark.
#[derive(Clone)]
pub(crate) struct OwnNames {
    mark: Rc<str>,
    names: Rc<HashSet<String>>,
}

/// The renaming of one source while it is parsed.
pub(crate) struct Renaming {
    own: OwnNames,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// What is open: maps, and everything else that has a beginning and an end.
    open: Vec<Open>,
    before: Before,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Map,
    Other,
}

/// What was read last, as far as it decides what a word means.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Before {
    #[default]
    Other,
    /// A dot, or `::` behind a module: a name that belongs to something else.
    Owner,
    /// The word `global`, and then `::`: what follows is a constant of this script.
    Global,
    /// Where the key of a map stands.
    Key,
    /// The word `Fn` or `is_def_fn`, and then `(`: what follows in quotes is the name of a function.
    FunctionWord,
    FunctionName,
}

impl OwnNames {
    /// The names of the module with this hash, which was compiled as it stands.
    pub(super) fn of(ast: &AST, hash: &ContentHash) -> Self {
        let uses_of_this = uses_of_this(ast);
        let functions = ast
            .iter_fn_def()
            .filter(|function| !is_closure(&function.name) && !is_method(function, &uses_of_this))
            .map(|function| function.name.to_string());
        let constants = ast.statements().iter().filter_map(|statement| match statement {
            Stmt::Var(variable, flags, _) if flags.intersects(ASTFlags::CONSTANT) => {
                Some(variable.0.name.to_string())
            }
            _ => None,
        });
        let aliases = imports(ast).map(|import| import.alias.to_owned());
        Self {
            mark: format!("m{}_", &hash.to_string()[..MARK_DIGITS]).into(),
            names: Rc::new(functions.chain(constants).chain(aliases).collect()),
        }
    }

    /// `names` in a script that is run, and imports others.
    pub(super) fn of_importer(names: HashSet<String>) -> Self {
        Self {
            mark: format!("m{DIGITS_OF_IMPORTER}_").into(),
            names: Rc::new(names),
        }
    }

    /// `name` with the mark, if it is one of them.
    pub(crate) fn find(&self, name: &str) -> Option<String> {
        self.names.contains(name).then(|| self.marked(name))
    }

    /// `name` with the mark.
    pub(super) fn marked(&self, name: &str) -> String {
        [&self.mark, name].concat()
    }

    /// What stands before the names.
    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// `name` without the mark, if it has this one.
    pub(super) fn unmarked<'n>(&self, name: &'n str) -> Option<&'n str> {
        name.strip_prefix(&*self.mark)
    }

    /// Whether `name` has the mark.
    pub(crate) fn has_mark(&self, name: &str) -> bool {
        self.unmarked(name).is_some()
    }

    /// Begins to give the words of a source their marks.
    pub(super) fn renaming(&self) -> Renaming {
        Renaming {
            own: self.clone(),
            state: RefCell::default(),
        }
    }
}

/// Whether a function is called on a value, as `value.name()`. Those keep their names: what `name` means there depends
/// on the value.
pub(super) fn is_method(function: &ScriptFuncDef, uses_of_this: &[Position]) -> bool {
    let body = function.body.start_position()..=function.body.end_position();
    function.this_type.is_some() || uses_of_this.iter().any(|place| body.contains(place))
}

pub(super) fn uses_of_this(ast: &AST) -> Vec<Position> {
    let mut places = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(Expr::ThisPtr(place))) = path.last() {
            places.push(*place);
        }
        true
    });
    places
}

impl Renaming {
    /// The token to parse in the place of `token`.
    pub(crate) fn rename(&self, token: Token) -> Token {
        let mut state = self.state.borrow_mut();
        let before = state.read(&token);
        let is_own = |name: &str| self.own.names.contains(name);
        match token {
            Token::Identifier(name) if is_own(&name) && !matches!(before, Before::Owner | Before::Key) => {
                Token::Identifier(Box::new(self.own.marked(&name).into()))
            }
            Token::StringConstant(name) if before == Before::FunctionName && is_own(&name) => {
                Token::StringConstant(Box::new(self.own.marked(&name).into()))
            }
            other => other,
        }
    }
}

impl State {
    /// Notes that `token` was read; gives what stood before it.
    fn read(&mut self, token: &Token) -> Before {
        let before = self.before;
        match token {
            Token::MapStart => self.open.push(Open::Map),
            Token::LeftBrace | Token::LeftParen | Token::LeftBracket | Token::QuestionBracket => {
                self.open.push(Open::Other);
            }
            Token::RightBrace | Token::RightParen | Token::RightBracket => {
                self.open.pop();
            }
            _ => {}
        }
        self.before = match token {
            Token::DoubleColon if before == Before::Global => Before::Global,
            Token::Period | Token::Elvis | Token::DoubleColon => Before::Owner,
            Token::MapStart => Before::Key,
            Token::Comma if self.open.last() == Some(&Open::Map) => Before::Key,
            Token::LeftParen if before == Before::FunctionWord => Before::FunctionName,
            // A word of Rhai's own is reserved, or stands for itself.
            Token::Identifier(name) | Token::Reserved(name) => match name.as_str() {
                "global" => Before::Global,
                "Fn" | "is_def_fn" => Before::FunctionWord,
                _ => Before::Other,
            },
            _ => Before::Other,
        };
        before
    }
}

/// `text` without any of these marks.
pub(crate) fn without_marks<'t>(text: &'t str, marks: &[&str]) -> Cow<'t, str> {
    let mut rest = text;
    let mut shown = String::new();
    while let Some(start) = find_mark(rest, marks) {
        shown.push_str(&rest[..start]);
        rest = &rest[start + MARK_DIGITS + 2..];
    }
    if shown.is_empty() && rest.len() == text.len() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(shown + rest)
    }
}

fn find_mark(text: &str, marks: &[&str]) -> Option<usize> {
    if marks.is_empty() {
        return None;
    }
    text.as_bytes().windows(MARK_DIGITS + 2).position(|window| {
        matches!(window, [b'm', .., b'_']) && marks.iter().any(|mark| mark.as_bytes() == window)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_not_shown() {
        let shown = |text: &'static str| without_marks(text, &["m0123456789abcdef_", "m0000000000000000_"]);
        assert_eq!(shown("m0123456789abcdef_total (i64)"), "total (i64)");
        assert_eq!(shown("a m0123456789abcdef_b, m0000000000000000_c"), "a b, c");
        assert_eq!(shown("m0123456789abcdeX_total"), "m0123456789abcdeX_total");
        assert_eq!(shown("ü"), "ü");
    }

    #[test]
    fn what_only_looks_like_a_mark_is_shown() {
        let text = "item0123456789abcdef_x";
        assert_eq!(without_marks(text, &[]), text);
        assert_eq!(without_marks(text, &["m0000000000000000_"]), text);
    }
}
