//! `/admin`: where people look first.

use crate::harness::TestCloud;

#[test]
fn it_leads_to_a_page_on_every_host() {
    let cloud = TestCloud::start();
    for host in ["localhost", "nobody.test"] {
        for path in ["/admin", "/admin/"] {
            let answer = cloud.get(host, path);
            assert!(
                matches!(answer.status, 302 | 303 | 307 | 308),
                "{path}: {}",
                answer.status
            );
            assert_eq!(answer.header("location"), Some("/admin/apps"), "{path}");
        }
        let page = cloud.get(host, "/admin/apps").expect(200);
        let kind = page.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("text/html"), "{kind}");
        assert!(page.text().contains("PiCloud"), "{}", page.text());
    }
}

#[test]
fn what_its_page_needs_is_there() {
    let cloud = TestCloud::start();
    let page = cloud.get("localhost", "/admin/apps").expect(200).text();
    let mut found = 0;
    for attribute in ["href=\"/", "src=\"/"] {
        for rest in page.split(attribute).skip(1) {
            let target = rest.split('"').next().unwrap_or_default();
            let answer = cloud.get("localhost", &format!("/{target}"));
            assert!(answer.status < 400, "/{target} answers {}", answer.status);
            found += 1;
        }
    }
    assert!(found > 0, "{page}");
}

#[test]
fn no_other_site_may_put_it_in_a_frame() {
    let cloud = TestCloud::start();
    let page = cloud.get("localhost", "/admin/apps").expect(200);
    let policy = page.header("content-security-policy").unwrap_or_default();
    let frames = page.header("x-frame-options").unwrap_or_default();
    assert!(
        policy.contains("frame-ancestors 'none'") || frames.eq_ignore_ascii_case("deny"),
        "{:?}",
        page.headers
    );
}

#[test]
fn every_page_is_the_same_file_with_a_policy_that_lets_no_foreign_script_in() {
    let cloud = TestCloud::start();
    let list = cloud.get("localhost", "/admin/apps").expect(200);
    let deep = cloud
        .get("localhost", "/admin/apps/default/scripts/some.name")
        .expect(200);
    assert_eq!(list.text(), deep.text());
    assert!(!list.text().contains("<script>"), "{}", list.text());
    let policy = list.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert!(policy.contains("script-src 'self';"), "{policy}");
    assert!(policy.contains("connect-src 'self';"), "{policy}");
}

#[test]
fn what_has_its_hash_in_its_name_is_kept_and_the_page_is_asked_for_anew() {
    let cloud = TestCloud::start();
    let page = cloud.get("localhost", "/admin/apps").expect(200);
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    let etag = page.header("etag").expect("an etag").to_owned();
    cloud
        .call("GET", "localhost", "/admin/apps")
        .header("if-none-match", &etag)
        .send()
        .expect(304);

    let script = first_script(&page.text());
    let answer = cloud.get("localhost", &script).expect(200);
    let caching = answer.header("cache-control").unwrap_or_default();
    assert!(caching.contains("immutable"), "{caching}");
    assert_eq!(
        answer.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    cloud
        .get("localhost", "/admin/_app/immutable/entry/missing.js")
        .problem(404, "not_found");
}

#[test]
fn it_is_sent_compressed_to_those_who_take_it() {
    let cloud = TestCloud::start();
    let script = first_script(&cloud.get("localhost", "/admin/apps").expect(200).text());
    let get = |accepted: &str| {
        cloud
            .call("GET", "localhost", &script)
            .header("accept-encoding", accepted)
            .send()
            .expect(200)
    };
    let plain = get("identity");
    assert_eq!(plain.header("content-encoding"), None);
    assert!(plain.text().contains("import("), "{}", plain.text());
    let compressed = get("gzip");
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    assert_eq!(compressed.header("vary"), Some("accept-encoding"));
}

/// The path of the first script that a page names.
fn first_script(page: &str) -> String {
    let (_, rest) = page.split_once("<script src=\"").expect("a script");
    rest.split('"').next().unwrap_or_default().to_owned()
}
