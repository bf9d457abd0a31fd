//! The functions.

use rhai::{Dynamic, Map, Module, export_module, exported_module};

use super::{data, parse, render};
use crate::api::argument::Fallible;

/// The module as scripts see it.
pub(in crate::api) fn module() -> Module {
    exported_module!(functions)
}

fn rendered(function: &str, text: &str, data: Map, escapes: bool) -> Fallible<String> {
    let template = parse::parse(function, text)?;
    let data = data::of(function, Dynamic::from_map(data))?;
    render::render(function, &template, &data, escapes)
}

/// Pages and texts from a template and data. `{{ name }}` shows a value, `{{ user.address.city }}` and
/// `{{ rows[0] }}` a part of one. `{% if … %} … {% elif … %} … {% else %} … {% endif %}` chooses,
/// `{% for row in rows %} … {% else %} … {% endfor %}` repeats, `{% for key, value in map %}` goes through a map;
/// inside, `loop.index` counts from 1, and `loop.first`, `loop.last` and `loop.length` are there too. `{# … #}` is left out,
/// `{% raw %} … {% endraw %}` stands as it is, and a dash (`{%- … -%}`) removes the white space beside it.
///
/// Conditions compare with `==`, `!=`, `<`, `<=`, `>`, `>=` and `in`, and combine with `and`, `or`, `not` and
/// parentheses. What is not in the data is false there, and an error where it would be shown or gone through; with
/// `default` it is not. Filters follow a bar: `upper`, `lower`, `trim`, `length`, `first`, `last`, `join(", ")`,
/// `default("none")`, `fixed(2)` (decimals), `url` (as a part of one), `json` (safe inside `<script>` and of an attribute in
/// single quotes, not in double ones), `escape`, and `safe` for HTML that stands in a page as it is.
#[export_module(export_all)]
mod functions {
    use rhai::{Map, NativeCallContext};

    use super::rendered;
    use crate::{api::argument::Fallible, error::at_call};

    /// Fills an HTML template with data. Values are escaped as `html::escape` does, so that they can stand between tags
    /// and in quoted attributes. The error for a broken template names the line.
    ///
    /// ```rhai
    /// let rows = [#{name: "Ada"}, #{name: "<b>Tom</b>"}];
    /// template::render("{% for row in rows %}<li>{{ row.name }}</li>{% endfor %}", #{rows: rows})
    /// //=> "<li>Ada</li><li>&lt;b&gt;Tom&lt;/b&gt;</li>"
    /// template::render("{{ title|safe }} {{ nmae|default('?') }}", #{title: "<i>x</i>"})  //=> "<i>x</i> ?"
    /// template::render("{{ nmae }}", #{name: "Ada"})  //=> error: line 1: `nmae` is not in the data
    /// ```
    #[rhai_fn(return_raw)]
    fn render(ctx: NativeCallContext, template: &str, data: Map) -> Fallible<String> {
        at_call(&ctx, || rendered("template::render", template, data, true))
    }

    /// Fills a template of plain text, such as an e-mail: nothing is escaped.
    ///
    /// ```rhai
    /// template::render_text("Dear {{ name }},{% if due %} you owe {{ due|fixed(2) }}.{% endif %}", #{name: "A & B", due: 3})
    /// //=> "Dear A & B, you owe 3.00."
    /// ```
    #[rhai_fn(return_raw)]
    fn render_text(ctx: NativeCallContext, template: &str, data: Map) -> Fallible<String> {
        at_call(&ctx, || rendered("template::render_text", template, data, false))
    }
}
