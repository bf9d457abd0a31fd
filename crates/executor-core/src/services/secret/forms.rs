//! The ways in which a secret is written.

use base64::{
    Engine as _,
    alphabet::{Alphabet, STANDARD, URL_SAFE},
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use zeroize::Zeroizing;

/// A text in which a secret stands.
pub(super) struct Form {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// Whether the characters before and after it hold a part of the secret too.
    pub(super) shares_before: bool,
    pub(super) shares_after: bool,
}

impl Form {
    fn whole(text: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: Zeroizing::new(text.into()),
            shares_before: false,
            shares_after: false,
        }
    }
}

/// All forms of `secret`: as it is, as `+` for each space, in hexadecimal digits and in Base64.
pub(super) fn of(secret: &str) -> Vec<Form> {
    let mut forms = vec![
        Form::whole(secret),
        Form::whole(hex::encode(secret)),
        Form::whole(hex::encode_upper(secret)),
    ];
    if secret.contains(' ') {
        forms.push(Form::whole(secret.replace(' ', "+")));
    }
    for alphabet in [&STANDARD, &URL_SAFE] {
        forms.extend((0..3).map(|before| in_base64(secret, before, alphabet)));
    }
    forms.sort_by(|a, b| a.bytes.cmp(&b.bytes));
    forms.dedup_by(|a, b| a.bytes == b.bytes);
    forms
}

/// What Base64 makes of `secret` wherever it stands in what is encoded, with so many bytes before it, counted from the
/// last group of three. Characters that hold bits of its neighbours too are left out.
fn in_base64(secret: &str, before: usize, alphabet: &Alphabet) -> Form {
    let mut plain = Zeroizing::new(vec![0; before]);
    plain.extend(secret.as_bytes());
    let encoded = Zeroizing::new(GeneralPurpose::new(alphabet, NO_PAD).encode(&*plain));
    let start = (before * 8).div_ceil(6);
    let end = plain.len() * 8 / 6;
    Form {
        bytes: Zeroizing::new(encoded.as_bytes()[start..end].to_vec()),
        shares_before: before > 0,
        shares_after: !plain.len().is_multiple_of(3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_known_wherever_the_secret_stands() {
        for secret in ["abcdef", "abcdefg", "abcdefgh", "?>?>?>~~~"] {
            for (before, after) in [("", ""), ("x", ""), ("us", "y"), ("user:", "zz"), ("abc", "abcd")] {
                let plain = format!("{before}{secret}{after}");
                for alphabet in [&STANDARD, &URL_SAFE] {
                    let encoded = GeneralPurpose::new(alphabet, NO_PAD).encode(&plain);
                    let found = of(secret)
                        .iter()
                        .any(|form| memchr::memmem::find(encoded.as_bytes(), &form.bytes).is_some());
                    assert!(found, "{plain}: {encoded}");
                }
            }
        }
    }
}
