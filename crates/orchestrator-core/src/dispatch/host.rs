//! Which host a request is for.

use std::{cell::RefCell, net::IpAddr, sync::Arc};

use http::{Request, header::HOST};
use hyper::body::Incoming;
use picloud_shared::{
    host::{HostName, is_canonical},
    problem::Code,
};

use super::Refusal;

/// The other end of a connection.
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    /// Whether it is a proxy whose `X-Forwarded-*` headers count.
    pub(crate) trusted: bool,
    /// What it named last. Most connections name one host all their life.
    last: RefCell<Option<Named>>,
}

/// An authority that a request named, and the host that this is.
struct Named {
    /// None if it is the host in its one form, as most are.
    authority: Option<String>,
    host: Arc<str>,
}

impl Named {
    fn is_by(&self, authority: &str) -> bool {
        self.authority.as_deref().unwrap_or(&self.host) == authority
    }
}

impl Peer {
    pub(super) fn new(address: IpAddr, trusted: bool) -> Self {
        Self {
            address,
            trusted,
            last: RefCell::default(),
        }
    }

    /// The host that a request is for, in its one form. `forwarded` takes precedence: it is what the client
    /// named to a proxy that is trusted.
    pub(super) fn host(
        &self,
        request: &Request<Incoming>,
        forwarded: Option<&str>,
    ) -> Result<Arc<str>, Refusal> {
        let named = self.named(request)?;
        // What a proxy forwards is only believed if it is a host at all.
        if let Some(host) = forwarded.and_then(|forwarded| self.remembered(forwarded)) {
            return Ok(host);
        }
        Ok(named)
    }

    /// The host that the request names: in `Host`, in its target, or alike in both.
    fn named(&self, request: &Request<Incoming>) -> Result<Arc<str>, Refusal> {
        let headers = request.headers();
        let header = match headers.get(HOST) {
            Some(value) => Some(value.to_str().map_err(|_| malformed())?),
            None => None,
        };
        // Where every name stands once, so does this.
        if headers.len() != headers.keys_len() && headers.get_all(HOST).iter().nth(1).is_some() {
            return Err(Refusal::new(
                Code::BadRequest,
                "The request has more than one Host header. Send one.",
            ));
        }
        let target = request.uri().authority().map(http::uri::Authority::as_str);
        if request.version() < http::Version::HTTP_2 && header.is_none() {
            return Err(Refusal::new(
                Code::BadRequest,
                "The request has no Host header. Send one.",
            ));
        }
        let Some(authority) = header.or(target) else {
            return Err(Refusal::new(
                Code::BadRequest,
                "The request names no host. Send :authority or Host.",
            ));
        };
        let host = self.remembered(authority).ok_or_else(malformed)?;
        match (header, target) {
            (Some(header), Some(target)) if header != target && !same_host(target, &host) => {
                Err(Refusal::new(
                    Code::BadRequest,
                    "The request names one host in its target and another in its Host header.",
                ))
            }
            _ => Ok(host),
        }
    }

    fn remembered(&self, authority: &str) -> Option<Arc<str>> {
        let mut last = self.last.borrow_mut();
        if let Some(last) = last.as_ref().filter(|last| last.is_by(authority)) {
            return Some(Arc::clone(&last.host));
        }
        let named = if is_canonical(authority) {
            Named {
                authority: None,
                host: authority.into(),
            }
        } else {
            Named {
                authority: Some(authority.to_owned()),
                host: HostName::from_authority(authority).ok()?.as_str().into(),
            }
        };
        Some(Arc::clone(&last.insert(named).host))
    }
}

fn same_host(authority: &str, host: &str) -> bool {
    HostName::from_authority(authority).is_ok_and(|name| name.as_str() == host)
}

fn malformed() -> Refusal {
    Refusal::new(
        Code::BadRequest,
        "The Host header is not a host name with an optional port.",
    )
}
