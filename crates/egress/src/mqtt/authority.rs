//! The authorities of brokers that browsers do not know.

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio_rustls::TlsConnector;

use crate::connect::tls_that_trusts;

/// How each part of a text in PEM begins.
const BEGIN: &str = "-----BEGIN ";

/// What makes connections secure and trusts the authorities in `pem`, and no other; nothing if these are not certificates, or
/// not those alone.
pub(super) fn trusting(pem: &str) -> Option<TlsConnector> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.ok()?).ok()?;
    }
    // Whatever else there is would be skipped: a private key must not come in that way.
    let is_all = roots.len() == pem.matches(BEGIN).count();
    (is_all && !roots.is_empty()).then(|| tls_that_trusts(roots))
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;

    fn part(kind: &str, der: &[u8]) -> String {
        let text = STANDARD.encode(der);
        format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n")
    }

    #[test]
    fn authorities_are_certificates_and_nothing_else() {
        let made = rcgen::generate_simple_self_signed(["broker".to_owned()]).expect("a certificate");
        let one = part("CERTIFICATE", made.cert.der());
        let key = part("PRIVATE KEY", &made.signing_key.serialize_der());
        let both = format!("A certificate:\n{one}\nAnd another one:\n{one}");
        for (pem, is_taken) in [
            (one.clone(), true),
            (both, true),
            (format!("{one}{key}"), false),
            (key, false),
            (part("CERTIFICATE", b"nothing"), false),
            (one.replace("-----END", "END"), false),
            ("broker".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(trusting(&pem).is_some(), is_taken, "{pem}");
        }
    }
}
