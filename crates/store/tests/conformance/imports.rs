//! What scripts import of each other is there, whoever writes at the same time.

use std::sync::Arc;

use picloud_shared::{
    id::AppId,
    limits::Limits,
    modules::{LinkFault, Linker},
    release::{Bundle, BundleScript},
    repository::{
        Checked, DeleteScriptError, DeployError, DeployTerms, DeploymentRepository, Expected, NewScript,
        ReleaseRepository, ScriptRepository, ScriptUpdate, WriteScriptError,
    },
    script::{Script, ScriptName},
};

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, fifty_at_once, new_script},
};

cases! {
    a_live_script_has_what_it_imports,
    what_is_not_there_is_not_imported,
    a_script_that_is_imported_keeps_its_name_and_stays,
    a_bundle_is_whole_or_not_at_all,
    of_those_that_import_each_other_at_one_time_the_last_is_refused,
    a_source_is_written_only_where_it_would_be_checked_with_the_same,
    a_source_that_nothing_is_around_is_written_whoever_else_writes,
}

fn importing(name: &str) -> String {
    format!("import \"{name}\" as m;")
}

fn source(text: &str) -> ScriptUpdate {
    ScriptUpdate {
        source: Some(Arc::from(text)),
        ..ScriptUpdate::default()
    }
}

async fn made(bed: &Bed, app: AppId, name: &str, source: &str) -> Script {
    bed.store
        .create_script(new_script(app, name, source), &change())
        .await
        .unwrap()
}

/// With what a source is checked that this script is to have.
async fn checked(bed: &Bed, app: AppId, script: &str, source: &str) -> Option<Checked> {
    let live = bed.store.live_release(app).await.unwrap().unwrap();
    let sources = live.scripts.iter();
    let mut scripts = Linker::new(sources.map(|script| (script.name.clone(), Arc::clone(&script.source))));
    let script: ScriptName = script.parse().unwrap();
    scripts.put(script.clone(), Arc::from(source));
    Some(Checked {
        release: live.number,
        around: scripts.around(&script).unwrap(),
    })
}

#[track_caller]
fn assert_outdated<T: std::fmt::Debug>(written: &Result<T, WriteScriptError>) {
    assert!(matches!(written, Err(WriteScriptError::Outdated)), "{written:?}");
}

async fn a_live_script_has_what_it_imports(bed: Bed) {
    let app = app(&bed.store, "one").await;
    made(&bed, app.id, "base", "fn f() { 1 }").await;
    made(&bed, app.id, "tools", &importing("base")).await;
    made(&bed, app.id, "main", &importing("tools")).await;
    let modules = |release: picloud_shared::release::LiveRelease, name: &str| {
        let script = release.scripts.iter().find(|script| script.name.as_str() == name);
        script.unwrap().modules.clone()
    };
    let live = bed.store.live_release(app.id).await.unwrap().unwrap();
    let of_main = modules(live.clone(), "main").unwrap();
    let names: Vec<_> = of_main
        .in_order
        .iter()
        .map(|module| module.name.as_str())
        .collect();
    assert_eq!(names, ["base", "tools"]);
    assert_eq!(&*of_main.in_order[0].source, "fn f() { 1 }");
    assert_eq!(modules(live, "base"), None);
    let all = bed.store.live_releases().await.unwrap();
    assert_eq!(modules(all.into_iter().next().unwrap(), "main"), Some(of_main));
}

async fn what_is_not_there_is_not_imported(bed: Bed) {
    let app = app(&bed.store, "one").await;
    let unknown = bed
        .store
        .create_script(new_script(app.id, "main", &importing("base")), &change())
        .await;
    assert!(
        matches!(unknown, Err(WriteScriptError::Imports(LinkFault::Unknown { .. }))),
        "{unknown:?}"
    );
    let base = made(&bed, app.id, "base", "").await;
    made(&bed, app.id, "main", &importing("base")).await;
    let circle = bed
        .store
        .update_script(base.id, source(&importing("main")), &change())
        .await;
    let Err(WriteScriptError::Imports(LinkFault::Cycle { path })) = circle else {
        panic!("{circle:?}");
    };
    assert_eq!(path, ["base", "main", "base"]);
    assert_eq!(bed.store.find_script(base.id).await.unwrap(), Some(base));
}

async fn a_script_that_is_imported_keeps_its_name_and_stays(bed: Bed) {
    let app = app(&bed.store, "one").await;
    let base = made(&bed, app.id, "base", "").await;
    let main = made(&bed, app.id, "main", &importing("base")).await;
    let rename = ScriptUpdate {
        name: Some("other".parse().unwrap()),
        ..ScriptUpdate::default()
    };
    let renamed = bed.store.update_script(base.id, rename.clone(), &change()).await;
    assert!(
        matches!(&renamed, Err(WriteScriptError::Imported(by)) if by[0].as_str() == "main"),
        "{renamed:?}"
    );
    let deleted = bed.store.delete_script(base.id, &Expected::Any, &change()).await;
    assert!(
        matches!(&deleted, Err(DeleteScriptError::Imported(by)) if by[0].as_str() == "main"),
        "{deleted:?}"
    );
    bed.store
        .update_script(main.id, source("1"), &change())
        .await
        .unwrap();
    bed.store.update_script(base.id, rename, &change()).await.unwrap();
    assert!(
        bed.store
            .delete_script(base.id, &Expected::Any, &change())
            .await
            .unwrap()
    );
    let back = bed
        .store
        .rollback_script(main.id, 1, &Expected::Any, None, &change())
        .await;
    assert!(matches!(back, Err(WriteScriptError::Imports(_))), "{back:?}");
}

