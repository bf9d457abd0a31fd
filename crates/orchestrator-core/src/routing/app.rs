//! One app's live release, compiled for look-up.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;
use picloud_shared::{
    bindings::ScheduledScript,
    domain::{HostKind, HostPattern},
    id::{AppId, RouteId, ScriptId},
    path::{PathPattern, PathSegment},
    release::LiveRelease,
    route::{MethodSet, Route},
    webhook::Webhook,
};

use super::{
    hosts::{Claim, HostParams, covers, same_hosts, specificity},
    path::RequestPath,
    snapshot::{Lasting, LiveEntry},
    trie::{Endpoint, PathTrie, RouteIndex, Search},
};
use crate::events::Subscribers;

/// One app's live release.
pub(crate) struct AppTable {
    pub(crate) app_id: AppId,
    /// That of the release.
    pub(crate) number: u32,
    pub(crate) domains: Vec<HostPattern>,
    pub(crate) scripts: Vec<ScriptId>,
    pub(crate) lasting: Lasting,
    pub(crate) subscribers: Subscribers,
    pub(crate) schedules: Vec<Arc<ScheduledScript>>,
    routes: Vec<CompiledRoute>,
    /// Routes for one host.
    exact: HashMap<Box<str>, PathTrie, RandomState>,
    /// Routes for the hosts of a pattern, the most specific pattern first. Patterns that differ in the names of
    /// parameters alone are one here: between their routes the paths decide.
    patterns: Vec<(HostPattern, PathTrie)>,
    /// Routes for every host that the app claims.
    any_host: PathTrie,
    /// Those among them whose path is all literal, by that path.
    literal: HashMap<Box<str>, Vec<Endpoint>, RandomState>,
}

/// A route with what a request needs of it.
pub(crate) struct CompiledRoute {
    pub(crate) id: RouteId,
    pub(crate) entry: Arc<LiveEntry>,
    /// How its requests are signed, if they have to be.
    pub(crate) webhook: Option<Arc<WebhookRoute>>,
    /// Of the route's own host; of the claim's if it has none.
    host_params: Option<HostParams>,
    /// Name and number of the segment.
    path_params: Box<[(Arc<str>, usize)]>,
    /// Name, and number of the first segment.
    rest: Option<(Arc<str>, usize)>,
}

/// A route whose requests are signed.
pub(crate) struct WebhookRoute {
    pub(crate) id: RouteId,
    pub(crate) webhook: Webhook,
}

/// The route that answers a request.
pub(crate) struct Found<'s> {
    pub(crate) route: &'s CompiledRoute,
    /// Of host and path, decoded, in the order in which they stand there.
    pub(crate) params: Vec<(Arc<str>, String)>,
}

/// Why no route of the app answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// The path is malformed.
    Malformed,
    /// No route has the path.
    NoRoute,
    /// Routes have the path, with these methods. They include what PiCloud itself answers.
    MethodNotAllowed(MethodSet),
}

impl AppTable {
    /// The table of `release`, whose scripts are `entries`.
    pub(crate) fn compile(release: LiveRelease, lasting: Lasting, entries: &[Arc<LiveEntry>]) -> Self {
        let scripts: HashMap<ScriptId, &Arc<LiveEntry>> = entries
            .iter()
            .map(|entry| (entry.script.script_id, entry))
            .collect();
        let mut table = Self {
            app_id: release.app_id,
            number: release.number,
            domains: release.domains.into_iter().map(|domain| domain.pattern).collect(),
            scripts: scripts.keys().copied().collect(),
            lasting,
            subscribers: Subscribers::new(release.subscriptions),
            schedules: release.schedules.into_iter().map(Arc::new).collect(),
            routes: Vec::with_capacity(release.routes.len()),
            exact: HashMap::default(),
            patterns: Vec::new(),
            any_host: PathTrie::default(),
            literal: HashMap::default(),
        };
        for route in &release.routes {
            if let Some(entry) = scripts.get(&route.script_id) {
                table.add(route, entry);
            } else {
                tracing::error!(route.id = %route.id, "a live route names a script that is not live");
            }
        }
        table
            .patterns
            .sort_by_cached_key(|(pattern, _)| specificity(pattern));
        table
    }

    fn add(&mut self, route: &Route, entry: &Arc<LiveEntry>) {
        let index: RouteIndex = self.routes.len();
        self.routes.push(CompiledRoute::new(route, Arc::clone(entry)));
        if let (None, Some(path)) = (&route.host, literal(&route.path)) {
            let endpoint = Endpoint::new(route.methods, index);
            self.literal.entry(path).or_default().push(endpoint);
        }
        let trie = match &route.host {
            None => &mut self.any_host,
            Some(host) if host.kind() == HostKind::Exact => {
                self.exact.entry(host.as_str().into()).or_default()
            }
            Some(host) => {
                let at = self
                    .patterns
                    .iter()
                    .position(|(pattern, _)| same_hosts(pattern, host));
                let at = at.unwrap_or_else(|| {
                    self.patterns.push((host.clone(), PathTrie::default()));
                    self.patterns.len() - 1
                });
                &mut self.patterns[at].1
            }
        };
        trie.insert(&route.path, route.methods, index);
    }

