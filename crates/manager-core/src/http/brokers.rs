//! `/api/v1/admin/apps/{app}/brokers`: the MQTT brokers that an app is connected to. Their passwords go in and never come
//! out.

use axum::{Json, extract::State};
use http::StatusCode;
use picloud_shared::{
    mqtt::{
        BROKER_CA_BYTES_MAX, BROKER_PASSWORD_BYTES_MAX, BROKER_USERNAME_BYTES_MAX, BROKERS_PER_APP_MAX,
        Broker, BrokerName, BrokerSettings, BrokerState, BrokerUrl, CLIENT_ID_BYTES_MAX,
        FILTERS_PER_BROKER_MAX, KEEP_ALIVE_S_DEFAULT, KEEP_ALIVE_S_MAX, KEEP_ALIVE_S_MIN, MqttVersion, Qos,
        Subscribed,
    },
    problem::Code,
    repository::PutBrokerError,
    seam::BrokerTable,
    secret::SecretText,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    access::Caller,
    extract::{AppPath, BrokerNameText, InPath, JsonBody},
    list::List,
    problem::{Answer, FieldError, Refusal, invalid, not_found, problem, problems},
    validate::{Violations, or_default},
};
use crate::Manager;

/// What a text in UTF-8 may begin with.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A broker of an app, and how the connection to it is. Nobody sees its password.
#[derive(Serialize, ToSchema)]
#[schema(as = Broker)]
pub(crate) struct BrokerBody {
    #[schema(example = "home")]
    name: String,
    #[schema(example = "mqtt://broker.example.com:1883")]
    url: String,
    /// The only authorities whose certificates are trusted, in PEM; null for those that browsers trust.
    #[schema(required)]
    ca: Option<String>,
    /// The version of MQTT: `3.1.1` or `5`.
    #[schema(example = "5")]
    version: &'static str,
    /// What the app calls itself there.
    #[schema(example = "pcbcceb302099a80570001")]
    client_id: String,
    /// Who signs in there; null if nobody does.
    #[schema(required, example = "shop")]
    username: Option<String>,
    #[schema(example = 60)]
    keep_alive_s: u16,
    filters: Vec<BrokerFilterBody>,
    /// Whether there is no connection for now.
    is_paused: bool,
    state: BrokerStateBody,
    /// How many messages of scripts wait for it.
    #[schema(example = 0)]
    waiting: u64,
    /// When it was set.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Who set it.
    #[schema(required, example = "ada")]
    updated_by: Option<String>,
}

/// Messages on which topics become events.
#[derive(Serialize, ToSchema)]
#[schema(as = BrokerFilter)]
struct BrokerFilterBody {
    #[schema(example = "sensors/+/temperature")]
    filter: String,
    /// At most in which quality: 0 or 1.
    #[schema(example = 1)]
    qos: u8,
}

/// How the connection to a broker is, as the server knows that answers.
#[derive(Serialize, ToSchema)]
#[schema(as = BrokerState)]
struct BrokerStateBody {
    /// `connected`, also where the broker hears not all filters: `error` then names one; `connecting`, also while it waits
    /// for the next try; `held`: no message is taken from it, because as many events of the app wait as may, or the database is
    /// away; `paused`; or `elsewhere`: another server has the connection.
    #[schema(example = "connected")]
    status: &'static str,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// What last went wrong with the connection; null if nothing did.
    #[schema(
        required,
        example = "the broker does not take this user name and password (code 134)"
    )]
    error: Option<String>,
    /// When that was.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    error_at: Option<Timestamp>,
    /// Messages that could not become events, and messages that the broker did not take, since the server runs or the broker
    /// was last set.
    #[schema(example = 0)]
    refused: u64,
    /// Why the last of them was not taken.
    #[schema(
        required,
        example = "a message on `camera` has 400000 bytes; 262144 are the most"
    )]
    refusal: Option<String>,
}

impl BrokerBody {
    fn new(broker: Broker, state: BrokerState) -> Self {
        let client_id = broker.client_id();
        let settings = broker.settings;
        let filters = settings.filters.into_iter().map(|one| BrokerFilterBody {
            filter: one.filter.to_string(),
            qos: one.qos.number(),
        });
        Self {
            name: broker.name.to_string(),
            url: settings.url.to_string(),
            ca: settings.ca,
            version: settings.version.as_str(),
            client_id,
            username: settings.username,
            keep_alive_s: settings.keep_alive_s,
            filters: filters.collect(),
            is_paused: settings.is_paused,
            state: BrokerStateBody {
                status: state.status.as_str(),
                since: state.since,
                error: state.error,
                error_at: state.error_at,
                refused: state.refused,
                refusal: state.refusal,
            },
            waiting: broker.waiting,
            updated_at: broker.updated_at,
            updated_by: broker.updated_by,
        }
    }

    fn of(manager: &Manager, broker: Broker) -> Self {
        let state = manager.brokers().state(&broker);
        Self::new(broker, state)
    }
}

