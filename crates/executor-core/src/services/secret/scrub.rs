//! Takes secrets away from what is kept of a run.
//!
//! This is against mistakes: a script that wants to show a secret can, for instance backwards. It happens to an outcome
//! before anybody outside of the executor sees it, and only runs that have got a secret pay for it.

use std::{mem, ops::Range};

use memchr::memmem;
use picloud_shared::outcome::{Outcome, ScriptError};
use tokio::task::yield_now;

use super::{
    Got,
    forms::{self, Form},
    view::View,
};
use crate::services::Session;

/// A shorter secret would be found where it is not meant.
const SECRET_BYTES_MIN: usize = 6;

/// A part of a secret that was cut off by [`CUT`] counts from this length.
const PART_BYTES_MIN: usize = 6;

/// What stands where messages were cut.
const CUT: &[u8] = "…".as_bytes();

/// Bytes that are looked through before others of the thread have their turn.
const BYTES_PER_TURN: usize = 1_024 * 1_024;

impl Session {
    /// Replaces all secrets that the run has got by their names in everything that is kept of it, the path of its
    /// request too. The answer stays: what a script sends is sent.
    pub(crate) async fn scrub(&self, outcome: &mut Outcome, request_path: &str) {
        let got = self.state(|state| mem::take(&mut state.secrets));
        let scrubber = Scrubber::of(&got);
        if !scrubber.secrets.is_empty() {
            let mut bytes = 0;
            for line in &mut outcome.logs {
                scrubber.replace(&mut line.message);
                bytes += line.message.len() * scrubber.forms();
                if bytes > BYTES_PER_TURN {
                    bytes = 0;
                    yield_now().await;
                }
            }
            if let Err(error) = &mut outcome.result {
                scrubber.replace_in_error(error);
            }
            outcome.request_path = scrubber.scrubbed(request_path);
        }
        drop(scrubber);
        // An error may come after this.
        self.state(|state| state.secrets = got);
    }

    /// The same for an error that comes later.
    pub(crate) fn scrub_error(&self, error: &mut ScriptError) {
        self.state(|state| Scrubber::of(&state.secrets).replace_in_error(error));
    }
}

/// Knows the secrets of one run.
struct Scrubber<'g> {
    secrets: Vec<(&'g str, Vec<Form>)>,
}

impl<'g> Scrubber<'g> {
    fn of(got: &'g [Got]) -> Self {
        let secrets = got
            .iter()
            // White space around it is often lost on the way.
            .map(|got| (got.name.as_str(), got.value.trim()))
            .filter(|(_, value)| value.len() >= SECRET_BYTES_MIN)
            .map(|(name, value)| (name, forms::of(value)));
        Self {
            secrets: secrets.collect(),
        }
    }

    fn forms(&self) -> usize {
        self.secrets.iter().map(|(_, forms)| forms.len()).sum()
    }

    fn replace(&self, text: &mut String) {
        if let Some(scrubbed) = self.scrubbed(text) {
            *text = scrubbed;
        }
    }

    fn replace_in_error(&self, error: &mut ScriptError) {
        self.replace(&mut error.message);
        error.excerpt.iter_mut().for_each(|excerpt| self.replace(excerpt));
    }

    /// The text without secrets; nothing if there are none in it.
    fn scrubbed(&self, text: &str) -> Option<String> {
        let mut found: Vec<(Range<usize>, &str)> = Vec::new();
        for view in View::all_of(text) {
            for (name, forms) in &self.secrets {
                for form in forms {
                    found.extend(places(&view, form).map(|range| (view.place(range), *name)));
                }
            }
        }
        if found.is_empty() {
            return None;
        }
        // Of two that begin in one place, the longer one is meant.
        found.sort_by_key(|(range, _)| (range.start, text.len() - range.end));
        let mut scrubbed = String::with_capacity(text.len());
        let mut done = 0;
        for (range, name) in found {
            let start = text.floor_char_boundary(range.start);
            if start >= done {
                scrubbed.push_str(&text[done..start]);
                scrubbed.push_str("[secret ");
                scrubbed.push_str(name);
                scrubbed.push(']');
            }
            done = done.max(text.ceil_char_boundary(range.end));
        }
        scrubbed.push_str(&text[done..]);
        Some(scrubbed)
    }
}