async fn a_bundle_is_whole_or_not_at_all(bed: Bed) {
    let app = app(&bed.store, "one").await;
    let bundle = |scripts: &[(&str, String)]| Bundle {
        scripts: scripts
            .iter()
            .map(|(name, source)| BundleScript {
                name: name.parse().unwrap(),
                description: String::new(),
                source: Arc::from(source.as_str()),
                limits: Limits::DEFAULT,
            })
            .collect(),
        routes: Vec::new(),
        domains: None,
        config: None,
        subscriptions: None,
        schedules: None,
    };
    let deploy = async |scripts: &[(&str, String)]| {
        let terms = DeployTerms::default();
        bed.store
            .deploy_bundle(app.id, &bundle(scripts), terms, &change())
            .await
    };
    let lost = deploy(&[("main", importing("base"))]).await;
    assert!(matches!(lost, Err(DeployError::Imports(_))), "{lost:?}");
    deploy(&[("main", importing("base")), ("base", String::new())])
        .await
        .unwrap();
    // They change places.
    deploy(&[("base", importing("main")), ("main", String::new())])
        .await
        .unwrap();
    let circle = deploy(&[("base", importing("main")), ("main", importing("base"))]).await;
    assert!(
        matches!(circle, Err(DeployError::Imports(LinkFault::Cycle { .. }))),
        "{circle:?}"
    );
    let restored = bed
        .store
        .restore_release(app.id, 1, DeployTerms::default(), &change())
        .await;
    assert!(restored.unwrap().unwrap().is_new);
}

async fn of_those_that_import_each_other_at_one_time_the_last_is_refused(bed: Bed) {
    let app = app(&bed.store, "one").await;
    let mut ids = Vec::new();
    for number in 0..50 {
        ids.push(made(&bed, app.id, &format!("s{number}"), "").await.id);
    }
    let (bed, ids) = (&bed, &ids);
    let results = fifty_at_once(|number| async move {
        let index = usize::try_from(number).unwrap();
        // Two and two import each other: one of them may.
        let other = if index % 2 == 0 { index + 1 } else { index - 1 };
        let update = source(&importing(&format!("s{other}")));
        bed.store
            .update_script(ids[index], update, &change())
            .await
            .is_ok()
    })
    .await;
    assert_eq!(results.iter().filter(|saved| **saved).count(), 25);
    let live = bed.store.live_release(app.id).await.unwrap().unwrap();
    assert_eq!(
        live.scripts
            .iter()
            .filter(|script| script.modules.is_some())
            .count(),
        25
    );
}

async fn a_source_is_written_only_where_it_would_be_checked_with_the_same(bed: Bed) {
    const WITHOUT: &str = "fn g() { 1 }";
    let app = app(&bed.store, "one").await;
    let base = made(&bed, app.id, "base", "fn f() { 1 }").await;
    let main = made(&bed, app.id, "main", &importing("base")).await;
    let calls = format!("{} m::f()", importing("base"));
    let save = async |script: &Script, text: &str, checked: Option<Checked>| {
        let update = ScriptUpdate {
            checked,
            ..source(text)
        };
        bed.store.update_script(script.id, update, &change()).await
    };
    let make = async |checked: Option<Checked>| {
        let new = NewScript {
            checked,
            ..new_script(app.id, "new", &calls)
        };
        bed.store.create_script(new, &change()).await
    };
    let roll_back = async |checked: Option<Checked>| {
        bed.store
            .rollback_script(base.id, 1, &Expected::Any, checked, &change())
            .await
    };

    // All are checked at one time.
    let of_main = checked(&bed, app.id, "main", &calls).await;
    let of_base = checked(&bed, app.id, "base", WITHOUT).await;
    let of_new = checked(&bed, app.id, "new", &calls).await;
    let of_old = checked(&bed, app.id, "base", &base.source).await;
    save(&main, &calls, of_main).await.unwrap();
    // What imports it is another.
    assert_outdated(&save(&base, WITHOUT, of_base).await);
    assert_outdated(&roll_back(of_old).await);
    let of_base = checked(&bed, app.id, "base", WITHOUT).await;
    let saved = save(&base, WITHOUT, of_base).await.unwrap().unwrap();
    assert_eq!(saved.version, 2, "nothing is left of those that were refused");
    // What it imports is another.
    assert_outdated(&save(&main, &calls, of_main).await);
    assert_outdated(&make(of_new).await);
    let of_old = checked(&bed, app.id, "base", &base.source).await;
    roll_back(of_old).await.unwrap().unwrap();
    // All is as it was, in a later release.
    make(of_new).await.unwrap();
}

async fn a_source_that_nothing_is_around_is_written_whoever_else_writes(bed: Bed) {
    let app = app(&bed.store, "one").await;
    let mut ids = Vec::new();
    for number in 0..50 {
        ids.push(made(&bed, app.id, &format!("s{number}"), "").await.id);
    }
    let (bed, ids) = (&bed, &ids);
    let save = async |index: usize, checked: Option<Checked>| {
        let update = ScriptUpdate {
            checked,
            ..source("1")
        };
        bed.store.update_script(ids[index], update, &change()).await
    };
    let alone = checked(bed, app.id, "s0", "1").await;
    assert_eq!(alone.unwrap().around, None);
    let save = &save;
    let results =
        fifty_at_once(|number| async move { save(usize::try_from(number).unwrap(), alone).await }).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");

    // One that others import from now on does not stand alone any more.
    made(bed, app.id, "main", &importing("s0")).await;
    assert_outdated(&save(0, alone).await);
    save(1, alone).await.unwrap();
}
