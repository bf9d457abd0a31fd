//! What a template consists of.

/// Blocks and expressions that may stand in each other: going down them takes stack.
pub(super) const DEPTH_MAX: usize = 32;

/// Operations that the expressions of one tag may have.
pub(super) const OPERATIONS_PER_TAG_MAX: usize = 64;

/// A piece of a template; `'t` is its text.
pub(super) enum Part<'t> {
    /// Text as it stands.
    Text(&'t str),
    /// A value that is shown.
    Show { expression: Expression<'t>, line: usize },
    /// The first branch whose condition is true; one without a condition always is.
    If(Vec<Branch<'t>>),
    /// Once for each item.
    For(Box<Loop<'t>>),
}

/// A branch of a condition.
pub(super) struct Branch<'t> {
    pub(super) condition: Option<Expression<'t>>,
    pub(super) line: usize,
    pub(super) body: Vec<Part<'t>>,
}

/// A loop.
pub(super) struct Loop<'t> {
    /// The name of a map's key, if it is wanted.
    pub(super) key: Option<&'t str>,
    pub(super) value: &'t str,
    pub(super) source: Expression<'t>,
    pub(super) line: usize,
    pub(super) body: Vec<Part<'t>>,
    /// What stands there if there are no items.
    pub(super) otherwise: Vec<Part<'t>>,
}

/// What has a value.
pub(super) enum Expression<'t> {
    /// A text, number or truth value.
    Literal(Literal),
    /// A name.
    Name(&'t str),
    /// A part of a value: `a.b`, `a["b"]`, `a[0]`.
    Part(Box<Expression<'t>>, Key<'t>),
    /// A filter on a value.
    Filter(Box<Expression<'t>>, &'t str, Option<Box<Expression<'t>>>),
    /// `not`.
    Not(Box<Expression<'t>>),
    /// Two values and what is between them.
    Pair(Box<Expression<'t>>, Operator, Box<Expression<'t>>),
}

/// Which part of a value.
pub(super) enum Key<'t> {
    /// By a name that stands in the template.
    Named(&'t str),
    /// By a value.
    Computed(Box<Expression<'t>>),
}

/// A value that stands in the template.
pub(super) enum Literal {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    None,
}

/// What is between two values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}
