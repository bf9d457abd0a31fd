//! `xml::…`

use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
};
use rhai::{Array, Dynamic, ImmutableString, Map, Module, export_module, exported_module};

use super::{
    argument::{Fallible, fail, spend_bytes, with_bytes},
    bounded::BoundedText,
};
use crate::gate;

/// The module as scripts see it.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// Largest document in bytes.
const XML_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// Elements that may stand in each other. Each is two levels of a value: what is read can be written as JSON.
const DEPTH_MAX: usize = 60;

/// What an element or an attribute takes at most, apart from its text.
const NODE_BYTES: usize = 1_024;
const ATTRIBUTE_BYTES: usize = 256;

/// An element that has not ended.
struct Open {
    name: ImmutableString,
    attributes: Map,
    children: Array,
    text: BoundedText,
}

impl Open {
    fn close(self) -> Map {
        Map::from([
            ("name".into(), self.name.into()),
            ("attributes".into(), Dynamic::from_map(self.attributes)),
            ("children".into(), Dynamic::from_array(self.children)),
            ("text".into(), self.text.finish().into()),
        ])
    }
}

fn parse(text: &str) -> Fallible<Map> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > XML_BYTES_MAX {
        return Err(fail(format!(
            "xml::parse: the document is larger than {XML_BYTES_MAX} bytes"
        )));
    }
    let mut reader = Reader::from_str(text);
    let mut document = Document::default();
    loop {
        let event = reader.read_event();
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let is_read = match event {
            Ok(Event::Eof) => break,
            Ok(event) => document.take(event),
            Err(error) => Err(Fault::Syntax(error.to_string())),
        };
        is_read.map_err(|fault| match fault {
            Fault::Syntax(message) => {
                let before = text.get(..at).unwrap_or(text);
                let line = before.matches('\n').count() + 1;
                fail(format!("xml::parse: line {line}: {message}"))
            }
            Fault::Stopped(verdict) => verdict,
        })?;
    }
    match (document.open.last(), document.root) {
        (Some(open), _) => Err(fail(format!("xml::parse: `{}` has no end", open.name))),
        (None, Some(root)) => Ok(root),
        (None, None) => Err(fail("xml::parse: there is no element")),
    }
}

/// Why an event cannot be taken.
enum Fault {
    Syntax(String),
    Stopped(Box<rhai::EvalAltResult>),
}

impl From<Box<rhai::EvalAltResult>> for Fault {
    fn from(verdict: Box<rhai::EvalAltResult>) -> Self {
        Self::Stopped(verdict)
    }
}

fn syntax(message: &str) -> Fault {
    Fault::Syntax(message.to_owned())
}

/// What was read.
#[derive(Default)]
struct Document {
    open: Vec<Open>,
    root: Option<Map>,
}

impl Document {
    fn take(&mut self, event: Event<'_>) -> Result<(), Fault> {
        gate::spend(1)?;
        match event {
            Event::Start(start) => self.begin(&start),
            Event::Empty(start) => {
                self.begin(&start)?;
                self.end()
            }
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(text) => self.text(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let resolved = reference
                    .resolve_char_ref()
                    .map_err(|error| Fault::Syntax(error.to_string()))?;
                if let Some(character) = resolved {
                    return self.text(character.encode_utf8(&mut [0; 4]));
                }
                let name = reference.xml10_content();
                match resolve_predefined_entity(&name) {
                    Some(text) => self.text(text),
                    None => Err(Fault::Syntax(format!("there is no entity `{name}`"))),
                }
            }
            Event::DocType(_) => Err(syntax("a document with a DOCTYPE is not read")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn begin(&mut self, start: &BytesStart<'_>) -> Result<(), Fault> {
        if self.open.is_empty() && self.root.is_some() {
            return Err(syntax("there is more than one element outside"));
        }
        if self.open.len() == DEPTH_MAX {
            return Err(Fault::Syntax(format!(
                "more than {DEPTH_MAX} elements are in each other"
            )));
        }
        gate::reserve(NODE_BYTES + start.len())?;
        let mut attributes = Map::new();
        // Its own look for repetitions compares each with each.
        for attribute in start.attributes().with_checks(false) {
            gate::reserve(ATTRIBUTE_BYTES)?;
            gate::spend(1)?;
            let attribute = attribute.map_err(|error| Fault::Syntax(error.to_string()))?;
            let name = attribute.key.into_inner();
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| Fault::Syntax(error.to_string()))?;
            let before = attributes.insert(name.into(), ImmutableString::from(value.as_ref()).into());
            if before.is_some() {
                return Err(Fault::Syntax(format!("the attribute `{name}` is there twice")));
            }
        }
        self.open.push(Open {
            name: start.name().into_inner().into(),
            attributes,
            children: Array::new(),
            text: BoundedText::default(),
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let Some(closed) = self.open.pop() else {
            return Err(syntax("an element ends that has not begun"));
        };
        let element = closed.close();
        match self.open.last_mut() {
            None => self.root = Some(element),
            Some(parent) => {
                if parent.children.len() == parent.children.capacity() {
                    gate::reserve(parent.children.capacity() * 2 * size_of::<Dynamic>())?;
                }
                parent.children.push(Dynamic::from_map(element));
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Fault> {
        match self.open.last_mut() {
            Some(open) => Ok(open.text.push(text)?),
            None if text.trim().is_empty() => Ok(()),
            None => Err(syntax("there is text outside of the element")),
        }
    }
}

/// XML documents.
#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Dynamic, Map, NativeCallContext};

    use super::{fail, spend_bytes, with_bytes};
    use crate::{api::argument::Fallible, error::at_call};

    /// Reads an XML document from a string or a blob of UTF-8. Each element becomes a map of its `name`, its
    /// `attributes`, its `children` (the elements in it) and its `text` (all text that stands directly in it).
    /// Prefixes of names stay as they are. A document with a DOCTYPE, and entities beyond the five that every document
    /// has, are errors, as are more than 60 elements in each other and more than 4 MiB.
    ///
    /// ```rhai
    /// let feed = xml::parse(`<feed><item id="1">Tom &amp; Ada</item><item id="2"/></feed>`);
    /// feed.children.map(|item| [item.name, item.attributes.id, item.text])
    /// //=> [["item", "1", "Tom & Ada"], ["item", "2", ""]]
    /// xml::parse("<a>\n</b>")  //=> error: xml::parse: line 2
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn parse(ctx: NativeCallContext, data: &mut Dynamic) -> Fallible<Map> {
        at_call(&ctx, || {
            with_bytes("xml::parse", data, |bytes| {
                spend_bytes(bytes.len())?;
                let text = std::str::from_utf8(bytes);
                super::parse(text.map_err(|_| fail("xml::parse: the document is not UTF-8"))?)
            })
        })
    }
}
