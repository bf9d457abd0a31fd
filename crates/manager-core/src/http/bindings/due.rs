//! Parts of the bodies of schedules: when they are due, and what is done about overlapping and missed occurrences.

use std::fmt;

use picloud_shared::{
    schedule::{EverySeconds, Missed, Overlap, Policy, Schedule, Zone},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::validate::Violations;

/// When a script is due.
#[derive(Serialize, ToSchema)]
#[schema(as = Due)]
pub(crate) struct DueBody {
    /// `cron`, `every` or `at`.
    #[schema(example = "cron")]
    kind: &'static str,
    /// For `cron`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0 9 * * MON-FRI")]
    pattern: Option<String>,
    /// For `cron`: an IANA time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Europe/Rome")]
    zone: Option<String>,
    /// For `every`.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u32>,
    /// For `every`: one of the moments.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    anchor: Option<Timestamp>,
    /// For `at`: the only moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

impl From<&Schedule> for DueBody {
    fn from(schedule: &Schedule) -> Self {
        let mut body = Self {
            kind: "cron",
            pattern: None,
            zone: None,
            seconds: None,
            anchor: None,
            at: None,
        };
        match schedule {
            Schedule::Cron { pattern, zone } => {
                body.pattern = Some(pattern.to_string());
                body.zone = Some(zone.to_string());
            }
            Schedule::Every { seconds, anchor } => {
                body.kind = "every";
                body.seconds = Some(seconds.get());
                body.anchor = Some(*anchor);
            }
            Schedule::At { at } => {
                body.kind = "at";
                body.at = Some(*at);
            }
        }
        body
    }
}

/// When a script is due.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetDue {
    /// `cron`, `every` or `at`.
    #[schema(example = "cron")]
    kind: String,
    /// For `cron`: five fields (minute, hour, day of the month, month, day of the week), or six with the second first.
    #[serde(default)]
    #[schema(example = "0 9 * * MON-FRI")]
    pattern: Option<String>,
    /// For `cron`: an IANA time zone; UTC unless set.
    #[serde(default)]
    #[schema(example = "Europe/Rome")]
    zone: Option<String>,
    /// For `every`: 1 to 31,622,400, a year.
    #[serde(default)]
    seconds: Option<u64>,
    /// For `every`: the first of the moments (RFC 3339); unless set, they are counted from the beginning of 1970, so
    /// that those of an hour fall on the hour.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    anchor: Option<Timestamp>,
    /// For `at`: the only moment (RFC 3339).
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

impl SetDue {
    /// The schedule; notes all that is wrong with it.
    pub(crate) fn read(&self, violations: &mut Violations) -> Option<Schedule> {
        violations.within("schedule", |violations| {
            let known = [
                ("cron", "pattern", self.pattern.is_some()),
                ("cron", "zone", self.zone.is_some()),
                ("every", "seconds", self.seconds.is_some()),
                ("every", "anchor", self.anchor.is_some()),
                ("at", "at", self.at.is_some()),
            ];
            for (kind, field, is_set) in known {
                violations.require(
                    !is_set || kind == self.kind,
                    field,
                    format!("is for `{kind}`, and `kind` is something else"),
                );
            }
            match self.kind.as_str() {
                "cron" => {
                    let zone = self.zone.as_deref();
                    let zone = zone.map_or(Some(Zone::default()), |zone| violations.parse("zone", zone));
                    let pattern = needed(violations, "pattern", self.pattern.as_deref())?;
                    let pattern = violations.parse("pattern", pattern)?;
                    Some(Schedule::Cron { pattern, zone: zone? })
                }
                "every" => {
                    let seconds = needed(violations, "seconds", self.seconds)?;
                    let seconds = noted(violations, "seconds", EverySeconds::try_from(seconds))?;
                    Some(Schedule::Every {
                        seconds,
                        anchor: self.anchor.unwrap_or(Timestamp::from_micros(0)),
                    })
                }
                "at" => {
                    let at = needed(violations, "at", self.at)?;
                    Some(Schedule::At { at })
                }
                _ => {
                    violations.add("kind", "must be `cron`, `every` or `at`");
                    None
                }
            }
        })
    }

    /// The same; and it has to be due again, after `now`.
    pub(crate) fn read_for(&self, violations: &mut Violations, now: Timestamp) -> Option<Schedule> {
        let schedule = self.read(violations)?;
        violations.require(
            schedule.next_after(now).is_some(),
            "schedule",
            "is never due: choose a moment that is to come, or a pattern that the clock shows",
        );
        Some(schedule)
    }
}

fn needed<T>(violations: &mut Violations, field: &str, value: Option<T>) -> Option<T> {
    if value.is_none() {
        violations.add(field, "is missing");
    }
    value
}

fn noted<T, E: fmt::Display>(violations: &mut Violations, field: &str, read: Result<T, E>) -> Option<T> {
    read.map_err(|error| violations.add(field, error)).ok()
}

/// What is done about an occurrence that finds a run going, or comes while the server is down.
#[derive(Serialize, ToSchema)]
#[schema(as = SchedulePolicy)]
pub(crate) struct PolicyBody {
    /// `skip`, `queue_one`, `allow` or `replace`.
    #[schema(value_type = String, example = "skip")]
    overlap: Overlap,
    /// `none`, `latest` or `all`.
    #[schema(value_type = String, example = "latest")]
    missed: Missed,
    /// How late an occurrence may run, in seconds.
    #[schema(example = 3_600)]
    max_age_s: u32,
    /// With `all`, how many run at most.
    #[schema(example = 100)]
    caught_up_max: u32,
}

impl From<Policy> for PolicyBody {
    fn from(policy: Policy) -> Self {
        Self {
            overlap: policy.overlap,
            missed: policy.missed,
            max_age_s: policy.max_age_s,
            caught_up_max: policy.caught_up_max,
        }
    }
}

/// What is done about an occurrence that finds a run going, or comes while the server is down; what is absent is the
/// default.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SetPolicy {
    /// While a run of the schedule is going: `skip` this one (unless set), `queue_one`, `allow` both, or `replace` it.
    overlap: Option<String>,
    /// Which occurrences run late that came while the server was down: `none`, `latest` (unless set) or `all`.
    missed: Option<String>,
    /// How late an occurrence may run, in seconds: 30 to 604,800, a week; 3,600, an hour, unless set.
    max_age_s: Option<u32>,
    /// With `all`, how many run at most: 1 to 100; 100 unless set.
    caught_up_max: Option<u32>,
}

impl SetPolicy {
    /// The policy; notes what is wrong with it.
    pub(crate) fn read(&self, violations: &mut Violations) -> Policy {
        let default = Policy::default();
        let overlap = match self.overlap.as_deref() {
            None => default.overlap,
            Some("skip") => Overlap::Skip,
            Some("queue_one") => Overlap::QueueOne,
            Some("allow") => Overlap::Allow,
            Some("replace") => Overlap::Replace,
            Some(_) => {
                violations.add(
                    "policy.overlap",
                    "must be `skip`, `queue_one`, `allow` or `replace`",
                );
                default.overlap
            }
        };
        let missed = match self.missed.as_deref() {
            None => default.missed,
            Some("none") => Missed::None,
            Some("latest") => Missed::Latest,
            Some("all") => Missed::All,
            Some(_) => {
                violations.add("policy.missed", "must be `none`, `latest` or `all`");
                default.missed
            }
        };
        let policy = Policy {
            overlap,
            missed,
            max_age_s: self.max_age_s.unwrap_or(default.max_age_s),
            caught_up_max: self.caught_up_max.unwrap_or(default.caught_up_max),
        };
        if let Err(error) = policy.check() {
            violations.add("policy", error);
        }
        policy
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn due(body: Value) -> Result<Schedule, Vec<String>> {
        let body: SetDue = serde_json::from_value(body).map_err(|error| vec![error.to_string()])?;
        let mut violations = Violations::default();
        let schedule = body.read_for(&mut violations, Timestamp::from_micros(1_800_000_000_000_000));
        violations.finish_with(schedule).map_err(|refusal| match refusal {
            crate::http::problem::Refusal::Problem(problem) => {
                let errors = problem.extra["errors"].as_array().cloned().unwrap_or_default();
                let fields = errors.iter().filter_map(|error| error["field"].as_str());
                fields.map(str::to_owned).collect()
            }
            _ => Vec::new(),
        })
    }

    #[test]
    fn each_kind_is_read() {
        for body in [
            json!({ "kind": "cron", "pattern": "0 9 * * MON-FRI", "zone": "Europe/Rome" }),
            json!({ "kind": "every", "seconds": 900, "anchor": "1970-01-01T00:00:00Z" }),
            json!({ "kind": "at", "at": "2040-01-01T00:00:00Z" }),
        ] {
            let schedule = due(body.clone()).expect("it is one");
            let again = serde_json::to_value(DueBody::from(&schedule)).expect("it is JSON");
            assert_eq!(due(again), Ok(schedule), "{body}");
        }
        let default = due(json!({ "kind": "every", "seconds": 60 }));
        assert_eq!(
            default,
            due(json!({ "kind": "every", "seconds": 60, "anchor": "1970-01-01T00:00:00Z" }))
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, fields) in [
            (json!({ "kind": "never" }), vec!["schedule.kind"]),
            (json!({ "kind": "cron" }), vec!["schedule.pattern"]),
            (
                json!({ "kind": "cron", "pattern": "x" }),
                vec!["schedule.pattern"],
            ),
            (
                json!({ "kind": "cron", "pattern": "* * * * *", "zone": "Mars" }),
                vec!["schedule.zone"],
            ),
            (
                json!({ "kind": "at", "at": "2040-01-01T00:00:00Z", "seconds": 1 }),
                vec!["schedule.seconds"],
            ),
            (json!({ "kind": "every", "seconds": 0 }), vec!["schedule.seconds"]),
            (
                json!({ "kind": "at", "at": "2020-01-01T00:00:00Z" }),
                vec!["schedule"],
            ),
        ] {
            let fields = fields.into_iter().map(str::to_owned).collect();
            assert_eq!(due(body.clone()), Err(fields), "{body}");
        }
    }
}
