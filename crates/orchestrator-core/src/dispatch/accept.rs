//! Requests for which nobody waits: they are kept, and run later.

use std::collections::BTreeMap;

use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LOCATION},
};
use hyper::body::Incoming;
use picloud_shared::{
    events::{
        EVENT_DATA_BYTES_MAX, IDEMPOTENCY_KEY_BYTES_MAX, IdempotencyKey, Lineage, NewDelivery, NewEvent,
        Origin, RetryPolicy, StoredRequest,
    },
    id::{AppId, DeliveryId, EventId, ScriptId},
    problem::Code,
    repository::{PublishError, StoreError},
    seam::ExecutorClient,
    services::user_cookie,
};
use serde_json::json;

use super::{Dispatcher, Refusal, ResponseBody, body, run::Run};

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// What problems call that header.
const KEY_FIELD: &str = "Idempotency-Key";
const RESPOND_ASYNC: &str = "respond-async";

/// Whether a client does not wait for the run that it asks for: `?async=true`, or `Prefer: respond-async` (RFC 7240).
pub(super) fn is_wanted(uri: &Uri, headers: &HeaderMap) -> bool {
    let query = uri.query().unwrap_or_default();
    query.split('&').any(|pair| pair == "async=true")
        || headers
            .get_all(PREFER)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|preference| preference.split(';').next())
            .any(|preference| preference.trim().eq_ignore_ascii_case(RESPOND_ASYNC))
}

/// Whose keys come with these headers: the key of one caller tells another one nothing, and does not stand in their way.
/// A caller is known by its credentials, or by the cookie of a user of the app, or is nobody. No other cookie counts: those
/// change between two tries of one caller.
pub(super) fn caller(headers: &HeaderMap, scheme: &str) -> [u8; 32] {
    let credentials = headers.get_all(AUTHORIZATION).iter();
    let mut known_by: Vec<&[u8]> = credentials.map(HeaderValue::as_bytes).collect();
    let cookie = user_cookie(headers, scheme == "https").filter(|cookie| !cookie.is_empty());
    if known_by.is_empty()
        && let Some(cookie) = cookie
    {
        known_by.extend([b"cookie".as_slice(), cookie.as_bytes()]);
    }
    IdempotencyKey::hash_of(&known_by)
}

impl<E: ExecutorClient> Dispatcher<E> {
    /// Keeps a request; once it is on disk, the answer says where to ask what became of it.
    pub(super) async fn accept(
        &self,
        (mut run, incoming, caller): (Run, Incoming, [u8; 32]),
    ) -> Result<Response<ResponseBody>, Refusal> {
        let app = run.live.script.app_id;
        body::refuse_encoded(run.headers())?;
        let key = client_key(run.headers())?;
        let bytes_max = self.request_body_bytes_max.min(EVENT_DATA_BYTES_MAX as u64);
        let body = body::read(incoming, bytes_max, self.body_pace, &self.memory).await?;
        run.set_body(body.bytes, None);
        let idempotency = key.map(|key| idempotency_key(&caller, key, &run));
        let kept = self.keep(&run, idempotency).await;
        drop(body.held);
        kept.map(|delivery| asynchronous(app, delivery))
    }

    /// Keeps a request, once for each key; gives its delivery.
    pub(super) async fn keep(
        &self,
        run: &Run,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<DeliveryId, Refusal> {
        let script = &run.live.script;
        let event = event_of(run, script.script_id);
        let published = self
            .events
            .publish_from_elsewhere(script.app_id, vec![event], idempotency)
            .await
            .map_err(|error| refusal(&error))?;
        let delivery = published
            .events
            .first()
            .and_then(|event| event.deliveries.first());
        delivery
            .copied()
            .ok_or_else(|| Refusal::new(Code::Internal, "The request was kept without a run."))
    }
}

/// The event of a request. Its one delivery is to the script that it names.
fn event_of(run: &Run, script: ScriptId) -> NewEvent {
    let request = &run.request;
    let now = run.entry.at;
    let content_type = request.headers.get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    NewEvent {
        id: EventId::new(now),
        topic: None,
        source: format!("/scripts/{}", run.live.script.name),
        subject: None,
        time: now,
        extensions: BTreeMap::new(),
        content_type: content_type.unwrap_or("application/octet-stream").to_owned(),
        data: request.body.clone(),
        key: None,
        request: Some(StoredRequest::of(request)),
        due_at: None,
        lineage: Lineage {
            root: run.entry.id.0,
            cause: None,
            depth: run.depth(),
        },
        deliveries: vec![NewDelivery {
            id: DeliveryId::new(now),
            script_id: script,
            origin: Origin::Invoke,
            ordered: false,
            retry: RetryPolicy::default(),
            on_success: None,
            on_failure: None,
        }],
    }
}

/// The key with which it is safe to send the request again.
fn client_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = value.to_str().ok().map(str::trim);
    let key = key.filter(|key| (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()));
    key.map(|key| Some(key.to_owned())).ok_or_else(|| {
        let message = format!("must have 1 to {IDEMPOTENCY_KEY_BYTES_MAX} plain characters");
        Refusal::field(KEY_FIELD, &message)
    })
}

