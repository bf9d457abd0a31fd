//! How long a test of chance goes on.

use std::env;

/// Another number of rounds, in place of the few that every run of the tests has.
const ROUNDS_VARIABLE: &str = "PICLOUD_TEST_ROUNDS";

/// How many rounds there are: `few`, unless somebody asks for another number.
pub(crate) fn rounds(few: usize) -> usize {
    let asked = env::var(ROUNDS_VARIABLE).ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(few)
}
