//! The address of a request, taken apart.

/// The parts of an address that matter to routing. Nothing is decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Url<'a> {
    pub(crate) scheme: &'static str,
    pub(crate) authority: &'a str,
    /// `/` if there is none.
    pub(crate) path_and_query: &'a str,
}

impl<'a> Url<'a> {
    pub(crate) fn path(&self) -> &'a str {
        self.path_and_query
            .split_once('?')
            .map_or(self.path_and_query, |(path, _)| path)
    }
}

/// Takes `/path?query` apart, which leaves the host to the caller.
pub(crate) fn split_path(url: &str) -> Option<Url<'_>> {
    url.starts_with('/').then(|| Url {
        scheme: "http",
        authority: "localhost",
        path_and_query: url.split('#').next().unwrap_or_default(),
    })
}

/// Takes `http://host/path?query` apart. The host need not be a good one: that is for routing to say.
pub(crate) fn split_url(url: &str) -> Option<Url<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = ["http", "https"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(scheme))?;
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path_and_query) = rest.split_at(end);
    let path_and_query = match path_and_query {
        "" => "/",
        // A query right after the host has no path to stand on.
        query if query.starts_with('?') => return None,
        path => path,
    };
    (!authority.is_empty()).then_some(Url {
        scheme,
        authority,
        path_and_query,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_taken_apart() {
        let url = split_url("HTTPS://A.test:8443/x/y?q=/#z");
        let expected = Url {
            scheme: "https",
            authority: "A.test:8443",
            path_and_query: "/x/y?q=/",
        };
        assert_eq!(url.as_ref(), Some(&expected));
        assert_eq!(expected.path(), "/x/y");
        assert_eq!(split_url("http://a").map(|url| url.path()), Some("/"));
        for nonsense in [
            "",
            "nonsense",
            "/x",
            "ftp://a/",
            "http://",
            "http:///x",
            "http://a?x",
        ] {
            assert_eq!(split_url(nonsense), None, "{nonsense}");
        }
    }
}
