//! Routing against a matcher that tries every route, on small random apps.

use std::cmp::Reverse;

use picloud_shared::{
    domain::{HostKind, HostLabel, HostPattern},
    path::{PathPattern, PathSegment},
    route::MethodSet,
};
use proptest::{collection::vec, prelude::*, sample::select};

use super::{look_up, release, snapshot};

type Route = (&'static str, String, &'static str);

const HOSTS: [&str; 11] = [
    "", "", "a.x", "b.a.x", "*.x", "{h}.x", "{i}.x", "*.a.x", "{h}.a.x", "{i}.a.x", "b.{h}.x",
];
const CLAIMS: [&str; 4] = ["x", "*.x", "*.a.x", "b.a.x"];
const REQUEST_HOSTS: [&str; 6] = ["x", "a.x", "b.x", "b.a.x", "c.a.x", "c.b.a.x"];
const METHODS: [&str; 5] = ["GET", "POST", "GET, POST", "HEAD", "*"];

fn path_pattern() -> impl Strategy<Value = String> {
    let segments = vec(select(vec!["a", "b", "{", "%20", "%2F", "a%2Fb"]), 0..4);
    (segments, select(vec!["", "/", "/{*rest}"])).prop_map(|(segments, end)| {
        let mut path = String::new();
        for (at, segment) in segments.iter().enumerate() {
            path.push('/');
            let text = if *segment == "{" {
                format!("{{p{at}}}")
            } else {
                (*segment).to_owned()
            };
            path.push_str(&text);
        }
        path.push_str(end);
        if path.is_empty() { "/".to_owned() } else { path }
    })
}

fn request_path() -> impl Strategy<Value = String> {
    vec(
        select(vec!["a", "b", "c", "%20", "%61", "%2f", "a%2Fb", ""]),
        1..5,
    )
    .prop_map(|parts| format!("/{}", parts.join("/")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn finds_what_a_naive_matcher_finds(
        claims in select(vec![&CLAIMS[..1], &CLAIMS[1..2], &CLAIMS[..], &CLAIMS[2..]]),
        routes in vec((select(HOSTS.to_vec()), path_pattern(), select(METHODS.to_vec())), 0..10),
        requests in vec((select(REQUEST_HOSTS.to_vec()), request_path(), select(vec!["GET", "HEAD", "POST", "PUT"])), 10),
    ) {
        let routes = without_conflicts(routes);
        let borrowed: Vec<_> = routes.iter().map(|(host, path, methods)| (*host, path.as_str(), *methods)).collect();
        let snapshot = snapshot([release(1, claims, &borrowed)]);
        for (host, path, method) in requests {
            let found = look_up(&snapshot, method, host, &path);
            prop_assert_eq!(naive(claims, &routes, method, host, &path), found, "{} {}{}", method, host, path);
        }
    }
}

/// What storage refuses is not among the routes.
fn without_conflicts(routes: Vec<Route>) -> Vec<Route> {
    let mut kept: Vec<Route> = Vec::new();
    for route in routes {
        let conflicts = |other: &Route| {
            let methods = |route: &Route| route.2.parse::<MethodSet>().expect("methods");
            shape(other) == shape(&route) && methods(other).overlaps(methods(&route))
        };
        if !kept.iter().any(conflicts) {
            kept.push(route);
        }
    }
    kept
}

fn shape((host, path, _): &Route) -> (String, String) {
    let host = if host.is_empty() {
        String::new()
    } else {
        pattern(host).shape_key()
    };
    (host, path.parse::<PathPattern>().expect("a path").shape_key())
}

fn naive(claims: &[&str], routes: &[Route], method: &str, host: &str, path: &str) -> String {
    if !claims.iter().any(|claim| pattern(claim).matches(host).is_some()) {
        return "unknown host".to_owned();
    }
    let mut candidates: Vec<_> = routes
        .iter()
        .enumerate()
        .filter_map(|(number, (route_host, route_path, methods))| {
            let (rank, mut params) = match *route_host {
                "" => (None, Vec::new()),
                text => (Some(host_rank(text)), pattern(text).matches(host)?),
            };
            let route_path: PathPattern = route_path.parse().expect("a path");
            params.extend(match_path(&route_path, path)?);
            let order = (rank.is_none(), rank, path_rank(&route_path));
            Some((
                order,
                number,
                methods.parse::<MethodSet>().expect("methods"),
                params,
            ))
        })
        .collect();
    candidates.sort_by(|left, right| left.0.cmp(&right.0));
    // Of one shape, a route that names HEAD comes before one for GET.
    let takes = |methods: MethodSet, order: &_| {
        let names_head = |other: &&(_, usize, MethodSet, _)| &other.0 == order && other.2.contains("HEAD");
        methods.contains(method)
            || (method == "HEAD"
                && methods.contains("GET")
                && !candidates.iter().any(|other| names_head(&other)))
    };
    if let Some((_, number, _, params)) = candidates
        .iter()
        .find(|(order, _, methods, _)| takes(*methods, order))
    {
        let params: Vec<_> = params
            .iter()
            .map(|(name, value)| format!(" {name}={value}"))
            .collect();
        return format!("1/{number}{}", params.concat());
    }
    let mut allowed: Vec<&str> = candidates
        .iter()
        .flat_map(|(_, _, methods, _)| methods.known())
        .collect();
    if allowed.is_empty() {
        return "no route".to_owned();
    }
    allowed.push("OPTIONS");
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    format!("allow {}", MethodSet::from_names(allowed).expect("methods"))
}

fn pattern(text: &str) -> HostPattern {
    text.parse().expect("a host pattern")
}

fn host_rank(text: &str) -> (HostKindRank, Reverse<usize>, HostKind, Vec<bool>) {
    let pattern = pattern(text);
    let labels = text.split('.').count();
    let variable = pattern
        .labels()
        .iter()
        .rev()
        .map(|label| matches!(label, HostLabel::Param(_)))
        .collect();
    let exact = if pattern.kind() == HostKind::Exact {
        HostKindRank::Exact
    } else {
        HostKindRank::Pattern
    };
    (exact, Reverse(labels), pattern.kind(), variable)
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum HostKindRank {
    Exact,
    Pattern,
}

fn path_rank(pattern: &PathPattern) -> Vec<u8> {
    let rank = |segment: &PathSegment| match segment {
        PathSegment::Literal(_) => 0,
        PathSegment::Param(_) => 1,
        PathSegment::Rest(_) => 2,
    };
    pattern.segments().iter().map(rank).collect()
}

fn match_path(pattern: &PathPattern, path: &str) -> Option<Vec<(String, String)>> {
    let found: Vec<String> = path[1..]
        .split('/')
        .map(|part| {
            part.replace("%20", " ")
                .replace("%61", "a")
                .replace("%2F", "/")
                .replace("%2f", "/")
        })
        .collect();
    let mut params = Vec::new();
    for (at, segment) in pattern.segments().iter().enumerate() {
        match segment {
            PathSegment::Rest(name) => {
                let rest = found.get(at..).filter(|rest| !rest.is_empty())?;
                params.push((name.clone(), rest.join("/")));
                return Some(params);
            }
            PathSegment::Literal(text) if found.get(at)? == text => {}
            PathSegment::Param(name) if !found.get(at)?.is_empty() => {
                params.push((name.clone(), found[at].clone()));
            }
            PathSegment::Literal(_) | PathSegment::Param(_) => return None,
        }
    }
    (found.len() == pattern.segments().len()).then_some(params)
}
