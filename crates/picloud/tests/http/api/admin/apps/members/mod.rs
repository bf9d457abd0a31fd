//! `/api/v1/admin/apps/{app}/members`, and `users:search`, which finds whom to add.

mod life;
mod races;
mod refused;
mod roles;
mod search;

/// The id of nobody.
const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
