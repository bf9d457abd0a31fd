//! `html::…`

use rhai::{ImmutableString, Module, export_module, exported_module};

use super::argument::{Fallible, spend_bytes};
use crate::gate;

/// The module as scripts see it.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// `text` with `&`, `<`, `>`, `"` and `'` replaced.
pub(super) fn escaped(text: ImmutableString) -> Fallible<ImmutableString> {
    spend_bytes(text.len())?;
    let replacement = |byte: u8| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\'' => Some("&#39;"),
        _ => None,
    };
    let growth: usize = text
        .bytes()
        .filter_map(replacement)
        .map(|entity| entity.len() - 1)
        .sum();
    if growth == 0 {
        return Ok(text);
    }
    gate::reserve(text.len() + growth)?;
    let mut escaped = String::with_capacity(text.len() + growth);
    let mut rest = text.as_str();
    while let Some((at, entity)) = rest
        .bytes()
        .enumerate()
        .find_map(|(at, byte)| Some((at, replacement(byte)?)))
    {
        escaped.push_str(&rest[..at]);
        escaped.push_str(entity);
        rest = &rest[at + 1..];
    }
    escaped.push_str(rest);
    Ok(escaped.into())
}

/// Text in HTML pages.
#[export_module(export_all)]
mod functions {
    use rhai::{ImmutableString, NativeCallContext};

    use crate::{api::argument::Fallible, error::at_call};

    /// Makes text safe to stand in an HTML page, between tags or in a quoted attribute: replaces `&`, `<`, `>`,
    /// `"` and `'`.
    ///
    /// ```rhai
    /// html::escape("<b>\"Tom\" & 'Ada'</b>")
    /// //=> "&lt;b&gt;&quot;Tom&quot; &amp; &#39;Ada&#39;&lt;/b&gt;"
    /// ```
    #[rhai_fn(return_raw)]
    fn escape(ctx: NativeCallContext, text: ImmutableString) -> Fallible<ImmutableString> {
        at_call(&ctx, || super::escaped(text))
    }
}