fn idempotency_key(caller: &[u8; 32], key: String, run: &Run) -> IdempotencyKey {
    let script = &run.live.script;
    // What is kept of two keys does not tell that one caller has both.
    let whose: [&[u8]; 4] = [
        script.app_id.0.as_bytes(),
        script.script_id.0.as_bytes(),
        key.as_bytes(),
        caller,
    ];
    let scope = format!("execute/{}", hex::encode(IdempotencyKey::hash_of(&whose)));
    let request = &run.request;
    let target = request.uri.path_and_query().map_or("", |target| target.as_str());
    let what: [&[u8]; 3] = [
        request.method.as_str().as_bytes(),
        target.as_bytes(),
        &request.body,
    ];
    IdempotencyKey::of_client(scope, key, &what, run.entry.at)
}

/// The answer to a request that is kept.
pub(super) fn accepted(delivery: DeliveryId) -> Response<ResponseBody> {
    let body = json!({ "invocation_id": delivery }).to_string();
    let mut response = Response::new(ResponseBody::from(body.into_bytes()));
    *response.status_mut() = StatusCode::ACCEPTED;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The same for whoever asked for it, with where to ask what became of it.
fn asynchronous(app: AppId, delivery: DeliveryId) -> Response<ResponseBody> {
    let mut response = accepted(delivery);
    let headers = response.headers_mut();
    headers.insert(PREFERENCE_APPLIED, HeaderValue::from_static(RESPOND_ASYNC));
    let location = format!("/api/v1/admin/apps/{app}/deliveries/{delivery}");
    // Ids are always a header value.
    if let Ok(location) = HeaderValue::from_str(&location) {
        headers.insert(LOCATION, location);
    }
    response
}

fn refusal(error: &PublishError) -> Refusal {
    match error {
        PublishError::QueueFull { retry_after } => {
            let detail = "As many events of this app wait as may. Try again when fewer do.";
            let seconds = u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX).max(1);
            Refusal::new(Code::TooManyRequests, detail).retry_after(seconds)
        }
        PublishError::KeyReused => Refusal::field(
            KEY_FIELD,
            "came with another request before; send a new one, or the same request",
        ),
        PublishError::NoApp => Refusal::new(Code::NotFound, "There is no script with this id."),
        PublishError::Store(StoreError::Unavailable(_)) => Refusal::new(
            Code::DatabaseUnavailable,
            "The database does not answer. Try again in a moment, with an Idempotency-Key if it must run once.",
        ),
        PublishError::Store(StoreError::Contended(_)) => Refusal::new(
            Code::DatabaseUnavailable,
            "Others changed the same at that moment. Try again, with an Idempotency-Key if it must run once.",
        ),
        PublishError::Store(StoreError::Full(_)) => {
            Refusal::new(Code::InsufficientStorage, "The server has no space left.")
        }
        PublishError::Store(error) => {
            tracing::error!(%error, "an asynchronous request was not kept");
            Refusal::new(
                Code::Internal,
                "The request could not be kept. The server's log says why.",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[track_caller]
    fn check(target: &str, prefer: &[&'static str], expected: bool) {
        let mut headers = HeaderMap::new();
        for value in prefer {
            headers.append(PREFER, HeaderValue::from_static(value));
        }
        let wanted = is_wanted(&target.parse().unwrap(), &headers);
        assert_eq!(wanted, expected, "{target} {prefer:?}");
    }

    fn caller_of(headers: &[(&'static str, &'static str)]) -> [u8; 32] {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        caller(&map, "http")
    }

    #[test]
    fn a_caller_is_the_same_whatever_other_cookies_come() {
        let nobody = caller_of(&[]);
        let user = caller_of(&[("cookie", "picloud_user=ada")]);
        let token = caller_of(&[("authorization", "Bearer ada")]);
        for (cookies, expected) in [
            ("theme=dark", nobody),
            ("picloud_user=", nobody),
            ("__Host-picloud_user=ada", nobody),
            ("theme=dark; picloud_user=ada", user),
        ] {
            let cookies = ("cookie", cookies);
            assert_eq!(caller_of(&[cookies]), expected, "{cookies:?}");
            let with_token = caller_of(&[cookies, ("authorization", "Bearer ada")]);
            assert_eq!(with_token, token, "{cookies:?}");
        }
        let different = BTreeSet::from([
            nobody,
            user,
            token,
            caller_of(&[("cookie", "picloud_user=bob")]),
            caller_of(&[("authorization", "Bearer bob")]),
        ]);
        assert_eq!(different.len(), 5);
    }

    #[test]
    fn a_client_says_that_it_does_not_wait() {
        check("/x", &[], false);
        check("/x?async=true", &[], true);
        check("/x?a=1&async=true", &[], true);
        check("/x?async=false&notasync=true", &[], false);
        check("/x", &["respond-async"], true);
        check("/x", &["return=minimal, Respond-Async; wait=10"], true);
        check("/x", &["return=minimal", "respond-async"], true);
        check("/x", &["wait=10"], false);
    }
}
