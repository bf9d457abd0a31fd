//! Requests that scripts of this server make to the server itself, by way of others.
//!
//! A script that asks its own public address would do so again and again. So each request of a script says how many runs
//! led to it, and none is taken that is too many steps away from a client. Somebody else who sends the header shortens
//! the way of their own request, and nothing more.

use http::HeaderMap;
use picloud_shared::{
    invocation::{DEPTH_MAX, depth_in},
    problem::Code,
};

use super::Refusal;

/// How many runs led to a request with these headers.
#[inline]
pub(super) fn of(headers: &HeaderMap) -> Result<u8, Refusal> {
    match u8::try_from(depth_in(headers)) {
        Ok(depth) if depth <= DEPTH_MAX => Ok(depth),
        _ => Err(Refusal::new(
            Code::LoopDetected,
            format!("More than {DEPTH_MAX} requests of scripts to this server led to this one."),
        )),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use picloud_shared::invocation::DEPTH_HEADER;

    use super::*;

    fn of_values(values: &[&'static str]) -> Option<u8> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(DEPTH_HEADER, HeaderValue::from_static(value));
        }
        of(&headers).ok()
    }

    #[test]
    fn the_deepest_number_counts() {
        assert_eq!(of_values(&[]), Some(0));
        assert_eq!(of_values(&["3"]), Some(3));
        assert_eq!(of_values(&["3", " 5 ", "no"]), Some(5));
        assert_eq!(of_values(&["-1"]), Some(0));
        assert_eq!(of_values(&["16"]), Some(DEPTH_MAX));
        assert_eq!(of_values(&["17"]), None);
        assert_eq!(of_values(&["99999999999"]), None);
        assert_eq!(of_values(&["99999999999999999999999999"]), None);
        assert_eq!(of_values(&["-99999999999999999999999999"]), Some(0));
        assert_eq!(of_values(&["3, 5", "4"]), Some(5));
        assert_eq!(of_values(&["no,,16"]), Some(DEPTH_MAX));
        assert_eq!(of_values(&["1, 17"]), None);
        assert_eq!(of_values(&["1, 99999999999999999999999999"]), None);
    }
}
