//! What a benchmark gives back: a table of what was measured, and the goals with what was reached.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::machine::Machine;

/// What one benchmark found.
pub(crate) struct Report {
    /// The sub-command.
    pub(crate) name: &'static str,
    /// What was measured, in a few words.
    pub(crate) title: &'static str,
    /// How, in full sentences.
    pub(crate) method: String,
    /// The first column names what the row is about.
    pub(crate) columns: Vec<&'static str>,
    /// One cell for each column.
    pub(crate) rows: Vec<Vec<Cell>>,
    /// What is to be reached.
    pub(crate) goals: Vec<Goal>,
    /// What else there is to know, in full sentences.
    pub(crate) notes: Vec<String>,
}

/// One cell of a table.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    /// A name or a remark.
    Text(String),
    /// A figure, shown with so many decimals.
    Number(f64, usize),
}

/// Something to be reached.
#[derive(Clone, Debug)]
pub(crate) struct Goal {
    /// What.
    pub(crate) what: String,
    /// What was reached, shown with so many decimals.
    pub(crate) measured: (f64, usize),
    /// In which unit; empty for a mere number.
    pub(crate) unit: &'static str,
    /// What is enough.
    pub(crate) bound: Bound,
}

/// When a goal is met.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// More is better.
    AtLeast(f64),
    /// Less is better.
    AtMost(f64),
}

impl Report {
    /// For a terminal.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("\n{}: {}\n{}\n\n", self.name, self.title, self.method);
        text += &padded(&table(&self.columns, &self.rows));
        if !self.goals.is_empty() {
            text.push('\n');
            text += &padded(&self.goal_table());
        }
        for note in &self.notes {
            let _ = write!(text, "\n{note}\n");
        }
        text
    }

    /// For a document.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("{}\n\n{}", self.method, ruled(&table(&self.columns, &self.rows)));
        if !self.goals.is_empty() {
            let _ = write!(text, "\n{}", ruled(&self.goal_table()));
        }
        for note in &self.notes {
            let _ = write!(text, "\n{note}\n");
        }
        text
    }

    fn goal_table(&self) -> Table {
        let columns = ["goal", "measured", "wanted", "met"].map(str::to_owned).to_vec();
        let rows = self.goals.iter().map(Goal::cells).collect();
        Table { columns, rows }
    }

    fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let cells = self.columns.iter().zip(row);
                cells
                    .map(|(name, cell)| ((*name).to_owned(), cell.json()))
                    .collect()
            })
            .collect();
        let goals: Vec<Value> = self.goals.iter().map(Goal::json).collect();
        json!({
            "name": self.name, "title": self.title, "method": self.method,
            "rows": rows, "goals": goals, "notes": self.notes,
        })
    }
}

impl Goal {
    /// Whether it was reached. What could not be measured was not.
    pub(crate) fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtLeast(bound) => self.measured.0 >= bound,
            Bound::AtMost(bound) => self.measured.0 <= bound,
        }
    }

    fn cells(&self) -> Vec<String> {
        let (measured, decimals) = self.measured;
        let bound = match self.bound {
            Bound::AtLeast(bound) => format!("≥ {bound}"),
            Bound::AtMost(bound) => format!("≤ {bound}"),
        };
        vec![
            self.what.clone(),
            with_unit(format!("{measured:.decimals$}"), self.unit),
            with_unit(bound, self.unit),
            if self.is_met() { "yes" } else { "no" }.to_owned(),
        ]
    }

    fn json(&self) -> Value {
        let (kind, bound) = match self.bound {
            Bound::AtLeast(bound) => ("at_least", bound),
            Bound::AtMost(bound) => ("at_most", bound),
        };
        json!({
            "what": self.what, "measured": self.measured.0, "unit": self.unit, kind: bound, "met": self.is_met(),
        })
    }
}

impl Cell {
    /// A name or a remark.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    fn show(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number, _) if number.is_nan() => "-".to_owned(),
            Self::Number(number, decimals) => format!("{number:.decimals$}"),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Number(number, _) => json!(number),
        }
    }
}

