//! `hash::…`

use rhai::{Module, export_module, exported_module};

/// The module as scripts see it.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// Digests of strings and blobs, as hexadecimal text. `hex::decode` turns one into a blob.
#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use md5::Md5;
    use rhai::{Dynamic, NativeCallContext};
    use sha1::Sha1;
    use sha2::{Digest, Sha256, Sha512};

    use crate::{
        api::argument::{Fallible, with_bytes},
        error::at_call,
    };

    /// SHA-256 of a string or a blob: 64 hexadecimal digits.
    ///
    /// ```rhai
    /// hash::sha256("abc")  //=> "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn sha256(ctx: NativeCallContext, data: &mut Dynamic) -> Fallible<String> {
        at_call(&ctx, || {
            with_bytes("hash::sha256", data, |bytes| {
                Ok(hex::encode(Sha256::digest(bytes)))
            })
        })
    }

    /// SHA-512 of a string or a blob: 128 hexadecimal digits.
    ///
    /// ```rhai
    /// hash::sha512("abc").len           //=> 128
    /// hash::sha512("abc").sub_string(0, 8)  //=> "ddaf35a1"
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn sha512(ctx: NativeCallContext, data: &mut Dynamic) -> Fallible<String> {
        at_call(&ctx, || {
            with_bytes("hash::sha512", data, |bytes| {
                Ok(hex::encode(Sha512::digest(bytes)))
            })
        })
    }

    /// SHA-1 of a string or a blob: 40 hexadecimal digits. Broken for signatures; for old protocols only.
    ///
    /// ```rhai
    /// hash::sha1("abc")  //=> "a9993e364706816aba3e25717850c26c9cd0d89d"
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn sha1(ctx: NativeCallContext, data: &mut Dynamic) -> Fallible<String> {
        at_call(&ctx, || {
            with_bytes("hash::sha1", data, |bytes| Ok(hex::encode(Sha1::digest(bytes))))
        })
    }

    /// MD5 of a string or a blob: 32 hexadecimal digits. Broken for signatures; for checksums of files only.
    ///
    /// ```rhai
    /// hash::md5("abc")  //=> "900150983cd24fb0d6963f7d28e17f72"
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn md5(ctx: NativeCallContext, data: &mut Dynamic) -> Fallible<String> {
        at_call(&ctx, || {
            with_bytes("hash::md5", data, |bytes| Ok(hex::encode(Md5::digest(bytes))))
        })
    }

    /// BLAKE3 of a string or a blob: 64 hexadecimal digits. The fastest of them on large data.
    ///
    /// ```rhai
    /// hash::blake3("abc").sub_string(0, 8)  //=> "6437b3ac"
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn blake3(ctx: NativeCallContext, data: &mut Dynamic) -> Fallible<String> {
        at_call(&ctx, || {
            with_bytes("hash::blake3", data, |bytes| {
                Ok(::blake3::hash(bytes).to_hex().to_string())
            })
        })
    }
}
