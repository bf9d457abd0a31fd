//! Paths: the patterns that routes have, and the decoded form in which requests are compared with them.

use std::{borrow::Cow, fmt, str::FromStr};

use percent_encoding::percent_decode_str;

use crate::domain::is_param_name;

/// Longest path pattern in bytes.
pub const PATH_PATTERN_BYTES_MAX: usize = 1_024;
/// Most segments in a pattern or in a request's path.
pub const PATH_SEGMENTS_MAX: usize = 64;

/// The path of a route: `/hello/{name}`, `/files/{*rest}`.
///
/// A trailing slash counts: `/a/` and `/a` are two paths. `{name}` takes exactly one segment that is not
/// empty; `{*rest}` takes all that follows its slash, also nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPattern {
    text: String,
    segments: Vec<PathSegment>,
}

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathSegment {
    /// Exactly this text, decoded.
    Literal(String),
    /// `{name}`: any one segment that is not empty.
    Param(String),
    /// `{*name}`: all that remains; only last.
    Rest(String),
}

/// Why a text is no path pattern; each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPathPattern {
    /// Does not start with `/`.
    #[error("a path starts with /")]
    NoSlash,
    /// Too long or too deep.
    #[error("a path has at most {PATH_PATTERN_BYTES_MAX} bytes and {PATH_SEGMENTS_MAX} segments")]
    TooLong,
    /// Two slashes in a row.
    #[error("a path has no empty segment before its end; remove the second / of //")]
    EmptySegment,
    /// A segment with characters that a path cannot have, or bad percent-encoding.
    #[error(
        "`{0}` is not a path segment: write text, {{name}} or {{*name}}, without ? # or spaces, and percent-encode the rest"
    )]
    Segment(String),
    /// A parameter that is no identifier, or stands twice.
    #[error(
        "`{{{0}}}` is not a parameter name: use a letter or _, then letters, digits or _, each name once"
    )]
    Param(String),
    /// `{*rest}` before the end.
    #[error("{{*{0}}} may stand only at the end of a path")]
    RestNotLast(String),
}

impl PathPattern {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// From left to right. The path `/` has one empty literal, `/a/` has two segments.
    pub fn segments(&self) -> &[PathSegment] {
        &self.segments
    }

    /// What two patterns have in common that match exactly the same paths: the names of parameters are gone.
    pub fn shape_key(&self) -> String {
        let mut key = String::with_capacity(self.text.len());
        for segment in &self.segments {
            key.push('/');
            match segment {
                // Escaped, so that a literal cannot look like a parameter or hold a slash.
                PathSegment::Literal(text) => {
                    key.push_str(&text.replace('%', "%25").replace('/', "%2F").replace('{', "%7B"));
                }
                PathSegment::Param(_) => key.push_str("{}"),
                PathSegment::Rest(_) => key.push_str("{*}"),
            }
        }
        key
    }
}

impl FromStr for PathPattern {
    type Err = InvalidPathPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let inner = text.strip_prefix('/').ok_or(InvalidPathPattern::NoSlash)?;
        if text.len() > PATH_PATTERN_BYTES_MAX || inner.split('/').count() > PATH_SEGMENTS_MAX {
            return Err(InvalidPathPattern::TooLong);
        }
        let mut segments: Vec<PathSegment> = Vec::new();
        let mut parts = inner.split('/').peekable();
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            if part.is_empty() && !last {
                return Err(InvalidPathPattern::EmptySegment);
            }
            let segment = parse_segment(part)?;
            if let PathSegment::Param(name) | PathSegment::Rest(name) = &segment {
                let seen = segments.iter().any(|other| matches!(other, PathSegment::Param(other) | PathSegment::Rest(other) if other == name));
                if seen || !is_param_name(name) {
                    return Err(InvalidPathPattern::Param(name.clone()));
                }
            }
            if let PathSegment::Rest(name) = &segment
                && !last
            {
                return Err(InvalidPathPattern::RestNotLast(name.clone()));
            }
            segments.push(segment);
        }
        Ok(Self {
            text: text.to_owned(),
            segments,
        })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn parse_segment(part: &str) -> Result<PathSegment, InvalidPathPattern> {
    let invalid = || InvalidPathPattern::Segment(part.to_owned());
    if let Some(name) = part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
        return Ok(match name.strip_prefix('*') {
            Some(name) => PathSegment::Rest(name.to_owned()),
            None => PathSegment::Param(name.to_owned()),
        });
    }
    let forbidden =
        |c: char| matches!(c, '{' | '}' | '?' | '#' | '\\') || c.is_whitespace() || c.is_control();
    if part.contains(forbidden) {
        return Err(invalid());
    }
    decode_segment(part)
        .map(|text| PathSegment::Literal(text.into_owned()))
        .map_err(|InvalidPath| invalid())
}

