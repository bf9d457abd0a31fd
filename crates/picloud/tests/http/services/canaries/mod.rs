//! Two apps, each of which keeps something in every store that the other must never see.
//!
//! Many clients let either app call every function that reaches a store, with names that the other app uses too or
//! alone, and let what was found be answered, thrown or logged. Nothing of the other app may show: in answers, in
//! records, in the audit log, in the server's log. `PICLOUD_TEST_ROUNDS` gives another number of runs.

mod calls;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::{Value, json};

use self::calls::{CALLS, Call};
use crate::harness::{App, TestCloud, rounds};

const RUNS: usize = 2_000;
const CLIENTS: usize = 16;
/// Names that both use, so that they seldom meet over one.
const SHARED_NAMES: usize = 20;
/// The one that only one of them uses, behind which is its slug.
const OWN_NAME: &str = "only_";

/// What may come of a run: an answer, an answer without a body, what was thrown, a conflict.
const STATUSES: [u16; 4] = [200, 204, 500, 409];

/// An app, and what nobody else may see of it.
struct Keeper<'c> {
    app: App<'c>,
    canary: String,
    /// The id of its user, if apps have users.
    user: String,
}

#[test]
fn no_app_sees_anything_of_another() {
    let cloud = TestCloud::start();
    let calls = calls::all();
    let keepers = ["one", "two"].map(|slug| Keeper::new(&cloud, slug, &calls));
    let begun = AtomicUsize::new(0);
    let runs = rounds(RUNS);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (keepers, calls, begun) = (&keepers, &calls, &begun);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(client as u64);
                while begun.fetch_add(1, Ordering::Relaxed) < runs {
                    let who = random.usize(..2);
                    keepers[who].run(&keepers[1 - who], calls.len(), &mut random);
                }
            });
        }
    });
    for (who, keeper) in keepers.iter().enumerate() {
        keeper.still_has_its_own();
        keeper.nothing_was_recorded_of(&keepers[1 - who]);
    }
    let log = cloud.process().log();
    for keeper in &keepers {
        keeper.is_not_in("the server's log", &log);
    }
}

impl<'c> Keeper<'c> {
    /// A new app with its canary in every store.
    fn new(cloud: &'c TestCloud, slug: &str, calls: &[&Call]) -> Self {
        let app = cloud.app_with_domain(slug);
        let canary = format!("canary-{slug}-{:016x}", fastrand::u64(..));
        app.serve("/call/{function}/{how}/{name}", &script(&canary, calls));
        let fill = |call: &&Call| call.fill.replace("CANARY", &format!("\"{canary}\""));
        let fill: String = calls.iter().map(fill).collect();
        app.serve(
            "/fill/{name}",
            &format!("let name = request.params.name;\n{fill}\"filled\""),
        );
        if calls::has("event") {
            let hears = app.script("hears", "kv::set(request.event.topic, request.event.data); 1");
            let all = json!({ "name": "hears", "script_id": hears.id, "topic": "*" });
            cloud.owner().post(&app.path("/subscriptions"), &all).expect(201);
        }
        if calls::has("users") {
            app.serve("/user/{name}", "users::find(request.params.name).id");
        }
        let mut keeper = Self {
            app,
            canary,
            user: String::new(),
        };
        let names = (0..SHARED_NAMES).map(shared).chain([keeper.own_name()]);
        for name in names {
            keeper.get(&format!("/fill/{name}")).says("filled");
            keeper.set(&name);
        }
        if calls::has("users") {
            keeper.user = keeper
                .get(&format!("/user/{}", keeper.own_name()))
                .expect(200)
                .text();
        }
        // What a canary is worth: its owner sees it.
        keeper.still_has_its_own();
        keeper
    }

    /// Puts its canary where scripts only read.
    fn set(&self, name: &str) {
        for (module, path) in [("secret", "secrets"), ("config", "config")] {
            if calls::has(module) {
                let path = format!("/api/v1{}", self.app.path(&format!("/{path}/{name}")));
                let put = self.app.cloud.owner().call("PUT", &path);
                let status = put.json(&json!({ "value": self.canary })).send().status;
                assert!((200..300).contains(&status), "{path}: {status}");
            }
        }
        if calls::has("script") {
            let source = format!("[\"{}\", request.argument]", self.canary);
            self.app.script(name, &source);
        }
    }

