//! One field of a pattern: a list of numbers, ranges and steps, as a set of bits.

use super::error::{CronField, FieldProblem, InvalidCron};

/// Names for whole patterns, and what they stand for.
pub const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A field as it was written, and where.
#[derive(Clone, Copy)]
pub(super) struct Written<'a> {
    pub(super) field: CronField,
    pub(super) text: &'a str,
    position: usize,
}

/// The fields of a pattern. One of five fields is due at second 0.
pub(super) struct Fields<'a> {
    pub(super) second: Option<Written<'a>>,
    pub(super) minute: Written<'a>,
    pub(super) hour: Written<'a>,
    pub(super) day_of_month: Written<'a>,
    pub(super) month: Written<'a>,
    pub(super) day_of_week: Written<'a>,
}

/// Takes a pattern apart into its fields.
pub(super) fn split(text: &str) -> Result<Fields<'_>, InvalidCron> {
    let text = text.trim();
    let text = if text.starts_with('@') {
        let mut known = NICKNAMES.iter();
        let found = known.find(|(name, _)| name.eq_ignore_ascii_case(text));
        found.map(|(_, pattern)| *pattern)
    } else {
        Some(text)
    }
    .ok_or_else(|| InvalidCron::Nickname(text.to_owned()))?;
    let parts: Vec<&str> = text.split_whitespace().collect();
    let (second, rest) = match parts.as_slice() {
        [minute, rest @ ..] if rest.len() == 4 => (None, [minute, rest[0], rest[1], rest[2], rest[3]]),
        [second, rest @ ..] if rest.len() == 5 => {
            (Some(*second), [rest[0], rest[1], rest[2], rest[3], rest[4]])
        }
        other => return Err(InvalidCron::Fields(other.len())),
    };
    let first = if second.is_some() { 2 } else { 1 };
    let written = |index: usize, field| Written {
        field,
        text: rest[index],
        position: first + index,
    };
    Ok(Fields {
        second: second.map(|text| Written {
            field: CronField::Second,
            text,
            position: 1,
        }),
        minute: written(0, CronField::Minute),
        hour: written(1, CronField::Hour),
        day_of_month: written(2, CronField::DayOfMonth),
        month: written(3, CronField::Month),
        day_of_week: written(4, CronField::DayOfWeek),
    })
}

impl<'a> Written<'a> {
    /// What stands between the commas.
    pub(super) fn parts(self) -> impl Iterator<Item = &'a str> {
        self.text.split(',')
    }

    /// Whether it stands for everything: `*`, or `?` in the two fields of days.
    pub(super) fn is_any(self) -> bool {
        let of_days = matches!(self.field, CronField::DayOfMonth | CronField::DayOfWeek);
        self.text == "*" || (of_days && self.text == "?")
    }

    /// The numbers that it names, as bits.
    pub(super) fn numbers(self) -> Result<u64, InvalidCron> {
        self.parts().try_fold(0, |bits, part| Ok(bits | self.part(part)?))
    }

    /// The numbers that one part names: a number, a range, `*`, and a step behind one of these.
    pub(super) fn part(self, part: &str) -> Result<u64, InvalidCron> {
        let (min, max) = self.field.bounds();
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        let (from, to) = if range == "*" {
            // Sunday has two numbers, and counts once.
            (
                min,
                if self.field == CronField::DayOfWeek {
                    6
                } else {
                    max
                },
            )
        } else if let Some((from, to)) = range.split_once('-') {
            let from = self.number(from, part)?;
            let to = match self.number(to, part)? {
                0 if self.field == CronField::DayOfWeek && from > 0 => 7,
                to => to,
            };
            (from, to)
        } else {
            let number = self.number(range, part)?;
            if step.is_some() {
                return Err(self.wrong(part, FieldProblem::StepOfNumber(number, max)));
            }
            (number, number)
        };
        if from > to {
            return Err(self.wrong(part, FieldProblem::Backwards));
        }
        let step = match step {
            None => 1,
            Some(step) => {
                let number = digits(step).filter(|step| (1..=max).contains(step));
                number.ok_or_else(|| self.wrong(part, FieldProblem::Step { max }))?
            }
        };
        Ok((from..=to)
            .step_by(usize::from(step))
            .fold(0, |bits, number| bits | 1 << number))
    }

    /// One number or name.
    pub(super) fn number(self, text: &str, part: &str) -> Result<u8, InvalidCron> {
        if part.is_empty() {
            return Err(self.wrong(part, FieldProblem::Empty));
        }
        let (min, max) = self.field.bounds();
        if let Some(number) = self.named(text) {
            return Ok(number);
        }
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.wrong(part, FieldProblem::Unknown(self.field.expected())));
        }
        let number = digits(text).filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| self.wrong(part, FieldProblem::OutOfRange { min, max }))
    }

    fn named(self, text: &str) -> Option<u8> {
        let (names, first): (&[&str], u8) = match self.field {
            CronField::Month => (&MONTHS, 1),
            CronField::DayOfWeek => (&WEEKDAYS, 0),
            _ => return None,
        };
        let index = names.iter().position(|name| name.eq_ignore_ascii_case(text))?;
        Some(first + u8::try_from(index).ok()?)
    }

    pub(super) fn wrong(self, part: &str, problem: FieldProblem) -> InvalidCron {
        InvalidCron::Field {
            field: self.field,
            position: self.position,
            part: part.to_owned(),
            problem,
        }
    }
}

/// A number of at most two digits. More are never right, and would have to be guarded against overflow.
pub(super) fn digits(text: &str) -> Option<u8> {
    let fits = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}
