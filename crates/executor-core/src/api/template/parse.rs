//! Templates, from text.

use rhai::EvalAltResult;

use super::syntax::{Branch, DEPTH_MAX, Expression, Loop, OPERATIONS_PER_TAG_MAX, Part};
use crate::{
    api::argument::{Fallible, fail, spend_bytes},
    gate,
};

/// Largest template in bytes.
const TEMPLATE_BYTES_MAX: usize = 256 * 1_024;

/// The parts of a template.
pub(super) fn parse<'t>(function: &str, text: &'t str) -> Fallible<Vec<Part<'t>>> {
    if text.len() > TEMPLATE_BYTES_MAX {
        return Err(fail(format!(
            "{function}: the template is larger than {TEMPLATE_BYTES_MAX} bytes"
        )));
    }
    spend_bytes(text.len())?;
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        parts: 0,
        operations: 0,
        lines: Lines { before: 1, until: 0 },
        trims: false,
    };
    parser.whole().map_err(|refusal| match refusal {
        Refusal::Broken { line, message } => fail(format!("{function}: line {line}: {message}")),
        Refusal::Stopped(verdict) => verdict,
    })
}

/// Why there is no template.
pub(super) enum Refusal {
    /// It is wrong.
    Broken { line: usize, message: String },
    /// The run is over.
    Stopped(Box<EvalAltResult>),
}

/// Where in the text of a template we are.
pub(super) struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    parts: usize,
    /// Those of the tag that we are in.
    operations: usize,
    lines: Lines,
    /// Whether white space is left out at the beginning of the text that follows.
    trims: bool,
}

/// Which line the text has at `until`.
#[derive(Clone, Copy)]
struct Lines {
    before: usize,
    until: usize,
}

/// What a tag `{% … %}` begins or ends.
struct Tag<'t> {
    name: &'t str,
    line: usize,
}

