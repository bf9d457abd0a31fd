//! Routing with very many apps.

use std::sync::Arc;

use super::{look_up, release, snapshot};

const APPS: u64 = 10_000;

#[test]
fn ten_thousand_apps_share_what_does_not_change() {
    let routes: Vec<_> = (0..10).map(|number| format!("/r{number}/{{x}}")).collect();
    let routes: Vec<_> = routes.iter().map(|path| ("", path.as_str(), "GET")).collect();
    let app = |number: u64| release(number, &[&format!("app{number}.example")], &routes);
    let before = snapshot((1..=APPS).map(app));
    assert_eq!(look_up(&before, "GET", "app7777.example", "/r9/y"), "7777/9 x=y");

    let mut after = before.clone();
    after.insert(release(5, &["app5.example"], &[("", "/new", "GET")]));
    assert_eq!(look_up(&after, "GET", "app5.example", "/new"), "5/0");
    assert_eq!(look_up(&before, "GET", "app5.example", "/new"), "no route");
    let shared = (1..=APPS).filter(|number| {
        let host = format!("app{number}.example");
        let (old, new) = (
            before.claim(&host).expect("a claim"),
            after.claim(&host).expect("a claim"),
        );
        Arc::ptr_eq(&old.app, &new.app)
    });
    assert_eq!(shared.count() as u64, APPS - 1);
}
