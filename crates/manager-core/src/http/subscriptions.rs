//! `/api/v1/admin/apps/{app}/subscriptions`: which scripts run for which events. They are part of the app's releases.

use axum::{Json, extract::State, response::IntoResponse};
use http::{StatusCode, header};
use picloud_shared::{
    bindings::{BindingSpec as _, Subscription, SubscriptionSpec},
    id::{ScriptId, SubscriptionId},
    repository::{BindingRepository, BindingUpdate},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    access::Caller,
    bindings::{
        name,
        parts::{
            BatchBody, DestinationBody, RetryBody, SetBatch, SetDestination, SetRetry, filter, pattern,
            runs_max,
        },
        update::Update,
        write_refusal,
    },
    extract::{AppPath, InPath, JsonBody, QueryParams},
    list::{List, ListQuery},
    problem::{Answer, not_found, problems},
    validate::{Object, Violations, id, object, object_or_default, or_default, present, present_id},
};
use crate::Manager;

/// A script that runs for each event on some topics.
#[derive(Serialize, ToSchema)]
#[schema(as = Subscription)]
pub(crate) struct SubscriptionBody {
    id: Uuid,
    app_id: Uuid,
    #[schema(example = "orders-to-mail")]
    name: String,
    script_id: Uuid,
    /// A topic, or the beginning of topics and `*`.
    #[schema(example = "orders.*")]
    topic: String,
    /// Which of their events, as a filter of documents over `topic`, `subject`, `source`, `key` and `data`; null for all.
    #[schema(required, value_type = Option<Value>)]
    filter: Option<Value>,
    /// Whether events with the same key run one after the other.
    ordered: bool,
    /// Whether a run gets several events; null if each gets one.
    #[schema(required)]
    batch: Option<BatchBody>,
    /// How many runs for it may be going at one time; null if only its script bounds them.
    #[schema(required, example = 4)]
    concurrency_max: Option<u32>,
    retry: RetryBody,
    /// Who is told of each event that is done; null for nobody.
    #[schema(required)]
    on_success: Option<DestinationBody>,
    /// Who is told of each event that is dead; null for nobody.
    #[schema(required)]
    on_failure: Option<DestinationBody>,
    /// Whether events pass it by at present.
    is_paused: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<Subscription> for SubscriptionBody {
    fn from(subscription: Subscription) -> Self {
        let spec = subscription.spec;
        Self {
            id: subscription.id,
            app_id: subscription.app_id.0,
            name: subscription.name,
            script_id: subscription.script_id.0,
            topic: spec.topic.as_str().to_owned(),
            filter: spec.filter,
            ordered: spec.ordered,
            batch: spec.batch.map(Into::into),
            concurrency_max: spec.concurrency_max,
            retry: spec.retry.into(),
            on_success: spec.on_success.map(Into::into),
            on_failure: spec.on_failure.map(Into::into),
            is_paused: subscription.is_paused,
            created_at: subscription.created_at,
            updated_at: subscription.updated_at,
        }
    }
}

problems!(ListSubscriptionsProblems: NotFound);

/// List an app's subscriptions
///
/// Oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/subscriptions",
    tag = "events",
    params(ListQuery),
    responses(
        (status = 200, description = "A page of subscriptions", body = List<SubscriptionBody>),
        ListSubscriptionsProblems,
    ),
)]
pub(crate) async fn list_subscriptions(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<ListQuery>,
) -> Answer<Json<List<SubscriptionBody>>> {
    let subscriptions = stored(&manager).list_bindings(app.id, query.page()?).await?;
    Ok(Json(List::of(subscriptions, SubscriptionBody::from)))
}

problems!(CreateSubscriptionProblems: NotFound, NameTaken, LimitReached, LoopDetected);

