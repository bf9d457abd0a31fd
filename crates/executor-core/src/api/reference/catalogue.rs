//! All functions that a script may call.

use std::collections::{BTreeMap, HashSet};

use picloud_shared::limits::Limits;
use rhai::{
    Engine,
    packages::{Package, StandardPackage},
};
use serde::Deserialize;

use crate::engine;

/// A function that a script may call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScriptFunction {
    /// The module it is in; none for those that are called by their name alone.
    pub module: Option<String>,
    /// Its name. Properties begin with `get$` or `set$`.
    pub name: String,
    /// Names and types of its parameters.
    pub params: Vec<(String, String)>,
    /// The type of its result.
    pub returns: String,
    /// What it does, in Markdown.
    pub docs: String,
    /// Whether it is Rhai's own, or one of PiCloud's that only takes the place of Rhai's.
    pub is_standard: bool,
}

impl ScriptFunction {
    /// How it is written: module, name, parameters, result.
    pub fn signature(&self) -> String {
        let module = self
            .module
            .as_ref()
            .map(|module| format!("{module}::"))
            .unwrap_or_default();
        let params: Vec<_> = self
            .params
            .iter()
            .map(|(name, kind)| format!("{name}: {kind}"))
            .collect();
        format!("{module}{}({}) -> {}", self.name, params.join(", "), self.returns)
    }

    /// The lines of its example.
    pub fn example(&self) -> Vec<&str> {
        let lines = self.docs.lines().skip_while(|line| *line != "```rhai").skip(1);
        lines.take_while(|line| *line != "```").collect()
    }
}

/// All functions that a script may call, in the order of their signatures.
pub fn functions() -> Vec<ScriptFunction> {
    let engine = engine::build(Limits::DEFAULT.call_depth_max);
    let standard = standard_hashes();
    let scripted = Metadata::of(&engine);
    let named = scripted.modules.into_iter().flat_map(|(module, contents)| {
        let functions = contents.functions.into_iter();
        functions.map(move |function| function.describe(Some(module.clone()), false))
    });
    // Rhai lists functions in the order in which it looks for them: the first of a kind is the one it calls.
    let mut seen = HashSet::new();
    let found = scripted
        .functions
        .into_iter()
        .filter(|function| seen.insert(function.full_hash));
    let global = found.map(|function| {
        let is_standard = standard.contains(&function.full_hash);
        function.describe(None, is_standard)
    });
    let mut functions: Vec<_> = named.chain(global).collect();
    functions.sort_by_cached_key(ScriptFunction::signature);
    functions
}

/// The documentation of each module.
pub(super) fn module_docs() -> BTreeMap<String, String> {
    let engine = engine::build(Limits::DEFAULT.call_depth_max);
    let modules = Metadata::of(&engine).modules.into_iter();
    modules.map(|(name, module)| (name, plain(&module.doc))).collect()
}

/// Rhai's own functions.
fn standard_hashes() -> HashSet<u64> {
    let mut engine = Engine::new_raw();
    StandardPackage::new().register_into_engine(&mut engine);
    Metadata::of(&engine)
        .functions
        .into_iter()
        .map(|function| function.full_hash)
        .collect()
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    modules: BTreeMap<String, Metadata>,
    #[serde(default)]
    functions: Vec<Function>,
    #[serde(default)]
    doc: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Function {
    full_hash: u64,
    name: String,
    #[serde(default)]
    params: Vec<Param>,
    #[serde(default)]
    return_type: String,
    #[serde(default)]
    doc_comments: Vec<String>,
}

#[derive(Deserialize)]
struct Param {
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Metadata {
    fn of(engine: &Engine) -> Self {
        // Rhai writes what it reads; there is nothing here that could fail to be written or read.
        let json = engine.gen_fn_metadata_to_json(true).unwrap_or_default();
        serde_json::from_str(&json).unwrap_or_default()
    }
}

impl Function {
    fn describe(self, module: Option<String>, is_standard: bool) -> ScriptFunction {
        let params = self.params.into_iter().map(|param| {
            let kind = param.kind.as_deref().map_or_else(|| "any".to_owned(), plain_type);
            let name = param.name.as_deref().unwrap_or("_");
            (name.trim_start_matches("mut ").to_owned(), kind)
        });
        let docs = plain(&self.doc_comments.join("\n"));
        ScriptFunction {
            module,
            name: self.name,
            params: params.collect(),
            returns: plain_type(&self.return_type),
            // What takes the place of one of Rhai's functions but is described as ours is ours.
            is_standard: is_standard && !docs.contains("//=>"),
            docs,
        }
    }
}

/// A doc comment without its slashes.
fn plain(comment: &str) -> String {
    let lines = comment.lines().map(|line| {
        let line = line.trim_start().trim_start_matches("///");
        line.strip_prefix(' ').unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// A type by the name that authors know.
fn plain_type(kind: &str) -> String {
    let kind = kind
        .trim()
        .trim_start_matches('&')
        .trim_start_matches("mut ")
        .trim();
    let inner = ["Fallible<", "RhaiResultOf<", "Result<"]
        .iter()
        .find_map(|prefix| kind.strip_prefix(prefix));
    if let Some(inner) = inner.and_then(|inner| inner.strip_suffix('>')) {
        return plain_type(inner.split(", Box").next().unwrap_or(inner));
    }
    let kind = kind.rsplit("::").next().unwrap_or(kind);
    match kind {
        "str" | "String" | "ImmutableString" => "string",
        "Dynamic" | "RhaiResult" | "?" | "_" => "any",
        "INT" | "i64" => "int",
        "FLOAT" | "f64" => "float",
        "Array" => "array",
        "Map" => "map",
        "Blob" => "blob",
        "FnPtr" => "Fn",
        "" => "()",
        other => other,
    }
    .to_owned()
}
