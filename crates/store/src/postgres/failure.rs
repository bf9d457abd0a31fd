//! What an error of a commit means.

use picloud_shared::quota::{Quota, QuotaExceeded};
use sqlx::{error::DatabaseError, postgres::PgDatabaseError};

/// Why there is no answer to a commit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// PostgreSQL ended one of several that stood in each other's way. Nothing of it has taken effect.
    GaveUp,
    /// It waited too long for a lock. Nothing has taken effect.
    Waited,
    /// The app is deleted.
    AppGone,
    /// The app has as much waiting as it may.
    QueueFull,
    /// Another holds the delivery that was to end, or it has ended.
    LeaseLost,
    /// The idempotency key was used for something else.
    KeyReused,
    /// The app would have more than it may keep.
    Quota(QuotaExceeded),
    /// The connection was lost, or there was no answer in time: nobody knows.
    Unknown,
    /// Something else. Nothing has taken effect.
    Other,
}

impl Failure {
    pub(super) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => {
                let error = error.try_downcast_ref::<PgDatabaseError>();
                Self::of_code(
                    error.map(DatabaseError::code).and_then(|code| code).as_deref(),
                    error.and_then(PgDatabaseError::detail),
                )
            }
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => Self::Unknown,
            _ => Self::Other,
        }
    }

    fn of_code(code: Option<&str>, detail: Option<&str>) -> Self {
        match code {
            // serialization_failure, deadlock_detected
            Some("40001" | "40P01") => Self::GaveUp,
            // lock_not_available
            Some("55P03") => Self::Waited,
            // Those of our functions.
            Some("PC001") => Self::AppGone,
            Some("PC003") => Self::QueueFull,
            Some("PC004") => Self::LeaseLost,
            Some("PC005") => Self::KeyReused,
            Some("PC002") => detail.and_then(exceeded).map_or(Self::Other, Self::Quota),
            // statement_completion_unknown, admin_shutdown, crash_shutdown; the class of connection exceptions.
            Some("40003" | "57P01" | "57P02") => Self::Unknown,
            Some(code) if code.starts_with("08") => Self::Unknown,
            _ => Self::Other,
        }
    }
}

/// What `commit_kv` says of a quota.
fn exceeded(detail: &str) -> Option<QuotaExceeded> {
    let mut words = detail.split(' ');
    let name = words.next()?;
    let quota = [Quota::DataBytes, Quota::DataRows, Quota::Collections]
        .into_iter()
        .find(|quota| quota.as_str() == name)?;
    Some(QuotaExceeded {
        quota,
        used: words.next()?.parse().ok()?,
        max: words.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_a_meaning() {
        for (code, meaning) in [
            ("40001", Failure::GaveUp),
            ("40P01", Failure::GaveUp),
            ("55P03", Failure::Waited),
            ("PC001", Failure::AppGone),
            ("57P01", Failure::Unknown),
            ("08006", Failure::Unknown),
            ("57014", Failure::Other),
            ("53100", Failure::Other),
        ] {
            assert_eq!(Failure::of_code(Some(code), None), meaning, "{code}");
        }
        let of_detail = |detail| Failure::of_code(Some("PC002"), Some(detail));
        let exceeded = QuotaExceeded {
            quota: Quota::DataRows,
            used: 7,
            max: 5,
        };
        assert_eq!(of_detail("data_rows_max 7 5"), Failure::Quota(exceeded));
        assert_eq!(of_detail("data_rows_max 7"), Failure::Other);
    }

    #[test]
    fn a_lost_connection_leaves_it_open() {
        let lost = sqlx::Error::Io(std::io::ErrorKind::UnexpectedEof.into());
        assert_eq!(Failure::of(&lost), Failure::Unknown);
        assert_eq!(Failure::of(&sqlx::Error::PoolClosed), Failure::Other);
    }
}
