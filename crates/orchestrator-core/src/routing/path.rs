//! A request's path, cut at its slashes and decoded.

use std::borrow::Cow;

use picloud_shared::path::{InvalidPath, PATH_SEGMENTS_MAX, decode_segment};

/// A request's path. Most paths need no decoding and are cut in place, without allocating.
pub(crate) enum RequestPath<'p> {
    /// As it came, without its first slash.
    Plain(&'p str),
    /// Its decoded segments.
    Decoded(Vec<Cow<'p, str>>),
}

impl<'p> RequestPath<'p> {
    pub(crate) fn parse(path: &'p str) -> Result<Self, InvalidPath> {
        let inner = path.strip_prefix('/').ok_or(InvalidPath)?;
        let (mut slashes, mut encoded) = (1, false);
        for byte in inner.bytes() {
            slashes += usize::from(byte == b'/');
            encoded |= matches!(byte, b'%' | 0);
        }
        if slashes > PATH_SEGMENTS_MAX {
            return Err(InvalidPath);
        }
        if encoded {
            let segments: Result<Vec<_>, _> = inner.split('/').map(decode_segment).collect();
            segments.map(Self::Decoded)
        } else {
            Ok(Self::Plain(inner))
        }
    }

    /// The segment at `index`.
    pub(crate) fn segment(&self, index: usize) -> &str {
        match self {
            Self::Plain(inner) => inner.split('/').nth(index).unwrap_or_default(),
            Self::Decoded(segments) => segments.get(index).map_or("", |segment| segment),
        }
    }

    /// All from the segment at `index` on.
    pub(crate) fn rest(&self, index: usize) -> String {
        match self {
            Self::Plain(inner) => {
                let skipped: usize = inner
                    .split('/')
                    .take(index)
                    .map(|segment| segment.len() + 1)
                    .sum();
                inner.get(skipped..).unwrap_or_default().to_owned()
            }
            Self::Decoded(segments) => segments.get(index..).unwrap_or_default().join("/"),
        }
    }
}

/// What is left of a path, segment by segment.
pub(crate) trait Segments<'p>: Copy {
    /// The first segment and what follows it.
    fn split_first(self) -> Option<(&'p str, Self)>;
}

/// What is left of a path that is cut in place.
#[derive(Clone, Copy)]
pub(crate) struct PlainSegments<'p>(pub(crate) Option<&'p str>);

impl<'p> Segments<'p> for PlainSegments<'p> {
    fn split_first(self) -> Option<(&'p str, Self)> {
        let rest = self.0?;
        Some(match rest.split_once('/') {
            Some((segment, rest)) => (segment, Self(Some(rest))),
            None => (rest, Self(None)),
        })
    }
}

impl<'p> Segments<'p> for &'p [Cow<'p, str>] {
    fn split_first(self) -> Option<(&'p str, Self)> {
        self.split_first().map(|(segment, rest)| (segment.as_ref(), rest))
    }
}
