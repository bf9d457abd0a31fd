//! The text that a template and data make.

use super::{
    data::Data,
    evaluate::{Evaluation, Scope, Value},
    filter::shown,
    syntax::{Loop, Part},
};
use crate::{
    api::{argument::Fallible, bounded::BoundedText, html},
    gate,
};

/// The text of `template` with `data`; `escapes` says whether it is HTML.
pub(super) fn render(function: &str, template: &[Part<'_>], data: &Data, escapes: bool) -> Fallible<String> {
    let mut page = Page {
        function,
        escapes,
        out: BoundedText::default(),
    };
    page.parts(template, &Scope::Data(data))?;
    Ok(page.out.finish())
}

struct Page<'p> {
    function: &'p str,
    escapes: bool,
    out: BoundedText,
}

impl Page<'_> {
    fn parts(&mut self, parts: &[Part<'_>], scope: &Scope<'_>) -> Fallible<()> {
        for part in parts {
            gate::spend(1)?;
            match part {
                Part::Text(text) => self.out.push(text)?,
                Part::Show { expression, line } => {
                    let at = self.at(*line, scope);
                    let value = at.value(expression)?;
                    let text = match &value {
                        Value::Html(html) => {
                            self.out.push(html)?;
                            continue;
                        }
                        Value::Missing(name) => return Err(at.missing(name)),
                        Value::There(data) => shown(&at, data)?,
                        Value::New(data) => shown(&at, data)?,
                    };
                    let text = if self.escapes { html::escaped(text)? } else { text };
                    self.out.push(&text)?;
                }
                Part::If(branches) => {
                    for branch in branches {
                        let at = self.at(branch.line, scope);
                        let holds = branch.condition.as_ref().map(|condition| at.is_true(condition));
                        if holds.transpose()?.unwrap_or(true) {
                            self.parts(&branch.body, scope)?;
                            break;
                        }
                    }
                }
                Part::For(repetition) => self.rounds(repetition, scope)?,
            }
        }
        Ok(())
    }

    fn rounds(&mut self, repetition: &Loop<'_>, scope: &Scope<'_>) -> Fallible<()> {
        let at = self.at(repetition.line, scope);
        let source = at.value(&repetition.source)?;
        let no_key = || at.refuse("an array has no keys; `for value in …` goes through it");
        match source.data() {
            None => match source {
                Value::Missing(name) => Err(at.missing(&name)),
                _ => Err(at.refuse("HTML cannot be gone through")),
            },
            Some(Data::List(items)) if repetition.key.is_none() => {
                let rounds = items.iter().map(|item| (None, Some(item)));
                self.each(repetition, scope, items.len(), rounds)
            }
            Some(Data::Map(map)) => {
                let rounds = map
                    .iter()
                    .map(|(key, value)| (Some(Data::Text(key.as_str().into())), Some(value)));
                self.each(repetition, scope, map.len(), rounds)
            }
            Some(Data::List(_)) => Err(no_key()),
            Some(Data::None) => self.parts(&repetition.otherwise, scope),
            Some(other) => Err(at.refuse(&format!("{} cannot be gone through", other.kind()))),
        }
    }

    /// A round for each key and value. With one name, a map gives its keys.
    fn each<'d>(
        &mut self,
        repetition: &Loop<'_>,
        scope: &Scope<'_>,
        length: usize,
        rounds: impl Iterator<Item = (Option<Data>, Option<&'d Data>)>,
    ) -> Fallible<()> {
        if length == 0 {
            return self.parts(&repetition.otherwise, scope);
        }
        for (index, (key, value)) in rounds.enumerate() {
            gate::spend(1)?;
            let scope = Scope::Round {
                index,
                length,
                outside: scope,
            };
            let first = Scope::Named {
                name: repetition.key.unwrap_or(repetition.value),
                value: key.as_ref().or(value).unwrap_or(&Data::None),
                outside: &scope,
            };
            if repetition.key.is_none() {
                self.parts(&repetition.body, &first)?;
                continue;
            }
            let second = Scope::Named {
                name: repetition.value,
                value: value.unwrap_or(&Data::None),
                outside: &first,
            };
            self.parts(&repetition.body, &second)?;
        }
        Ok(())
    }

    fn at<'v>(&self, line: usize, scope: &'v Scope<'v>) -> Evaluation<'v>
    where
        Self: 'v,
    {
        Evaluation {
            function: self.function,
            line,
            scope,
        }
    }
}
