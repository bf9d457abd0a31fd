//! Expressions, from text.

use super::{
    parse::{Parser, Refusal},
    syntax::{Expression, Key, Literal, Operator},
};

/// How tightly operators bind, from loosely to tightly.
const LEVELS: [&[(&str, Operator)]; 3] = [
    &[("or", Operator::Or)],
    &[("and", Operator::And)],
    &[
        ("==", Operator::Equal),
        ("!=", Operator::Unequal),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
        ("in", Operator::In),
    ],
];

impl<'t> Parser<'t> {
    /// An expression.
    pub(super) fn expression(&mut self) -> Result<Expression<'t>, Refusal> {
        self.count_operation()?;
        self.deeper(|parser| parser.level(0))
    }

    fn level(&mut self, level: usize) -> Result<Expression<'t>, Refusal> {
        let Some(operators) = LEVELS.get(level) else {
            return self.filtered();
        };
        if level == 2 && self.word("not") {
            let of = self.deeper(|parser| parser.level(level))?;
            return Ok(Expression::Not(Box::new(of)));
        }
        let mut left = self.level(level + 1)?;
        loop {
            let Some(operator) = operators.iter().find_map(|(sign, operator)| {
                let found = if sign.starts_with(char::is_alphabetic) {
                    self.word(sign)
                } else {
                    self.sign(sign)
                };
                found.then_some(*operator)
            }) else {
                return Ok(left);
            };
            let right = self.level(level + 1)?;
            self.count_operation()?;
            left = Expression::Pair(Box::new(left), operator, Box::new(right));
        }
    }

    fn filtered(&mut self) -> Result<Expression<'t>, Refusal> {
        let mut of = self.path()?;
        loop {
            if !self.sign("|") {
                return Ok(of);
            }
            let name = self.name("the name of a filter")?;
            let argument = if self.sign("(") {
                let argument = self.expression()?;
                self.expect(")")?;
                Some(Box::new(argument))
            } else {
                None
            };
            self.count_operation()?;
            of = Expression::Filter(Box::new(of), name, argument);
        }
    }

    fn path(&mut self) -> Result<Expression<'t>, Refusal> {
        let mut of = self.primary()?;
        loop {
            let key = if self.sign(".") {
                Key::Named(self.name("a name")?)
            } else if self.sign("[") {
                let key = self.expression()?;
                self.expect("]")?;
                Key::Computed(Box::new(key))
            } else {
                return Ok(of);
            };
            self.count_operation()?;
            of = Expression::Part(Box::new(of), key);
        }
    }

    fn primary(&mut self) -> Result<Expression<'t>, Refusal> {
        if self.sign("(") {
            let inner = self.expression()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if let Some(literal) = self.literal()? {
            return Ok(Expression::Literal(literal));
        }
        let name = self.name("a value")?;
        Ok(match name {
            "true" => Expression::Literal(Literal::Bool(true)),
            "false" => Expression::Literal(Literal::Bool(false)),
            "none" => Expression::Literal(Literal::None),
            name => Expression::Name(name),
        })
    }

    fn literal(&mut self) -> Result<Option<Literal>, Refusal> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Ok(None);
        };
        if first == '"' || first == '\'' {
            let length = rest[1..]
                .find(first)
                .ok_or_else(|| self.refuse("a text has no end"))?;
            self.skip(length + 2);
            return Ok(Some(Literal::Text(rest[1..=length].to_owned())));
        }
        let is_negative = rest.starts_with('-') && rest[1..].starts_with(|next: char| next.is_ascii_digit());
        if !first.is_ascii_digit() && !is_negative {
            return Ok(None);
        }
        let end = rest[1..]
            .find(|next: char| !next.is_ascii_digit() && next != '.')
            .map_or(rest.len(), |end| end + 1);
        let digits = &rest[..end];
        self.skip(end);
        let number = digits
            .parse()
            .map(Literal::Int)
            .or_else(|_| digits.parse().map(Literal::Float));
        number
            .map(Some)
            .map_err(|_| self.refuse(&format!("`{digits}` is no number")))
    }
}
