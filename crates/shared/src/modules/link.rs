//! Scripts with what they import.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};

use super::{IMPORT_DEPTH_MAX, Import, MODULES_MAX, Module, Modules, imports};
use crate::script::{ContentHash, ScriptName};

/// The scripts of an app in one state, and what they import.
pub struct Linker {
    scripts: BTreeMap<ScriptName, Node>,
}

struct Node {
    name: ScriptName,
    source: Arc<str>,
    imports: Vec<Import>,
}

/// Why a script cannot have what it imports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// The app has no script of the name.
    #[error("there is no script `{name}` in this app; import one by its name, or make it first")]
    Unknown {
        /// The name.
        name: String,
        /// Who imports it.
        importer: String,
    },
    /// Scripts import each other in a circle.
    #[error("{} import each other in a circle; move what they share into a script of its own", path.join(" → "))]
    Cycle {
        /// The names, the first one also at the end.
        path: Vec<String>,
    },
    /// Imports lead to imports, too many times.
    #[error(
        "more than {IMPORT_DEPTH_MAX} imports lead from script to script here; import what is at their end directly"
    )]
    TooDeep,
    /// Too many scripts are imported.
    #[error(
        "more than {MODULES_MAX} scripts are imported here, those of the imported ones included; join some of them"
    )]
    TooMany,
}

impl Linker {
    /// Of all scripts of an app.
    pub fn new(scripts: impl IntoIterator<Item = (ScriptName, Arc<str>)>) -> Self {
        let mut linker = Self {
            scripts: BTreeMap::new(),
        };
        for (name, source) in scripts {
            linker.put(name, source);
        }
        linker
    }

    /// Adds a script, or gives it another source.
    pub fn put(&mut self, name: ScriptName, source: Arc<str>) {
        self.scripts.insert(name.clone(), Node::new(name, source));
    }

    /// Takes a script away.
    pub fn remove(&mut self, name: &ScriptName) {
        self.scripts.remove(name);
    }

    /// What the script `name` imports; `None` if that is nothing.
    pub fn link(&self, name: &ScriptName) -> Result<Option<Modules>, LinkFault> {
        match self.scripts.get(name) {
            Some(node) => self.link_node(name.as_str(), node),
            None => Ok(None),
        }
    }

    /// What a source imports that is no script of the app.
    pub fn link_unsaved(&self, source: &Arc<str>) -> Result<Option<Modules>, LinkFault> {
        // Its name is never seen.
        let Ok(name) = "unsaved".parse() else {
            return Ok(None);
        };
        self.link_node("this script", &Node::new(name, Arc::clone(source)))
    }

    fn link_node(&self, name: &str, node: &Node) -> Result<Option<Modules>, LinkFault> {
        if node.imports.is_empty() {
            return Ok(None);
        }
        let mut walk = Walk {
            linker: self,
            path: Vec::new(),
            seen: HashMap::new(),
            in_order: Vec::new(),
        };
        let (hash, _) = walk.visit(name, node)?;
        // The script itself came last.
        walk.in_order.pop();
        Ok(Some(Modules {
            in_order: walk.in_order,
            hash,
        }))
    }

    /// Links every script; gives the first fault.
    pub fn check(&self) -> Result<(), LinkFault> {
        self.scripts.keys().try_for_each(|name| self.link(name).map(drop))
    }

    /// The scripts that import `name` themselves, by name.
    pub fn importers(&self, name: &ScriptName) -> Vec<&ScriptName> {
        self.scripts
            .iter()
            .filter(|(_, node)| node.imports.iter().any(|import| import.name == name.as_str()))
            .map(|(importer, _)| importer)
            .collect()
    }

    /// The scripts that import `name` directly or by way of others, by name; not itself.
    pub fn dependents(&self, name: &ScriptName) -> Vec<&ScriptName> {
        let mut found = Vec::new();
        let mut to_do = vec![name];
        while let Some(name) = to_do.pop() {
            for importer in self.importers(name) {
                if !found.contains(&importer) {
                    found.push(importer);
                    to_do.push(importer);
                }
            }
        }
        found.retain(|found| *found != name);
        found.sort();
        found
    }