    /// The route for a request to `host`, which falls under `claim`.
    pub(crate) fn find(
        &self,
        claim: &Claim,
        host: &str,
        method: &str,
        path: &str,
    ) -> Result<Found<'_>, Miss> {
        let mut search = Search::new(method);
        if let Some(index) = self.search_literal(path, &mut search) {
            return Ok(self.routes[index].found(claim, host, &RequestPath::Plain("")));
        }
        let path = RequestPath::parse(path).map_err(|_| Miss::Malformed)?;
        match self.search(host, &path, &mut search) {
            Some(index) => Ok(self.routes[index].found(claim, host, &path)),
            None => Err(search.allowed.map_or(Miss::NoRoute, |methods| {
                Miss::MethodNotAllowed(with_implied(methods))
            })),
        }
    }

    /// The shortcut for most requests: a path that stands in a route as it came. A literal segment comes before
    /// all others, so nothing can come before a route that is all literal but a route for fewer hosts.
    fn search_literal(&self, path: &str, search: &mut Search<'_>) -> Option<RouteIndex> {
        if !self.exact.is_empty() || !self.patterns.is_empty() {
            return None;
        }
        search.choose(self.literal.get(path)?)
    }

    /// The routes for the host itself, then those for patterns that it falls under, then those for any host.
    fn search(&self, host: &str, path: &RequestPath<'_>, search: &mut Search<'_>) -> Option<RouteIndex> {
        // Most apps have no routes for one host.
        if !self.exact.is_empty()
            && let Some(index) = self.exact.get(host).and_then(|trie| trie.find(path, search))
        {
            return Some(index);
        }
        for (pattern, trie) in &self.patterns {
            if covers(pattern, host)
                && let Some(index) = trie.find(path, search)
            {
                return Some(index);
            }
        }
        self.any_host.find(path, search)
    }
}

impl CompiledRoute {
    fn new(route: &Route, entry: Arc<LiveEntry>) -> Self {
        let (path_params, rest) = path_params(&route.path);
        Self {
            id: route.id,
            entry,
            webhook: route.webhook.as_ref().map(|webhook| {
                Arc::new(WebhookRoute {
                    id: route.id,
                    webhook: webhook.clone(),
                })
            }),
            host_params: route.host.as_ref().map(HostParams::of),
            path_params,
            rest,
        }
    }

    fn found<'s>(&'s self, claim: &Claim, host: &str, path: &RequestPath<'_>) -> Found<'s> {
        let host_params = self.host_params.as_ref().unwrap_or(&claim.params);
        let count = host_params.len() + self.path_params.len() + usize::from(self.rest.is_some());
        let mut params = Vec::with_capacity(count);
        host_params.collect(host, &mut params);
        for (name, index) in &self.path_params {
            params.push((Arc::clone(name), path.segment(*index).to_owned()));
        }
        if let Some((name, index)) = &self.rest {
            params.push((Arc::clone(name), path.rest(*index)));
        }
        Found { route: self, params }
    }
}

/// The path of requests to a route that is all literal, if they all write it alike: with no percent-encoding.
fn literal(path: &PathPattern) -> Option<Box<str>> {
    let mut text = String::new();
    for segment in path.segments() {
        match segment {
            PathSegment::Literal(segment) if !segment.contains(['%', '/']) => {
                text.push('/');
                text.push_str(segment);
            }
            _ => return None,
        }
    }
    Some(text.into())
}

type Named = (Arc<str>, usize);

fn path_params(path: &PathPattern) -> (Box<[Named]>, Option<Named>) {
    let mut rest = None;
    let mut params = Vec::new();
    for (index, segment) in path.segments().iter().enumerate() {
        match segment {
            PathSegment::Literal(_) => {}
            PathSegment::Param(name) => params.push((Arc::from(name.as_str()), index)),
            PathSegment::Rest(name) => rest = Some((Arc::from(name.as_str()), index)),
        }
    }
    (params.into(), rest)
}

/// With what needs no route of its own: `HEAD` beside `GET`, and `OPTIONS`.
fn with_implied(methods: MethodSet) -> MethodSet {
    let mut implied = vec!["OPTIONS"];
    if methods.contains("GET") {
        implied.push("HEAD");
    }
    MethodSet::from_names(implied).map_or(methods, |implied| methods.union(implied))
}
