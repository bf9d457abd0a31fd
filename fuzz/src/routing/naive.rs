//! The rules of routing, read one after the other. Nothing here is fast.

use std::cmp::Reverse;

use percent_encoding::percent_decode_str;
use picloud_shared::id::ScriptId;
use picloud_shared::{
    domain::{HostKind, HostLabel, HostPattern},
    host::HostName,
    path::{PATH_SEGMENTS_MAX, PathPattern, PathSegment, is_reserved},
    route::MethodSet,
    seam::{ExplainedClaim, Explanation, Miss},
};

use super::Ask;
use crate::releases::{App, AppRoute, app_id, route_id};

/// What becomes of a request, and the number of the app that it reaches.
pub(super) fn explain(apps: &[App], ask: &Ask<'_>) -> (usize, Explanation) {
    let mut found = Explanation::default();
    let mut app = 0;
    found.miss = steps(apps, ask, &mut app, &mut found).err();
    (app, found)
}

fn steps(apps: &[App], ask: &Ask<'_>, app: &mut usize, found: &mut Explanation) -> Result<(), Miss> {
    let host = HostName::from_authority(ask.authority).map_err(|_| Miss::Malformed)?;
    let host = host.as_str();
    found.host = Some(host.to_owned());
    if is_reserved(ask.path) {
        return Err(Miss::Reserved);
    }
    let (number, claim) = claim(apps, host).ok_or(Miss::UnknownHost)?;
    *app = number;
    found.claim = Some(ExplainedClaim {
        pattern: claim.as_str().to_owned(),
        app_id: app_id(number),
    });
    let path = decode(ask.path).ok_or(Miss::Malformed)?;
    let candidates = candidates(&apps[number], claim, host, &path);
    let chosen = candidates
        .iter()
        .find(|candidate| takes(candidate, &candidates, ask.method));
    let Some(chosen) = chosen else {
        return Err(without_route(&candidates, ask.method));
    };
    found.route = Some(route_id(number, chosen.number));
    found.script = Some((ScriptId(route_id(number, chosen.number).0), 1));
    found.params.clone_from(&chosen.params);
    Ok(())
}

/// The most specific claim that the host falls under.
fn claim<'a>(apps: &'a [App], host: &str) -> Option<(usize, &'a HostPattern)> {
    let all = apps
        .iter()
        .enumerate()
        .flat_map(|(number, app)| app.claims.iter().map(move |claim| (number, claim)));
    all.filter(|(_, claim)| params_of(claim, host).is_some())
        .min_by_key(|(_, claim)| host_rank(claim))
}

/// A route that has the path.
struct Candidate<'a> {
    number: usize,
    route: &'a AppRoute,
    /// Smaller is more specific.
    rank: (bool, Option<HostRank>, Vec<u8>),
    params: Vec<(String, String)>,
}

/// Those of an app, the most specific first.
fn candidates<'a>(app: &'a App, claim: &HostPattern, host: &str, path: &[String]) -> Vec<Candidate<'a>> {
    let mut candidates: Vec<_> = app
        .routes
        .iter()
        .enumerate()
        .filter_map(|(number, route)| {
            let mut params = params_of(route.host.as_ref().unwrap_or(claim), host)?;
            params.extend(match_path(&route.path, path)?);
            let rank = (
                route.host.is_none(),
                route.host.as_ref().map(host_rank),
                path_rank(&route.path),
            );
            Some(Candidate {
                number,
                route,
                rank,
                params,
            })
        })
        .collect();
    candidates.sort_by(|left, right| left.rank.cmp(&right.rank));
    candidates
}

/// Whether a route takes the method. One for `GET` takes `HEAD`, unless another of the same shape names it.
fn takes(candidate: &Candidate<'_>, all: &[Candidate<'_>], method: &str) -> bool {
    let names_head =
        |other: &Candidate<'_>| other.rank == candidate.rank && other.route.methods.contains("HEAD");
    candidate.route.methods.contains(method)
        || (method == "HEAD" && candidate.route.methods.contains("GET") && !all.iter().any(names_head))
}

