//! Why nothing was published.

use picloud_shared::repository::PublishError;

use crate::http::problem::{FieldError, Refusal, invalid, not_found, too_many};

/// What problems call the header with the key of a client.
pub(super) const KEY_FIELD: &str = "Idempotency-Key";

/// What a client is told.
pub(crate) fn refusal(error: PublishError) -> Refusal {
    match error {
        PublishError::QueueFull { retry_after } => too_many(
            retry_after,
            "As many events of this app wait as may. Try again when fewer do.",
        ),
        PublishError::KeyReused => invalid(&[FieldError {
            field: KEY_FIELD.to_owned(),
            message: "came with another request before; send a new one, or the same request".to_owned(),
        }]),
        PublishError::NoApp => not_found("app"),
        PublishError::Store(error) => error.into(),
    }
}
