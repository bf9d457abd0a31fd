//! Host to app: the most specific claim wins.

use crate::harness::TestCloud;

/// An app that claims `pattern` and answers its own slug and the host's parameters.
fn claim(cloud: &TestCloud, slug: &str, pattern: &str) {
    let app = cloud.app(slug);
    app.domain(pattern);
    app.serve("/", &format!("\"{slug} \" + (request.params.t ?? \"-\")"));
}

#[test]
fn exact_beats_parameter_beats_wildcard_and_longer_beats_shorter() {
    let cloud = TestCloud::start();
    claim(&cloud, "wild", "*.example.test");
    claim(&cloud, "exact", "www.example.test");
    claim(&cloud, "apex", "example.test");
    claim(&cloud, "deep-wild", "*.eu.example.test");
    claim(&cloud, "deep-param", "{t}.us.example.test");
    claim(&cloud, "deep-exact", "a.eu.example.test");
    for (host, expected) in [
        ("example.test", "apex -"),
        ("www.example.test", "exact -"),
        ("other.example.test", "wild -"),
        ("a.b.example.test", "wild -"),
        ("eu.example.test", "wild -"),
        ("b.eu.example.test", "deep-wild -"),
        ("b.c.eu.example.test", "deep-wild -"),
        ("a.eu.example.test", "deep-exact -"),
        ("x.us.example.test", "deep-param x"),
        ("y.x.us.example.test", "wild -"),
    ] {
        let answer = cloud.get(host, "/").expect(200);
        assert_eq!(answer.text(), expected, "{host}");
    }
}

#[test]
fn a_parameter_takes_one_label_and_reaches_the_script() {
    let cloud = TestCloud::start();
    claim(&cloud, "tenants", "{t}.example.test");
    cloud.get("ada.example.test", "/").says("tenants ada");
    cloud.get("ADA.Example.TEST:8080", "/").says("tenants ada");
    cloud.get("a.b.example.test", "/").problem(404, "unknown_host");
    cloud.get("example.test", "/").problem(404, "unknown_host");
}

#[test]
fn a_host_has_one_form_however_it_is_written() {
    let cloud = TestCloud::start();
    claim(&cloud, "plain", "example.test");
    claim(&cloud, "idn", "bücher.test");
    claim(&cloud, "ipv4", "192.168.1.4");
    claim(&cloud, "ipv6", "[2001:db8::1]");
    for (host, expected) in [
        ("EXAMPLE.Test", "plain -"),
        ("example.test.", "plain -"),
        ("example.test:80", "plain -"),
        ("example.test.:65535", "plain -"),
        ("example.test:", "plain -"),
        ("xn--bcher-kva.test", "idn -"),
        ("XN--BCHER-KVA.test:1", "idn -"),
        ("192.168.1.4:8080", "ipv4 -"),
        ("[2001:DB8:0::1]:8080", "ipv6 -"),
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = cloud.send_raw(request).expect(200);
        assert_eq!(answer.text(), expected, "{host}");
    }
}

#[test]
fn a_host_in_utf_8_is_taken_or_refused_but_never_another() {
    let cloud = TestCloud::start();
    claim(&cloud, "idn", "bücher.test");
    let answer = cloud.send_raw("GET / HTTP/1.1\r\nHost: bücher.test\r\n\r\n");
    match answer.status {
        200 => assert_eq!(answer.text(), "idn -"),
        _ => drop(answer.problem(400, "bad_request")),
    }
}

#[test]
fn a_host_that_nobody_claims_is_unknown() {
    let cloud = TestCloud::start();
    for host in ["nobody.test", "test", "10.0.0.1", "[2001:db8::9]"] {
        let problem = cloud.get(host, "/").problem(404, "unknown_host");
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|text| text.contains("app")),
            "{problem}"
        );
    }
}

#[test]
fn routes_may_name_hosts_and_those_come_first() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    app.domain("*.a.test");
    app.script("any", "\"any\"").route("/{*rest}", &["GET"]);
    app.script("wild", "\"wild\"")
        .route_on("*.x.a.test", "/page", &["GET"]);
    app.script("exact", "\"exact\"")
        .route_on("one.x.a.test", "/{p}", &["GET"]);
    app.script("param", "\"param \" + request.params.t")
        .route_on("{t}.a.test", "/page", &["GET"]);
    for (host, path, expected) in [
        ("one.x.a.test", "/page", "exact"),
        ("two.x.a.test", "/page", "wild"),
        ("two.x.a.test", "/other", "any"),
        ("solo.a.test", "/page", "param solo"),
        ("solo.a.test", "/", "any"),
    ] {
        let answer = cloud.get(host, path).expect(200);
        assert_eq!(answer.text(), expected, "{host}{path}");
    }
}
