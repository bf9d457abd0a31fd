//! Keys and values of an app.

use serde_json::json;

use crate::harness::{App, TestCloud};

/// What an app can do with every function that could reach another app's data.
const ALL: &str = "[kv::get(\"a\"), kv::has(\"a\"), kv::list(\"\").entries, kv::get_many([\"a\"]), kv::delete(\"a\"), \
    kv::compare_and_set(\"a\", \"canary\", 1)]";

fn write_canary(app: &App<'_>) {
    app.serve("/write", "kv::set(\"a\", \"canary\"); \"written\"");
    app.serve("/read", "kv::get(\"a\") ?? \"nothing\"");
    app.serve("/all", ALL);
}

#[test]
fn what_one_request_writes_the_next_one_reads_also_after_a_restart() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    write_canary(&app);
    app.serve(
        "/values",
        "kv::set(\"v\", #{i: 1, f: 1.5, t: \"é\\x00\", l: [true, ()], m: #{}}); kv::set(\"b\", blob(3, 7)); \"\"",
    );
    app.serve(
        "/values/read",
        "[kv::get(\"v\"), kv::get(\"b\").len, kv::get(\"b\")[1]]",
    );
    cloud.get("a.test", "/read").says("nothing");
    cloud.get("a.test", "/write").says("written");
    cloud.get("a.test", "/read").says("canary");
    cloud.get("a.test", "/values").says("");
    cloud.start_again();
    cloud.get("a.test", "/read").says("canary");
    let expected = json!([{ "i": 1, "f": 1.5, "t": "é\0", "l": [true, null], "m": {} }, 3, 7]);
    assert_eq!(cloud.get("a.test", "/values/read").expect(200).json(), expected);
}

#[test]
fn apps_do_not_see_each_other() {
    let cloud = TestCloud::start();
    let (one, two) = (cloud.app_with_domain("one"), cloud.app_with_domain("two"));
    write_canary(&one);
    write_canary(&two);
    cloud.get("one.test", "/write").says("written");
    let nothing = json!([null, false, [], {}, false, false]);
    assert_eq!(cloud.get("two.test", "/all").expect(200).json(), nothing);
    cloud.get("two.test", "/read").says("nothing");
    cloud.get("one.test", "/read").says("canary");
}

#[test]
fn deleting_an_app_deletes_its_data() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    write_canary(&app);
    cloud.get("a.test", "/write").says("written");
    cloud.owner().delete(&app.path("?force=true")).expect(204);
    let again = cloud.app_with_domain("a");
    write_canary(&again);
    cloud.get("a.test", "/read").says("nothing");
}

#[test]
fn a_list_goes_on_at_its_cursor() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve(
        "/write",
        "for n in 0..25 { kv::set(`k/${n}`, n) } kv::set(\"other\", 1); \"\"",
    );
    app.serve(
        "/list",
        "let all = 0; let pages = 0; let cursor = ();
         loop {
             let page = kv::list(\"k/\", #{limit: 10, cursor: cursor});
             for entry in page.entries { all += entry.value }
             pages += 1;
             cursor = page.cursor;
             if cursor == () { break }
         }
         [pages, all]",
    );
    cloud.get("a.test", "/write").says("");
    assert_eq!(cloud.get("a.test", "/list").expect(200).json(), json!([3, 300]));
}