problems!(ListBrokersProblems: NotFound);

/// List an app's brokers
///
/// By name, all on one page, without their passwords, and how the connection to each is.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/brokers",
    tag = "events",
    responses((status = 200, description = "The brokers", body = List<BrokerBody>), ListBrokersProblems),
)]
pub(crate) async fn list_brokers(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
) -> Answer<Json<List<BrokerBody>>> {
    let brokers = manager.repository().list_brokers(app.id).await?;
    let brokers = brokers.into_iter().map(|broker| BrokerBody::of(&manager, broker));
    Ok(Json(List::whole(brokers.collect())))
}

problems!(GetBrokerProblems: NotFound);

/// Get a broker
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/brokers/{broker}",
    tag = "events",
    responses((status = 200, description = "The broker", body = BrokerBody), GetBrokerProblems),
)]
pub(crate) async fn get_broker(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    InPath(BrokerNameText(name)): InPath<BrokerNameText>,
) -> Answer<Json<BrokerBody>> {
    let name: BrokerName = name.parse().map_err(|_| not_found("broker"))?;
    let broker = manager.repository().find_broker(app.id, &name).await?;
    let broker = broker.ok_or_else(|| not_found("broker"))?;
    Ok(Json(BrokerBody::of(&manager, broker)))
}

problems!(PutBrokerProblems: NotFound, LimitReached);

/// A broker.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutBroker {
    /// `mqtt://` or `mqtts://`, a host or an address, and a port unless it is 1883 or 8883.
    #[schema(example = "mqtt://broker.example.com:1883")]
    url: String,
    /// The only authorities whose certificates are trusted, in PEM, for a broker with a certificate that browsers do not trust;
    /// null or not given for those that they do.
    #[serde(default)]
    ca: Option<String>,
    /// The version of MQTT: `3.1.1` or `5`; `3.1.1` unless given.
    #[serde(default)]
    #[schema(example = "5")]
    version: Option<String>,
    /// What the app calls itself there; something unique unless it is given.
    #[serde(default)]
    #[schema(example = "picloud-shop")]
    client_id: Option<String>,
    /// Who signs in there; null or not given for nobody.
    #[serde(default)]
    #[schema(example = "shop")]
    username: Option<String>,
    /// Their password there. Not given or null, the one that is set stays, if URL, authorities and user name do.
    #[serde(default)]
    #[schema(value_type = Option<String>, write_only, example = "a fine password")]
    password: Option<SecretText>,
    /// After how many seconds of silence the connection says that it is there; 60 unless it is given.
    #[serde(default)]
    #[schema(example = 60)]
    keep_alive_s: Option<u16>,
    /// Messages on which topics become events; none if it is not given.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(nullable)]
    filters: Vec<SetBrokerFilter>,
    /// Whether there is no connection for now.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(nullable)]
    is_paused: bool,
}

/// Messages on which topics become events.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetBrokerFilter {
    /// Levels with slashes between them: `+` stands for any one, and `#`, at the end, for all that follow.
    #[schema(example = "sensors/+/temperature")]
    filter: String,
    /// 0: messages may get lost on their way; or 1, the default: they arrive at least once.
    #[serde(default)]
    #[schema(example = 1)]
    qos: Option<u8>,
}

/// Set a broker
///
/// A new one, or other settings for one that is there. The connection is made, or made anew, at once; how it is stands in
/// `state`. A broker at an address that is not public has to be on the app's list of where scripts may connect to. The
/// password is encrypted in the database, and no operation shows it. An app has at most 4 brokers.
#[utoipa::path(
    put,
    path = "/api/v1/admin/apps/{app}/brokers/{broker}",
    tag = "events",
    request_body = PutBroker,
    responses((status = 200, description = "Set", body = BrokerBody), PutBrokerProblems),
)]
pub(crate) async fn put_broker(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(BrokerNameText(name)): InPath<BrokerNameText>,
    JsonBody(body): JsonBody<PutBroker>,
) -> Answer<Json<BrokerBody>> {
    let (name, settings) = read(&name, &body, manager.brokers())?;
    let change = caller.change(&manager, None);
    let broker = manager
        .repository()
        .put_broker(app.id, &name, &settings, body.password.as_ref(), &change)
        .await
        .map_err(refusal)?;
    manager.brokers().refresh(app.id, false).await;
    tracing::info!(app.id = %app.id, broker = %name, "broker of an app set");
    Ok(Json(BrokerBody::of(&manager, broker)))
}