/// Everything that was measured in this run, for programs.
pub(crate) fn json(machine: &Machine, reports: &[Report]) -> String {
    let reports: Vec<Value> = reports.iter().map(Report::json).collect();
    format!("{:#}", json!({ "machine": machine.json(), "reports": reports }))
}

/// Prints what was found.
#[expect(clippy::print_stdout, reason = "the tables are the result")]
pub(crate) fn print(text: &str) {
    println!("{}", text.trim_end());
}

/// Says what is going on meanwhile.
#[expect(clippy::print_stderr, reason = "standard output is for results")]
pub(crate) fn progress(text: &str) {
    eprintln!("{text}");
}

struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn table(columns: &[&str], rows: &[Vec<Cell>]) -> Table {
    Table {
        columns: columns.iter().map(|&name| name.to_owned()).collect(),
        rows: rows
            .iter()
            .map(|row| row.iter().map(Cell::show).collect())
            .collect(),
    }
}

/// With spaces; the first column to the left, figures to the right.
fn padded(table: &Table) -> String {
    let width = |column: usize| {
        let cells = table.rows.iter().chain([&table.columns]);
        cells.map(|row| row[column].chars().count()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for row in [&table.columns].into_iter().chain(&table.rows) {
        for (column, cell) in row.iter().enumerate() {
            let width = width(column);
            let _ = match column {
                0 => write!(text, "{cell:<width$}"),
                _ => write!(text, "  {cell:>width$}"),
            };
        }
        text.push('\n');
    }
    text
}

/// As Markdown has it.
fn ruled(table: &Table) -> String {
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells: Vec<&str> = cells.collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    line(&mut table.columns.iter().map(String::as_str));
    line(&mut (0..table.columns.len()).map(|column| if column == 0 { "---" } else { "---:" }));
    for row in &table.rows {
        line(&mut row.iter().map(String::as_str));
    }
    text
}

fn with_unit(figure: String, unit: &str) -> String {
    if unit.is_empty() {
        figure
    } else {
        format!("{figure} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            name: "hello",
            title: "A constant answer",
            method: "Once.".to_owned(),
            columns: vec!["server", "us"],
            rows: vec![
                vec![Cell::text("axum"), Cell::Number(3.25, 1)],
                vec![Cell::text("a peer"), Cell::Number(f64::NAN, 1)],
            ],
            goals: vec![Goal {
                what: "idle".to_owned(),
                measured: (20.04, 1),
                unit: "MB",
                bound: Bound::AtMost(20.0),
            }],
            notes: vec!["A peer is missing.".to_owned()],
        }
    }

    #[test]
    fn a_terminal_gets_columns() {
        let expected = "\nhello: A constant answer\nOnce.\n\n\
            server   us\naxum    3.2\na peer    -\n\n\
            goal  measured   wanted  met\nidle   20.0 MB  ≤ 20 MB   no\n\nA peer is missing.\n";
        assert_eq!(report().text(), expected);
    }

    #[test]
    fn a_document_gets_tables() {
        let expected = "Once.\n\n| server | us |\n| --- | ---: |\n| axum | 3.2 |\n| a peer | - |\n\n\
            | goal | measured | wanted | met |\n| --- | ---: | ---: | ---: |\n| idle | 20.0 MB | ≤ 20 MB | no |\n\n\
            A peer is missing.\n";
        assert_eq!(report().markdown(), expected);
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        let mut goal = report().goals.remove(0);
        for (measured, bound, met) in [
            (20.0, Bound::AtMost(20.0), true),
            (f64::NAN, Bound::AtMost(20.0), false),
            (1.05, Bound::AtLeast(1.05), true),
            (1.04, Bound::AtLeast(1.05), false),
            (f64::NAN, Bound::AtLeast(1.05), false),
        ] {
            (goal.measured.0, goal.bound) = (measured, bound);
            assert_eq!(goal.is_met(), met, "{goal:?}");
        }
    }
}
