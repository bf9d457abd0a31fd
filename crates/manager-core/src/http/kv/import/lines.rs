//! What stands in a file that is imported.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use csv::StringRecord;
use picloud_shared::{
    services::{Expiry, KEY_BYTES_MAX, KvValue, VALUE_BYTES_MAX, Write},
    time::Timestamp,
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::super::{export::COLUMNS, may_be_key};
use crate::http::{
    file::{self, Format},
    problem::Answer,
    validate::present,
};

/// A file that was read.
#[derive(Debug, Default)]
pub(super) struct File {
    /// Each key once.
    pub(super) writes: BTreeMap<String, Write>,
    pub(super) skipped: usize,
}

/// One line of a JSON file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    #[serde(default, deserialize_with = "present")]
    value: Option<Box<RawValue>>,
    #[serde(default)]
    blob_base64: Option<String>,
    #[serde(default)]
    expires_at: Option<String>,
}

/// Reads all of it; says what is wrong with each line.
pub(super) fn read(text: &[u8], format: Format, now: Timestamp) -> Answer<File> {
    let mut file = File::default();
    for write in file::read(text, format, |_, write: Write| Ok(write))? {
        file.add(write, now);
    }
    Ok(file)
}

impl File {
    fn add(&mut self, write: Write, now: Timestamp) {
        let expired = matches!(write.expiry, Expiry::At(moment) if moment <= now.as_micros());
        // What stands further down counts, also if it has expired.
        let before = self.writes.remove(&write.key);
        self.skipped += usize::from(before.is_some()) + usize::from(expired);
        if !expired {
            self.writes.insert(write.key.clone(), write);
        }
    }
}

impl file::Line for Write {
    fn from_json(line: &[u8]) -> Result<Self, String> {
        let Line {
            key,
            value,
            blob_base64,
            expires_at,
        } = serde_json::from_slice(line).map_err(|error| format!("cannot be read: {error}"))?;
        let value = match (value, blob_base64) {
            (Some(value), None) => json(value.get())?,
            (None, Some(text)) => blob(&text)?,
            _ => return Err("must have either `value` or `blob_base64`".to_owned()),
        };
        write(key, value, expires_at.as_deref())
    }

    fn check_headings(headings: &[String]) -> Result<(), String> {
        if headings == COLUMNS.as_slice() {
            Ok(())
        } else {
            Err(format!("must have the columns {}", COLUMNS.join(",")))
        }
    }

    fn from_csv(_: &[String], row: &StringRecord) -> Result<Self, String> {
        let field = |at| row.get(at).unwrap_or_default();
        let value = match field(1) {
            "json" => json(field(2))?,
            "blob" => blob(field(2))?,
            _ => return Err("`type` must be json or blob".to_owned()),
        };
        let expires_at = Some(field(3)).filter(|text| !text.is_empty());
        write(field(0).to_owned(), value, expires_at)
    }
}

/// A value on its own, which may be as deep as if nothing stood around it.
fn json(text: &str) -> Result<KvValue, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    Ok(KvValue::Json(value.to_string()))
}

fn blob(base64: &str) -> Result<KvValue, String> {
    STANDARD
        .decode(base64)
        .map(KvValue::Blob)
        .map_err(|error| format!("no Base64: {error}"))
}

fn write(key: String, value: KvValue, expires_at: Option<&str>) -> Result<Write, String> {
    if !may_be_key(&key) {
        return Err(format!(
            "a key must have 1 to {KEY_BYTES_MAX} bytes, of which the first is not 0"
        ));
    }
    if value.bytes() > VALUE_BYTES_MAX {
        return Err(format!("a value must have at most {VALUE_BYTES_MAX} bytes"));
    }
    let expires_at: Option<Timestamp> = expires_at
        .map(str::parse)
        .transpose()
        .map_err(|error| format!("`expires_at` is no moment: {error}"))?;
    Ok(Write {
        key,
        value: Some(value),
        expiry: expires_at.map_or(Expiry::Never, |at| Expiry::At(at.as_micros())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::file::{FAULTS_MAX, faults_of};

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    fn faults(text: &str, format: Format) -> Vec<String> {
        faults_of(read(text.as_bytes(), format, NOW))
    }

    #[test]
    fn what_stands_further_down_counts() {
        let text = "{\"key\":\"a\",\"value\":1}\n\n{\"key\":\"b\",\"blob_base64\":\"AP8=\"}\n{\"key\":\"a\",\"value\":null}\r\n\
            {\"key\":\"old\",\"value\":1,\"expires_at\":\"1970-01-01T00:00:01Z\"}";
        let file = read(text.as_bytes(), Format::Json, NOW).expect("it is fine");
        assert_eq!((file.writes.len(), file.skipped), (2, 2));
        assert_eq!(file.writes["a"].value, Some(KvValue::Json("null".to_owned())));
        assert_eq!(file.writes["b"].value, Some(KvValue::Blob(vec![0, 255])));
        let table = "\u{FEFF}key,type,value,expires_at\na,json,1,\n";
        let file = read(table.as_bytes(), Format::Csv, NOW).expect("it is fine");
        assert_eq!(file.writes["a"].value, Some(KvValue::Json("1".to_owned())));
    }

    #[test]
    fn a_value_is_as_deep_as_it_may_be_elsewhere() {
        let line = |levels: usize| {
            let value = "[".repeat(levels) + &"]".repeat(levels);
            format!("{{\"key\":\"a\",\"value\":{value}}}\n")
        };
        assert!(read(line(127).as_bytes(), Format::Json, NOW).is_ok());
        for wrong in [
            line(128),
            line(20_000),
            "{\"key\":\"a\",\"value\":1e400}".to_owned(),
        ] {
            assert_eq!(faults(&wrong, Format::Json), ["line 1"]);
        }
    }

    #[test]
    fn each_fault_names_its_line() {
        let text = "{\"key\":\"a\",\"value\":1}\n{\"key\":\"\",\"value\":1}\n{\"key\":\"c\"}\nno";
        assert_eq!(faults(text, Format::Json), ["line 2", "line 3", "line 4"]);
        let many = "no\n".repeat(100);
        assert_eq!(faults(&many, Format::Json).len(), FAULTS_MAX);
        assert_eq!(faults("a,b\n", Format::Csv), ["line 1"]);
        let open = "key,type,value,expires_at\na,json,1,\nb,json,\"2,\n";
        assert_eq!(faults(open, Format::Csv), ["line 3"]);
        let text = "key,type,value,expires_at\na,json,1,\nb,other,1,\nc,json,{,\nd,json,1\ne,json,1,never\n";
        assert_eq!(
            faults(text, Format::Csv),
            ["line 3", "line 4", "line 5", "line 6"]
        );
    }
}
