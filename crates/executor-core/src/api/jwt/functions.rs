//! The functions.

use rhai::{Dynamic, Module, export_module, exported_module};

/// The module as scripts see it.
pub(in crate::api) fn module() -> Module {
    exported_module!(functions)
}

fn claims_or_unit(claims: Option<rhai::Map>) -> Dynamic {
    claims.map_or(Dynamic::UNIT, Dynamic::from_map)
}

/// JSON Web Tokens (RFC 7519): claims that others can trust because they are signed. Anybody can read them. The
/// algorithm is the one that the script names, whatever a token says: `HS256` unless another is named.
#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Dynamic, Map, NativeCallContext};

    use super::claims_or_unit;
    use crate::{
        api::{
            argument::Fallible,
            jwt::{options::Options, token},
        },
        error::at_call,
    };

    /// Makes a token with the claims of a map, signed with HS256. The key is a string or a blob of at least 32 bytes.
    ///
    /// ```rhai
    /// let key = "an example of a key, 32 bytes or more";
    /// jwt::verify(jwt::sign(#{sub: "ada"}, key), key)  //=> #{sub: "ada"}
    /// jwt::sign(#{sub: "ada"}, "short")                //=> error: needs 32 at least
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn sign(ctx: NativeCallContext, claims: &mut Map, key: Dynamic) -> Fallible<String> {
        at_call(&ctx, || token::sign(claims, &key, &Options::default()))
    }

    /// The same with options: `algorithm` is `"HS256"`, `"HS384"` or `"HS512"`; `expires_in` is how many seconds the token
    /// counts, and sets the claims `iat` and `exp`.
    ///
    /// ```rhai
    /// let key = "an example of a key, 32 bytes or more";
    /// let token = jwt::sign(#{sub: "ada"}, key, #{algorithm: "HS512", expires_in: 3600});
    /// let claims = jwt::verify(token, key, #{algorithm: "HS512"});
    /// claims.exp - claims.iat  //=> 3600
    /// ```
    #[rhai_fn(name = "sign", return_raw, pure)]
    fn sign_with(ctx: NativeCallContext, claims: &mut Map, key: Dynamic, options: Map) -> Fallible<String> {
        at_call(&ctx, || {
            let options = Options::read("jwt::sign", &["algorithm", "expires_in"], &options)?;
            token::sign(claims, &key, &options)
        })
    }

    /// The claims of a token that is signed with HS256 and `key` and counts now (`exp`, `nbf`); otherwise `()`. A token
    /// that is for somebody (`aud`) counts only where the option `audience` says for whom.
    ///
    /// ```rhai
    /// let key = "an example of a key, 32 bytes or more";
    /// jwt::verify(jwt::sign(#{sub: "ada"}, key), key + "!")     //=> ()
    /// jwt::verify(jwt::sign(#{exp: 1}, key), key)               //=> ()
    /// jwt::verify("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.", key)  //=> ()
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn verify(ctx: NativeCallContext, token: &str, key: Dynamic) -> Fallible<Dynamic> {
        at_call(&ctx, || {
            Ok(claims_or_unit(token::verify(token, &key, &Options::default())?))
        })
    }

    /// The same with options: `algorithm` is `"HS256"`, `"HS384"`, `"HS512"`, `"RS256"` or `"ES256"`; for the last two
    /// the key is a public key, as PEM text or as a JSON Web Key in a map. `issuer` and `audience` say what `iss` and
    /// `aud` must be, `leeway` by how many seconds clocks may differ.
    ///
    /// ```rhai
    /// let key = "an example of a key, 32 bytes or more";
    /// let token = jwt::sign(#{iss: "https://id.example", aud: ["shop"]}, key);
    /// jwt::verify(token, key, #{issuer: "https://id.example", audience: "shop"}).aud  //=> ["shop"]
    /// let token = jwt::sign(#{iss: "https://id.example", aud: ["shop"]}, "an example of a key, 32 bytes or more");
    /// jwt::verify(token, "an example of a key, 32 bytes or more", #{audience: "bank"})  //=> ()
    /// ```
    #[rhai_fn(name = "verify", return_raw, volatile)]
    fn verify_with(ctx: NativeCallContext, token: &str, key: Dynamic, options: Map) -> Fallible<Dynamic> {
        at_call(&ctx, || {
            let known = ["algorithm", "issuer", "audience", "leeway"];
            let options = Options::read("jwt::verify", &known, &options)?;
            Ok(claims_or_unit(token::verify(token, &key, &options)?))
        })
    }
}
