//! Paths of routes, as a tree of segments.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use picloud_shared::{
    path::{PathPattern, PathSegment},
    route::MethodSet,
};

use super::path::{PlainSegments, RequestPath, Segments};

/// The number of a route in its app.
pub(crate) type RouteIndex = usize;

/// Paths of routes. Each node stands for one way to begin a path, so that a search visits a node at most once:
/// however a client chooses its path, the work is bounded by the number of routes.
#[derive(Default)]
pub(crate) struct PathTrie {
    literals: HashMap<Box<str>, PathTrie, RandomState>,
    param: Option<Box<PathTrie>>,
    /// Routes whose `{*rest}` begins here.
    rest: Vec<Endpoint>,
    /// Routes that end here.
    end: Vec<Endpoint>,
}

/// A route at the end of its path.
pub(crate) struct Endpoint {
    methods: MethodSet,
    route: RouteIndex,
}

impl Endpoint {
    pub(crate) fn new(methods: MethodSet, route: RouteIndex) -> Self {
        Self { methods, route }
    }
}

/// A search for one method; remembers the methods of routes that have the path but not the method.
pub(crate) struct Search<'m> {
    method: &'m str,
    /// What those routes take.
    pub(crate) allowed: Option<MethodSet>,
}

impl PathTrie {
    pub(crate) fn insert(&mut self, path: &PathPattern, methods: MethodSet, route: RouteIndex) {
        let mut node = self;
        for segment in path.segments() {
            node = match segment {
                PathSegment::Literal(text) => node.literals.entry(text.as_str().into()).or_default(),
                PathSegment::Param(_) => node.param.get_or_insert_default(),
                PathSegment::Rest(_) => {
                    node.rest.push(Endpoint::new(methods, route));
                    return;
                }
            };
        }
        node.end.push(Endpoint::new(methods, route));
    }

    pub(crate) fn find(&self, path: &RequestPath<'_>, search: &mut Search<'_>) -> Option<RouteIndex> {
        match path {
            RequestPath::Plain(inner) => self.walk(PlainSegments(Some(inner)), search),
            RequestPath::Decoded(segments) => self.walk(segments.as_slice(), search),
        }
    }

    /// Literal before `{param}` before `{*rest}`, segment by segment; the first route with the method wins.
    fn walk<'p>(&self, segments: impl Segments<'p>, search: &mut Search<'_>) -> Option<RouteIndex> {
        let Some((segment, rest)) = segments.split_first() else {
            return search.choose(&self.end);
        };
        if let Some(child) = self.literals.get(segment)
            && let Some(route) = child.walk(rest, search)
        {
            return Some(route);
        }
        if let Some(child) = &self.param
            && !segment.is_empty()
            && let Some(route) = child.walk(rest, search)
        {
            return Some(route);
        }
        search.choose(&self.rest)
    }
}

impl<'m> Search<'m> {
    pub(crate) fn new(method: &'m str) -> Self {
        Self {
            method,
            allowed: None,
        }
    }

    pub(crate) fn choose(&mut self, endpoints: &[Endpoint]) -> Option<RouteIndex> {
        let taking = |method: &str| {
            endpoints
                .iter()
                .find(|endpoint| endpoint.methods.contains(method))
        };
        let chosen = taking(self.method).or_else(|| (self.method == "HEAD").then(|| taking("GET")).flatten());
        if chosen.is_none() {
            for endpoint in endpoints {
                self.allowed = Some(
                    self.allowed
                        .map_or(endpoint.methods, |seen| seen.union(endpoint.methods)),
                );
            }
        }
        chosen.map(|endpoint| endpoint.route)
    }
}