fn read(name: &str, body: &PutBroker, brokers: &dyn BrokerTable) -> Answer<(BrokerName, BrokerSettings)> {
    let mut violations = Violations::default();
    let name = violations.parse("name", name);
    let url: Option<BrokerUrl> = violations.parse("url", &body.url);
    // Some programs begin a file with a mark that is no part of the text.
    let ca = body.ca.as_deref();
    let ca = ca.map(|ca| ca.strip_prefix(BYTE_ORDER_MARK).unwrap_or(ca));
    if let Some(ca) = ca {
        violations.require(
            ca.len() <= BROKER_CA_BYTES_MAX && !ca.contains('\0') && brokers.takes_authorities(ca),
            "ca",
            format!("must be certificates in PEM and nothing else, of at most {BROKER_CA_BYTES_MAX} bytes"),
        );
        violations.require(
            url.as_ref().is_none_or(|url| url.is_secure),
            "url",
            "must begin with mqtts:// where there is a `ca`",
        );
    }
    let version = body.version.as_deref().unwrap_or(MqttVersion::V3.as_str());
    let version = violations.parse("version", version);
    let keep_alive_s = body.keep_alive_s.unwrap_or(KEEP_ALIVE_S_DEFAULT);
    violations.require(
        (KEEP_ALIVE_S_MIN..=KEEP_ALIVE_S_MAX).contains(&keep_alive_s),
        "keep_alive_s",
        format!("must be {KEEP_ALIVE_S_MIN} to {KEEP_ALIVE_S_MAX}"),
    );
    let fits = |text: &str, most| (1..=most).contains(&text.len()) && !text.contains(char::is_control);
    let password = body.password.as_ref().map(SecretText::expose);
    for (field, text, most) in [
        ("client_id", body.client_id.as_deref(), CLIENT_ID_BYTES_MAX),
        ("username", body.username.as_deref(), BROKER_USERNAME_BYTES_MAX),
        ("password", password, BROKER_PASSWORD_BYTES_MAX),
    ] {
        violations.require(
            text.is_none_or(|text| fits(text, most)),
            field,
            format!("must have 1 to {most} bytes and no control characters"),
        );
    }
    violations.require(
        body.username.is_some() || password.is_none(),
        "username",
        "is needed with a password",
    );
    let filters = filters(&mut violations, &body.filters);
    let read = name.zip(url).zip(version).zip(filters);
    let (((name, url), version), filters) = violations.finish_with(read)?;
    let settings = BrokerSettings {
        url,
        ca: ca.map(str::to_owned),
        version,
        client_id: body.client_id.clone(),
        username: body.username.clone(),
        keep_alive_s,
        filters,
        is_paused: body.is_paused,
    };
    Ok((name, settings))
}

/// What is wanted: each filter once, in the better quality if it is there twice.
fn filters(violations: &mut Violations, bodies: &[SetBrokerFilter]) -> Option<Vec<Subscribed>> {
    violations.require(
        bodies.len() <= FILTERS_PER_BROKER_MAX,
        "filters",
        format!("must have at most {FILTERS_PER_BROKER_MAX} filters"),
    );
    let mut filters: Vec<Subscribed> = Vec::new();
    let mut is_well = true;
    for (index, body) in bodies.iter().take(FILTERS_PER_BROKER_MAX).enumerate() {
        let filter = violations.parse(&format!("filters[{index}].filter"), &body.filter);
        let qos = Qos::of(body.qos.unwrap_or(1).into());
        violations.require(qos.is_some(), &format!("filters[{index}].qos"), "must be 0 or 1");
        let Some((filter, qos)) = filter.zip(qos) else {
            is_well = false;
            continue;
        };
        match filters.iter_mut().find(|other| other.filter == filter) {
            Some(other) => other.qos = other.qos.max(qos),
            None => filters.push(Subscribed { filter, qos }),
        }
    }
    is_well.then_some(filters)
}

fn refusal(error: PutBrokerError) -> Refusal {
    match error {
        PutBrokerError::PasswordNeeded => invalid(&[FieldError {
            field: "password".to_owned(),
            message: "is needed: the one that is set is for another URL, user name or authority".to_owned(),
        }]),
        PutBrokerError::TooMany => problem(
            Code::LimitReached,
            format!("An app has at most {BROKERS_PER_APP_MAX} brokers. Delete one first."),
        ),
        PutBrokerError::NoApp => not_found("app"),
        PutBrokerError::Store(error) => error.into(),
    }
}

problems!(DeleteBrokerProblems: NotFound);

/// Delete a broker
///
/// The connection ends, the broker is told to keep nothing, and messages that wait for it are dropped. Where there is no
/// connection, as to one that is paused or away, nobody tells it: it keeps what it has for the client id until it forgets
/// that by itself, with MQTT 5 after a week.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/apps/{app}/brokers/{broker}",
    tag = "events",
    responses((status = 204, description = "Deleted"), DeleteBrokerProblems),
)]
pub(crate) async fn delete_broker(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(BrokerNameText(name)): InPath<BrokerNameText>,
) -> Answer<StatusCode> {
    let name: BrokerName = name.parse().map_err(|_| not_found("broker"))?;
    let change = caller.change(&manager, None);
    if !manager.repository().delete_broker(app.id, &name, &change).await? {
        return Err(not_found("broker"));
    }
    manager.brokers().refresh(app.id, false).await;
    tracing::info!(app.id = %app.id, broker = %name, "broker of an app deleted");
    Ok(StatusCode::NO_CONTENT)
}
