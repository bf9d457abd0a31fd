//! Subscriptions and schedules, as a part of their app's releases.

use picloud_shared::{
    bindings::{
        BINDINGS_MAX, Binding, BindingSpec, ScheduleSpec, ScheduledScript, Subscription, SubscriptionSpec,
    },
    events::{Batch, Destination, RetryPolicy},
    id::{AppId, ScriptId, SubscriptionId},
    page::PageRequest,
    release::{Bundle, BundleBinding, BundleDestination, BundleScript},
    repository::{
        AppRepository, BindingRepository, BindingUpdate, DeleteScriptError, DeployTerms,
        DeploymentRepository, Expected, ReleaseRepository, ScriptRepository, WriteBindingError,
    },
    schedule::{Policy, Schedule},
};
use picloud_store::Store;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, now, script},
};

cases! {
    what_was_made_is_listed_and_live,
    each_change_is_a_release,
    what_they_refer_to_is_there,
    a_script_that_is_started_stays,
    a_script_that_is_told_stays_and_what_was_there_is_not_asked_about,
    restoring_brings_them_back,
    a_bundle_has_all_of_them,
    two_change_names,
    there_is_a_most_of_each_kind,
    an_app_that_is_gone_has_none,
}

const ALL: PageRequest = PageRequest {
    limit: 100,
    after: None,
};

fn wanted(topic: &str) -> SubscriptionSpec {
    SubscriptionSpec {
        topic: topic.parse().unwrap(),
        filter: Some(json!({ "data.total": { "gte": 100 } })),
        ordered: true,
        batch: Some(Batch {
            events_max: 20,
            wait_ms: 500,
        }),
        concurrency_max: Some(4),
        retry: RetryPolicy {
            attempts_max: 3,
            ..RetryPolicy::default()
        },
        on_success: None,
        on_failure: Some(Destination::Topic("orders.dead".parse().unwrap())),
    }
}

fn nightly() -> ScheduleSpec {
    ScheduleSpec {
        schedule: Schedule::Cron {
            pattern: "0 3 * * *".parse().unwrap(),
            zone: "Europe/Rome".parse().unwrap(),
        },
        arguments: json!({ "deep": [1, null, "ä"] }),
        policy: Policy::default(),
        retry: RetryPolicy::default(),
        on_success: None,
        on_failure: None,
    }
}

fn binding<S>(app: AppId, script: ScriptId, name: &str, spec: S) -> Binding<S> {
    let at = now();
    Binding {
        id: SubscriptionId::new(at).0,
        app_id: app,
        name: name.to_owned(),
        script_id: script,
        is_paused: false,
        spec,
        created_at: at,
        updated_at: at,
    }
}

async fn make<S: BindingSpec>(
    store: &Store,
    app: AppId,
    script: ScriptId,
    name: &str,
    spec: S,
) -> Binding<S> {
    let new = binding(app, script, name, spec);
    store.create_binding(new, &change()).await.unwrap()
}

async fn subscriptions(store: &Store, app: AppId) -> Vec<Subscription> {
    let mut listed: Vec<Subscription> = store.list_bindings(app, ALL).await.unwrap().items;
    // Those of one bundle are made at one moment.
    listed.sort_by(|one, other| one.name.cmp(&other.name));
    listed
}

async fn schedules(store: &Store, app: AppId) -> Vec<ScheduledScript> {
    store.list_bindings(app, ALL).await.unwrap().items
}

fn names<S>(bindings: &[Binding<S>]) -> Vec<&str> {
    bindings.iter().map(|binding| binding.name.as_str()).collect()
}

async fn newest(store: &Store, app: AppId) -> (u32, String) {
    let releases = store.list_releases(app, 1, None).await.unwrap();
    (releases[0].number, releases[0].summary.clone())
}

