//! What an author may have meant.

use std::{
    cell::OnceCell,
    cmp::Reverse,
    collections::{BTreeSet, HashSet},
    rc::Rc,
};

use rhai::{AST, Engine};

use crate::{
    modules::ModuleSet,
    prepare::{Import, imports},
};

/// The candidate that is most like `name`, if one is like it at all.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.is_empty() {
        return None;
    }
    let allowed = (name.chars().count() / 4).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name && candidate.len().abs_diff(name.len()) <= 2 * allowed)
        .filter_map(|candidate| {
            let distance = distance(name, candidate, allowed + 1);
            (distance <= allowed).then_some((distance, Reverse(common_prefix(name, candidate)), candidate))
        })
        .min()
        .map(|(_, _, candidate)| candidate)
}

thread_local! {
    /// The engine's own functions, the same on every engine of a thread; collected at the first error.
    static NATIVE: OnceCell<Rc<Names>> = const { OnceCell::new() };
}

/// Names with parameters.
type Names = BTreeSet<(String, String)>;

/// Functions that a script can call by name, with their parameters.
pub(crate) struct Functions {
    native: Rc<Names>,
    own: Names,
    /// Those of the script's own whose names have marks, by these.
    marked: Names,
}

impl Functions {
    /// All of the engine's, the script's own, and what it imports of `modules`.
    pub(crate) fn of(engine: &Engine, ast: &AST, modules: &ModuleSet) -> Self {
        let (mut own, mut marked) = (Names::new(), Names::new());
        for function in ast.iter_functions() {
            if is_closure(function.name) {
                continue;
            }
            let name = modules.without_marks(function.name).into_owned();
            let params = function.params.join(", ");
            if name != function.name {
                marked.insert((function.name.to_owned(), params.clone()));
            }
            own.insert((name, params));
        }
        for Import { name, alias, .. } in imports(ast) {
            if let Some(module) = modules.find(name) {
                let alias = modules.without_marks(alias);
                let exported = module.exported.iter_script_fn_info();
                own.extend(exported.map(|(_, _, name, _, function)| {
                    (format!("{alias}::{name}"), function.params.join(", "))
                }));
            }
        }
        Self {
            native: NATIVE.with(|native| Rc::clone(native.get_or_init(|| Rc::new(native_names(engine))))),
            own,
            marked,
        }
    }

    /// The names of all of them.
    pub(crate) fn names(&self) -> HashSet<&str> {
        self.all().map(|(name, _)| name).collect()
    }

    /// The parameters that a function of this name takes, one text for each form of it. One that is `marked` is the
    /// script's own alone.
    pub(crate) fn forms_of(&self, name: &str, marked: &str) -> Vec<&str> {
        let own: Vec<_> = self
            .marked
            .iter()
            .filter(|(other, _)| other == marked)
            .map(|(_, params)| params.as_str())
            .collect();
        if !own.is_empty() {
            return own;
        }
        self.all()
            .filter(|(other, _)| *other == name)
            .map(|(_, params)| params)
            .collect()
    }

    /// The function that is most like `name`: with the same name in another module before a similar name.
    pub(crate) fn nearest(&self, name: &str) -> Option<&str> {
        let names = || self.all().map(|(name, _)| name);
        let last = name.rsplit("::").next().unwrap_or(name);
        let moved = names().find(|other| *other != name && other.rsplit("::").next() == Some(last));
        moved.or_else(|| nearest(name, names())).or_else(|| {
            let unqualified = nearest(last, names().filter_map(|name| name.rsplit("::").next()))?;
            names().find(|name| name.rsplit("::").next() == Some(unqualified))
        })
    }

    fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.own
            .iter()
            .chain(&*self.native)
            .map(|(name, params)| (name.as_str(), params.as_str()))
    }
}

fn native_names(engine: &Engine) -> Names {
    let functions = engine.collect_fn_metadata(
        None,
        |function| {
            let name = &function.metadata.name;
            let callable = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
            (callable && !name.contains('$')).then(|| {
                let name = match function.namespace.as_str() {
                    "" => name.to_string(),
                    namespace => format!("{namespace}::{name}"),
                };
                (
                    name,
                    params(&function.metadata.params_info, function.metadata.num_params),
                )
            })
        },
        true,
    );
    functions.into_iter().collect()
}

/// Whether this is the name that Rhai gives to a function without one.
pub(crate) fn is_closure(function: &str) -> bool {
    function.starts_with("anon$")
}

/// Types of parameters from metadata such as `text: &str`; the receiver of a method is one of them.
fn params(info: &[impl AsRef<str>], count: usize) -> String {
    if info.len() < count {
        return vec!["any"; count].join(", ");
    }
    let types: Vec<_> = info[..count]
        .iter()
        .map(|info| {
            info.as_ref()
                .split_once(':')
                .map_or("any", |(_, kind)| super::message::friendly_type(kind))
        })
        .collect();
    types.join(", ")
}

fn common_prefix(left: &str, right: &str) -> usize {
    left.chars()
        .zip(right.chars())
        .take_while(|(l, r)| l == r)
        .count()
}

/// Levenshtein distance with swapped neighbours counted once, or `enough` if it is that or more.
fn distance(left: &str, right: &str, enough: usize) -> usize {
    let left: Vec<char> = left.chars().flat_map(char::to_lowercase).collect();
    let right: Vec<char> = right.chars().flat_map(char::to_lowercase).collect();
    let mut before_last = vec![0; right.len() + 1];
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, r) in right.iter().enumerate() {
            let mut best = (last[j] + usize::from(l != r))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *l == right[j - 1] && left[i - 1] == *r {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        if row.iter().min().is_some_and(|least| *least >= enough) {
            return enough;
        }
        before_last = last;
        last = row;
    }
    last[right.len()].min(enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let names = ["len", "length", "log::info", "push", "to_upper"];
        assert_eq!(nearest("lenn", names), Some("len"));
        assert_eq!(nearest("log::inof", names), Some("log::info"));
        assert_eq!(nearest("psuh", names), Some("push"));
        assert_eq!(nearest("toUpper", names), Some("to_upper"));
        assert_eq!(nearest("zzz", names), None);
        assert_eq!(nearest("", ["q"]), None);
    }
}
