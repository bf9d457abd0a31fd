//! `markdown::…`

use std::fmt;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html::write_html_fmt};
use rhai::{EvalAltResult, Module, export_module, exported_module};

use super::{
    argument::{Fallible, fail, spend_bytes},
    bounded::BoundedText,
};
use crate::gate;

/// The module as scripts see it.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// Largest text in bytes.
const MARKDOWN_BYTES_MAX: usize = 128 * 1_024;

/// What the parser may keep for each byte of text; of quotes in quotes it keeps almost twice of that.
const BYTES_PER_BYTE: usize = 64;

/// Where links may lead, beside places without a scheme.
const SCHEMES: [&str; 4] = ["http", "https", "mailto", "tel"];

fn to_html(text: &str) -> Fallible<String> {
    if text.len() > MARKDOWN_BYTES_MAX {
        return Err(fail(format!(
            "markdown::to_html: the text is larger than {MARKDOWN_BYTES_MAX} bytes"
        )));
    }
    spend_bytes(text.len() * BYTES_PER_BYTE)?;
    gate::reserve(text.len() * BYTES_PER_BYTE)?;
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut stopped = None;
    let mut kept = Vec::new();
    let events = Parser::new_ext(text, options)
        .map_while(|event| match gate::spend(1) {
            Ok(()) => Some(event),
            Err(verdict) => {
                stopped = Some(verdict);
                None
            }
        })
        .filter_map(|event| harmless(event, &mut kept));
    let mut out = Out::default();
    let written = write_html_fmt(&mut out, events);
    if let Some(verdict) = stopped.or(out.stopped) {
        return Err(verdict);
    }
    written.map_err(|_| fail("markdown::to_html: the text cannot be written"))?;
    Ok(out.text.finish())
}

/// The event without what could act in a page: HTML becomes text, and of links that lead elsewhere than pages do, only
/// their text stays. `kept` tells of each link that has begun whether it was kept.
fn harmless<'t>(event: Event<'t>, kept: &mut Vec<bool>) -> Option<Event<'t>> {
    match event {
        Event::Html(html) | Event::InlineHtml(html) => Some(Event::Text(html)),
        Event::Start(Tag::Link { ref dest_url, .. } | Tag::Image { ref dest_url, .. }) => {
            let is_harmless = leads_to_a_page(dest_url);
            kept.push(is_harmless);
            is_harmless.then_some(event)
        }
        Event::End(TagEnd::Link | TagEnd::Image) => kept.pop().unwrap_or(false).then_some(event),
        other => Some(other),
    }
}

/// Whether `url` has a scheme that is in order, or none.
fn leads_to_a_page(url: &str) -> bool {
    // Browsers overlook white space and control characters there.
    let seen: String = url.chars().filter(|next| *next > ' ').collect();
    match seen.find([':', '/', '?', '#']) {
        Some(end) if seen[end..].starts_with(':') => SCHEMES
            .iter()
            .any(|scheme| seen[..end].eq_ignore_ascii_case(scheme)),
        _ => true,
    }
}

/// Asks before it grows, and keeps the verdict.
#[derive(Default)]
struct Out {
    text: BoundedText,
    stopped: Option<Box<EvalAltResult>>,
}

impl fmt::Write for Out {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.text.push(piece).map_err(|verdict| {
            self.stopped = Some(verdict);
            fmt::Error
        })
    }
}

/// Texts in Markdown.
#[export_module(export_all)]
mod functions {
    use rhai::NativeCallContext;

    use crate::{api::argument::Fallible, error::at_call};

    /// Makes HTML from Markdown (`CommonMark` with tables, `~~deleted~~` and lists of tasks), of at most 128 KiB. It can
    /// stand in a page whoever wrote the text: HTML in it is shown as text, and links lead only to `http`, `https`,
    /// `mailto`, `tel` and relative places.
    ///
    /// ```rhai
    /// markdown::to_html("# Hello\n\n*Ada* & <b>Tom</b>")
    /// //=> "<h1>Hello</h1>\n<p><em>Ada</em> &amp; &lt;b&gt;Tom&lt;/b&gt;</p>\n"
    /// markdown::to_html("[a](https://a.example) [b](javascript:alert)")
    /// //=> "<p><a href=\"https://a.example\">a</a> b</p>\n"
    /// ```
    #[rhai_fn(return_raw)]
    fn to_html(ctx: NativeCallContext, text: &str) -> Fallible<String> {
        at_call(&ctx, || super::to_html(text))
    }
}
