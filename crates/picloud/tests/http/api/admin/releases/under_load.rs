//! No request sees half a release.
//!
//! The app has 50 scripts and 100 routes. In each state, route `r` leads to another script, and each script answers with
//! the number of the state, that of a script that all of them import, and its own. So one answer shows whether route,
//! script and import were of the same state, and which;
//! and what a client was told before it asked, and what has begun when it has the answer, say which states may answer.

use std::{
    env,
    sync::{Condvar, Mutex, MutexGuard},
    thread,
};

use serde_json::{Value, json};

use crate::harness::{App, TestCloud};

const SCRIPTS: usize = 50;
const ROUTES: usize = 100;
const CLIENTS: usize = 4;
const REQUESTS_PER_SWAP: usize = 400;
const SWAPS: usize = 5;

/// Swaps more than these; the requests grow with them.
const SWAPS_VARIABLE: &str = "PICLOUD_TEST_SWAPS";

#[test]
fn no_request_sees_half_a_release() {
    let swaps = env::var(SWAPS_VARIABLE).ok().and_then(|text| text.parse().ok());
    let swaps = swaps.unwrap_or(SWAPS);
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let plan: Vec<Step> = (0..=swaps).map(Step::of).collect();
    let progress = Progress::default();
    plan[0].take(&app);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| ask(&app, &plan, &progress, swaps * REQUESTS_PER_SWAP));
        }
        let _lets_go = LetsGo(&progress);
        for (number, step) in plan.iter().enumerate().skip(1) {
            progress.wait_for_requests((number - 1) * REQUESTS_PER_SWAP + REQUESTS_PER_SWAP / 4);
            progress.update(|state| state.begun = number);
            step.take(&app);
            progress.update(|state| state.acknowledged = number);
        }
    });
    assert_eq!(progress.state().asked, swaps * REQUESTS_PER_SWAP + CLIENTS);
}

/// One change of the whole app: what it answers afterwards, and how it gets there.
#[derive(Clone, Copy)]
struct Step {
    /// Every answer names it.
    state: usize,
    /// Whether the state was there before, so that its release is restored.
    restored: bool,
}

impl Step {
    /// Every third step goes back to the state before the last one; the others are new states.
    fn of(number: usize) -> Self {
        let restored = number % 3 == 2;
        Self {
            state: if restored { number - 2 } else { number },
            restored,
        }
    }

    /// Takes the step. The release with the domain is number 1, so that of step `n` is `n + 2`.
    fn take(self, app: &App<'_>) {
        let owner = app.cloud.owner();
        if self.restored {
            let path = app.path(&format!("/releases/{}:restore", self.state + 2));
            owner.post(&path, &json!({})).expect(201);
        } else {
            owner
                .post(&app.path("/releases"), &bundle(self.state))
                .expect(201);
        }
    }
}

fn bundle(state: usize) -> Value {
    let shared = json!({ "name": "shared", "source": format!("fn state() {{ {state} }}") });
    let scripts = (0..SCRIPTS).map(|number| {
        let source = format!("import \"shared\" as m; `{state} ${{m::state()}}:{number}`");
        json!({ "name": format!("s{number}"), "source": source })
    });
    let scripts = scripts.chain([shared]);
    let routes = (0..ROUTES).map(|route| {
        json!({ "script": format!("s{}", script_of(route, state)), "path": format!("/{route}"), "methods": ["GET"] })
    });
    json!({ "scripts": scripts.collect::<Vec<_>>(), "routes": routes.collect::<Vec<_>>() })
}

fn script_of(route: usize, state: usize) -> usize {
    (route + state) % SCRIPTS
}

/// Asks for one route after the other until all clients together have asked `total` times.
fn ask(app: &App<'_>, plan: &[Step], progress: &Progress, total: usize) {
    let _lets_go = LetsGo(progress);
    while let Some((number, before)) = progress.next_request(total) {
        let route = number % ROUTES;
        let text = app.cloud.get("a.test", &format!("/{route}")).expect(200).text();
        let after = progress.state().begun;
        let allowed: Vec<String> = plan[before..=after]
            .iter()
            .map(|Step { state, .. }| format!("{state} {state}:{}", script_of(route, *state)))
            .collect();
        assert!(
            allowed.contains(&text),
            "request {number} for /{route} got {text}; allowed was {allowed:?}"
        );
    }
}

/// How far both sides are, so that swaps and requests stay interleaved on any machine.
#[derive(Default)]
struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default)]
struct State {
    asked: usize,
    begun: usize,
    acknowledged: usize,
}

impl Progress {
    /// The number of the next request, and the last step that was acknowledged before it; `None` once there were
    /// `total`. It waits for the swap that belongs before it.
    fn next_request(&self, total: usize) -> Option<(usize, usize)> {
        let mut state = self.lock();
        let number = state.asked;
        state.asked += 1;
        self.changed.notify_all();
        if number >= total {
            return None;
        }
        let swaps_before = number / REQUESTS_PER_SWAP;
        let state = self.changed.wait_while(state, |state| state.begun < swaps_before);
        let acknowledged = state.expect("no holder panics").acknowledged;
        Some((number, acknowledged))
    }

    fn wait_for_requests(&self, count: usize) {
        let state = self.changed.wait_while(self.lock(), |state| state.asked < count);
        drop(state.expect("no holder panics"));
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn state(&self) -> State {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }
}

/// When its side fails, the other one waits for nothing any more.
struct LetsGo<'p>(&'p Progress);

impl Drop for LetsGo<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.update(|state| {
                state.asked = usize::MAX / 2;
                state.begun = usize::MAX / 2;
            });
        }
    }
}
