//! Brings an app to a manifest.

use picloud_shared::{
    access::Capability,
    bindings::BindingSpec,
    change::Change,
    domain::DomainClaim,
    release::{
        Changed, Changes, Manifest, ManifestBinding, ManifestConfig, ManifestDomain, ManifestRoute,
        ManifestScript,
    },
    repository::{DeployConflict, DeployError, DeployTerms, StoreError, WriteRouteError},
    route::Route,
};
use uuid::Uuid;

use super::plan::NewVersion;
use crate::{
    authority::confirm_for,
    bindings::{delete_binding, free_binding_name, put_binding},
    change::ReleaseChange,
    config::{remove_config, write_config},
    convert::{parse, to_json},
    domains::{delete_domain, insert_domain},
    imports::linker,
    removed::{bring_back, forget_oldest, is_kept, remove_script},
    routes::{delete_route, delete_shapes, insert_route, insert_shapes, update_route},
    statements::statements,
    value::args,
    versions::insert_version,
};

statements! {
    HAS_VERSION = "SELECT script_id FROM script_versions WHERE script_id = $1 AND version = $2";
    // No name of a script begins with a hyphen, so this one is never taken.
    FREE_NAME = "UPDATE scripts SET name = '-' || $2 WHERE id = $1";
    INSERT_SCRIPT = "INSERT INTO scripts \
        (id, app_id, name, description, version, limits, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
    UPDATE_SCRIPT = "UPDATE scripts SET name = $2, description = $3, version = $4, limits = $5, updated_at = $6 \
        WHERE id = $1";
}

/// Makes the app what `target` says; `sources` are those of the versions in it that do not exist yet. After an error the
/// release can only be dropped.
pub(super) async fn bring_to(
    release: &mut ReleaseChange<'_>,
    before: &Manifest,
    target: &Manifest,
    sources: &[NewVersion],
    terms: DeployTerms,
    change: &Change,
) -> Result<Changes, DeployError> {
    let changes = Changes::between(before, target);
    if terms.keep_domains && !changes.domains.is_empty() {
        return Err(DeployError::DomainsKept);
    }
    if !changes.domains.is_empty() {
        let app = release.app();
        confirm_for(
            &mut release.transaction,
            change,
            Capability::DomainWrite,
            Some(app),
        )
        .await?;
    }
    let mut work = Work {
        release,
        change,
        sources,
    };
    let mut conflicts = work.missing_sources(&changes.scripts).await?;
    conflicts.extend(work.write_domains(&changes.domains).await?);
    if !conflicts.is_empty() {
        return Err(DeployError::Conflicts(conflicts));
    }
    work.free_shapes(&changes.routes).await?;
    work.free_names(&changes.scripts).await?;
    work.write_scripts(&changes.scripts).await?;
    work.write_routes(&changes.routes).await?;
    work.write_bindings(&changes.subscriptions).await?;
    work.write_bindings(&changes.schedules).await?;
    work.remove_scripts(&changes.scripts).await?;
    work.write_config(&changes.config).await?;
    if !changes.scripts.is_empty() {
        let app = release.app();
        let linker = linker(&mut release.transaction, app).await?;
        linker.check().map_err(DeployError::Imports)?;
    }
    Ok(changes)
}

/// The steps, in an order in which no constraint is in the way of a state that keeps all of them.
struct Work<'w, 'c> {
    release: &'w mut ReleaseChange<'c>,
    change: &'w Change,
    sources: &'w [NewVersion],
}

