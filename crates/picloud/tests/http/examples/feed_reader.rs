//! `examples/feed-reader`: what is new in several feeds.

use serde_json::json;

use crate::harness::{Peer, TestCloud};

const HOST: &str = "feeds.localhost";

const RSS: &str = r#"<?xml version="1.0"?><rss version="2.0"><channel><title>Garden</title>
    <item><title>Plants &amp; pots</title><link>https://example.com/pots?a=1&amp;b=2</link></item>
    <item><title>&lt;script&gt;</title><link>javascript:alert(1)</link></item></channel></rss>"#;

const ATOM: &str = r#"<feed xmlns="http://www.w3.org/2005/Atom"><title>Sea</title>
    <entry><title>Tides</title><link href="https://example.com/tides"/></entry></feed>"#;

#[test]
fn what_is_new_stands_on_one_page_and_does_no_harm() {
    let cloud = TestCloud::start();
    let app = cloud.deploy_example("feed-reader");
    let peer = Peer::start(|request, _| match request {
        "GET /rss HTTP/1.1" => RSS.to_owned(),
        "GET /atom HTTP/1.1" => ATOM.to_owned(),
        _ => "no feed".to_owned(),
    });
    app.allow(&json!([peer.address.to_string()]));
    for url in [
        &peer.url("/rss"),
        &peer.url("/atom"),
        &peer.url("/none"),
        "http://127.0.0.2:1/",
    ] {
        let call = cloud.call("POST", HOST, "/feeds");
        call.json(&json!({ "url": url })).send().expect(200);
    }
    let page = cloud.get(HOST, "/").expect(200).text();
    for expected in [
        r#"<li><a href="https://example.com/pots?a=1&amp;b=2">Plants &amp; pots</a>"#,
        "<li>&lt;script&gt;",
        r#"<li><a href="https://example.com/tides">Tides</a>"#,
    ] {
        assert!(page.contains(expected), "{expected} is not in {page}");
    }
    assert_eq!(page.matches("This feed is silent today").count(), 2, "{page}");
    assert!(!page.contains("javascript:"), "{page}");
}
