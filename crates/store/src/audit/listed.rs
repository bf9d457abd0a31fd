//! A row as it is listed: one that somebody altered so that it cannot be read keeps no other from being seen.

use picloud_shared::{
    audit::{AuditRecord, ListedRecord},
    id::AuditId,
};
use sqlx::{FromRow, Row as _, postgres::PgRow, sqlite::SqliteRow};
use uuid::Uuid;

use super::record::RecordRow;

/// A row of a list.
pub(super) enum ListedRow {
    /// Each column holds what its type says.
    Whole(Box<RecordRow>),
    /// One does not.
    Broken(Uuid),
}

macro_rules! from_row {
    ($row:ty) => {
        impl FromRow<'_, $row> for ListedRow {
            fn from_row(row: &$row) -> Result<Self, sqlx::Error> {
                if let Ok(row) = RecordRow::from_row(row) {
                    return Ok(Self::Whole(Box::new(row)));
                }
                let id = row
                    .try_get::<Uuid, _>("id")
                    .unwrap_or_else(|_| nearest(&row.try_get::<Vec<u8>, _>("id").unwrap_or_default()));
                Ok(Self::Broken(id))
            }
        }
    };
}

from_row!(SqliteRow);
from_row!(PgRow);

/// The id that a list goes on after, if what is in the place of one has another length: the greatest that is smaller.
fn nearest(bytes: &[u8]) -> Uuid {
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(bytes) {
        *to = *from;
    }
    let padded = u128::from_be_bytes(id);
    Uuid::from_u128(if bytes.len() < id.len() {
        padded.saturating_sub(1)
    } else {
        padded
    })
}

impl From<ListedRow> for ListedRecord {
    fn from(row: ListedRow) -> Self {
        match row {
            ListedRow::Broken(id) => Self::Unreadable(AuditId(id)),
            ListedRow::Whole(row) => {
                let id = AuditId(row.id);
                AuditRecord::try_from(*row)
                    .map_or(Self::Unreadable(id), |record| Self::Read(Box::new(record)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_on_after_what_is_no_id() {
        assert_eq!(nearest(&[]), Uuid::nil());
        assert_eq!(nearest(&[5]).as_bytes()[..2], [4, 255]);
        assert_eq!(nearest(&[7; 20]), Uuid::from_bytes([7; 16]));
    }
}