impl Work<'_, '_> {
    /// The versions that are neither there nor about to be made.
    async fn missing_sources(
        &mut self,
        scripts: &[Changed<ManifestScript>],
    ) -> Result<Vec<DeployConflict>, StoreError> {
        let mut missing = Vec::new();
        for script in scripts {
            let found = match script {
                Changed::Removed(_) => true,
                Changed::Added(script) | Changed::Changed { after: script, .. } if self.is_new(script) => {
                    true
                }
                Changed::Added(script) => {
                    let app = self.release.app();
                    is_kept(&mut self.release.transaction, app, script).await?
                }
                Changed::Changed { after, .. } => {
                    let version = args![after.id, after.version];
                    let found: Option<(Uuid,)> = self
                        .release
                        .transaction
                        .fetch_optional(HAS_VERSION, version)
                        .await?;
                    found.is_some()
                }
            };
            if !found {
                missing.push(DeployConflict::SourceGone {
                    script: script.latest().name.clone(),
                    version: script.latest().version,
                });
            }
        }
        Ok(missing)
    }

    /// Gives up and claims domains, in the order of their shapes: two apps that pass domains to each other then wait
    /// for one another in the same order.
    async fn write_domains(
        &mut self,
        domains: &[Changed<ManifestDomain>],
    ) -> Result<Vec<DeployConflict>, StoreError> {
        let mut steps = Vec::new();
        for domain in domains {
            let (ManifestDomain { id, pattern }, claimed) = match domain {
                Changed::Removed(domain) => (domain, false),
                Changed::Added(domain) | Changed::Changed { after: domain, .. } => (domain, true),
            };
            let claim = DomainClaim {
                id: *id,
                app_id: self.release.app(),
                pattern: parse("domain", pattern)?,
                created_at: self.change.at,
            };
            steps.push((claim.pattern.shape_key(), claimed, claim));
        }
        // Of one shape, what is given up comes before what is claimed.
        steps.sort_by(|(shape, claimed, _), (other, other_claimed, _)| {
            (shape, claimed).cmp(&(other, other_claimed))
        });
        let mut taken = Vec::new();
        for (_, claimed, claim) in steps {
            let transaction = &mut self.release.transaction;
            if !claimed {
                delete_domain(transaction, claim.id).await?;
            } else if !insert_domain(transaction, &claim).await? {
                taken.push(DeployConflict::DomainTaken {
                    pattern: claim.pattern.as_str().to_owned(),
                });
            }
        }
        Ok(taken)
    }

    /// Takes routes away, and from those that stay what they match.
    async fn free_shapes(&mut self, routes: &[Changed<ManifestRoute>]) -> Result<(), StoreError> {
        let transaction = &mut self.release.transaction;
        for route in routes {
            match route {
                Changed::Added(_) => {}
                Changed::Removed(route) => delete_route(transaction, route.id).await?,
                Changed::Changed { before, .. } => delete_shapes(transaction, before.id).await?,
            }
        }
        Ok(())
    }

    /// Frees the names of scripts that lose theirs, so that two can change names.
    async fn free_names(&mut self, scripts: &[Changed<ManifestScript>]) -> Result<(), StoreError> {
        for script in scripts {
            let losing = match script {
                Changed::Removed(script) => script,
                Changed::Changed { before, after, .. } if before.name != after.name => before,
                Changed::Added(_) | Changed::Changed { .. } => continue,
            };
            let free = args![losing.id, losing.id.to_string()];
            self.release.transaction.execute(FREE_NAME, free).await?;
        }
        Ok(())
    }

    async fn write_scripts(&mut self, scripts: &[Changed<ManifestScript>]) -> Result<(), StoreError> {
        let app = self.release.app();
        for changed in scripts {
            let script = match changed {
                Changed::Removed(_) => continue,
                Changed::Added(script) | Changed::Changed { after: script, .. } => script,
            };
            let limits = to_json(&script.limits)?;
            let is_new = self.is_new(script);
            let transaction = &mut self.release.transaction;
            if let Changed::Changed { .. } = changed {
                let args = args![
                    script.id,
                    &script.name,
                    &script.description,
                    script.version,
                    limits,
                    self.change.at,
                ];
                transaction.execute(UPDATE_SCRIPT, args).await?;
            } else if is_new {
                let args = args![
                    script.id,
                    app,
                    &script.name,
                    &script.description,
                    script.version,
                    limits,
                    self.change.at,
                ];
                transaction.execute(INSERT_SCRIPT, args).await?;
            } else {
                bring_back(transaction, app, script, self.change).await?;
            }
        }
        for (script, version, source) in self.sources {
            let new = (*script, *version, &**source);
            insert_version(&mut self.release.transaction, new, self.change).await?;
        }
        Ok(())
    }

