//! The rules of precedence, one table each.

use super::{look_up, release, snapshot};

/// Checks which of an app's routes answers `GET` for each path.
#[track_caller]
fn check_paths(routes: &[&str], expected: &[(&str, &str)]) {
    let routes: Vec<_> = routes.iter().map(|path| ("", *path, "GET")).collect();
    let snapshot = snapshot([release(1, &["a.example"], &routes)]);
    for (path, found) in expected {
        assert_eq!(look_up(&snapshot, "GET", "a.example", path), *found, "{path}");
    }
}

#[test]
fn the_most_specific_claim_wins() {
    let claims = [
        "b.c.example.com",
        "*.c.example.com",
        "*.example.com",
        "{x}.d.example.com",
        "{x}.{y}.net",
        "a.{y}.org",
        "{x}.b.org",
        "*.org",
        "[2001:db8::1]",
    ];
    let apps = claims
        .iter()
        .zip(1..)
        .map(|(claim, app)| release(app, &[claim], &[("", "/", "GET")]));
    let snapshot = snapshot(apps);
    for (host, found) in [
        ("b.c.example.com", "1/0"),
        ("x.c.example.com", "2/0"),
        ("x.y.c.example.com", "2/0"),
        ("c.example.com", "3/0"),
        ("x.example.com", "3/0"),
        ("q.d.example.com", "4/0 x=q"),
        ("p.q.d.example.com", "3/0"),
        ("example.com", "unknown host"),
        ("p.q.net", "5/0 x=p y=q"),
        ("q.net", "unknown host"),
        // Of two patterns with as many labels, the one that is literal further to the right.
        ("a.b.org", "7/0 x=a"),
        ("a.c.org", "6/0 y=c"),
        ("c.c.org", "8/0"),
        ("[2001:db8::1]", "9/0"),
        ("localhost", "unknown host"),
    ] {
        assert_eq!(look_up(&snapshot, "GET", host, "/"), found, "{host}");
    }
}

#[test]
fn literal_before_parameter_before_rest_segment_by_segment() {
    check_paths(
        &["/a/b", "/a/{x}", "/{x}/b", "/{*r}", "/a/{*r}", "/a/{x}/c", "/"],
        &[
            ("/a/b", "1/0"),
            ("/a/z", "1/1 x=z"),
            ("/z/b", "1/2 x=z"),
            ("/a/b/c", "1/5 x=b"),
            // The literal `a` is chosen before anything is known of what follows it.
            ("/a/b/d", "1/4 r=b/d"),
            ("/z/c", "1/3 r=z/c"),
            ("/", "1/6"),
        ],
    );
}

#[test]
fn search_goes_back_where_a_literal_leads_nowhere() {
    check_paths(
        &["/a/b/c", "/{x}/b/d", "/a/{y}/e", "/{x}/{y}/f"],
        &[
            ("/a/b/c", "1/0"),
            ("/a/b/d", "1/1 x=a"),
            ("/a/b/e", "1/2 y=b"),
            ("/a/b/f", "1/3 x=a y=b"),
            ("/a/b/g", "no route"),
        ],
    );
}

#[test]
fn the_names_of_host_parameters_decide_nothing() {
    let routes = [
        ("{a}.x", "/{p}/{*rest}", "GET"),
        ("{b}.x", "/{p}/c", "GET"),
        ("{c}.x", "/{p}/c", "POST"),
        ("*.x", "/{p}/c/{q}", "GET"),
    ];
    let snapshot = snapshot([release(1, &["*.x"], &routes)]);
    for (method, path, found) in [
        ("GET", "/1/c", "1/1 b=h p=1"),
        ("POST", "/1/c", "1/2 c=h p=1"),
        ("GET", "/1/d", "1/0 a=h p=1 rest=d"),
        // A parameter goes before a wildcard, whatever the paths.
        ("GET", "/1/c/2", "1/0 a=h p=1 rest=c/2"),
    ] {
        assert_eq!(look_up(&snapshot, method, "h.x", path), found, "{method} {path}");
    }
}

#[test]
fn slashes_count() {
    check_paths(
        &["/files/{*rest}", "/a", "/b/", "/p/{x}", "/p/{x}/"],
        &[
            ("/files/", "1/0 rest="),
            ("/files", "no route"),
            ("/files/a/b/", "1/0 rest=a/b/"),
            ("/files//", "1/0 rest=/"),
            ("/a", "1/1"),
            ("/a/", "no route"),
            ("/b", "no route"),
            ("/b/", "1/2"),
            ("//a", "no route"),
            ("/p/", "no route"),
            ("/p/1", "1/3 x=1"),
            ("/p/1/", "1/4 x=1"),
            ("/p//", "no route"),
        ],
    );
}

#[test]
fn segments_are_decoded_after_they_are_cut() {
    check_paths(
        &["/caf%C3%A9/{x}", "/r/{*rest}", "/a%2Fb", "/a/b", "/100%25"],
        &[
            ("/café/1", "1/0 x=1"),
            ("/caf%c3%a9/a%2Fb", "1/0 x=a/b"),
            ("/caf%C3%A9/a%252Fb", "1/0 x=a%2Fb"),
            ("/r/a%2Fb/c%20d", "1/1 rest=a/b/c d"),
            ("/r/%2e%2e/x", "1/1 rest=../x"),
            ("/a%2fb", "1/2"),
            ("/a/b", "1/3"),
            ("/%61/b", "1/3"),
            ("/100%25", "1/4"),
            ("/100%", "malformed"),
            ("/r/%zz", "malformed"),
            ("/r/%ff", "malformed"),
            ("/r/%00", "malformed"),
            ("/nowhere/%00", "malformed"),
            ("no-slash", "malformed"),
        ],
    );
    let deep = "/x".repeat(65);
    check_paths(&["/{*rest}"], &[(&deep, "malformed")]);
}

