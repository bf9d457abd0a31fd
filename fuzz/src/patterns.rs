//! Names, hosts, patterns and moments: what people write, and the one form that it is kept in.

use picloud_shared::{
    app::{AppRef, Slug},
    domain::HostPattern,
    host::{HostName, is_canonical},
    id::{AppId, ScriptId},
    path::{PathPattern, decode_segment, is_reserved},
    route::MethodSet,
    script::ScriptName,
    time::Timestamp,
    user::Username,
};

/// Reads a text as everything that a text can be read as.
pub fn patterns(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    host(text);
    host_pattern(text);
    path(text);
    names(text);
    moment(text);
}

fn host(text: &str) {
    let Ok(host) = HostName::from_authority(text) else {
        assert!(
            !is_canonical(text),
            "`{text}` is no host, but in a host's one form"
        );
        return;
    };
    let again = HostName::from_authority(host.as_str()).expect("a host's one form is a host");
    assert_eq!(again, host, "the one form of `{text}` has another");
    if is_canonical(text) {
        assert_eq!(host.as_str(), text);
    }
    let exact: HostPattern = host.as_str().parse().expect("a host is a pattern");
    assert_eq!(
        exact.matches(host.as_str()),
        Some(Vec::new()),
        "`{text}` does not match itself"
    );
    assert!(exact.is_under(&exact));
}

fn host_pattern(text: &str) {
    let Ok(pattern) = text.parse::<HostPattern>() else {
        return;
    };
    let again: HostPattern = pattern
        .as_str()
        .parse()
        .expect("a pattern as it is kept is a pattern");
    assert_eq!(again, pattern, "the one form of `{text}` has another");
    assert!(pattern.is_under(&pattern), "`{text}` is not under itself");
    assert!(!pattern.shape_key().is_empty());
}

fn path(text: &str) {
    // Whatever it is, it ends.
    let (_, _) = (is_reserved(text), decode_segment(text));
    let Ok(path) = text.parse::<PathPattern>() else {
        return;
    };
    assert_eq!(path.as_str(), text);
    let again: PathPattern = path.to_string().parse().expect("a path as it is kept is a path");
    assert_eq!(again, path);
    assert!(path.shape_key().starts_with('/'));
}

fn names(text: &str) {
    if let Ok(slug) = text.parse::<Slug>() {
        assert_eq!(slug.as_str(), text);
        assert!(text.parse::<AppId>().is_err(), "`{text}` is a slug and an id");
        assert_eq!(text.parse(), Ok(AppRef::Slug(slug)));
    }
    if let Ok(name) = text.parse::<ScriptName>() {
        assert_eq!(name.as_str(), text);
    }
    if let Ok(name) = text.parse::<Username>() {
        assert_eq!(name.as_str().parse::<Username>().ok(), Some(name.clone()));
    }
    if let Ok(id) = text.parse::<ScriptId>() {
        assert_eq!(id.to_string().parse::<ScriptId>().ok(), Some(id));
    }
    if let Ok(methods) = text.parse::<MethodSet>() {
        assert_eq!(methods.to_string().parse(), Ok(methods));
        assert!(methods.overlaps(methods));
    }
}

fn moment(text: &str) {
    let Ok(moment) = text.parse::<Timestamp>() else {
        return;
    };
    let again: Timestamp = moment
        .to_string()
        .parse()
        .expect("a moment as it is written is one");
    // It is written with milliseconds.
    let lost = moment.as_micros() - again.as_micros();
    assert!((0..1_000).contains(&lost), "{moment} is {lost} µs from `{text}`");
}