    async fn write_routes(&mut self, routes: &[Changed<ManifestRoute>]) -> Result<(), StoreError> {
        for changed in routes {
            let (Changed::Added(manifest) | Changed::Changed { after: manifest, .. }) = changed else {
                continue;
            };
            let route = self.route(manifest)?;
            let transaction = &mut self.release.transaction;
            if let Changed::Added(_) = changed {
                insert_route(transaction, &route).await?;
            } else {
                update_route(transaction, &route).await?;
            }
            insert_shapes(transaction, &route)
                .await
                .map_err(|error| match error {
                    WriteRouteError::Store(error) => error,
                    // Of one manifest, no two routes take the same.
                    contradiction => StoreError::Failed(contradiction.into()),
                })?;
        }
        Ok(())
    }

    /// Subscriptions or schedules, in an order in which no two have one name at a time.
    async fn write_bindings<S: BindingSpec>(
        &mut self,
        bindings: &[Changed<ManifestBinding<S>>],
    ) -> Result<(), StoreError> {
        let app = self.release.app();
        let transaction = &mut self.release.transaction;
        for changed in bindings {
            match changed {
                Changed::Removed(binding) => delete_binding(transaction, binding.id).await?,
                Changed::Changed { before, after, .. } if before.name != after.name => {
                    free_binding_name(transaction, before.id).await?;
                }
                Changed::Added(_) | Changed::Changed { .. } => {}
            }
        }
        for changed in bindings {
            if let Changed::Added(binding) | Changed::Changed { after: binding, .. } = changed {
                put_binding(transaction, app, binding, self.change.at).await?;
            }
        }
        Ok(())
    }

    /// Removes scripts, which no route leads to any more and nothing starts.
    async fn remove_scripts(&mut self, scripts: &[Changed<ManifestScript>]) -> Result<(), StoreError> {
        let mut any = false;
        for script in scripts {
            if let Changed::Removed(script) = script {
                remove_script(self.release, script.id).await?;
                any = true;
            }
        }
        if any {
            let app = self.release.app();
            forget_oldest(&mut self.release.transaction, app).await?;
        }
        Ok(())
    }

    async fn write_config(&mut self, config: &[Changed<ManifestConfig>]) -> Result<(), StoreError> {
        let app = self.release.app();
        let transaction = &mut self.release.transaction;
        for changed in config {
            match changed {
                Changed::Removed(config) => remove_config(transaction, app, &config.name).await?,
                Changed::Added(config) | Changed::Changed { after: config, .. } => {
                    write_config(transaction, app, config, self.change.at).await?;
                }
            }
        }
        Ok(())
    }

    /// The route as its table has it. That one stays from before keeps the time at which it was made, as no update
    /// writes it.
    fn route(&self, route: &ManifestRoute) -> Result<Route, StoreError> {
        let host = route.host.as_deref();
        Ok(Route {
            id: route.id,
            app_id: self.release.app(),
            script_id: route.script_id,
            host: host.map(|host| parse("host", host)).transpose()?,
            path: parse("path", &route.path)?,
            methods: parse("methods", &route.methods)?,
            webhook: route.webhook.clone(),
            created_at: self.change.at,
            updated_at: self.change.at,
        })
    }

    fn is_new(&self, script: &ManifestScript) -> bool {
        self.sources
            .iter()
            .any(|(id, version, _)| *id == script.id && *version == script.version)
    }
}
