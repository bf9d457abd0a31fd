//! The values of expressions.

use std::cmp::Ordering;

use super::{
    data::Data,
    filter,
    syntax::{Expression, Key, Literal, Operator},
};
use crate::{
    api::argument::{Fallible, fail, spend_bytes},
    gate,
};

/// What an expression comes to.
pub(super) enum Value<'v> {
    /// A part of the data.
    There(&'v Data),
    /// Something new.
    New(Data),
    /// HTML that stands in a page as it is.
    Html(String),
    /// It is not in the data; this is what it is called.
    Missing(String),
}

impl Value<'_> {
    /// It, if it is there. HTML is a text for all but those who show it.
    pub(super) fn data(&self) -> Option<&Data> {
        match self {
            Self::There(data) => Some(data),
            Self::New(data) => Some(data),
            Self::Html(_) | Self::Missing(_) => None,
        }
    }

    fn is_true(&self) -> bool {
        match self {
            Self::Html(text) => !text.is_empty(),
            value => value.data().is_some_and(Data::is_true),
        }
    }
}

/// The names that are known at a place of the template, the innermost first.
pub(super) enum Scope<'v> {
    /// Those of the data.
    Data(&'v Data),
    /// One more.
    Named {
        name: &'v str,
        value: &'v Data,
        outside: &'v Scope<'v>,
    },
    /// The round of a loop.
    Round {
        /// From 0.
        index: usize,
        length: usize,
        outside: &'v Scope<'v>,
    },
}

/// Evaluates the expressions of one tag.
pub(super) struct Evaluation<'v> {
    pub(super) function: &'v str,
    pub(super) line: usize,
    pub(super) scope: &'v Scope<'v>,
}

