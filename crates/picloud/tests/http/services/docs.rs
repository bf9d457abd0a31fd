//! Documents of an app.

use std::{sync::Mutex, thread};

use serde_json::json;

use crate::harness::TestCloud;

const CLIENTS: usize = 64;

#[test]
fn what_one_request_writes_the_next_one_finds_also_after_a_restart() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve(
        "/write",
        "docs::insert(\"people\", \"ada\", #{name: \"Ada\", age: 36, tags: [\"x\"]});
         docs::insert(\"people\", \"bob\", #{name: \"Bob\", age: 17});
         docs::insert(\"people\", #{name: \"Cy\", age: 60}).len",
    );
    app.serve(
        "/read",
        "[docs::get(\"people\", \"ada\"), docs::count(\"people\"),
          docs::find(\"people\", #{filter: #{age: #{gte: 18}}, sort: \"-age\"}).items.map(|item| item.document.name),
          docs::get(\"others\", \"ada\"), docs::find(\"others\").items]",
    );
    cloud.get("a.test", "/write").says("36");
    let expected = json!([{ "name": "Ada", "age": 36, "tags": ["x"] }, 3, ["Cy", "Ada"], null, []]);
    assert_eq!(cloud.get("a.test", "/read").expect(200).json(), expected);
    cloud.start_again();
    assert_eq!(cloud.get("a.test", "/read").expect(200).json(), expected);
}

#[test]
fn a_run_sees_its_own_writes_among_what_is_stored() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve(
        "/write",
        "for n in 0..10 { docs::insert(\"d\", `${n}`, #{n: n, even: n % 2 == 0}) } \"\"",
    );
    app.serve(
        "/read",
        "docs::delete(\"d\", \"2\");
         docs::patch(\"d\", \"3\", #{even: true});
         docs::insert(\"d\", \"35\", #{n: 3.5, even: true});
         docs::replace(\"d\", \"8\", #{n: -8, even: true});
         let found = [];
         let cursor = ();
         loop {
             let page = docs::find(\"d\", #{filter: #{even: true}, sort: \"-n\", limit: 2, cursor: cursor});
             found.push(page.items.map(|item| item.id));
             cursor = page.cursor;
             if cursor == () { break }
         }
         [found, docs::count(\"d\", #{even: true})]",
    );
    app.serve(
        "/undo",
        "docs::insert(\"d\", \"2\", #{n: 2, even: true}); docs::delete(\"d\", \"35\"); \"\"",
    );
    cloud.get("a.test", "/write").says("");
    for _ in 0..2 {
        let expected = json!([[["6", "4"], ["35", "3"], ["0", "8"]], 6]);
        // The second time, what it writes again is stored already.
        assert_eq!(cloud.get("a.test", "/read").expect(200).json(), expected);
        cloud.get("a.test", "/undo").says("");
    }
}

#[test]
fn a_cursor_goes_on_with_its_filter_and_its_sort_alone() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve(
        "/",
        "for n in 0..3 { docs::insert(\"d\", `${n}`, #{n: n}) }
         let cursor = docs::find(\"d\", #{sort: \"n\", limit: 1}).cursor;
         let rest = docs::find(\"d\", #{sort: \"n\", cursor: cursor}).items.map(|item| item.id);
         let said = [#{sort: \"-n\"}, #{}, #{filter: #{n: 1}, sort: \"n\"}].map(|other| {
             other.cursor = cursor;
             try { docs::find(\"d\", other); return \"\" } catch (error) { return `${error}` }
         });
         [rest, said.filter(|said| said.contains(\"leave it out\")).len]",
    );
    assert_eq!(
        cloud.get("a.test", "/").expect(200).json(),
        json!([["1", "2"], 3])
    );
}

#[test]
fn a_cursor_that_is_damaged_is_not_taken_for_one_of_another_order() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve(
        "/",
        "for n in 0..3 { docs::insert(\"d\", `${n}`, #{n: n}) }
         let cursor = docs::find(\"d\", #{limit: 1}).cursor;
         let said = [cursor.sub_string(0, 20), `${cursor}00`].map(|damaged| {
             try { docs::find(\"d\", #{cursor: damaged}); return \"\" } catch (error) { return `${error}` }
         });
         [said.filter(|said| said.contains(\"came from no page\")).len]",
    );
    assert_eq!(cloud.get("a.test", "/").expect(200).json(), json!([2]));
}

#[test]
fn a_run_that_fails_leaves_neither_keys_nor_documents() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let writes = "for key in [\"a\", \"b\", \"c\", \"d\", \"e\"] { kv::set(key, 1) } docs::insert(\"new\", \"x\", #{});";
    app.serve("/throw", &format!("{writes} throw \"no\""));
    app.serve("/fine", &format!("{writes} \"fine\""));
    app.serve("/count", "[kv::list(\"\").entries.len, docs::count(\"new\")]");
    cloud.get("a.test", "/throw").problem(500, "script_error");
    assert_eq!(cloud.get("a.test", "/count").expect(200).json(), json!([0, 0]));
    cloud.get("a.test", "/fine").says("fine");
    assert_eq!(cloud.get("a.test", "/count").expect(200).json(), json!([5, 1]));
}

/// The statuses that clients get that ask for a path each, all at the same time.
fn ask_at_once(cloud: &TestCloud, path: impl Fn(usize) -> String + Sync) -> Vec<u16> {
    let answers = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (answers, path) = (&answers, &path);
            scope.spawn(move || {
                let status = cloud.get_in_turn("a.test", &path(client)).status;
                answers.lock().expect("no client panics").push(status);
            });
        }
    });
    answers.into_inner().expect("no client panics")
}

#[test]
fn documents_change_by_many_clients_without_loss() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/make", "docs::insert(\"n\", \"n\", #{n: 0}); \"\"");
    app.serve(
        "/add",
        "let n = docs::get(\"n\", \"n\").n; docs::patch(\"n\", \"n\", #{n: n + 1}); kv::incr(\"n\"); \"\"",
    );
    app.serve("/n", "[docs::get(\"n\", \"n\").n, kv::get(\"n\")]");
    cloud.get("a.test", "/make").says("");
    let statuses = ask_at_once(&cloud, |_| "/add".to_owned());
    let done = statuses.iter().filter(|status| **status == 200).count();
    assert!(
        done > 0 && statuses.iter().all(|status| matches!(status, 200 | 409)),
        "{statuses:?}"
    );
    assert_eq!(cloud.get("a.test", "/n").expect(200).json(), json!([done, done]));
}

#[test]
fn of_many_who_claim_what_is_not_there_one_gets_it() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve(
        "/claim/{client}",
        "if docs::count(\"names\", #{name: \"ada\"}) > 0 { throw #{status: 423, message: \"taken\"} }
         docs::insert(\"names\", #{name: \"ada\", by: request.params.client}); \"\"",
    );
    app.serve("/count", "docs::count(\"names\")");
    let statuses = ask_at_once(&cloud, |client| format!("/claim/{client}"));
    let claimed = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(claimed, 1, "{statuses:?}");
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 409 | 423)),
        "{statuses:?}"
    );
    assert_eq!(cloud.get("a.test", "/count").expect(200).json(), json!(1));
}

#[test]
fn apps_do_not_see_each_other() {
    let cloud = TestCloud::start();
    let (one, two) = (cloud.app_with_domain("one"), cloud.app_with_domain("two"));
    for app in [&one, &two] {
        app.serve(
            "/write",
            "docs::insert(\"d\", \"a\", #{canary: true}); \"written\"",
        );
        app.serve(
            "/all",
            "[docs::get(\"d\", \"a\"), docs::find(\"d\").items, docs::count(\"d\"), docs::replace(\"d\", \"a\", #{}),
              docs::patch(\"d\", \"a\", #{}), docs::delete(\"d\", \"a\")]",
        );
    }
    cloud.get("one.test", "/write").says("written");
    let nothing = json!([null, [], 0, false, null, false]);
    assert_eq!(cloud.get("two.test", "/all").expect(200).json(), nothing);
    let there = cloud.get("one.test", "/all").expect(200).json();
    assert_eq!(there[0], json!({ "canary": true }));
}