fn without_route(candidates: &[Candidate<'_>], method: &str) -> Miss {
    let methods = candidates.iter().map(|candidate| candidate.route.methods);
    let Some(allowed) = methods.reduce(MethodSet::union) else {
        return Miss::NoRoute;
    };
    let mut names: Vec<_> = allowed.known().collect();
    names.push("OPTIONS");
    if allowed.contains("GET") {
        names.push("HEAD");
    }
    let names = MethodSet::from_names(names).expect("methods").names();
    if method == "OPTIONS" {
        Miss::Options(names)
    } else {
        Miss::MethodNotAllowed(names)
    }
}

/// What a pattern's parameters are in a host that falls under it.
fn params_of(pattern: &HostPattern, host: &str) -> Option<Vec<(String, String)>> {
    if pattern.kind() == HostKind::Exact {
        return (pattern.as_str() == host).then(Vec::new);
    }
    if host.starts_with('[') {
        return None;
    }
    let labels: Vec<&str> = host.split('.').collect();
    let literals = pattern.labels().len();
    let fits = match pattern.kind() {
        HostKind::Wildcard => labels.len() > literals,
        _ => labels.len() == literals,
    };
    if !fits {
        return None;
    }
    let mut params = Vec::new();
    for (label, text) in pattern.labels().iter().zip(&labels[labels.len() - literals..]) {
        match label {
            HostLabel::Literal(literal) if literal == text => {}
            HostLabel::Literal(_) => return None,
            HostLabel::Param(name) => params.push((name.clone(), (*text).to_owned())),
        }
    }
    Some(params)
}

/// Exact hosts first; then more labels before fewer, parameters before a wildcard, and the pattern that is literal
/// where the other is variable, at the rightmost such label.
type HostRank = (bool, Reverse<usize>, HostKind, Vec<bool>);

fn host_rank(pattern: &HostPattern) -> HostRank {
    let variable = pattern
        .labels()
        .iter()
        .rev()
        .map(|label| matches!(label, HostLabel::Param(_)));
    let wildcard = usize::from(pattern.kind() == HostKind::Wildcard);
    (
        pattern.kind() != HostKind::Exact,
        Reverse(pattern.labels().len() + wildcard),
        pattern.kind(),
        variable.collect(),
    )
}

/// Segment by segment: text before `{name}` before `{*name}`.
fn path_rank(pattern: &PathPattern) -> Vec<u8> {
    let rank = |segment: &PathSegment| match segment {
        PathSegment::Literal(_) => 0,
        PathSegment::Param(_) => 1,
        PathSegment::Rest(_) => 2,
    };
    pattern.segments().iter().map(rank).collect()
}

fn match_path(pattern: &PathPattern, path: &[String]) -> Option<Vec<(String, String)>> {
    let mut params = Vec::new();
    for (at, segment) in pattern.segments().iter().enumerate() {
        let found = path.get(at)?;
        match segment {
            PathSegment::Rest(name) => {
                params.push((name.clone(), path[at..].join("/")));
                return Some(params);
            }
            PathSegment::Literal(text) if found == text => {}
            PathSegment::Param(name) if !found.is_empty() => params.push((name.clone(), found.clone())),
            PathSegment::Literal(_) | PathSegment::Param(_) => return None,
        }
    }
    (path.len() == pattern.segments().len()).then_some(params)
}

/// The segments of a request's path; nothing if it is malformed.
fn decode(path: &str) -> Option<Vec<String>> {
    let segments: Vec<_> = path.strip_prefix('/')?.split('/').collect();
    if segments.len() > PATH_SEGMENTS_MAX {
        return None;
    }
    segments.into_iter().map(decode_segment).collect()
}

fn decode_segment(segment: &str) -> Option<String> {
    let is_hex = |text: &str| text.len() >= 2 && text.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    let mut after_percents = segment.split('%').skip(1);
    if !after_percents.all(is_hex) {
        return None;
    }
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    (!text.contains('\0')).then(|| text.into_owned())
}