async fn what_was_made_is_listed_and_live(mut bed: Bed) {
    let (one, two) = (app(&bed.store, "one").await.id, app(&bed.store, "two").await.id);
    let of_one = script(&bed.store, one, "hello").await.id;
    let of_two = script(&bed.store, two, "hello").await.id;
    let first = make(&bed.store, one, of_one, "same", wanted("orders.*")).await;
    let second = make(&bed.store, one, of_one, "the-other", wanted("*")).await;
    let timed = make(&bed.store, one, of_one, "same", nightly()).await;
    make(&bed.store, two, of_two, "same", wanted("*")).await;
    for _ in 0..2 {
        let expected = [first.clone(), second.clone()];
        assert_eq!(subscriptions(&bed.store, one).await, expected);
        assert_eq!(schedules(&bed.store, one).await, std::slice::from_ref(&timed));
        assert_eq!(schedules(&bed.store, two).await, []);
        let live = bed.store.live_release(one).await.unwrap().unwrap();
        assert_eq!(live.subscriptions, expected);
        assert_eq!(live.schedules, std::slice::from_ref(&timed));
        let all = bed.store.live_releases().await.unwrap();
        let same = all.into_iter().find(|release| release.app_id == one).unwrap();
        assert_eq!(
            (same.subscriptions, same.schedules),
            (live.subscriptions, live.schedules)
        );
        bed.reopen().await;
    }
    let found: Option<Subscription> = bed.store.find_binding(one, first.id).await.unwrap();
    assert_eq!(found, Some(first.clone()));
    let of_other_kind: Option<ScheduledScript> = bed.store.find_binding(one, first.id).await.unwrap();
    assert_eq!(of_other_kind, None);
    let of_other_app: Option<Subscription> = bed.store.find_binding(two, first.id).await.unwrap();
    assert_eq!(of_other_app, None);
    let page = PageRequest {
        limit: 1,
        after: None,
    };
    let page = BindingRepository::<SubscriptionSpec>::list_bindings(&bed.store, one, page)
        .await
        .unwrap();
    assert_eq!((names(&page.items), page.next), (vec!["same"], Some(first.id)));
    bed.finish().await;
}

async fn each_change_is_a_release(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let script = script(&bed.store, app, "hello").await.id;
    let made = make(&bed.store, app, script, "nightly", nightly()).await;
    let (first, summary) = newest(&bed.store, app).await;
    assert_eq!(summary, "schedule nightly created");
    let update = async |update: BindingUpdate| {
        let updated: Option<ScheduledScript> = bed
            .store
            .update_binding(app, made.id, update, &change())
            .await
            .unwrap();
        updated.unwrap()
    };
    let spec = Map::from_iter([
        ("arguments".to_owned(), json!(7)),
        ("policy".to_owned(), json!({ "overlap": "allow" })),
    ]);
    let changed = update(BindingUpdate {
        spec,
        ..BindingUpdate::default()
    })
    .await;
    assert_eq!(changed.spec.arguments, json!(7));
    assert_eq!(
        changed.spec.schedule, made.spec.schedule,
        "what is not named stays"
    );
    assert_eq!(
        newest(&bed.store, app).await,
        (first + 1, "schedule nightly changed".to_owned())
    );
    let same = update(BindingUpdate {
        name: Some("nightly".to_owned()),
        ..BindingUpdate::default()
    })
    .await;
    assert_eq!((same, newest(&bed.store, app).await.0), (changed, first + 1));
    for (is_paused, summary) in [
        (true, "schedule nightly paused"),
        (false, "schedule nightly resumed"),
    ] {
        update(BindingUpdate {
            is_paused: Some(is_paused),
            ..BindingUpdate::default()
        })
        .await;
        assert_eq!(newest(&bed.store, app).await.1, summary);
    }
    update(BindingUpdate {
        name: Some("daily".to_owned()),
        ..BindingUpdate::default()
    })
    .await;
    assert_eq!(
        newest(&bed.store, app).await.1,
        "schedule nightly renamed to daily"
    );
    let delete = async || {
        BindingRepository::<ScheduleSpec>::delete_binding(&bed.store, app, made.id, &change())
            .await
            .unwrap()
    };
    assert!(delete().await);
    assert_eq!(newest(&bed.store, app).await.1, "schedule daily deleted");
    let (last, _) = newest(&bed.store, app).await;
    assert!(!delete().await);
    let gone: Option<ScheduledScript> = bed
        .store
        .update_binding(app, made.id, BindingUpdate::default(), &change())
        .await
        .unwrap();
    assert_eq!((gone, newest(&bed.store, app).await.0), (None, last));
    let (_, manifest) = bed.store.find_release(app, first + 1).await.unwrap().unwrap();
    assert_eq!(manifest.schedules[0].spec.arguments, json!(7));
    bed.finish().await;
}