#[test]
fn a_less_specific_route_answers_the_method_that_a_more_specific_one_lacks() {
    let routes = [
        ("", "/a/b", "GET"),
        ("", "/a/{x}", "POST"),
        ("", "/a/{*r}", "PUT"),
        ("", "/a/b", "HEAD"),
    ];
    let snapshot = snapshot([release(1, &["a.example"], &routes)]);
    for (method, path, found) in [
        ("GET", "/a/b", "1/0"),
        ("POST", "/a/b", "1/1 x=b"),
        ("PUT", "/a/b", "1/2 r=b"),
        ("HEAD", "/a/b", "1/3"),
        ("DELETE", "/a/b", "allow GET, HEAD, POST, PUT, OPTIONS"),
        ("GET", "/a/c", "allow POST, PUT, OPTIONS"),
        ("get", "/a/b", "allow GET, HEAD, POST, PUT, OPTIONS"),
        ("DELETE", "/a/c/d", "allow PUT, OPTIONS"),
        ("DELETE", "/b", "no route"),
    ] {
        assert_eq!(
            look_up(&snapshot, method, "a.example", path),
            found,
            "{method} {path}"
        );
    }
}

#[test]
fn head_goes_where_get_goes_and_any_takes_all() {
    let routes = [("", "/a", "GET"), ("", "/{*r}", "*"), ("", "/o", "OPTIONS, POST")];
    let snapshot = snapshot([release(1, &["a.example"], &routes)]);
    for (method, path, found) in [
        ("HEAD", "/a", "1/0"),
        ("OPTIONS", "/a", "1/1 r=a"),
        ("PROPFIND", "/b", "1/1 r=b"),
        ("HEAD", "/b", "1/1 r=b"),
        ("OPTIONS", "/o", "1/2"),
    ] {
        assert_eq!(
            look_up(&snapshot, method, "a.example", path),
            found,
            "{method} {path}"
        );
    }
}

#[test]
fn routes_for_the_host_come_before_routes_for_any() {
    let routes = [
        ("", "/x", "GET"),
        ("*.a.example", "/{p}", "GET"),
        ("b.a.example", "/{p}/{q}", "GET"),
        ("b.a.example", "/x", "POST"),
        ("{t}.a.example", "/only", "GET"),
        ("*.c.a.example", "/only", "GET"),
    ];
    let snapshot = snapshot([release(1, &["*.a.example", "a.example"], &routes)]);
    for (method, host, path, found) in [
        // A parameter on the host's own routes wins over a literal for any host.
        ("GET", "z.a.example", "/x", "1/1 p=x"),
        ("GET", "a.example", "/x", "1/0"),
        ("GET", "b.a.example", "/x", "1/1 p=x"),
        ("POST", "b.a.example", "/x", "1/3"),
        ("GET", "b.a.example", "/x/y", "1/2 p=x q=y"),
        ("GET", "b.a.example", "/only", "1/4 t=b"),
        ("GET", "d.c.a.example", "/only", "1/5"),
        ("GET", "c.a.example", "/only", "1/4 t=c"),
        ("DELETE", "b.a.example", "/x", "allow GET, HEAD, POST, OPTIONS"),
    ] {
        assert_eq!(
            look_up(&snapshot, method, host, path),
            found,
            "{method} {host}{path}"
        );
    }
}

#[test]
fn parameters_of_the_claim_reach_routes_for_any_host() {
    let routes = [("", "/{p}", "GET"), ("{other}.example.com", "/o/{p}", "GET")];
    let snapshot = snapshot([release(1, &["{tenant}.example.com"], &routes)]);
    assert_eq!(
        look_up(&snapshot, "GET", "ada.example.com", "/x"),
        "1/0 tenant=ada p=x"
    );
    assert_eq!(
        look_up(&snapshot, "GET", "ada.example.com", "/o/x"),
        "1/1 other=ada p=x"
    );
}

#[test]
fn a_release_replaces_what_was_live_of_its_app_and_nothing_else() {
    let before = snapshot([
        release(
            1,
            &["a.example", "{x}.p.example"],
            &[("", "/a", "GET"), ("", "/b", "GET")],
        ),
        release(2, &["b.example"], &[("", "/a", "GET")]),
    ]);
    let mut after = before.clone();
    after.insert(release(1, &["c.example"], &[("", "/c", "GET")]));
    assert_eq!(look_up(&after, "GET", "a.example", "/a"), "unknown host");
    assert_eq!(look_up(&after, "GET", "q.p.example", "/a"), "unknown host");
    assert_eq!(look_up(&after, "GET", "c.example", "/c"), "1/0");
    assert_eq!(look_up(&after, "GET", "b.example", "/a"), "2/0");
    assert_eq!(look_up(&before, "GET", "a.example", "/b"), "1/1");
    let gone = before.claim("a.example").expect("a claim").app.scripts.clone();
    assert!(gone.iter().any(|script| after.script(*script).is_none()));
    assert!(gone.iter().all(|script| before.script(*script).is_some()));

    // A domain that moved is not lost, whichever of the two apps is read first.
    let mut moved = before.clone();
    moved.insert(release(2, &["a.example", "b.example"], &[("", "/a", "GET")]));
    moved.insert(release(1, &[], &[("", "/a", "GET")]));
    assert_eq!(look_up(&moved, "GET", "a.example", "/a"), "2/0");
}