    /// Names the script with all that it imports, and all that import it with what these import; `None` if that is
    /// nothing. Where it is the same, the same is to be said about the script and about those that import it.
    pub fn around(&self, name: &ScriptName) -> Result<Option<ContentHash>, LinkFault> {
        let own = self.link(name)?;
        let dependents = self.dependents(name);
        if own.is_none() && dependents.is_empty() {
            return Ok(None);
        }
        let mut whole = Sha256::new_with_prefix(b"around");
        if let Some(own) = own {
            whole.update(own.hash.0);
        }
        for dependent in dependents {
            if let Some(modules) = self.link(dependent)? {
                whole.update(named(dependent, &modules.hash).0);
            }
        }
        Ok(Some(ContentHash(whole.finalize().into())))
    }

    /// The source of a script.
    pub fn source(&self, name: &ScriptName) -> Option<&Arc<str>> {
        self.scripts.get(name).map(|node| &node.source)
    }
}

/// A walk from one script along its imports, in depth.
struct Walk<'l> {
    linker: &'l Linker,
    /// From the script to where the walk is.
    path: Vec<&'l str>,
    /// Of scripts that the walk has left, each with how far imports lead from it.
    seen: HashMap<&'l str, (ContentHash, usize)>,
    in_order: Vec<Module>,
}

impl Node {
    fn new(name: ScriptName, source: Arc<str>) -> Self {
        let imports = imports(&source);
        Self {
            name,
            source,
            imports,
        }
    }
}

impl<'l> Walk<'l> {
    fn visit(&mut self, name: &'l str, node: &'l Node) -> Result<(ContentHash, usize), LinkFault> {
        if let Some((hash, depth)) = self.seen.get(name) {
            if self.path.len() + depth > IMPORT_DEPTH_MAX {
                return Err(LinkFault::TooDeep);
            }
            return Ok((*hash, *depth));
        }
        if let Some(start) = self.path.iter().position(|on_path| *on_path == name) {
            let circle = self.path[start..].iter().copied().chain([name]);
            return Err(LinkFault::Cycle {
                path: circle.map(str::to_owned).collect(),
            });
        }
        if self.path.len() > IMPORT_DEPTH_MAX {
            return Err(LinkFault::TooDeep);
        }
        self.path.push(name);
        let mut hash = ContentHash::of(&node.source);
        let mut depth = 0;
        if !node.imports.is_empty() {
            let mut whole = Sha256::new_with_prefix(b"with imports");
            whole.update(hash.0);
            for import in &node.imports {
                let unknown = || LinkFault::Unknown {
                    name: import.name.clone(),
                    importer: name.to_owned(),
                };
                let key: ScriptName = import.name.parse().map_err(|_| unknown())?;
                let node = self.linker.scripts.get(&key).ok_or_else(unknown)?;
                let (imported, below) = self.visit(node.name.as_str(), node)?;
                depth = depth.max(below + 1);
                whole.update(named(&node.name, &imported).0);
            }
            hash = ContentHash(whole.finalize().into());
        }
        self.path.pop();
        self.seen.insert(name, (hash, depth));
        if self.in_order.len() > MODULES_MAX {
            return Err(LinkFault::TooMany);
        }
        self.in_order.push(Module {
            name: node.name.clone(),
            source: Arc::clone(&node.source),
            hash: named(&node.name, &hash),
        });
        Ok((hash, depth))
    }
}

