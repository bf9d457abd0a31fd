//! Several people at the same membership at once.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::json;

use crate::harness::{TestCloud, items, rounds};

/// How often the same grant is tried.
const GRANTS: usize = 1_000;
/// How many of them are under way at one time.
const AT_ONCE: usize = 32;
/// How often a change meets a removal.
const MEETINGS: usize = 100;

#[test]
fn of_a_thousand_equal_grants_one_wins() {
    let cloud = TestCloud::start();
    let app = cloud.app("shop");
    let grace = cloud.account("grace", "member");
    let body = json!({ "user_id": grace["id"], "role": "editor" });
    let (owner, path) = (cloud.owner(), app.path("/members"));
    let (begun, won, lost) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while begun.fetch_add(1, Ordering::Relaxed) < GRANTS {
                    let answer = owner.post(&path, &body);
                    if answer.status == 201 {
                        won.fetch_add(1, Ordering::Relaxed);
                    } else {
                        answer.problem(409, "already_member");
                        lost.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!((won.into_inner(), lost.into_inner()), (1, GRANTS - 1));
    assert_eq!(items(owner.get(&path)).len(), 1);
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "who asks for many meetings wants to see how many there were"
)]
fn a_change_that_meets_a_removal_brings_nobody_back() {
    let cloud = TestCloud::start();
    let app = cloud.app("shop");
    let grace = cloud.account("grace", "member");
    let id = grace["id"].as_str().expect("an id");
    let (owner, path) = (cloud.owner(), app.path("/members/grace"));
    let meetings = rounds(MEETINGS);
    let mut first = 0;
    for round in 0..meetings {
        app.admit(id, "viewer");
        let together = Barrier::new(2);
        let changed = thread::scope(|scope| {
            let change = scope.spawn(|| {
                together.wait();
                owner.patch(&path, &json!({ "role": "editor" }))
            });
            together.wait();
            owner.delete(&path).expect(204);
            change.join().expect("the change is answered")
        });
        if changed.status == 200 {
            first += 1;
        } else {
            changed.problem(404, "not_found");
        }
        assert_eq!(owner.get(&path).status, 404, "round {round}");
    }
    println!("{meetings} meetings, in {first} of which the change came first");
}