/// Where a form stands, whole or cut off.
fn places(view: &View, form: &Form) -> impl Iterator<Item = Range<usize>> {
    let bytes = &view.bytes;
    let is_of_base64 = |at: usize| {
        bytes
            .get(at)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte))
    };
    let whole = memmem::find_iter(bytes, &*form.bytes).map(move |at| {
        let end = at + form.bytes.len();
        let before = form.shares_before && at > 0 && is_of_base64(at - 1);
        let after = form.shares_after && is_of_base64(end);
        at - usize::from(before)..end + usize::from(after)
    });
    whole.chain(parts(bytes, &form.bytes))
}

/// Where the text was cut within a form.
fn parts(text: &[u8], form: &[u8]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut begun = 0;
    for cut in memmem::find_iter(text, CUT) {
        let piece = &text[begun..cut];
        let mut at = piece.len().saturating_sub(form.len() - 1);
        while let Some(next) = memmem::find(&piece[at..], &form[..PART_BYTES_MIN.min(form.len())]) {
            at += next;
            if form.starts_with(&piece[at..]) {
                parts.push(begun + at..cut);
                break;
            }
            at += 1;
        }
        begun = cut + CUT.len();
    }
    parts
}

#[cfg(test)]
mod tests {
    use base64::{
        Engine as _,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };
    use zeroize::Zeroizing;

    use super::*;

    fn scrubbed(secrets: &[(&str, &str)], text: &str) -> String {
        let got: Vec<Got> = secrets
            .iter()
            .map(|(name, value)| Got {
                name: (*name).to_owned(),
                value: Zeroizing::new((*value).to_owned()),
            })
            .collect();
        let scrubber = Scrubber::of(&got);
        scrubber.scrubbed(text).unwrap_or_else(|| text.to_owned())
    }

    #[track_caller]
    fn check(secret: &str, text: &str, expected: &str) {
        assert_eq!(scrubbed(&[("KEY", secret)], text), expected, "{text}");
    }

    #[test]
    fn a_secret_is_replaced_by_its_name_wherever_it_stands() {
        check("canary", "a canary, canary!", "a [secret KEY], [secret KEY]!");
        check("canary", "canary", "[secret KEY]");
        check("canarié", "xcanariéx", "x[secret KEY]x");
        check("canary", "no bird", "no bird");
        check("birdy", "a birdy is too short", "a birdy is too short");
        check(" canary\n", "a canary.", "a [secret KEY].");
    }

    #[test]
    fn in_every_form() {
        let secret = "pass/wörd \"4\"\n+";
        let hex = hex::encode(secret);
        for text in [
            secret.to_owned(),
            hex.clone(),
            hex.to_uppercase(),
            "pass%2Fw%C3%B6rd%20%224%22%0A%2B".to_owned(),
            "pass/w%c3%b6rd+%224%22%0a%2b".to_owned(),
            r#"pass/wörd \"4\"\n+"#.to_owned(),
            r#"pass\/w\u00f6rd \u00224\"\u000a+"#.to_owned(),
            r#"pass/w\u{f6}rd \"4\"\n+"#.to_owned(),
        ] {
            check(secret, &format!("<{text}>"), "<[secret KEY]>");
        }
        for plain in [
            secret.to_owned(),
            format!("me:{secret}"),
            format!("user:{secret}:on"),
        ] {
            for text in [STANDARD.encode(&plain), URL_SAFE_NO_PAD.encode(&plain)] {
                let found = scrubbed(&[("KEY", secret)], &text);
                assert!(found.contains("[secret KEY]"), "{plain}: {found}");
                let rest = found.replace("[secret KEY]", "");
                let around = STANDARD.encode(plain.replace(secret, ""));
                assert!(rest.len() <= around.len() + 2, "{plain}: {found}");
            }
        }
    }

    #[test]
    fn what_was_cut_within_it_is_gone_too() {
        check("canary-bird", "a canary-b… [cut]", "a [secret KEY]… [cut]");
        check("canary-bird", "`canary…` is none", "`[secret KEY]…` is none");
        check("canary-bird", "ca…", "ca…");
        check(
            "canary-bird",
            "canary… canary-bird… canary-x…",
            "[secret KEY]… [secret KEY]… canary-x…",
        );
        check("aaaaaaab", "aaaaaaaaa…", "aa[secret KEY]…");
    }

    #[test]
    fn of_several_the_longest_counts() {
        let secrets = [("SHORT", "canary"), ("LONG", "canary-bird"), ("END", "bird-cage")];
        assert_eq!(scrubbed(&secrets, "canary-bird"), "[secret LONG]");
        assert_eq!(scrubbed(&secrets, "canary"), "[secret SHORT]");
        assert_eq!(scrubbed(&secrets, "x canary-bird-cage y"), "x [secret LONG] y");
    }
}