/// A new subscription.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateSubscription {
    /// 1 to 64 letters, digits, `-`, `_` or `.`; unique among the subscriptions of the app.
    #[schema(example = "orders-to-mail")]
    name: String,
    /// Which script runs.
    #[serde(deserialize_with = "id")]
    script_id: Uuid,
    /// A topic, or the beginning of topics and `*`. `picloud.*` is what PiCloud tells of itself.
    #[schema(example = "orders.*")]
    topic: String,
    /// Only events that fit, by a filter of documents over `topic`, `subject`, `source`, `key` and `data`; all if absent.
    #[serde(default)]
    #[schema(value_type = Option<Value>, example = json!({ "data.total": { "gte": 100 } }))]
    filter: Option<Value>,
    /// Whether events with the same key run one after the other, in the order in which they were accepted.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(nullable)]
    ordered: bool,
    /// Whether a run gets several events; one event a run if absent.
    #[serde(default, deserialize_with = "object")]
    batch: Option<SetBatch>,
    /// How many runs for it may be going at one time, on all servers together: 1 to 1,000. As many as its script may, if
    /// absent.
    #[serde(default)]
    concurrency_max: Option<u32>,
    #[serde(default, deserialize_with = "object_or_default")]
    #[schema(nullable)]
    retry: SetRetry,
    /// Who is told of each event that is done.
    #[serde(default, deserialize_with = "object")]
    on_success: Option<SetDestination>,
    /// Who is told of each event that is dead.
    #[serde(default, deserialize_with = "object")]
    on_failure: Option<SetDestination>,
    /// Whether events pass it by for now.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(nullable)]
    is_paused: bool,
}

/// Make a subscription
///
/// From now on, the script runs for each event on the topics. A release of the app, as is every change of it. An app has
/// at most 200 subscriptions with 256 KiB together.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/subscriptions",
    tag = "events",
    request_body = CreateSubscription,
    responses(
        (status = 201, description = "Made", body = SubscriptionBody),
        CreateSubscriptionProblems,
    ),
)]
pub(crate) async fn create_subscription(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    JsonBody(body): JsonBody<CreateSubscription>,
) -> Answer<impl IntoResponse> {
    let mut violations = Violations::default();
    name(&mut violations, &body.name);
    let topic = pattern(&mut violations, &body.topic);
    let filter = filter(&mut violations, body.filter);
    let batch = body.batch.map(|batch| batch.read(&mut violations));
    let concurrency_max = runs_max(&mut violations, body.concurrency_max);
    let retry = body.retry.read(&mut violations);
    let on_success = body
        .on_success
        .and_then(|to| to.read("on_success", &mut violations));
    let on_failure = body
        .on_failure
        .and_then(|to| to.read("on_failure", &mut violations));
    let topic = violations.finish_with(topic)?;

    let change = caller.change(&manager, None);
    let subscription = Subscription {
        id: SubscriptionId::new(change.at).0,
        app_id: app.id,
        name: body.name,
        script_id: ScriptId(body.script_id),
        is_paused: body.is_paused,
        spec: SubscriptionSpec {
            topic,
            filter,
            ordered: body.ordered,
            batch,
            concurrency_max,
            retry,
            on_success,
            on_failure,
        },
        created_at: change.at,
        updated_at: change.at,
    };
    let created = stored(&manager).create_binding(subscription, &change).await;
    let created = created.map_err(|error| write_refusal(error, SubscriptionSpec::KIND))?;
    manager.publish(app.id).await;
    let location = format!("/api/v1/admin/apps/{}/subscriptions/{}", app.id, created.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(SubscriptionBody::from(created)),
    ))
}

problems!(GetSubscriptionProblems: NotFound);

/// Get a subscription
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/subscriptions/{subscription}",
    tag = "events",
    responses(
        (status = 200, description = "The subscription", body = SubscriptionBody),
        GetSubscriptionProblems,
    ),
)]
pub(crate) async fn get_subscription(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    InPath(subscription): InPath<SubscriptionId>,
) -> Answer<Json<SubscriptionBody>> {
    let found = stored(&manager).find_binding(app.id, subscription.0).await?;
    let found = found.ok_or_else(|| not_found("subscription"))?;
    Ok(Json(found.into()))
}

problems!(UpdateSubscriptionProblems: NotFound, NameTaken, LimitReached, LoopDetected);