async fn what_they_refer_to_is_there(bed: Bed) {
    let (one, two) = (app(&bed.store, "one").await.id, app(&bed.store, "two").await.id);
    let own = script(&bed.store, one, "hello").await.id;
    let other = script(&bed.store, two, "hello").await.id;
    make(&bed.store, one, own, "taken", wanted("*")).await;
    let refused = async |binding: Subscription| {
        let created = bed.store.create_binding(binding, &change()).await;
        created.map(|binding| binding.name).unwrap_err()
    };
    let error = refused(binding(one, own, "taken", wanted("*"))).await;
    assert!(matches!(error, WriteBindingError::NameTaken), "{error:?}");
    let error = refused(binding(one, other, "new", wanted("*"))).await;
    assert!(matches!(error, WriteBindingError::NoScript), "{error:?}");
    let mut told = binding(one, own, "new", wanted("*"));
    told.spec.on_success = Some(Destination::Script(other));
    let error = refused(told).await;
    assert!(
        matches!(error, WriteBindingError::NoDestination { script, field: "on_success" } if script == other),
        "{error:?}"
    );
    let error = refused(binding(AppId(Uuid::from_u128(1)), own, "new", wanted("*"))).await;
    assert!(matches!(error, WriteBindingError::NoApp), "{error:?}");
    assert_eq!(names(&subscriptions(&bed.store, one).await), ["taken"]);
    bed.finish().await;
}

async fn a_script_that_is_started_stays(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let script = script(&bed.store, app, "hello").await.id;
    let timed = make(&bed.store, app, script, "nightly", nightly()).await;
    let wants = make(&bed.store, app, script, "orders", wanted("*")).await;
    let delete = async || bed.store.delete_script(script, &Expected::Any, &change()).await;
    match delete().await {
        Err(DeleteScriptError::Bound(bindings)) => {
            assert_eq!(bindings, ["schedule nightly", "subscription orders"]);
        }
        other => panic!("{other:?}"),
    }
    let deleted =
        BindingRepository::<ScheduleSpec>::delete_binding(&bed.store, app, timed.id, &change()).await;
    assert!(deleted.unwrap());
    let deleted =
        BindingRepository::<SubscriptionSpec>::delete_binding(&bed.store, app, wants.id, &change()).await;
    assert!(deleted.unwrap());
    assert!(delete().await.unwrap());
    bed.finish().await;
}

async fn a_script_that_is_told_stays_and_what_was_there_is_not_asked_about(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let (own, told) = (
        script(&bed.store, app, "hello").await.id,
        script(&bed.store, app, "told").await.id,
    );
    let mut wants = binding(app, own, "orders", wanted("*"));
    wants.spec.on_failure = Some(Destination::Script(told));
    let wants = bed.store.create_binding(wants, &change()).await.unwrap();
    // A filter that holds its id tells it nothing.
    let mut other = wanted("*");
    other.filter = Some(json!({ "data": told }));
    make(&bed.store, app, own, "filtered", other).await;
    match bed.store.delete_script(told, &Expected::Any, &change()).await {
        Err(DeleteScriptError::Bound(bindings)) => assert_eq!(bindings, ["subscription orders"]),
        other => panic!("{other:?}"),
    }
    let paused = BindingUpdate {
        is_paused: Some(true),
        ..BindingUpdate::default()
    };
    let updated =
        BindingRepository::<SubscriptionSpec>::update_binding(&bed.store, app, wants.id, paused, &change())
            .await;
    assert!(updated.unwrap().is_some_and(|updated| updated.is_paused));
    bed.finish().await;
}

async fn restoring_brings_them_back(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let script = script(&bed.store, app, "hello").await.id;
    let (empty, _) = newest(&bed.store, app).await;
    let wants = make(&bed.store, app, script, "orders", wanted("orders.*")).await;
    let timed = make(&bed.store, app, script, "nightly", nightly()).await;
    let (full, _) = newest(&bed.store, app).await;
    let restore = async |number| {
        let terms = DeployTerms::default();
        let deployed = bed.store.restore_release(app, number, terms, &change()).await;
        deployed.unwrap().unwrap().changes.summary()
    };
    assert_eq!(restore(empty).await, "1 subscription removed, 1 schedule removed");
    assert_eq!(subscriptions(&bed.store, app).await, []);
    assert_eq!(schedules(&bed.store, app).await, []);
    assert_eq!(restore(full).await, "1 subscription added, 1 schedule added");
    let back = subscriptions(&bed.store, app).await;
    assert_eq!((back[0].id, &back[0].spec), (wants.id, &wants.spec));
    let back = schedules(&bed.store, app).await;
    assert_eq!((back[0].id, &back[0].spec), (timed.id, &timed.spec));
    bed.finish().await;
}

fn bundle(scripts: &[&str], subscriptions: Option<Vec<BundleBinding<SubscriptionSpec>>>) -> Bundle {
    Bundle {
        scripts: scripts
            .iter()
            .map(|name| BundleScript {
                name: name.parse().unwrap(),
                description: String::new(),
                source: "1".into(),
                limits: picloud_shared::limits::Limits::DEFAULT,
            })
            .collect(),
        routes: Vec::new(),
        domains: None,
        config: None,
        subscriptions,
        schedules: None,
    }
}

