//! Whether the time of a failed sign-in tells if the account exists.

use std::{net::Ipv4Addr, time::Instant};

use anyhow::ensure;
use serde_json::json;
use ureq::Agent;

use super::{
    api::Api,
    process::{Server, Start},
    report::{Bound, Cell, Goal, Report},
    setting::Setting,
    statistics::{count, median, percentile},
};

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Options {
    /// How many sign-ins fail for each kind of name
    #[arg(long, default_value_t = 2_000)]
    tries: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { tries: 2_000 }
    }
}

/// The kinds of names; accounts of the first and the last exist.
const KINDS: [&str; 3] = ["active", "unknown", "deactivated"];

/// So many failures in a row are not slowed down, so each name is tried as often.
const TRIES_PER_NAME: usize = 5;

/// Welch's t beyond which two samples are held to differ: by chance, that is seen once in 100,000 times.
const T_MAX: f64 = 4.5;

/// Times of failed sign-ins for names of each kind in turn, and Welch's t of each two kinds.
pub(crate) fn measure(setting: &Setting, options: Options) -> anyhow::Result<Report> {
    let start = Start {
        data: None,
        threads: 1,
        cores: None,
    };
    // Each try comes from an address of its own, as that of one client would be slowed down.
    let proxies = ("PICLOUD_TRUSTED_PROXIES", "127.0.0.1/32");
    let server = Server::picloud_with(&setting.programs, start, &[proxies])?;
    let api = Api::sign_in(&server)?;
    for number in 0..options.tries.div_ceil(TRIES_PER_NAME) {
        for kind in [0, 2] {
            api.account(&name(kind, number), kind == 0)?;
        }
    }

    let client = Client::of(&server);
    let mut times = [const { Vec::new() }; KINDS.len()];
    for attempt in 0..options.tries {
        for turn in 0..KINDS.len() {
            // Each kind is as often first as it is last.
            let kind = (attempt + turn) % KINDS.len();
            let address = u32::try_from(attempt * KINDS.len() + turn)?;
            times[kind].push(client.fail(&name(kind, attempt / TRIES_PER_NAME), address)?);
        }
    }

    let row = |kind: usize| {
        vec![
            Cell::text(KINDS[kind]),
            Cell::Number(mean(&times[kind]), 3),
            Cell::Number(median(times[kind].iter().copied()), 3),
            Cell::Number(percentile(times[kind].iter().copied(), 90), 3),
        ]
    };
    let goal = |one: usize, other: usize| Goal {
        what: format!("|t| of {} and {}", KINDS[one], KINDS[other]),
        measured: (welch(&times[one], &times[other]).abs(), 2),
        unit: "",
        bound: Bound::AtMost(T_MAX),
    };
    Ok(Report {
        name: "sign-in",
        title: "Failed sign-ins",
        method: format!(
            "{} sign-ins with a wrong password for each kind of name, the kinds in turn, one after the other on one \
             connection. |t| is that of Welch's test.",
            options.tries
        ),
        columns: vec!["account", "mean ms", "median ms", "p90 ms"],
        rows: (0..KINDS.len()).map(row).collect(),
        goals: vec![goal(0, 1), goal(0, 2), goal(1, 2)],
        notes: Vec::new(),
    })
}

/// Names of one length, whatever their kind.
fn name(kind: usize, number: usize) -> String {
    format!("{}-{number:05}", ["ada", "bob", "eve"][kind])
}

/// Somebody who does not know any password.
struct Client {
    agent: Agent,
    url: String,
}

impl Client {
    fn of(server: &Server) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).build();
        Self {
            agent: Agent::new_with_config(config),
            url: format!("http://{}/api/v1/admin/auth/login", server.address),
        }
    }

    /// Milliseconds that a sign-in took to fail.
    fn fail(&self, username: &str, address: u32) -> anyhow::Result<f64> {
        let address = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + address);
        let login = json!({ "username": username, "password": "not the password of anybody" });
        let request = self
            .agent
            .post(&self.url)
            .header("x-forwarded-for", address.to_string());
        let begun = Instant::now();
        let mut answer = request.send_json(login)?;
        let body = answer.body_mut().read_to_string()?;
        let took = begun.elapsed().as_secs_f64() * 1e3;
        ensure!(
            answer.status() == 401,
            "{username} was answered {}: {body}",
            answer.status()
        );
        Ok(took)
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len() as u64)
}

/// Welch's t: how far two means are apart, in units of what chance does to that.
fn welch(one: &[f64], other: &[f64]) -> f64 {
    let error = |values: &[f64]| {
        let middle = mean(values);
        let squares = values.iter().map(|value| (value - middle).powi(2)).sum::<f64>();
        squares / count(values.len() as u64 - 1) / count(values.len() as u64)
    };
    (mean(one) - mean(other)) / (error(one) + error(other)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_is_that_of_welch() {
        let (one, other) = ([1.0, 2.0, 3.0, 4.0], [3.0, 5.0, 7.0]);
        assert!(
            (welch(&one, &other) + 1.889_8).abs() < 1e-3,
            "{}",
            welch(&one, &other)
        );
        assert!(welch(&one, &one).abs() < 1e-9);
    }
}
