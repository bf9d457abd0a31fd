//! Filters.

use rhai::{Dynamic, ImmutableString};

use super::{
    data::Data,
    evaluate::{Evaluation, Value},
};
use crate::{
    api::{
        argument::{Fallible, spend_bytes},
        bounded::BoundedText,
        html, url,
    },
    gate,
};

/// Most decimals of `fixed`.
const DECIMALS_MAX: i64 = 20;

/// The value that filter `name` makes of `of`.
pub(super) fn apply<'v>(
    at: &Evaluation<'_>,
    of: Value<'v>,
    name: &str,
    argument: Option<Value<'v>>,
) -> Fallible<Value<'v>> {
    let takes_argument = matches!(name, "default" | "join" | "fixed");
    if takes_argument != argument.is_some() && (name != "join" || argument.is_some()) {
        let how_many = if takes_argument { "an" } else { "no" };
        return Err(at.refuse(&format!("the filter `{name}` takes {how_many} argument")));
    }
    if name == "default" {
        let is_there = !matches!(of, Value::Missing(_) | Value::There(Data::None));
        return Ok(if is_there { of } else { argument.unwrap_or(of) });
    }
    if let (Value::Html(_), "safe" | "escape") = (&of, name) {
        return Ok(of);
    }
    if let Value::Missing(missing) = &of {
        return Err(at.missing(missing));
    }
    let Some(data) = of.data() else {
        return Err(at.refuse("`safe`, `escape` and `json` must be the last filter"));
    };
    let text = |text: String| Value::New(Data::Text(text.into()));
    Ok(match (name, data) {
        ("safe", data) => Value::Html(shown(at, data)?.to_string()),
        ("escape", data) => Value::Html(html::escaped(shown(at, data)?)?.to_string()),
        ("json", data) => Value::Html(json(at, data)?),
        ("upper", data) => text(changed(at, data, str::to_uppercase)?),
        ("lower", data) => text(changed(at, data, str::to_lowercase)?),
        ("trim", data) => text(changed(at, data, |text| text.trim().to_owned())?),
        ("url", data) => text(url::encoded(&shown(at, data)?)?),
        ("length", Data::List(items)) => length(items.len()),
        ("length", Data::Map(map)) => length(map.len()),
        ("length", Data::Text(text)) => {
            spend_bytes(text.len())?;
            length(text.chars().count())
        }
        ("first" | "last", _) => return end(at, &of, name == "first"),
        ("join", Data::List(items)) => {
            let between = match argument.as_ref().map(Value::data) {
                None => ImmutableString::new(),
                Some(between) => shown(at, between.unwrap_or(&Data::None))?,
            };
            let mut joined = BoundedText::default();
            for (index, item) in items.iter().enumerate() {
                gate::spend(1)?;
                joined.push(if index == 0 { "" } else { &between })?;
                joined.push(&shown(at, item)?)?;
            }
            text(joined.finish())
        }
        ("fixed", Data::Int(_) | Data::Float(_)) => {
            let decimals = match argument.as_ref().and_then(Value::data) {
                Some(Data::Int(decimals @ 0..=DECIMALS_MAX)) => usize::try_from(*decimals).unwrap_or(0),
                _ => return Err(at.refuse(&format!("`fixed` takes a number from 0 to {DECIMALS_MAX}"))),
            };
            text(fixed(data, decimals))
        }
        ("length" | "join" | "fixed", data) => {
            return Err(at.refuse(&format!("{} has no `{name}`", data.kind())));
        }
        _ => return Err(at.refuse(&format!("there is no filter `{name}`"))),
    })
}

/// A value as text; `()` is empty.
pub(super) fn shown(at: &Evaluation<'_>, data: &Data) -> Fallible<ImmutableString> {
    Ok(match data {
        Data::None => ImmutableString::new(),
        Data::Text(text) => text.clone(),
        Data::Bool(truth) => truth.to_string().into(),
        Data::Int(number) => number.to_string().into(),
        // As scripts write it.
        Data::Float(number) => Dynamic::from(*number).to_string().into(),
        Data::List(_) | Data::Map(_) | Data::Other(_) => {
            return Err(at.refuse(&format!(
                "{} is no text; `join`, `json` or a loop shows what is in it",
                data.kind()
            )));
        }
    })
}

/// The most that a letter grows in another case.
const GROWTH_MAX: usize = 3;

fn changed(at: &Evaluation<'_>, data: &Data, change: impl FnOnce(&str) -> String) -> Fallible<String> {
    let text = shown(at, data)?;
    gate::reserve(text.len() * GROWTH_MAX)?;
    spend_bytes(text.len() * GROWTH_MAX)?;
    Ok(change(&text))
}

fn length(count: usize) -> Value<'static> {
    Value::New(Data::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn end<'v>(at: &Evaluation<'_>, of: &Value<'v>, first: bool) -> Fallible<Value<'v>> {
    match of {
        Value::There(Data::List(items)) => {
            let item = if first { items.first() } else { items.last() };
            Ok(item.map_or_else(|| Value::Missing("an item".to_owned()), Value::There))
        }
        _ => Err(at.refuse("only an array has a first and a last item")),
    }
}

fn fixed(data: &Data, decimals: usize) -> String {
    match data {
        Data::Float(number) => format!("{number:.decimals$}"),
        Data::Int(number) if decimals == 0 => number.to_string(),
        Data::Int(number) => format!("{number}.{:0<decimals$}", ""),
        _ => String::new(),
    }
}

/// JSON that ends no `<script>`, and no attribute in single quotes.
fn json(at: &Evaluation<'_>, data: &Data) -> Fallible<String> {
    let mut out = JsonOut::default();
    let written = serde_json::to_writer(&mut out, data);
    if let Some(verdict) = out.stopped {
        return Err(verdict);
    }
    written.map_err(|error| at.refuse(&error.to_string()))?;
    Ok(out.text.finish())
}

#[derive(Default)]
struct JsonOut {
    text: BoundedText,
    stopped: Option<Box<rhai::EvalAltResult>>,
}

impl std::io::Write for JsonOut {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(std::io::Error::other)?;
        let mut from = 0;
        let mut write = || {
            for (at, byte) in text.bytes().enumerate() {
                let instead = match byte {
                    b'<' => "\\u003c",
                    b'>' => "\\u003e",
                    b'&' => "\\u0026",
                    b'\'' => "\\u0027",
                    _ => continue,
                };
                self.text.push(&text[from..at])?;
                self.text.push(instead)?;
                from = at + 1;
            }
            self.text.push(&text[from..])
        };
        write().map_err(|verdict: Box<rhai::EvalAltResult>| {
            self.stopped = Some(verdict);
            std::io::Error::other("stopped")
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
