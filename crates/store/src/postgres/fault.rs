//! What the error codes of PostgreSQL mean (appendix A of its manual).

use crate::error::Fault;

pub(crate) fn fault(code: &str) -> Fault {
    match code {
        // disk_full
        "53100" => Fault::Full,
        // data_corrupted, index_corrupted
        "XX001" | "XX002" => Fault::Damaged,
        // serialization_failure, deadlock_detected
        "40001" | "40P01" => Fault::Contended,
        // lock_not_available, query_canceled, idle_in_transaction_session_timeout, invalid_catalog_name (the database is
        // gone)
        "55P03" | "57014" | "25P03" | "3D000" => Fault::Away,
        // Classes: connection exception, not let in any more, insufficient resources, operator intervention,
        // system error.
        code if ["08", "28", "53", "57P", "58"]
            .iter()
            .any(|class| code.starts_with(class)) =>
        {
            Fault::Away
        }
        _ => Fault::Program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_a_meaning() {
        for (code, meaning) in [
            ("53100", Fault::Full),
            ("53300", Fault::Away),
            ("57P01", Fault::Away),
            ("57014", Fault::Away),
            ("08006", Fault::Away),
            ("55P03", Fault::Away),
            ("40001", Fault::Contended),
            ("40P01", Fault::Contended),
            ("XX001", Fault::Damaged),
            ("23505", Fault::Program),
            ("42P01", Fault::Program),
        ] {
            assert_eq!(fault(code), meaning, "{code}");
        }
    }
}