/// Why a request's path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path has broken percent-encoding, is not UTF-8 or holds a NUL")]
pub struct InvalidPath;

/// One segment of a request's path with its percent-encoding undone.
pub fn decode_segment(segment: &str) -> Result<Cow<'_, str>, InvalidPath> {
    if !segment.contains('%') {
        return if segment.contains('\0') {
            Err(InvalidPath)
        } else {
            Ok(Cow::Borrowed(segment))
        };
    }
    let bytes = segment.as_bytes();
    let encoded = |at: usize| {
        bytes
            .get(at + 1..at + 3)
            .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    };
    if (0..bytes.len()).any(|at| bytes[at] == b'%' && !encoded(at)) {
        return Err(InvalidPath);
    }
    let text = percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_| InvalidPath)?;
    if text.contains('\0') {
        Err(InvalidPath)
    } else {
        Ok(text)
    }
}

/// The paths that PiCloud keeps for itself. Each stands for itself and all below it; on which hosts, says
/// [`AdminHost`](crate::admin_host::AdminHost).
pub const RESERVED_PATHS: [&str; 6] = ["/api", "/admin", "/healthz", "/readyz", "/version", "/metrics"];

/// Whether `path` is one of them.
pub fn is_reserved(path: &str) -> bool {
    // Almost every path of an app fails on its second byte.
    matches!(path.as_bytes().get(1), Some(b'a' | b'h' | b'r' | b'v' | b'm'))
        && RESERVED_PATHS.iter().any(|reserved| {
            path.strip_prefix(reserved)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> String {
        text.parse::<PathPattern>()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .shape_key()
    }

    #[test]
    fn shapes_forget_names() {
        assert_eq!(shape("/"), "/");
        assert_eq!(shape("/hello/{name}"), shape("/hello/{other}"));
        assert_ne!(shape("/hello/{name}"), shape("/hello/{*name}"));
        assert_ne!(shape("/a"), shape("/a/"));
        assert_eq!(shape("/caf%C3%A9"), shape("/café"));
        assert_ne!(shape("/a%2Fb"), shape("/a/b"));
        assert_ne!(shape("/%7B%7D"), shape("/{x}"));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "", "a", "//", "/a//b", "/a?b", "/a#b", "/a b", "/{", "/{}", "/{a b}", "/{1}", "/{a}/{a}",
            "/{*r}/x", "/x{y}", "/%", "/%zz", "/%ff", "/%00",
        ] {
            assert!(text.parse::<PathPattern>().is_err(), "{text}");
        }
        assert!(format!("/{}", "a/".repeat(64)).parse::<PathPattern>().is_err());
    }

    #[test]
    fn segments_are_decoded_once() {
        assert_eq!(decode_segment("a%20b").as_deref(), Ok("a b"));
        assert_eq!(decode_segment("a%252Fb").as_deref(), Ok("a%2Fb"));
        for bad in ["%", "%2", "%zz", "%ff", "%00"] {
            assert_eq!(decode_segment(bad), Err(InvalidPath), "{bad}");
        }
    }

    #[test]
    fn reserved_paths_end_at_a_slash() {
        for path in [
            "/api",
            "/api/",
            "/api/v1/execute/x",
            "/admin",
            "/healthz",
            "/metrics",
        ] {
            assert!(is_reserved(path), "{path}");
        }
        for path in ["/", "/apis", "/administrator", "/version2", "/x/api"] {
            assert!(!is_reserved(path), "{path}");
        }
    }
}
