//! What makes writers wait for each other who share no row.

use crate::statements::statements;

/// Locks all accounts, against others who change them, to the end of the transaction.
pub(crate) const ACCOUNTS: &str = LOCK_ACCOUNTS;
/// Locks the data of an app, against all commits of its scripts, to the end of the transaction.
pub(crate) const DATA_OF_APP: &str = LOCK_DATA;

/// Locks the definition of a collection, against all commits that touch its documents, to the end of the transaction.
pub(crate) const COLLECTION: &str = LOCK_COLLECTION;

/// Locks the deliveries of a subscription with one key, against all who begin or end one, to the end of the transaction.
pub(crate) const ORDER: &str = LOCK_ORDER;

/// The same for all orders in which deliveries stand, one after the other as all lock them who need several.
pub(crate) const ORDERS: &str = LOCK_ORDERS;

statements! {
    // The number only has to be the same everywhere; it spells `accounts`.
    LOCK_ACCOUNTS = "SELECT pg_advisory_xact_lock(7017561974736057459)";
    LOCK_COLLECTION = "SELECT pg_advisory_xact_lock(lock_collection($1, $2))";
    LOCK_ORDER = "SELECT pg_advisory_xact_lock(lock_of_order($1, $2, $3))";
    LOCK_ORDERS = "SELECT lock_orders($1, $2, '[]')";
    LOCK_DATA = "SELECT pg_advisory_xact_lock(lock_of_app($1))";
}