/// What to change in a subscription; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateSubscription {
    #[serde(default)]
    name: Option<String>,
    /// Another script of the app.
    #[serde(default, deserialize_with = "present_id")]
    #[schema(value_type = Uuid)]
    script_id: Option<Uuid>,
    #[serde(default)]
    topic: Option<String>,
    /// Another filter; null for every event.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Value>)]
    filter: Option<Value>,
    #[serde(default)]
    ordered: Option<bool>,
    /// Whether a run gets several events; null for one event a run. Also for what waits already.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<SetBatch>)]
    #[expect(clippy::option_option, reason = "absent and null mean different things")]
    batch: Option<Option<Object<SetBatch>>>,
    /// How many runs for it may be going at one time; null if only its script bounds them. Also for what waits already.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>)]
    #[expect(clippy::option_option, reason = "absent and null mean different things")]
    concurrency_max: Option<Option<u32>>,
    /// The whole policy.
    #[serde(default, deserialize_with = "object")]
    retry: Option<SetRetry>,
    /// Somebody else who is told of each event that is done; null for nobody.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<SetDestination>)]
    #[expect(clippy::option_option, reason = "absent and null mean different things")]
    on_success: Option<Option<Object<SetDestination>>>,
    /// Somebody else who is told of each event that is dead; null for nobody.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<SetDestination>)]
    #[expect(clippy::option_option, reason = "absent and null mean different things")]
    on_failure: Option<Option<Object<SetDestination>>>,
    /// Whether events pass it by.
    #[serde(default)]
    is_paused: Option<bool>,
}

/// Change a subscription
///
/// By the rules of a new one. Events that were accepted before are delivered as it was then, but for `batch` and
/// `concurrency_max`, which count from now on.
#[utoipa::path(
    patch,
    path = "/api/v1/admin/apps/{app}/subscriptions/{subscription}",
    tag = "events",
    request_body = UpdateSubscription,
    responses(
        (status = 200, description = "Changed", body = SubscriptionBody),
        UpdateSubscriptionProblems,
    ),
)]
pub(crate) async fn update_subscription(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(subscription): InPath<SubscriptionId>,
    JsonBody(body): JsonBody<UpdateSubscription>,
) -> Answer<Json<SubscriptionBody>> {
    let update = read_update(body)?;
    let change = caller.change(&manager, None);
    let updated = stored(&manager)
        .update_binding(app.id, subscription.0, update, &change)
        .await
        .map_err(|error| write_refusal(error, SubscriptionSpec::KIND))?;
    let updated = updated.ok_or_else(|| not_found("subscription"))?;
    manager.publish(app.id).await;
    Ok(Json(updated.into()))
}

fn read_update(body: UpdateSubscription) -> Answer<BindingUpdate> {
    let mut update = Update::new(body.name);
    if let Some(topic) = &body.topic
        && let Some(topic) = pattern(&mut update.violations, topic)
    {
        update.set("topic", &topic);
    }
    if let Some(new) = body.filter {
        let new = filter(&mut update.violations, Some(new));
        update.set("filter", &new);
    }
    if let Some(ordered) = body.ordered {
        update.set("ordered", &ordered);
    }
    if let Some(batch) = body.batch {
        let batch = batch.map(|Object(batch)| batch.read(&mut update.violations));
        update.set("batch", &batch);
    }
    if let Some(most) = body.concurrency_max {
        let most = runs_max(&mut update.violations, most);
        update.set("concurrency_max", &most);
    }
    if let Some(retry) = &body.retry {
        update.set_retry(retry);
    }
    if let Some(destination) = body.on_success {
        update.set_destination("on_success", destination);
    }
    if let Some(destination) = body.on_failure {
        update.set_destination("on_failure", destination);
    }
    update.finish(body.script_id, body.is_paused)
}

problems!(DeleteSubscriptionProblems: NotFound, LoopDetected);

/// Delete a subscription
///
/// Its script stays, and so do the events that were accepted for it: they are still delivered, each on its own and without
/// its `concurrency_max`. Where that matters, pause it, and delete it once nothing waits for it.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/apps/{app}/subscriptions/{subscription}",
    tag = "events",
    responses((status = 204, description = "Deleted"), DeleteSubscriptionProblems),
)]
pub(crate) async fn delete_subscription(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(subscription): InPath<SubscriptionId>,
) -> Answer<StatusCode> {
    let change = caller.change(&manager, None);
    if !stored(&manager)
        .delete_binding(app.id, subscription.0, &change)
        .await?
    {
        return Err(not_found("subscription"));
    }
    manager.publish(app.id).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Where subscriptions are.
fn stored(manager: &Manager) -> &dyn BindingRepository<SubscriptionSpec> {
    manager.repository()
}