    /// Calls any function with any name that the other uses, and looks for its canary in what comes.
    fn run(&self, other: &Self, functions: usize, random: &mut fastrand::Rng) {
        let name = match random.usize(..2) {
            0 => other.own_name(),
            _ => shared(random.usize(..SHARED_NAMES)),
        };
        let how = ["answer", "throw", "log"][random.usize(..3)];
        let answer = self.get(&format!(
            "/call/{}/{how}/{name}?id={}",
            random.usize(..functions),
            other.user
        ));
        assert!(
            STATUSES.contains(&answer.status),
            "{} answered {}: {}",
            answer.request,
            answer.status,
            answer.text()
        );
        other.is_not_in(
            &answer.request,
            &format!("{:?} {}", answer.headers, answer.text()),
        );
    }

    /// Every function that reads finds what the app has put there, whatever the other has done with that name.
    fn still_has_its_own(&self) {
        for (number, call) in calls::all().iter().enumerate().filter(|(_, call)| call.reads) {
            let path = format!("/call/{number}/answer/{}?id={}", self.own_name(), self.user);
            let answer = self.get(&path).expect(200).text();
            assert!(answer.contains(&self.canary), "{}: {answer}", call.function);
        }
    }

    /// Nothing that is kept of this app's runs and changes tells of the other.
    fn nothing_was_recorded_of(&self, other: &Self) {
        let owner = self.app.cloud.owner();
        let records = self.pages(&self.app.path("/executions?limit=200"));
        assert!(!records.is_empty(), "no run was recorded");
        for record in records {
            let id = record["id"].as_str().expect("an id");
            let record = owner.get(&format!("/admin/executions/{id}")).expect(200).text();
            other.is_not_in("an execution record", &record);
        }
        for record in self.pages(&format!("/admin/audit?limit=200&app={}", self.app.slug)) {
            other.is_not_in("the audit log", &record.to_string());
        }
    }

    /// All items of a list.
    fn pages(&self, path: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self
                .app
                .cloud
                .owner()
                .get(&format!("{path}{cursor}"))
                .expect(200)
                .json();
            items.extend(
                page["items"]
                    .as_array()
                    .expect("a list has items")
                    .iter()
                    .cloned(),
            );
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    fn get(&self, path: &str) -> crate::harness::Answer {
        self.app
            .cloud
            .get_in_turn(&format!("{}.test", self.app.slug), path)
    }

    fn own_name(&self) -> String {
        format!("{OWN_NAME}{}", self.app.slug)
    }

    #[track_caller]
    fn is_not_in(&self, place: &str, text: &str) {
        assert!(
            !text.contains(&self.canary),
            "{} shows in {place}: {text}",
            self.canary
        );
    }
}

fn shared(number: usize) -> String {
    format!("shared_{number}")
}

/// Calls the function that the path names by its number, and does with what it finds what the path says.
fn script(canary: &str, calls: &[&Call]) -> String {
    let case = |(number, call): (usize, &&Call)| format!("    \"{number}\" => {{ {} }},\n", call.source);
    let cases: String = calls.iter().enumerate().map(case).collect();
    format!(
        "let CANARY = \"{canary}\";\n\
         let name = request.params.name;\n\
         let id = request.query.id;\n\
         let found = switch request.params.function {{\n{cases}    _ => throw \"no such function\"\n}};\n\
         if request.params.how == \"throw\" {{ throw `${{found}}` }}\n\
         if request.params.how == \"log\" {{ log::info(found); return \"logged\" }}\n\
         found"
    )
}

#[test]
fn every_function_that_reaches_a_store_is_called() {
    let missing = calls::missing();
    assert!(
        missing.is_empty(),
        "add calls of these to services/canaries/calls.rs, with the names of the other app:\n{}",
        missing.join("\n")
    );
    assert!(CALLS.iter().any(|call| call.reads));
}
