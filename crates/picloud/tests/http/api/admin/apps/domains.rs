//! `/api/v1/admin/apps/{app}/domains`.

use std::{sync::Barrier, thread};

use serde_json::json;

use crate::harness::{TestCloud, items};

#[test]
fn a_claim_tells_its_kind_and_shape() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    for (pattern, written, kind, shape) in [
        ("Example.COM.", "example.com", "exact", "example.com"),
        ("*.example.com", "*.example.com", "wildcard", "*.example.com"),
        (
            "{t}.example.org",
            "{t}.example.org",
            "parameterized",
            "*.example.org",
        ),
        (
            "bücher.example",
            "xn--bcher-kva.example",
            "exact",
            "xn--bcher-kva.example",
        ),
        ("192.168.1.4", "192.168.1.4", "exact", "192.168.1.4"),
    ] {
        let claim = app.domain(pattern);
        assert_eq!(claim["pattern"], written, "{claim}");
        assert_eq!(claim["kind"], kind, "{claim}");
        assert_eq!(claim["shape_key"], shape, "{claim}");
    }
    assert_eq!(items(cloud.owner().get(&app.path("/domains"))).len(), 5);
}

#[test]
fn one_shape_belongs_to_one_app() {
    let cloud = TestCloud::start();
    let (mine, theirs) = (cloud.app("mine"), cloud.app("theirs"));
    theirs.domain("shop.test");
    theirs.domain("*.shop.test");
    for pattern in [
        "shop.test",
        "SHOP.test.",
        "{t}.shop.test",
        "*.shop.test",
        "localhost",
        "127.0.0.1",
        "[::1]",
    ] {
        mine.try_domain(pattern).problem(409, "domain_taken");
    }
    theirs.try_domain("shop.test").problem(409, "domain_taken");
    // Other shapes may meet under the same domain.
    mine.domain("www.shop.test");
    mine.domain("*.eu.shop.test");
}

#[test]
fn what_is_no_pattern_is_refused() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    for pattern in [
        "",
        "*",
        "{x}",
        "a.*.com",
        "*.{x}.com",
        "{x}.{x}.com",
        "{1}.com",
        "a b.com",
        "http://a.com",
        "a.com:80",
        "a.com/x",
    ] {
        app.try_domain(pattern).problem(422, "invalid_domain");
    }
}

#[test]
fn public_suffixes_are_refused_and_names_at_home_are_not() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    for pattern in [
        "com",
        "co.uk",
        "*.co.uk",
        "{x}.com",
        "{x}.{y}.com",
        "*.公司.cn",
        "*.kawasaki.jp",
    ] {
        app.try_domain(pattern).problem(422, "domain_not_allowed");
    }
    for pattern in [
        "nas",
        "nas.local",
        "*.lan",
        "git.internal",
        "*.home.arpa",
        "a.test",
        "{t}.example.co.uk",
        "ada.duckdns.org",
    ] {
        app.domain(pattern);
    }
}

#[test]
fn a_claim_ends_when_it_is_removed() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let claim = app.domain("a.test");
    app.serve("/", "\"here\"");
    cloud.get("a.test", "/").says("here");
    let path = app.path(&format!("/domains/{}", claim["id"].as_str().expect("an id")));
    cloud.owner().delete(&path).expect(204);
    cloud.get("a.test", "/").problem(404, "unknown_host");
    cloud.owner().delete(&path).problem(404, "not_found");
    cloud.app("b").domain("a.test");
}

#[test]
fn a_claim_that_routes_need_stays() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let claim = app.domain("*.a.test");
    let route = app.script("s", "1").route_on("www.a.test", "/", &["GET"]);
    let path = app.path(&format!("/domains/{}", claim["id"].as_str().expect("an id")));
    cloud.owner().delete(&path).problem(409, "domain_in_use");
    cloud
        .owner()
        .delete(&format!("/admin/routes/{}", route["id"].as_str().expect("an id")))
        .expect(204);
    cloud.owner().delete(&path).expect(204);
}

/// How often two apps race for one shape.
const RACES: usize = 50;

#[test]
fn one_of_two_at_once_gets_the_shape() {
    let cloud = TestCloud::start();
    let apps = [cloud.app("a"), cloud.app("b")];
    for race in 0..RACES {
        // Both begin together: without that the first would mostly be done before the second is sent.
        let start = Barrier::new(apps.len());
        let patterns = [format!("*.r{race}.test"), format!("{{t}}.r{race}.test")];
        let mut statuses: Vec<u16> = thread::scope(|scope| {
            let claims = apps.iter().zip(&patterns);
            let racers: Vec<_> = claims
                .map(|(app, pattern)| {
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        app.try_domain(pattern).status
                    })
                })
                .collect();
            racers
                .into_iter()
                .map(|racer| racer.join().expect("no request fails"))
                .collect()
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{patterns:?}");
    }
    let held: usize = apps
        .iter()
        .map(|app| items(cloud.owner().get(&app.path("/domains?limit=200"))).len())
        .sum();
    assert_eq!(held, RACES);
}

#[test]
fn claims_of_another_app_are_not_found_under_this_one() {
    let cloud = TestCloud::start();
    let (mine, theirs) = (cloud.app("mine"), cloud.app("theirs"));
    let claim = theirs.domain("theirs.test");
    let path = mine.path(&format!("/domains/{}", claim["id"].as_str().expect("an id")));
    cloud.owner().delete(&path).problem(404, "not_found");
    assert_eq!(
        items(cloud.owner().get(&mine.path("/domains"))),
        Vec::<serde_json::Value>::new()
    );
    let body = json!({ "pattern": "x.test", "kind": "exact" });
    cloud
        .owner()
        .post(&mine.path("/domains"), &body)
        .problem(422, "validation_failed");
}
