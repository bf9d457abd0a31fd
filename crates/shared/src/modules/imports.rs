//! What a source imports.
//!
//! This reads no more of the language than it has to: it knows comments and texts, and finds the word `import` outside
//! of them. The executor, which knows the whole language, refuses a source in which it finds something else.

/// One `import` in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// What is imported.
    pub name: String,
    /// Where the name stands, from 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

/// What `source` imports, in the order in which it stands there.
pub fn imports(source: &str) -> Vec<Import> {
    if !source.contains("import") {
        return Vec::new();
    }
    let mut reader = Reader { source, at: 0 };
    let mut found = Vec::new();
    reader.code(0, &mut found);
    found
        .into_iter()
        .map(|(start, name)| {
            let before = &source[..start];
            let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            Import {
                name: name.to_owned(),
                line: number(before.matches('\n').count() + 1),
                column: number(before[line_start..].chars().count() + 1),
            }
        })
        .collect()
}

fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// How deep code may stand in texts that stand in code.
const NESTING_MAX: usize = 32;

struct Reader<'s> {
    source: &'s str,
    at: usize,
}

impl<'s> Reader<'s> {
    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    /// Reads on behind the next `end`; to the end of the source if there is none.
    fn skip_behind(&mut self, end: &str) {
        self.at += self
            .rest()
            .find(end)
            .map_or(self.rest().len(), |at| at + end.len());
    }

    /// Reads code that stands in so many texts, to the brace that closes it, and notes where names of modules stand.
    fn code(&mut self, depth: usize, found: &mut Vec<(usize, &'s str)>) {
        let mut braces = 0_usize;
        while let Some(next) = self.rest().chars().next() {
            let rest = self.rest();
            match next {
                _ if rest.starts_with("//") => self.skip_behind("\n"),
                _ if rest.starts_with("/*") => self.comment(),
                '#' if is_raw_text(rest) => self.raw_text(),
                '"' => self.text('"'),
                '\'' => self.text('\''),
                '`' if depth < NESTING_MAX => self.template(depth, found),
                '{' => {
                    braces += 1;
                    self.at += 1;
                }
                '}' => {
                    self.at += 1;
                    if braces == 0 && depth > 0 {
                        return;
                    }
                    braces = braces.saturating_sub(1);
                }
                _ if is_of_word(next) => {
                    let length = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
                    self.at += length;
                    if &rest[..length] == "import" {
                        self.name(found);
                    }
                }
                _ => self.at += next.len_utf8(),
            }
        }
    }

    /// What stands behind the word `import`, if it is the name of a module.
    fn name(&mut self, found: &mut Vec<(usize, &'s str)>) {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            if self.rest().starts_with("//") {
                self.skip_behind("\n");
            } else if self.rest().starts_with("/*") {
                self.comment();
            } else {
                break;
            }
        }
        let start = self.at;
        if self.rest().starts_with('"') {
            self.text('"');
            let quoted = &self.source[start..self.at];
            if let Some(name) = quoted.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
                found.push((start, name));
            }
        }
    }

    /// A comment between `/*` and `*/`, with others in it.
    fn comment(&mut self) {
        let mut open = 0_usize;
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") {
                open += 1;
                self.at += 2;
            } else if rest.starts_with("*/") {
                open -= 1;
                self.at += 2;
                if open == 0 {
                    return;
                }
            } else if let Some(next) = rest.chars().next() {
                self.at += next.len_utf8();
            } else {
                return;
            }
        }
    }

    /// A text, or a character, in which a backslash takes the next character's meaning away.
    fn text(&mut self, quote: char) {
        self.at += 1;
        let mut escaped = false;
        for c in self.rest().chars() {
            self.at += c.len_utf8();
            if escaped {
                escaped = false;
            } else if c == quote {
                return;
            } else {
                escaped = c == '\\';
            }
        }
    }

    /// A text between backticks, with code between `${` and `}`. Two backticks are one that belongs to the text.
    fn template(&mut self, depth: usize, found: &mut Vec<(usize, &'s str)>) {
        self.at += 1;
        while let Some(next) = self.rest().chars().next() {
            if self.rest().starts_with("``") || self.rest().starts_with("${") {
                let is_code = next == '$';
                self.at += 2;
                if is_code {
                    self.code(depth + 1, found);
                }
                continue;
            }
            self.at += next.len_utf8();
            if next == '`' {
                return;
            }
        }
    }

    /// A text between `#"` and `"#`, with as many `#` on both sides.
    fn raw_text(&mut self) {
        let hashes = self.rest().chars().take_while(|c| *c == '#').count();
        self.at += hashes + 1;
        self.skip_behind(&format!("\"{}", "#".repeat(hashes)));
    }
}

fn is_raw_text(rest: &str) -> bool {
    rest.trim_start_matches('#').starts_with('"')
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &[(&str, u32, u32)]) {
        let found = imports(source);
        let found: Vec<_> = found
            .iter()
            .map(|import| (&*import.name, import.line, import.column))
            .collect();
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn imports_are_found() {
        check("import \"a\" as a;", &[("a", 1, 8)]);
        check(
            "// import \"no\" as n;\nimport \"a\" as a; import /* it */ \"b-c\" as b;\n",
            &[("a", 2, 8), ("b-c", 2, 34)],
        );
        check("let ü = 'ü'; import\n  \"a\" as m", &[("a", 2, 3)]);
        check(
            "`${import \"a\" as a; `${1}`} import \"no\"`; import \"b\" as b",
            &[("a", 1, 11), ("b", 1, 50)],
        );
    }

    #[test]
    fn nothing_else_is_taken_for_one() {
        for source in [
            "",
            "1 + 1",
            "important(\"a\")",
            "\"import \\\"a\\\" as a\"",
            "\"\\\"\"; /* import \"a\" /* */ import \"a\" */",
            "`import \"a\" as a`",
            "`a``import \"a\"`",
            "#\"import \"a\" as a\"#",
            "import name as n",
            "import",
            "import \"open",
            "let reimport = 1; '\\''; // import \"a\"",
        ] {
            check(source, &[]);
        }
    }

    #[test]
    fn no_nesting_is_too_deep() {
        let source = format!("{} import", "`${".repeat(10_000));
        check(&source, &[]);
        check(&format!("{} import \"a\"", "/*".repeat(10_000)), &[]);
    }
}