fn bundled(name: &str, script: &str, topic: &str, told: Option<&str>) -> BundleBinding<SubscriptionSpec> {
    BundleBinding {
        name: name.to_owned(),
        script: script.parse().unwrap(),
        is_paused: false,
        spec: SubscriptionSpec {
            on_failure: None,
            ..wanted(topic)
        },
        on_success: told.map(|told| BundleDestination::Script(told.parse().unwrap())),
        on_failure: None,
    }
}

async fn a_bundle_has_all_of_them(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let deploy = async |bundle: Bundle| {
        let terms = DeployTerms::default();
        let deployed = bed.store.deploy_bundle(app, &bundle, terms, &change()).await;
        deployed.unwrap().unwrap().changes.summary()
    };
    let both = || {
        Some(vec![
            bundled("a", "one", "a", Some("two")),
            bundled("b", "two", "b", None),
        ])
    };
    assert_eq!(
        deploy(bundle(&["one", "two"], both())).await,
        "2 scripts added, 2 subscriptions added"
    );
    let first = subscriptions(&bed.store, app).await;
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(
        first[0].spec.on_success,
        Some(Destination::Script(first[1].script_id))
    );
    assert_eq!(
        deploy(bundle(&["one", "two"], both())).await,
        "",
        "nothing differs"
    );
    assert_eq!(deploy(bundle(&["one", "two"], None)).await, "", "they stay");
    let other = Some(vec![bundled("b", "one", "c", None)]);
    assert_eq!(
        deploy(bundle(&["one", "two"], other)).await,
        "1 subscription changed, 1 removed"
    );
    let second = subscriptions(&bed.store, app).await;
    assert_eq!((second.len(), second[0].id), (1, first[1].id));
    assert_eq!(
        deploy(bundle(&["two"], None)).await,
        "1 script removed, 1 subscription removed",
        "without its script none stays"
    );
    bed.finish().await;
}

async fn two_change_names(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let script = script(&bed.store, app, "hello").await.id;
    let one = make(&bed.store, app, script, "one", wanted("a")).await;
    let two = make(&bed.store, app, script, "two", wanted("b")).await;
    let (before, _) = newest(&bed.store, app).await;
    for (id, name) in [(one.id, "between"), (two.id, "one"), (one.id, "two")] {
        let update = BindingUpdate {
            name: Some(name.to_owned()),
            ..BindingUpdate::default()
        };
        let updated: Option<Subscription> = bed
            .store
            .update_binding(app, id, update, &change())
            .await
            .unwrap();
        assert_eq!(updated.unwrap().name, name);
    }
    let terms = DeployTerms::default();
    let restored = bed.store.restore_release(app, before, terms, &change()).await;
    assert_eq!(
        restored.unwrap().unwrap().changes.summary(),
        "2 subscriptions changed"
    );
    assert_eq!(names(&subscriptions(&bed.store, app).await), ["one", "two"]);
    bed.finish().await;
}

async fn there_is_a_most_of_each_kind(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    bundle_of_many(&bed, app).await;
    let script = subscriptions(&bed.store, app).await[0].script_id;
    let more = binding(app, script, "more", wanted("a"));
    let refused = bed.store.create_binding(more, &change()).await;
    assert!(matches!(refused, Err(WriteBindingError::TooMany)), "{refused:?}");
    let mut large = nightly();
    large.arguments = Value::String("x".repeat(picloud_shared::bindings::BINDINGS_BYTES_MAX));
    let refused = bed
        .store
        .create_binding(binding(app, script, "large", large), &change())
        .await;
    assert!(matches!(refused, Err(WriteBindingError::TooLarge)), "{refused:?}");
    make(&bed.store, app, script, "nightly", nightly()).await;
    assert_eq!(names(&schedules(&bed.store, app).await), ["nightly"]);
    bed.finish().await;
}

/// An app with as many subscriptions as it may have.
async fn bundle_of_many(bed: &Bed, app: AppId) {
    let many = (0..BINDINGS_MAX).map(|number| bundled(&format!("s{number}"), "one", "a", None));
    let bundle = bundle(&["one"], Some(many.collect()));
    let terms = DeployTerms::default();
    let deployed = bed.store.deploy_bundle(app, &bundle, terms, &change()).await;
    deployed.unwrap().unwrap();
}

async fn an_app_that_is_gone_has_none(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let script = script(&bed.store, app, "hello").await.id;
    make(&bed.store, app, script, "orders", wanted("*")).await;
    make(&bed.store, app, script, "nightly", nightly()).await;
    assert!(bed.store.delete_app(app, true, &change()).await.unwrap());
    assert_eq!(bed.raw().await.number("SELECT count(*) FROM bindings").await, 0);
    bed.finish().await;
}
