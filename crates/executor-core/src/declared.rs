//! How many variables and parameters a source declares, counted while it is parsed.
//!
//! A closure that captures many takes time that grows with the square of their number, in one step of the parser, and
//! nobody can look in meanwhile. So there may not be many.

use std::cell::Cell;

use rhai::Token;

/// Variables, constants and parameters that a source may declare.
pub(crate) const DECLARATIONS_MAX: usize = 2_500;

/// What was declared so far in the source that a run compiles.
#[derive(Default)]
pub(crate) struct Declared {
    count: Cell<usize>,
    list: Cell<List>,
    /// The token before may be the left side of an operator, so that a `|` after it is one.
    after_operand: Cell<bool>,
}

/// In which list of parameters the parser is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum List {
    #[default]
    None,
    /// Between `fn` and `)`.
    Function,
    /// Between two `|`.
    Closure,
}

impl Declared {
    /// Begins with another source.
    pub(crate) fn begin(&self) {
        self.count.set(0);
        self.list.set(List::None);
        self.after_operand.set(false);
    }

    /// Counts what `token` declares. Whether that is more than may be.
    pub(crate) fn is_exceeded_by(&self, token: &Token) -> bool {
        let list = self.list.get();
        let next = match token {
            Token::Fn => List::Function,
            Token::RightParen if list == List::Function => List::None,
            Token::Pipe if list == List::Closure => List::None,
            Token::Pipe if list == List::None && !self.after_operand.get() => List::Closure,
            _ => list,
        };
        self.list.set(next);
        self.after_operand.set(matches!(
            token,
            Token::Identifier(_)
                | Token::IntegerConstant(_)
                | Token::RightParen
                | Token::RightBracket
                | Token::True
                | Token::False
        ));
        let declares = match token {
            Token::Let | Token::Const => true,
            Token::Identifier(_) => list != List::None,
            _ => false,
        };
        self.count.set(self.count.get() + usize::from(declares));
        self.count.get() > DECLARATIONS_MAX
    }
}
