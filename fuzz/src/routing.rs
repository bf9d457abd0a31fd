//! Apps, domains and routes: which route a request finds, beside what a plain reading of the rules finds.
//!
//! An input is text, a line for each thing: `app`, `claim HOST`, `route METHODS PATH [HOST]`, `ask METHOD HOST PATH`.

mod naive;

use std::collections::HashSet;

use picloud_orchestrator_core::{AppBounds, LiveReleases};
use picloud_shared::{
    admin_host::AdminHost,
    domain::HostPattern,
    limits::Limits,
    route::{MethodSet, shape_key},
    seam::LiveTable as _,
};

use crate::{
    releases::{App, AppRoute, Releases, app_id},
    run::runtime,
};

/// What an input describes.
#[derive(Default)]
struct Input<'t> {
    apps: Vec<App>,
    asks: Vec<Ask<'t>>,
    /// Shapes of domains: no two apps can have the same.
    claimed: HashSet<String>,
}

struct Ask<'t> {
    method: &'t str,
    authority: &'t str,
    path: &'t str,
}

/// Compiles apps, and looks requests up in them.
pub fn routing(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut input = Input::default();
    for line in text.lines() {
        // A line that says nothing valid says nothing.
        let _ = input.read(line);
    }
    if input.apps.is_empty() || input.asks.is_empty() {
        return;
    }
    let releases = Releases::of(&input.apps, Limits::DEFAULT);
    let live = runtime()
        .block_on(LiveReleases::load(
            releases,
            AppBounds::default(),
            AdminHost::default(),
        ))
        .expect("releases in memory are there");
    for ask in &input.asks {
        let (app, expected) = naive::explain(&input.apps, ask);
        let found = live.explain(app_id(app), ask.method, ask.authority, ask.path);
        assert_eq!(found, expected, "{} {}{}", ask.method, ask.authority, ask.path);
    }
}

impl<'t> Input<'t> {
    /// Nothing if the line says nothing valid.
    fn read(&mut self, line: &'t str) -> Option<()> {
        let mut words = line.split(' ');
        match words.next()? {
            "app" => self.apps.push(App::default()),
            "claim" => {
                let pattern: HostPattern = words.next()?.parse().ok()?;
                let app = self.apps.last_mut()?;
                if self.claimed.insert(pattern.shape_key()) {
                    app.claims.push(pattern);
                }
            }
            "route" => {
                let route = AppRoute {
                    methods: words.next()?.parse().ok()?,
                    path: words.next()?.parse().ok()?,
                    host: words.next().map(str::parse).transpose().ok()?,
                    source: "",
                    webhook: None,
                };
                let app = self.apps.last_mut()?;
                if !app.routes.iter().any(|other| conflict(other, &route)) {
                    app.routes.push(route);
                }
            }
            "ask" => {
                let (method, authority) = (words.next()?, words.next()?);
                let path = words.next()?;
                self.asks.push(Ask {
                    method,
                    authority,
                    path,
                });
            }
            _ => return None,
        }
        Some(())
    }
}

/// Whether storage would refuse the second of two routes of one app.
fn conflict(one: &AppRoute, other: &AppRoute) -> bool {
    let shape = |route: &AppRoute| shape_key(route.host.as_ref(), &route.path);
    let (methods, others): (MethodSet, MethodSet) = (one.methods, other.methods);
    shape(one) == shape(other) && methods.overlaps(others)
}
