//! Bundles, and releases that are restored.

mod bundles;
mod domains;
mod restoring;

use std::sync::Arc;

use picloud_shared::{
    id::{AppId, ScriptId},
    limits::Limits,
    release::{Bundle, BundleRoute, BundleScript},
    repository::{
        DeployTerms, Deployed, DeploymentRepository, ReleaseRepository, ScriptRepository, ScriptUpdate,
    },
};

use crate::{bed::Bed, fixtures::change};

/// Only to try.
const DRY: DeployTerms = DeployTerms {
    expected: None,
    keep_domains: false,
    dry_run: true,
};

/// Only over this release.
fn expecting(release: u32) -> DeployTerms {
    DeployTerms {
        expected: Some(release),
        ..DeployTerms::default()
    }
}

async fn newest(bed: &Bed, app: AppId) -> u32 {
    bed.store.live_release(app).await.unwrap().unwrap().number
}

async fn save(bed: &Bed, script: ScriptId, source: &str) -> u32 {
    let update = ScriptUpdate {
        source: Some(Arc::from(source)),
        ..ScriptUpdate::default()
    };
    let saved = bed.store.update_script(script, update, &change()).await.unwrap();
    saved.unwrap().version
}

async fn restore(bed: &Bed, app: AppId, number: u32) -> Deployed {
    let restored = bed
        .store
        .restore_release(app, number, DeployTerms::default(), &change())
        .await;
    restored.unwrap().unwrap()
}

fn bundle(scripts: &[(&str, &str)], routes: &[(&str, Option<&str>, &str, &str)]) -> Bundle {
    Bundle {
        scripts: scripts
            .iter()
            .map(|(name, source)| BundleScript {
                name: name.parse().unwrap(),
                description: String::new(),
                source: Arc::from(*source),
                limits: Limits::DEFAULT,
            })
            .collect(),
        routes: routes
            .iter()
            .map(|(script, host, path, methods)| BundleRoute {
                script: script.parse().unwrap(),
                host: host.map(|host| host.parse().unwrap()),
                path: path.parse().unwrap(),
                methods: methods.parse().unwrap(),
                webhook: None,
            })
            .collect(),
        domains: None,
        config: None,
        subscriptions: None,
        schedules: None,
    }
}

async fn deploy(bed: &Bed, app: AppId, bundle: &Bundle) -> Deployed {
    let deployed = bed
        .store
        .deploy_bundle(app, bundle, DeployTerms::default(), &change())
        .await;
    deployed.unwrap().unwrap()
}
