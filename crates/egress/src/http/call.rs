//! One request, from its start to its answer.

use std::{sync::Arc, time::Duration};

use http::Response;
use hyper::body::Incoming;
use picloud_shared::{
    memory::{MemoryBudget, Pressure},
    services::{
        HTTP_ANSWER_BYTES_MAX, HTTP_TIMEOUT_MAX, HttpAnswer, HttpFailure, HttpFailureKind, HttpRequest,
    },
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;

use super::{
    Fault, answer,
    connect::{Connector, Sender},
    fault,
    outgoing::Outgoing,
    pool::Origin,
};
use crate::{apps::App, guard::Guard};

/// Requests of all apps that are under way at one time.
const REQUESTS_MAX: usize = 1_024;

/// Makes the requests of scripts.
pub(crate) struct Http {
    guard: Arc<Guard>,
    connector: Connector,
    memory: Arc<MemoryBudget>,
    places: Semaphore,
}

impl Http {
    pub(crate) fn new(guard: Arc<Guard>, tls: TlsConnector, memory: Arc<MemoryBudget>) -> Self {
        Self {
            guard,
            connector: Connector::new(tls),
            memory,
            places: Semaphore::new(REQUESTS_MAX),
        }
    }

    /// The answer to a request of `app`.
    pub(crate) async fn call(&self, app: &App, request: &HttpRequest) -> Result<HttpAnswer, HttpFailure> {
        let timeout = Duration::from_millis(request.timeout_ms).min(HTTP_TIMEOUT_MAX);
        let deadline = Instant::now() + timeout;
        // Where it is: what fails, fails there.
        let mut url = request.url.clone();
        let answer = match timeout_at(deadline, self.place(app)).await {
            Ok(_place) => match timeout_at(deadline, self.follow(app, request, &mut url)).await {
                Ok(answer) => answer,
                Err(_) => Err(fault(
                    HttpFailureKind::Timeout,
                    format!("there was no answer within {} ms", timeout.as_millis()),
                )),
            },
            Err(_) => Err(fault(
                HttpFailureKind::Busy,
                "too many requests to other servers are under way; try again later",
            )),
        };
        answer.map_err(|Fault { kind, message }| HttpFailure { kind, message, url })
    }

    /// Waits until the request may begin.
    async fn place<'h>(&'h self, app: &'h App) -> [Option<SemaphorePermit<'h>>; 2] {
        // Nobody closes them, so there is always a place in the end.
        let of_app = app.places.acquire().await.ok();
        [of_app, self.places.acquire().await.ok()]
    }

    /// Makes the request, and those that its answers lead to.
    async fn follow(&self, app: &App, request: &HttpRequest, url: &mut String) -> Result<HttpAnswer, Fault> {
        if self.memory.pressure() > Pressure::None {
            return Err(fault(
                HttpFailureKind::Busy,
                "the server has no memory left for an answer; try again later",
            ));
        }
        let mut outgoing = Outgoing::new(request)?;
        let mut redirects = 0;
        loop {
            outgoing.url.as_str().clone_into(url);
            let (response, sender) = self.send(app, &outgoing).await?;
            let redirect = outgoing.redirect(response.status(), response.headers());
            let Some(next) = redirect.filter(|_| request.redirects_max > 0) else {
                let limit = request.answer_bytes_max.min(HTTP_ANSWER_BYTES_MAX);
                let status = response.status();
                let (headers, body) = answer::read(&outgoing.method, response, limit, &self.memory).await?;
                app.pool.keep(Origin::of(&outgoing.url), sender);
                return Ok(HttpAnswer {
                    status: status.as_u16(),
                    headers,
                    body,
                    url: url.clone(),
                    redirected: redirects > 0,
                });
            };
            redirects += 1;
            if redirects > request.redirects_max {
                let message = format!("there were more than {} redirects", request.redirects_max);
                return Err(fault(HttpFailureKind::Redirects, message));
            }
            outgoing = next?;
        }
    }

    /// Sends one request, on a connection that was kept or a new one.
    async fn send(&self, app: &App, outgoing: &Outgoing) -> Result<(Response<Incoming>, Sender), Fault> {
        let origin = Origin::of(&outgoing.url);
        if let Some(mut sender) = app.pool.take(&origin) {
            match sender.try_send_request(outgoing.to_request()?).await {
                Ok(response) => return Ok((response, sender)),
                // The other side may close what nobody uses. What was never sent can be sent again, and what does no
                // harm when it is done twice too.
                Err(mut error) => {
                    let was_sent = error.take_message().is_none();
                    if was_sent && !outgoing.is_safe() {
                        return Err(broken(error.error()));
                    }
                }
            }
        }
        let addresses = self.guard.addresses(app, &outgoing.url).await?;
        let mut sender = self.connector.open(&outgoing.url, &addresses).await?;
        match sender.send_request(outgoing.to_request()?).await {
            Ok(response) => Ok((response, sender)),
            Err(error) => Err(broken(&error)),
        }
    }
}

/// What an error of a connection means to the author of a script.
pub(super) fn broken(error: &hyper::Error) -> Fault {
    if error.is_parse_too_large() {
        return fault(
            HttpFailureKind::TooLarge,
            "the headers of the answer are too large",
        );
    }
    let message = if error.is_parse() {
        "what the server answered is no HTTP"
    } else {
        "the connection ended before the answer did"
    };
    tracing::debug!(%error, "a request of a script failed");
    fault(HttpFailureKind::Protocol, message)
}
