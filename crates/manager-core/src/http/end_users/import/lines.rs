//! What stands in a file of users.

use csv::StringRecord;
use picloud_shared::{
    services::{check_user_email, check_user_name},
    time::Timestamp,
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use uuid::Uuid;

use super::super::{data_text, export::COLUMNS, millis};
use crate::{
    accounts::Hasher,
    http::{
        file::{self, Format},
        problem::Answer,
    },
};

/// What a file may have beside what one that was exported has.
const PASSWORD_HASH: &str = "password_hash";

/// A user of the file.
#[derive(Debug)]
pub(super) struct Row {
    /// The number of their line.
    pub(super) line: u64,
    pub(super) id: Option<Uuid>,
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) data: Option<Box<RawValue>>,
    pub(super) is_active: bool,
    /// In milliseconds since 1970.
    pub(super) created_at: Option<i64>,
    pub(super) password_hash: Option<String>,
}

/// One line of a JSON file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    id: Option<Uuid>,
    name: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    data: Option<Box<RawValue>>,
    #[serde(default)]
    is_active: Option<bool>,
    #[serde(default)]
    created_at: Option<String>,
    #[serde(default)]
    password_hash: Option<String>,
}

/// Reads all of it; says what is wrong with each line.
pub(super) fn read(text: &[u8], format: Format) -> Answer<Vec<Row>> {
    file::read(text, format, row)
}

impl file::Line for Line {
    fn from_json(line: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|error| format!("cannot be read: {error}"))
    }

    fn check_headings(headings: &[String]) -> Result<(), String> {
        let unknown = headings
            .iter()
            .find(|name| !COLUMNS.contains(&name.as_str()) && *name != PASSWORD_HASH);
        match unknown {
            Some(name) => Err(format!("has the column `{name}`, which nobody knows")),
            None if headings.iter().any(|name| name == "name") => Ok(()),
            None => Err("must have a column `name`".to_owned()),
        }
    }

    fn from_csv(headings: &[String], row: &StringRecord) -> Result<Self, String> {
        let mut line = Self::default();
        for (name, cell) in headings.iter().zip(row.iter()) {
            if cell.is_empty() {
                continue;
            }
            let text = Some(cell.to_owned());
            match name.as_str() {
                "id" => line.id = Some(cell.parse().map_err(|_| "`id` is no UUID".to_owned())?),
                "name" => cell.clone_into(&mut line.name),
                "email" => line.email = text,
                "data" => {
                    let data =
                        serde_json::from_str(cell).map_err(|error| format!("`data` is no JSON: {error}"))?;
                    line.data = Some(data);
                }
                "is_active" => {
                    let is_active = cell
                        .parse()
                        .map_err(|_| "`is_active` must be true or false".to_owned())?;
                    line.is_active = Some(is_active);
                }
                "created_at" => line.created_at = text,
                _ => line.password_hash = text,
            }
        }
        Ok(line)
    }
}

fn row(number: u64, line: Line) -> Result<Row, String> {
    check_user_name(&line.name).map_err(|refused| refused.to_string())?;
    if let Some(email) = &line.email {
        check_user_email(email).map_err(|refused| refused.to_string())?;
    }
    let data = line.data.as_deref().map(kept).transpose()?;
    if line
        .password_hash
        .as_deref()
        .is_some_and(|hash| !Hasher::takes(hash))
    {
        return Err("`password_hash` is not Argon2id in PHC form, or costs too much".to_owned());
    }
    let created_at: Option<Timestamp> = line
        .created_at
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|error| format!("`created_at` is no moment: {error}"))?;
    Ok(Row {
        line: number,
        id: line.id,
        name: line.name,
        email: line.email,
        data,
        is_active: line.is_active.unwrap_or(true),
        created_at: created_at.map(millis),
        password_hash: line.password_hash,
    })
}

/// Data of the file as it is kept: as what everybody reads. On its own it may be as deep as if nothing stood around it.
fn kept(data: &RawValue) -> Result<Box<RawValue>, String> {
    let value: Value =
        serde_json::from_str(data.get()).map_err(|error| format!("`data` cannot be read: {error}"))?;
    data_text(&value).map_err(|refused| refused.to_string())
}

#[cfg(test)]
mod tests {
    use picloud_shared::services::USER_DATA_BYTES_MAX;

    use super::*;
    use crate::http::file::faults_of;

    #[test]
    fn only_the_name_has_to_be_there() {
        let rows = read(b"{\"name\":\"Ada\"}", Format::Json).expect("it is fine");
        assert_eq!(
            (rows[0].name.as_str(), rows[0].is_active, rows[0].id),
            ("Ada", true, None)
        );
        let rows = read(b"name,is_active,email\nTom,false,\n", Format::Csv).expect("it is fine");
        assert_eq!(
            (rows[0].name.as_str(), rows[0].is_active, &rows[0].email),
            ("Tom", false, &None)
        );
    }

    #[test]
    fn each_fault_names_its_line() {
        let text = "{\"name\":\"a\"}\n{\"name\":\" \"}\n{}\n{\"name\":\"a\",\"email\":\"x\"}\n{\"name\":\"a\",\"password_hash\":\"x\"}\n\
            {\"name\":\"a\",\"created_at\":\"x\"}\n{\"name\":\"a\",\"password\":\"x\"}";
        let expected = ["line 2", "line 3", "line 4", "line 5", "line 6", "line 7"];
        assert_eq!(faults_of(read(text.as_bytes(), Format::Json)), expected);
        assert_eq!(faults_of(read(b"name,age\na,1\n", Format::Csv)), ["line 1"]);
        assert_eq!(faults_of(read(b"id\nx\n", Format::Csv)), ["line 1"]);
        let text = b"name,id,is_active,data\na,x,,\nb,,yes,\nc,,,{\nd,,true,{}\n";
        assert_eq!(faults_of(read(text, Format::Csv)), ["line 2", "line 3", "line 4"]);
    }

    #[test]
    fn data_is_what_everybody_reads() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let json = |data: &str| {
            read(
                format!("{{\"name\":\"a\",\"data\":{data}}}").as_bytes(),
                Format::Json,
            )
        };
        let csv = |data: &str| {
            let cell = data.replace('"', "\"\"");
            read(format!("name,data\na,\"{cell}\"\n").as_bytes(), Format::Csv)
        };
        for wrong in [
            "{\"a\":1e400}",
            "\"\\ud800\"",
            deep(128).as_str(),
            deep(20_000).as_str(),
        ] {
            assert_eq!(faults_of(json(wrong)), ["line 1"], "{wrong}");
            assert_eq!(faults_of(csv(wrong)), ["line 2"], "{wrong}");
        }
        for fine in ["{\"a\":[1,null]}", deep(127).as_str()] {
            for rows in [json(fine), csv(fine)] {
                let rows = rows.expect("it is fine");
                assert_eq!(rows[0].data.as_deref().map(RawValue::get), Some(fine));
            }
        }
        // What is between values is not kept, and does not count.
        let wide = format!("[{}1]", " ".repeat(USER_DATA_BYTES_MAX));
        let rows = json(&wide).expect("it is fine");
        assert_eq!(rows[0].data.as_deref().map(RawValue::get), Some("[1]"));
        let long = format!("\"{}\"", "x".repeat(USER_DATA_BYTES_MAX));
        assert_eq!(faults_of(json(&long)), ["line 1"]);
    }
}