/// Names a script by what it is called too.
fn named(name: &ScriptName, hash: &ContentHash) -> ContentHash {
    let mut named = Sha256::new_with_prefix(b"named");
    named.update(hash.0);
    named.update(name.as_str());
    ContentHash(named.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: impl AsRef<str>) -> ScriptName {
        name.as_ref().parse().unwrap()
    }

    /// Each script is its name, and what it imports.
    fn app(scripts: &[(&str, &[&str])]) -> Linker {
        Linker::new(scripts.iter().map(|(script, imported)| {
            let lines = imported.iter().map(|module| format!("import \"{module}\" as m;"));
            (name(script), lines.collect::<String>().into())
        }))
    }

    fn linked(app: &Linker, script: &str) -> Vec<String> {
        let modules = app.link(&name(script)).unwrap().unwrap();
        let names = modules.in_order.iter().map(|module| module.name.to_string());
        names.collect()
    }

    #[test]
    fn each_module_comes_after_what_it_imports_and_once() {
        let app = app(&[
            ("main", &["b", "a", "b"]),
            ("a", &["c"]),
            ("b", &["a", "c"]),
            ("c", &[]),
            ("d", &["main"]),
        ]);
        assert_eq!(linked(&app, "main"), ["c", "a", "b"]);
        assert_eq!(linked(&app, "d"), ["c", "a", "b", "main"]);
        assert_eq!(app.link(&name("c")), Ok(None));
        assert_eq!(
            app.dependents(&name("c")),
            [&name("a"), &name("b"), &name("d"), &name("main")]
        );
        assert_eq!(app.importers(&name("c")), [&name("a"), &name("b")]);
    }

    #[test]
    fn the_hash_changes_with_what_is_imported_however_far() {
        let mut app = app(&[("main", &["a"]), ("a", &["b"]), ("b", &[])]);
        let before = app.link(&name("main")).unwrap().unwrap().hash;
        app.put(name("b"), "fn b() {}".into());
        let after = app.link(&name("main")).unwrap().unwrap().hash;
        assert_ne!(before, after);
        app.put(name("b"), "".into());
        assert_eq!(before, app.link(&name("main")).unwrap().unwrap().hash);
    }

    #[test]
    fn what_is_around_a_script_changes_with_all_that_it_is_checked_with_and_with_nothing_else() {
        let mut app = app(&[
            ("main", &["a"]),
            ("other", &["a", "b"]),
            ("a", &["c"]),
            ("b", &[]),
            ("c", &[]),
            ("alone", &[]),
        ]);
        let around = |app: &Linker, script: &str| app.around(&name(script)).unwrap();
        assert_eq!(around(&app, "alone"), None);
        let mut seen = vec![around(&app, "a")];
        // What it imports, what imports it, and what that imports too.
        for changed in ["c", "main", "b"] {
            let source = app.source(&name(changed)).unwrap();
            let source = format!("{source} // changed");
            app.put(name(changed), source.into());
            let now = around(&app, "a");
            assert!(now.is_some() && !seen.contains(&now), "{changed}");
            seen.push(now);
        }
        app.put(name("alone"), "1".into());
        assert_eq!(around(&app, "alone"), None);
        assert_eq!(Some(&around(&app, "a")), seen.last());
        app.put(name("alone"), "import \"a\" as a;".into());
        assert!(!seen.contains(&around(&app, "a")));
        app.remove(&name("c"));
        assert!(app.around(&name("a")).is_err());
    }

    #[test]
    fn what_cannot_be_linked_is_named() {
        let app = app(&[
            ("main", &["a"]),
            ("a", &["b"]),
            ("b", &["a"]),
            ("self", &["self"]),
            ("lost", &["nowhere"]),
            ("odd", &["no name"]),
        ]);
        let fault = |script: &str| app.link(&name(script)).unwrap_err().to_string();
        assert!(
            fault("main").starts_with("a → b → a import each other"),
            "{}",
            fault("main")
        );
        assert!(
            fault("self").starts_with("self → self import"),
            "{}",
            fault("self")
        );
        assert!(fault("lost").starts_with("there is no script `nowhere`"));
        assert!(fault("odd").starts_with("there is no script `no name`"));
        assert!(app.check().is_err());
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let chain = |length: usize| {
            Linker::new((0..=length).map(|number| {
                let source = if number < length {
                    format!("import \"s{}\" as m;", number + 1)
                } else {
                    String::new()
                };
                (name(format!("s{number}")), source.into())
            }))
        };
        assert!(chain(IMPORT_DEPTH_MAX).check().is_ok());
        assert_eq!(chain(IMPORT_DEPTH_MAX + 1).check(), Err(LinkFault::TooDeep));
        assert_eq!(chain(10_000).check(), Err(LinkFault::TooDeep));
        for order in [[1, 5], [5, 1]] {
            let mut app = chain(IMPORT_DEPTH_MAX + 1);
            app.remove(&name("s0"));
            let main = order.map(|number| format!("import \"s{number}\" as m{number};"));
            let main = main.concat().into();
            assert_eq!(
                app.link_unsaved(&main).err(),
                Some(LinkFault::TooDeep),
                "{order:?}"
            );
        }
        let star = |width: usize| {
            let lines = (0..width).map(|number| format!("import \"s{number}\" as m{number};"));
            let main = (name("main"), lines.collect::<String>().into());
            let modules = (0..width).map(|number| (name(format!("s{number}")), "".into()));
            Linker::new(modules.chain([main]))
        };
        assert!(star(MODULES_MAX).check().is_ok());
        assert_eq!(star(MODULES_MAX + 1).check(), Err(LinkFault::TooMany));
    }
}
