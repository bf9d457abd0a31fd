//! Routing as a whole: tables of the rules, and a comparison with a naive matcher.

mod against_naive;
mod rules;
mod scale;

use std::sync::Arc;

use picloud_shared::{
    domain::DomainClaim,
    id::{AppId, DomainId, RouteId, ScriptId},
    limits::Limits,
    release::LiveRelease,
    route::{MethodSet, Route},
    script::{ContentHash, LiveScript},
    time::Timestamp,
};
use uuid::Uuid;

use super::{Miss, Snapshot};

const NEVER: Timestamp = Timestamp::from_micros(0);

/// An app with domains and routes. A route is its host (or nothing), its path and its methods; its number in the list is
/// the version of its script.
fn release(app: u64, domains: &[&str], routes: &[(&str, &str, &str)]) -> LiveRelease {
    let app_id = AppId(Uuid::from_u64_pair(app, 0));
    let script = |number: usize| LiveScript {
        app_id,
        script_id: ScriptId(Uuid::from_u64_pair(app, number as u64)),
        name: "script".parse().expect("a name"),
        version: u32::try_from(number).expect("few routes"),
        content_hash: ContentHash([0; 32]),
        source: "".into(),
        modules: None,
        limits: Limits::DEFAULT,
        suspended: false,
        config: Arc::default(),
    };
    let claim = |pattern: &&str| DomainClaim {
        id: DomainId::new(NEVER),
        app_id,
        pattern: pattern.parse().expect("a host pattern"),
        created_at: NEVER,
    };
    let route = |(number, (host, path, methods)): (usize, &(&str, &str, &str))| Route {
        id: RouteId(Uuid::from_u64_pair(app, number as u64)),
        app_id,
        script_id: script(number).script_id,
        host: (!host.is_empty()).then(|| host.parse().expect("a host pattern")),
        path: path.parse().expect("a path pattern"),
        methods: methods.parse::<MethodSet>().expect("methods"),
        webhook: None,
        created_at: NEVER,
        updated_at: NEVER,
    };
    LiveRelease {
        app_id,
        slug: "app".to_owned(),
        number: 1,
        domains: domains.iter().map(claim).collect(),
        routes: routes.iter().enumerate().map(route).collect(),
        scripts: (0..routes.len()).map(|number| Arc::new(script(number))).collect(),
        subscriptions: Vec::new(),
        schedules: Vec::new(),
    }
}

fn snapshot(releases: impl IntoIterator<Item = LiveRelease>) -> Snapshot {
    let mut snapshot = Snapshot::default();
    releases.into_iter().for_each(|release| snapshot.insert(release));
    snapshot
}

/// What a request finds, in words: `app/route name=value …`, or why there is nothing.
fn look_up(snapshot: &Snapshot, method: &str, host: &str, path: &str) -> String {
    let Some(claim) = snapshot.claim(host) else {
        return "unknown host".to_owned();
    };
    match claim.app.find(claim, host, method, path) {
        Ok(found) => {
            let app = claim.app.app_id.0.as_u64_pair().0;
            let params: Vec<_> = found
                .params
                .iter()
                .map(|(name, value)| format!(" {name}={value}"))
                .collect();
            format!("{app}/{}{}", found.route.entry.script.version, params.concat())
        }
        Err(Miss::Malformed) => "malformed".to_owned(),
        Err(Miss::NoRoute) => "no route".to_owned(),
        Err(Miss::MethodNotAllowed(methods)) => format!("allow {methods}"),
    }
}
