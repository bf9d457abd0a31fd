//! Lists, a page at a time.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::TestCloud;

#[test]
fn pages_hold_everything_once() {
    let cloud = TestCloud::start();
    let app = cloud.app("pages");
    let made: BTreeSet<String> = (0..7)
        .map(|number| app.script(&format!("s{number}"), "1").id)
        .collect();
    let mut seen = Vec::new();
    let mut path = format!("/admin/scripts?app={}&limit=3", app.slug);
    let mut pages = 0;
    loop {
        let page = cloud.owner().get(&path).expect(200).json();
        let items = page["items"].as_array().expect("items");
        assert!(items.len() <= 3, "{page}");
        seen.extend(
            items
                .iter()
                .map(|item| item["id"].as_str().expect("an id").to_owned()),
        );
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/admin/scripts?app={}&limit=3&cursor={cursor}", app.slug),
            None => break,
        }
    }
    assert_eq!((pages, seen.len()), (3, 7));
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), made);
}

#[test]
fn an_empty_list_is_a_list() {
    let cloud = TestCloud::start();
    let app = cloud.app("empty");
    let page = cloud
        .owner()
        .get(&format!("/admin/routes?app={}", app.slug))
        .expect(200)
        .json();
    assert_eq!(
        page,
        serde_json::json!({ "items": [], "next_cursor": Value::Null })
    );
}

#[test]
fn limits_and_cursors_are_checked() {
    let cloud = TestCloud::start();
    for query in [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=many",
        "cursor=nonsense",
        "sort=up",
    ] {
        cloud
            .owner()
            .get(&format!("/admin/apps?{query}"))
            .problem(422, "validation_failed");
    }
    cloud.owner().get("/admin/apps?limit=200").expect(200);
}