impl<'t> Parser<'t> {
    fn whole(&mut self) -> Result<Vec<Part<'t>>, Refusal> {
        let (parts, end) = self.body()?;
        match end {
            None => Ok(parts),
            Some(tag) => Err(Refusal::Broken {
                line: tag.line,
                message: format!("nothing is there for `{}` to belong to", tag.name),
            }),
        }
    }

    /// Parts up to a tag that does not begin one, which is not yet closed, or up to the end.
    fn body(&mut self) -> Result<(Vec<Part<'t>>, Option<Tag<'t>>), Refusal> {
        self.deeper(Self::parts)
    }

    fn parts(&mut self) -> Result<(Vec<Part<'t>>, Option<Tag<'t>>), Refusal> {
        let mut parts = Vec::new();
        loop {
            self.count()?;
            let text = self.text_before_tag();
            if !text.is_empty() {
                parts.push(Part::Text(text));
            }
            self.lines = self.lines_here();
            let line = self.lines.before;
            if self.opens("{{") {
                let expression = self.expression()?;
                self.close("}}")?;
                parts.push(Part::Show { expression, line });
            } else if self.opens("{#") {
                let end = self.text[self.at..]
                    .find("#}")
                    .ok_or_else(|| self.refuse("a comment has no end"))?;
                self.trims = self.text[..self.at + end].ends_with('-');
                self.at += end + 2;
            } else if self.opens("{%") {
                let name = self.name("the name of a tag")?;
                match name {
                    "if" => parts.push(self.condition(line)?),
                    "for" => parts.push(self.repetition(line)?),
                    "raw" => parts.push(self.raw()?),
                    "elif" | "else" | "endif" | "endfor" => return Ok((parts, Some(Tag { name, line }))),
                    other => return Err(self.refuse(&format!("there is no tag `{other}`"))),
                }
            } else {
                return Ok((parts, None));
            }
        }
    }

    fn condition(&mut self, line: usize) -> Result<Part<'t>, Refusal> {
        let mut branches = Vec::new();
        let mut condition = Some(self.expression()?);
        let mut line_of = line;
        loop {
            self.close("%}")?;
            let is_last = condition.is_none();
            let (body, end) = self.body()?;
            branches.push(Branch {
                condition: condition.take(),
                line: line_of,
                body,
            });
            match end {
                Some(Tag { name: "endif", .. }) => {
                    self.close("%}")?;
                    return Ok(Part::If(branches));
                }
                Some(Tag { name: "elif", line }) if !is_last => {
                    condition = Some(self.expression()?);
                    line_of = line;
                }
                Some(Tag { name: "else", line }) if !is_last => line_of = line,
                end => return Err(unended("if", "endif", line, end)),
            }
        }
    }

    fn repetition(&mut self, line: usize) -> Result<Part<'t>, Refusal> {
        let first = self.name("the name of each item")?;
        let (key, value) = if self.sign(",") {
            (Some(first), self.name("the name of each value")?)
        } else {
            (None, first)
        };
        if !self.word("in") {
            return Err(self.refuse("`in` must follow the name of each item"));
        }
        let source: Expression<'t> = self.expression()?;
        self.close("%}")?;
        let (body, mut end) = self.body()?;
        let mut otherwise = Vec::new();
        if matches!(end, Some(Tag { name: "else", .. })) {
            self.close("%}")?;
            (otherwise, end) = self.body()?;
        }
        if !matches!(end, Some(Tag { name: "endfor", .. })) {
            return Err(unended("for", "endfor", line, end));
        }
        self.close("%}")?;
        Ok(Part::For(Box::new(Loop {
            key,
            value,
            source,
            line,
            body,
            otherwise,
        })))
    }

    fn raw(&mut self) -> Result<Part<'t>, Refusal> {
        self.close("%}")?;
        let begin = self.at;
        let mut from = begin;
        while let Some(found) = self.text[from..].find("{%") {
            let end = from + found;
            self.at = end;
            if self.opens("{%") && self.word("endraw") {
                self.close("%}")?;
                return Ok(Part::Text(&self.text[begin..end]));
            }
            from = end + 2;
            self.count()?;
        }
        self.at = begin;
        Err(self.refuse("`raw` has no `endraw`"))
    }

    /// Text up to the next tag, without what dashes take away.
    fn text_before_tag(&mut self) -> &'t str {
        let rest = &self.text[self.at..];
        let length = rest
            .match_indices('{')
            .map(|(at, _)| at)
            .find(|at| matches!(rest.as_bytes().get(at + 1), Some(b'{' | b'%' | b'#')))
            .unwrap_or(rest.len());
        self.at += length;
        let mut text = &rest[..length];
        if std::mem::take(&mut self.trims) {
            text = text.trim_start();
        }
        if rest.as_bytes().get(length + 2) == Some(&b'-') {
            text = text.trim_end();
        }
        text
    }

    fn opens(&mut self, sign: &str) -> bool {
        let is_there = self.text[self.at..].starts_with(sign);
        if is_there {
            self.operations = 0;
            self.at += sign.len();
            self.at += usize::from(self.text[self.at..].starts_with('-'));
        }
        is_there
    }

    fn close(&mut self, sign: &str) -> Result<(), Refusal> {
        self.trims = self
            .rest()
            .strip_prefix('-')
            .is_some_and(|rest| rest.starts_with(sign));
        if self.trims {
            self.skip(1);
        }
        self.expect(sign)
    }

    /// What is left, after white space.
    pub(super) fn rest(&mut self) -> &'t str {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        rest
    }

    /// Passes over so many bytes.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Passes over `sign`, if it is next.
    pub(super) fn sign(&mut self, sign: &str) -> bool {
        let is_next = self.rest().starts_with(sign);
        if is_next {
            self.skip(sign.len());
        }
        is_next
    }

    /// Passes over the word `word`, if it is next.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let rest = self.rest();
        let is_next = leading_name(rest) == word;
        if is_next {
            self.skip(word.len());
        }
        is_next
    }

    /// A name, or an error that says `what` is missing.
    pub(super) fn name(&mut self, what: &str) -> Result<&'t str, Refusal> {
        let name = leading_name(self.rest());
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(self.refuse(&format!("{what} is missing")));
        }
        self.skip(name.len());
        Ok(name)
    }

    /// Passes over `sign`, which must be next.
    pub(super) fn expect(&mut self, sign: &str) -> Result<(), Refusal> {
        if self.sign(sign) {
            return Ok(());
        }
        let message = match self.rest().chars().next() {
            Some(found) => format!("`{sign}` is missing before `{found}`"),
            None => format!("`{sign}` is missing at the end"),
        };
        Err(self.refuse(&message))
    }

    /// Does what takes one level more of stack.
    pub(super) fn deeper<T>(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        if self.depth == DEPTH_MAX {
            return Err(self.refuse(&format!("more than {DEPTH_MAX} levels are in each other")));
        }
        self.depth += 1;
        let result = act(self);
        self.depth -= 1;
        result
    }

    /// Counts a piece of the template.
    pub(super) fn count(&mut self) -> Result<(), Refusal> {
        /// Pieces between two questions to the gate, and what they take at most.
        const PIECES: usize = 64;
        const PIECE_BYTES: usize = 256;
        self.parts += 1;
        if self.parts.is_multiple_of(PIECES) {
            gate::reserve(PIECES * PIECE_BYTES)
                .and_then(|()| gate::spend(PIECES as u64))
                .map_err(Refusal::Stopped)?;
        }
        Ok(())
    }

    /// Counts an operation of an expression. A long row of them is a deep tree, and going down it takes stack.
    pub(super) fn count_operation(&mut self) -> Result<(), Refusal> {
        self.operations += 1;
        if self.operations > OPERATIONS_PER_TAG_MAX {
            return Err(self.refuse(&format!(
                "one tag may have {OPERATIONS_PER_TAG_MAX} operations; prepare the value in the script"
            )));
        }
        self.count()
    }

    pub(super) fn refuse(&self, message: &str) -> Refusal {
        Refusal::Broken {
            line: self.lines_here().before,
            message: message.to_owned(),
        }
    }

    fn lines_here(&self) -> Lines {
        let passed = self.text.get(self.lines.until..self.at).unwrap_or_default();
        Lines {
            before: self.lines.before + passed.matches('\n').count(),
            until: self.at.max(self.lines.until),
        }
    }
}

/// The name that `text` begins with; empty if it begins with none.
fn leading_name(text: &str) -> &str {
    let end = text
        .find(|next: char| !next.is_alphanumeric() && next != '_')
        .unwrap_or(text.len());
    &text[..end]
}

fn unended(name: &str, end_name: &str, line: usize, found: Option<Tag<'_>>) -> Refusal {
    let message = match found {
        Some(tag) => format!(
            "`{name}` is not ended by `{end_name}`, but line {} has `{}`",
            tag.line, tag.name
        ),
        None => format!("`{name}` has no `{end_name}`"),
    };
    Refusal::Broken { line, message }
}
