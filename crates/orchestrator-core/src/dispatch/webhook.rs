//! Requests to webhooks: looked at before their scripts run.

use std::sync::Arc;

use http::Response;
use hyper::body::Incoming;
use picloud_shared::{
    events::{EVENT_DATA_BYTES_MAX, IdempotencyKey},
    memory::Held,
    outcome::{ScriptError, ScriptErrorKind, Usage},
    problem::Code,
    seam::ExecutorClient,
    secret::{SecretText, SettingName},
    services::{Answer, Question, ServiceError},
    webhook::WebhookRespond,
};

use super::{Dispatcher, Refusal, ResponseBody, accept, body, record::Ended, run::Run};
use crate::{
    recorder::Recorder,
    routing::WebhookRoute,
    webhook::{Claim, DeliveryName, Fault, verify},
};

/// A request to a webhook.
pub(super) struct Received {
    pub(super) run: Run,
    pub(super) incoming: Incoming,
    pub(super) route: Arc<WebhookRoute>,
}

/// What was let through.
struct LetThrough {
    /// The memory of its body.
    held: Held,
    /// What names the delivery.
    delivery: DeliveryName,
}

/// Why a request was not let through.
enum Stopped {
    /// Its signature.
    Fault(Fault),
    /// Something that could happen to any other request.
    Refused(Refusal),
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<E: ExecutorClient> Dispatcher<E> {
    /// Runs the script, or keeps the request for later, if it is signed as it should be.
    pub(super) async fn receive(&self, received: Received) -> Result<Response<ResponseBody>, Refusal> {
        let Received {
            mut run,
            incoming,
            route,
        } = received;
        let LetThrough { held, delivery } = match self.let_through(&mut run, incoming, &route).await {
            Ok(let_through) => let_through,
            Err(Stopped::Refused(refusal)) => return Err(refusal),
            Err(Stopped::Fault(fault)) => {
                self.tell_refused(&run, &route, &fault);
                return Err(Refusal::new(fault.code(), fault.detail()));
            }
        };
        let answer = match route.webhook.respond {
            WebhookRespond::Run => self.run(run).await,
            WebhookRespond::Accept => {
                let key = delivery.key(&run.request.body).await;
                let key = idempotency_key(&route, key, &run);
                let kept = self.keep(&run, Some(key)).await;
                kept.map(accept::accepted)
            }
        };
        drop(held);
        answer
    }

    /// Reads a request and looks at its signature; whatever can be seen without its body, before that is read.
    async fn let_through(
        &self,
        run: &mut Run,
        incoming: Incoming,
        route: &WebhookRoute,
    ) -> Result<LetThrough, Stopped> {
        let webhook = &route.webhook;
        let claim = Claim::of(&webhook.scheme, run.headers())?;
        claim.check_moment(run.entry.at, webhook.tolerance_s)?;
        body::refuse_encoded(run.headers())?;
        self.refuse_without_memory()?;
        let secret = self.key_of(run, &webhook.secret).await?;
        let bytes_max = match webhook.respond {
            WebhookRespond::Run => self.request_body_bytes_max,
            WebhookRespond::Accept => self.request_body_bytes_max.min(EVENT_DATA_BYTES_MAX as u64),
        };
        let body = body::read(incoming, bytes_max, self.body_pace, &self.memory).await?;
        let verified = verify(webhook, claim, &secret, &body.bytes).await?;
        run.set_body(body.bytes, Some(Box::new(verified.received)));
        Ok(LetThrough {
            held: body.held,
            delivery: verified.delivery,
        })
    }

    /// The text of the secret that requests are signed with: from memory, but for the first time after a change.
    async fn key_of(&self, run: &Run, name: &SettingName) -> Result<SecretText, Stopped> {
        let question = Question::Secret { name: name.clone() };
        let answer = self.services.ask(run.live.script.app_id, question).await;
        match answer {
            Ok(Answer::Secret { value: Some(secret) }) => Ok(secret),
            Ok(Answer::Secret { value: None }) => Err(Fault::NoKey(name.clone()).into()),
            Err(ServiceError::Unavailable) => {
                let detail = "The database does not answer. Try again in a moment.";
                Err(Refusal::new(Code::DatabaseUnavailable, detail).into())
            }
            other => {
                tracing::error!(?other, secret.name = %name, "a secret of a webhook could not be read");
                let detail = "The signature could not be looked at. The server's log says why.";
                Err(Refusal::new(Code::Internal, detail).into())
            }
        }
    }

    /// Leaves a record of a request that did not reach its script, for people who wonder why. As anybody may send such a
    /// request, there are few, and none that takes the place of one of a run.
    fn tell_refused(&self, run: &Run, route: &WebhookRoute, fault: &Fault) {
        if !Recorder::admits_refused(&*run.live, run.entry.at) {
            return;
        }
        let message = fault.message();
        if matches!(fault, Fault::NoKey(_) | Fault::NotAKey(..)) {
            tracing::warn!(route.id = %route.id, execution.id = %run.entry.id, "{message}");
        } else {
            tracing::info!(route.id = %route.id, execution.id = %run.entry.id, "a webhook was refused: {message}");
        }
        let duration_us = self.clock.now().as_micros() - run.entry.at.as_micros();
        let record = run.execution(Ended {
            request: run.summary(None),
            usage: Usage {
                // The clock can be set back meanwhile.
                duration_us: u64::try_from(duration_us).unwrap_or(0),
                ..Usage::default()
            },
            services: Vec::new(),
            response_status: fault.code().status().as_u16(),
            logs: Vec::new(),
            error: Some(ScriptError::nowhere(ScriptErrorKind::Webhook, message)),
        });
        self.recorder.record(&run.live, record);
    }
}

/// A delivery that is sent again is the same one, though its sender may have signed it anew, and some put into the body
/// how often they have tried: so nothing of the request is compared but what `delivery_key` holds of it.
fn idempotency_key(route: &WebhookRoute, delivery_key: String, run: &Run) -> IdempotencyKey {
    IdempotencyKey::of_client(format!("webhook/{}", route.id), delivery_key, &[], run.entry.at)
}
