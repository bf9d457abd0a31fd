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