impl<'v> Evaluation<'v> {
    /// The value of `expression`.
    pub(super) fn value(&self, expression: &'v Expression<'v>) -> Fallible<Value<'v>> {
        gate::spend(1)?;
        Ok(match expression {
            Expression::Literal(literal) => Value::New(literal_data(literal)?),
            Expression::Name(name) => self.named(name),
            Expression::Part(of, key) => self.part(of, key)?,
            Expression::Filter(of, name, argument) => {
                let of = self.value(of)?;
                let argument = argument
                    .as_ref()
                    .map(|argument| self.value(argument))
                    .transpose()?;
                filter::apply(self, of, name, argument)?
            }
            Expression::Not(of) => Value::New(Data::Bool(!self.is_true(of)?)),
            Expression::Pair(left, operator, right) => {
                Value::New(Data::Bool(self.pair(left, *operator, right)?))
            }
        })
    }

    /// Whether a condition is true.
    pub(super) fn is_true(&self, expression: &'v Expression<'v>) -> Fallible<bool> {
        Ok(self.value(expression)?.is_true())
    }

    /// An error that a script may catch, with the line of the tag.
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "the form in which Rhai takes errors"
    )]
    pub(super) fn refuse(&self, message: &str) -> Box<rhai::EvalAltResult> {
        fail(format!("{}: line {}: {message}", self.function, self.line))
    }

    /// The error for what would be shown and is not there.
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "the form in which Rhai takes errors"
    )]
    pub(super) fn missing(&self, name: &str) -> Box<rhai::EvalAltResult> {
        self.refuse(&format!("`{name}` is not in the data"))
    }

    fn named(&self, wanted: &str) -> Value<'v> {
        let mut scope = self.scope;
        loop {
            match scope {
                Scope::Named { name, value, .. } if *name == wanted => return Value::There(value),
                Scope::Named { outside, .. } | Scope::Round { outside, .. } => scope = outside,
                Scope::Data(Data::Map(map)) => {
                    return map
                        .get(wanted)
                        .map_or_else(|| Value::Missing(wanted.to_owned()), Value::There);
                }
                Scope::Data(_) => return Value::Missing(wanted.to_owned()),
            }
        }
    }

    fn part(&self, of: &'v Expression<'v>, key: &'v Key<'v>) -> Fallible<Value<'v>> {
        if let (Expression::Name("loop"), Key::Named(name)) = (of, key)
            && let Some(value) = self.of_round(name)
        {
            return Ok(value);
        }
        let whole = match self.value(of)? {
            Value::There(data) => data,
            Value::Missing(name) => return Ok(Value::Missing(name)),
            Value::New(_) | Value::Html(_) => return Err(self.refuse("only the data has parts")),
        };
        match (whole, key) {
            (Data::Map(map), Key::Named(name)) => Ok(found(map.get(*name), name)),
            (_, Key::Named(name)) => Err(self.refuse(&format!("{} has no part `{name}`", whole.kind()))),
            (_, Key::Computed(key)) => {
                let key = self.value(key)?;
                match (whole, key.data()) {
                    (Data::Map(map), Some(Data::Text(name))) => Ok(found(map.get(name.as_str()), name)),
                    (Data::List(items), Some(Data::Int(index))) => {
                        let item = usize::try_from(*index).ok().and_then(|index| items.get(index));
                        Ok(found(item, &format!("[{index}]")))
                    }
                    _ => Err(self.refuse("an array has parts by number, a map by text")),
                }
            }
        }
    }

    fn of_round(&self, name: &str) -> Option<Value<'v>> {
        let mut scope = self.scope;
        loop {
            match scope {
                Scope::Round { index, length, .. } => {
                    let number = |number: usize| Data::Int(i64::try_from(number).unwrap_or(i64::MAX));
                    return Some(Value::New(match name {
                        "index" => number(index + 1),
                        "length" => number(*length),
                        "first" => Data::Bool(*index == 0),
                        "last" => Data::Bool(index + 1 == *length),
                        _ => return None,
                    }));
                }
                Scope::Named { name: "loop", .. } | Scope::Data(_) => return None,
                Scope::Named { outside, .. } => scope = outside,
            }
        }
    }

    fn pair(
        &self,
        left: &'v Expression<'v>,
        operator: Operator,
        right: &'v Expression<'v>,
    ) -> Fallible<bool> {
        match operator {
            Operator::And => return Ok(self.is_true(left)? && self.is_true(right)?),
            Operator::Or => return Ok(self.is_true(left)? || self.is_true(right)?),
            _ => {}
        }
        let (left, right) = (self.value(left)?, self.value(right)?);
        let none = Data::None;
        let (left, right) = (left.data().unwrap_or(&none), right.data().unwrap_or(&none));
        match operator {
            Operator::Equal => equal(left, right),
            Operator::Unequal => Ok(!equal(left, right)?),
            Operator::In => self.holds(right, left),
            _ => {
                let order = ordered(left, right)?.ok_or_else(|| {
                    self.refuse(&format!("{} and {} have no order", left.kind(), right.kind()))
                })?;
                Ok(match operator {
                    Operator::Less => order.is_lt(),
                    Operator::LessOrEqual => order.is_le(),
                    Operator::Greater => order.is_gt(),
                    _ => order.is_ge(),
                })
            }
        }
    }

    fn holds(&self, whole: &Data, part: &Data) -> Fallible<bool> {
        match (whole, part) {
            (Data::List(items), part) => {
                for item in items {
                    gate::spend(1)?;
                    if equal(item, part)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (Data::Map(map), Data::Text(name)) => Ok(map.contains_key(name.as_str())),
            (Data::Text(text), Data::Text(part)) => {
                spend_bytes(text.len())?;
                Ok(text.contains(part.as_str()))
            }
            _ => Err(self.refuse(&format!("nothing is `in` {}", whole.kind()))),
        }
    }
}

fn found<'v>(part: Option<&'v Data>, name: &str) -> Value<'v> {
    part.map_or_else(|| Value::Missing(name.to_owned()), Value::There)
}

fn literal_data(literal: &Literal) -> Fallible<Data> {
    Ok(match literal {
        Literal::Text(text) => {
            gate::reserve(text.len())?;
            Data::Text(text.as_str().into())
        }
        Literal::Int(number) => Data::Int(*number),
        Literal::Float(number) => Data::Float(*number),
        Literal::Bool(truth) => Data::Bool(*truth),
        Literal::None => Data::None,
    })
}

/// Collections equal nothing.
fn equal(left: &Data, right: &Data) -> Fallible<bool> {
    match (left, right) {
        (Data::None, Data::None) => Ok(true),
        (Data::Bool(left), Data::Bool(right)) => Ok(left == right),
        _ => Ok(ordered(left, right)? == Some(Ordering::Equal)),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an integer beside a float is compared as one, as scripts do"
)]
fn ordered(left: &Data, right: &Data) -> Fallible<Option<Ordering>> {
    Ok(match (left, right) {
        (Data::Int(left), Data::Int(right)) => Some(left.cmp(right)),
        (Data::Int(left), Data::Float(right)) => (*left as f64).partial_cmp(right),
        (Data::Float(left), Data::Int(right)) => left.partial_cmp(&(*right as f64)),
        (Data::Float(left), Data::Float(right)) => left.partial_cmp(right),
        (Data::Text(left), Data::Text(right)) => {
            spend_bytes(left.len().min(right.len()))?;
            Some(left.cmp(right))
        }
        _ => None,
    })
}
