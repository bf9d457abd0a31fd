//! From where a request comes, for the list of sessions.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts};
use picloud_shared::{seam::Origin, user::Device};

/// How much is kept of what a client calls itself, in characters.
const USER_AGENT_CHARS_MAX: usize = 256;

/// The device that a request comes from.
pub(crate) struct FromDevice(pub(crate) Device);

impl<S: Sync> FromRequestParts<S> for FromDevice {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Device {
            address: parts.extensions.get::<Origin>().map(|origin| origin.remote_addr),
            user_agent: user_agent(&parts.headers),
        }))
    }
}

/// What the client calls itself, if that is visible ASCII as it should be.
fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    let text: String = text.trim().chars().take(USER_AGENT_CHARS_MAX).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_a_client_calls_itself_is_bounded() {
        let of = |value: &[u8]| {
            let value = HeaderValue::from_bytes(value).ok()?;
            user_agent(&HeaderMap::from_iter([(header::USER_AGENT, value)]))
        };
        assert_eq!(of(b"Mozilla/5.0 (X11)"), Some("Mozilla/5.0 (X11)".to_owned()));
        assert_eq!(
            of(&[b'x'; 10_000]).map(|text| text.len()),
            Some(USER_AGENT_CHARS_MAX)
        );
        assert_eq!(of(b" "), None);
        assert_eq!(of("Ä".as_bytes()), None);
        assert_eq!(user_agent(&HeaderMap::new()), None);
    }
}
