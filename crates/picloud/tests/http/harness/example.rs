//! The apps in `examples/`, deployed as their readers do it: over the API, from `app.json` and the files beside it.

use std::{collections::HashMap, fs, path::Path};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{App, TestCloud};

/// An `examples/<name>/app.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    slug: String,
    name: String,
    #[serde(default)]
    description: String,
    domains: Vec<String>,
    scripts: Vec<ManifestScript>,
    routes: Vec<ManifestRoute>,
    #[serde(default)]
    subscriptions: Vec<ManifestBinding>,
    #[serde(default)]
    schedules: Vec<ManifestBinding>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestScript {
    name: String,
    file: String,
    #[serde(default)]
    description: String,
    limits: Option<Value>,
}

#[derive(Deserialize)]
struct ManifestRoute {
    script: String,
    /// What the API takes, besides the script's id.
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// A subscription or a schedule.
#[derive(Deserialize)]
struct ManifestBinding {
    script: String,
    /// What the API takes, besides the script's id.
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl TestCloud {
    /// The app in `examples/<name>`.
    #[track_caller]
    pub(crate) fn deploy_example(&self, name: &str) -> App<'_> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../examples")
            .join(name);
        let read = |file: &str| {
            let path = folder.join(file);
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let manifest: Manifest = serde_json::from_str(&read("app.json"))
            .unwrap_or_else(|error| panic!("{name}/app.json: {error}"));

        let Manifest {
            slug,
            name,
            description,
            ..
        } = &manifest;
        let app = json!({ "slug": slug, "name": name, "description": description });
        let app = App::new(self, &self.owner().post("/admin/apps", &app).expect(201).json());
        for pattern in &manifest.domains {
            app.domain(pattern);
        }
        let mut ids = HashMap::new();
        for ManifestScript {
            name,
            file,
            description,
            limits,
        } in &manifest.scripts
        {
            let mut fields = json!({ "name": name, "source": read(file), "description": description });
            if let Some(limits) = limits {
                fields["limits"] = limits.clone();
            }
            let script = app.script_with(fields);
            for route in manifest.routes.iter().filter(|route| route.script == *name) {
                script.try_route(Value::Object(route.fields.clone())).expect(201);
            }
            ids.insert(name.as_str(), script.id);
        }
        let orphan = manifest
            .routes
            .iter()
            .find(|route| !manifest.scripts.iter().any(|script| script.name == route.script));
        assert!(
            orphan.is_none(),
            "{slug}/app.json: no script `{}`",
            orphan.map_or("", |route| &route.script)
        );
        let kinds = [
            ("/subscriptions", &manifest.subscriptions),
            ("/schedules", &manifest.schedules),
        ];
        for (path, bindings) in kinds {
            for ManifestBinding { script, fields } in bindings {
                let id = ids.get(script.as_str());
                let id = id.unwrap_or_else(|| panic!("{slug}/app.json: no script `{script}`"));
                let mut fields = fields.clone();
                fields.insert("script_id".to_owned(), id.as_str().into());
                let fields = Value::Object(fields);
                self.owner().post(&app.path(path), &fields).expect(201);
            }
        }
        app
    }
}
