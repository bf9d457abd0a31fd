//! A client of PiCloud's API that takes every answer, and the want of one.

use std::{thread, time::Duration};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use ureq::{Agent, http};

use super::node::OWNER;

/// After that time nothing is known of a request. Longer than anything takes, shorter than a server is stopped.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// What is read of an answer: what all runs have left, at most.
const ANSWER_BYTES_MAX: u64 = 1 << 30;
/// How long such an answer may take.
const EXPORT_MAX: Duration = Duration::from_mins(5);

/// How often it asks once more, and after which time, if the database answers too late: a machine may have too much to do.
const ASKED_MAX: usize = 100;
const PAUSE: Duration = Duration::from_millis(500);

/// Somebody who asks.
#[derive(Clone)]
pub(super) struct Client {
    agent: Agent,
    authorization: String,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Client {
    /// The owner, signed in.
    pub(super) fn sign_in(address: &str) -> anyhow::Result<Self> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_MAX))
            .proxy(None)
            .build();
        let mut client = Self {
            agent: config.into(),
            authorization: String::new(),
        };
        let login = json!({ "username": OWNER.0, "password": OWNER.1 });
        let session = client.post(address, "/admin/auth/login", &login)?;
        let token = session["token"].as_str().context("sign-in gives no token")?;
        client.authorization = format!("Bearer {token}");
        Ok(client)
    }

    /// One with connections of its own.
    pub(super) fn another(&self) -> Self {
        Self {
            agent: self.agent.config().clone().into(),
            authorization: self.authorization.clone(),
        }
    }

    /// Sends `body` to `path` below `/api/v1`; an error if there was no whole answer.
    pub(super) fn send(
        &self,
        (address, method, path): (&str, &str, &str),
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, ureq::Error> {
        self.send_within(ANSWER_MAX, (address, method, path), headers, body)
    }

    fn send_within(
        &self,
        time: Duration,
        (address, method, path): (&str, &str, &str),
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, ureq::Error> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("http://{address}/api/v1{path}"))
            .header("authorization", &self.authorization);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let agent = &self.agent;
        let mut response = if body.is_empty() {
            let request = agent.configure_request(request.body(())?);
            agent.run(request.timeout_global(Some(time)).build())?
        } else {
            let request = agent.configure_request(request.body(body)?);
            agent.run(request.timeout_global(Some(time)).build())?
        };
        Ok(Answer {
            status: response.status().as_u16(),
            body: response
                .body_mut()
                .with_config()
                .limit(ANSWER_BYTES_MAX)
                .read_to_string()?,
        })
    }

    /// Makes something.
    pub(super) fn post(&self, address: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.ask(address, "POST", path, body)
    }

    /// Asks with JSON, and takes a success in JSON.
    pub(super) fn ask(&self, address: &str, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let json = [("content-type", "application/json")];
        let answer = self.send((address, method, path), &json, &body.to_string())?;
        answer.success().with_context(|| format!("{method} {path}"))
    }

    /// What is at a path.
    pub(super) fn get(&self, address: &str, path: &str) -> anyhow::Result<Value> {
        let answer = self.read(ANSWER_MAX, address, path)?;
        answer.success().with_context(|| format!("GET {path}"))
    }

    /// An answer that says something, or the last of many that do not.
    fn read(&self, time: Duration, address: &str, path: &str) -> anyhow::Result<Answer> {
        let mut asked = 0;
        loop {
            let answer = self.send_within(time, (address, "GET", path), &[], "")?;
            asked += 1;
            if answer.status != 503 || asked == ASKED_MAX {
                return Ok(answer);
            }
            thread::sleep(PAUSE);
        }
    }

    /// All items of a list that comes in pages.
    pub(super) fn list(&self, address: &str, path: &str) -> anyhow::Result<Vec<Value>> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut page = self.get(address, &format!("{path}{cursor}"))?;
            items.append(page["items"].as_array_mut().context("a list has items")?);
            let Some(next) = page["next_cursor"].as_str() else {
                return Ok(items);
            };
            cursor = format!("&cursor={next}");
        }
    }

    /// The lines of a file, each of which is JSON.
    pub(super) fn lines(&self, address: &str, path: &str) -> anyhow::Result<Vec<Value>> {
        let answer = self.read(EXPORT_MAX, address, path)?;
        if answer.status != 200 {
            bail!("GET {path}: {} {}", answer.status, answer.body);
        }
        let lines = answer.body.lines().map(serde_json::from_str);
        Ok(lines.collect::<Result<_, _>>()?)
    }
}

impl Answer {
    /// The code of a problem; empty if it is none.
    pub(super) fn code(&self) -> String {
        let problem: Value = serde_json::from_str(&self.body).unwrap_or_default();
        problem["code"].as_str().unwrap_or_default().to_owned()
    }

    fn success(&self) -> anyhow::Result<Value> {
        match self.status {
            204 => Ok(Value::Null),
            200..300 => Ok(serde_json::from_str(&self.body)?),
            status => bail!("{status} {}", self.body),
        }
    }
}
