//! `hmac::…` and `crypto::…`

use hmac::{EagerHash, Hmac, KeyInit, Mac};
use rhai::{Dynamic, Module, export_module, exported_module};

use super::argument::{Fallible, with_bytes};

/// The module `hmac` as scripts see it.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// The module `crypto` as scripts see it.
pub(super) fn crypto_module() -> Module {
    exported_module!(crypto)
}

/// The authentication code of `data` under `key`, both strings or blobs.
fn code<D: EagerHash>(function: &str, key: &Dynamic, data: &Dynamic) -> Fallible<Hmac<D>>
where
    Hmac<D>: KeyInit + Mac,
{
    with_bytes(function, key, |key| {
        let mut mac = <Hmac<D> as KeyInit>::new_from_slice(key)
            .map_err(|_| super::argument::fail(format!("{function}: not a usable key")))?;
        with_bytes(function, data, |data| {
            mac.update(data);
            Ok(())
        })?;
        Ok(mac)
    })
}

/// Message authentication codes: prove that a message comes from someone who holds the key.
#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use hmac::Mac;
    use rhai::{Dynamic, NativeCallContext};
    use sha1::Sha1;
    use sha2::{Sha256, Sha512};

    use super::code;
    use crate::{api::argument::Fallible, error::at_call};

    /// HMAC-SHA-256 of `data` under `key`, each a string or a blob: 64 hexadecimal digits.
    ///
    /// ```rhai
    /// hmac::sha256("key", "message")  //=> "6e9ef29b75fffc5b7abae527d58fdadb2fe42e7219011976917343065f58ed4a"
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn sha256(ctx: NativeCallContext, key: &mut Dynamic, data: Dynamic) -> Fallible<String> {
        at_call(&ctx, || {
            let code = code::<Sha256>("hmac::sha256", key, &data)?;
            Ok(hex::encode(code.finalize().into_bytes()))
        })
    }

    /// HMAC-SHA-512 of `data` under `key`, each a string or a blob: 128 hexadecimal digits.
    ///
    /// ```rhai
    /// hmac::sha512("key", "message").sub_string(0, 8)  //=> "e477384d"
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn sha512(ctx: NativeCallContext, key: &mut Dynamic, data: Dynamic) -> Fallible<String> {
        at_call(&ctx, || {
            let code = code::<Sha512>("hmac::sha512", key, &data)?;
            Ok(hex::encode(code.finalize().into_bytes()))
        })
    }

    /// HMAC-SHA-1 of `data` under `key`, each a string or a blob: 40 hexadecimal digits.
    ///
    /// ```rhai
    /// hmac::sha1("key", "message")  //=> "2088df74d5f2146b48146caf4965377e9d0be3a4"
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn sha1(ctx: NativeCallContext, key: &mut Dynamic, data: Dynamic) -> Fallible<String> {
        at_call(&ctx, || {
            let code = code::<Sha1>("hmac::sha1", key, &data)?;
            Ok(hex::encode(code.finalize().into_bytes()))
        })
    }

    /// Whether `signature` is the HMAC-SHA-256 of `data` under `key`, as hexadecimal digits in either case.
    /// Takes the same time whatever the signature is, and is `false` for one that is not hexadecimal.
    ///
    /// ```rhai
    /// let signature = hmac::sha256("key", "message");
    /// hmac::verify_sha256("key", "message", signature)  //=> true
    /// hmac::verify_sha256("key", "changed", signature)  //=> false
    /// hmac::verify_sha256("key", "message", "")         //=> false
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn verify_sha256(
        ctx: NativeCallContext,
        key: &mut Dynamic,
        data: Dynamic,
        signature: &str,
    ) -> Fallible<bool> {
        at_call(&ctx, || {
            let code = code::<Sha256>("hmac::verify_sha256", key, &data)?;
            let mut given = [0; 32];
            let is_hex = hex::decode_to_slice(signature, &mut given).is_ok();
            Ok(code.verify_slice(&given).is_ok() && is_hex)
        })
    }
}

/// Comparing secrets.
#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod crypto {
    use rhai::Dynamic;
    use subtle::ConstantTimeEq;

    use crate::api::argument::{Fallible, with_bytes};

    /// Whether two strings or blobs hold the same bytes. Takes the same time wherever they differ, so that a
    /// caller cannot guess a secret bit by bit; use it in place of `==` for tokens and signatures.
    ///
    /// ```rhai
    /// crypto::equal("secret", "secret")  //=> true
    /// crypto::equal("secret", "Secret")  //=> false
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn equal(left: &mut Dynamic, right: Dynamic) -> Fallible<bool> {
        with_bytes("crypto::equal", left, |left| {
            with_bytes("crypto::equal", &right, |right| Ok(left.ct_eq(right).into()))
        })
    }
}
