//! Requests of scripts to other servers, on loopback alone.

use std::{
    io::Write as _,
    net::TcpListener,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use serde_json::{Value, json};

use crate::harness::{Peer, TestCloud, WAIT_MAX};

/// A server that answers with what it was sent.
fn echoing() -> Peer {
    Peer::start(|request, body| json!({ "request": request, "body": body }).to_string())
}

#[test]
fn scripts_reach_what_the_list_of_their_app_allows() {
    let cloud = TestCloud::start();
    let peer = echoing();
    let (one, two) = (cloud.app_with_domain("one"), cloud.app_with_domain("two"));
    for app in [&one, &two] {
        let url = format!("http://{}/a?b=c", peer.address);
        app.serve(
            "/get",
            &format!(
                "try {{ return http::get(\"{url}\").json().request }} catch (error) {{ return error.kind }}"
            ),
        );
        app.serve("/uncaught", &format!("http::get(\"{url}\").body"));
    }
    let (get, kind) = ("GET /a?b=c HTTP/1.1", "blocked");
    let settings = cloud.owner().get(&one.path("/egress")).expect(200).json();
    assert_eq!(settings, json!({ "allow": null, "updated_at": null }));
    cloud.get("one.test", "/get").says(kind);
    cloud.get("one.test", "/uncaught").problem(500, "script_error");
    let message = one.executions("?status=error", 1)[0]["error"]["message"].to_string();
    assert!(
        message.contains("not public") && message.contains("blocked"),
        "{message}"
    );
    assert_eq!(peer.connections(), 0);

    let entry = peer.address.to_string();
    assert_eq!(
        one.allow(&json!([entry, "*.EXAMPLE.com"]))["allow"],
        json!([entry, "*.example.com"])
    );
    cloud.get("one.test", "/get").says(get);
    cloud.get("two.test", "/get").says(kind);
    cloud.start_again();
    cloud.get("one.test", "/get").says(get);
    one.allow(&json!(["*"]));
    cloud.get("one.test", "/get").says(kind);
}

#[test]
fn the_server_itself_is_never_reached() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.allow(&json!(["0.0.0.0/0", "[::/0]"]));
    app.serve("/hello", "\"hello\"");
    let port = cloud.address().port();
    for host in ["127.0.0.1", "localhost", "0x7f.1"] {
        let path = format!("/{}", host.replace('.', "-"));
        let url = format!("http://{host}:{port}/healthz");
        app.serve(
            &path,
            &format!("try {{ return http::get(\"{url}\").status }} catch (error) {{ return error.kind }}"),
        );
        cloud.get("a.test", &path).says("blocked");
    }
}

#[test]
fn only_admins_of_the_instance_open_what_is_not_public() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let admin = cloud.person("eve", "member");
    app.admit(&admin.id, "app_admin");
    let put = |entries: Value| {
        let call = admin
            .client
            .call("PUT", &format!("/api/v1{}", app.path("/egress")));
        call.json(&json!({ "allow": entries })).send()
    };
    put(json!(["api.example.com"])).expect(200);
    put(json!(["api.example.com", "10.0.0.0/8:80"])).problem(403, "forbidden");
    app.allow(&json!(["10.0.0.0/8:80"]));
    // What was opened for them they may keep, and give up.
    put(json!(["10.0.0.0/8:80", "api.example.com"])).expect(200);
    put(json!(["10.0.0.0/8"])).problem(403, "forbidden");
    put(json!([])).expect(200);
    put(json!(["10.0.0.0/8:80"])).problem(403, "forbidden");
    put(json!(["https://example.com"])).problem(422, "validation_failed");
    put(json!(vec!["a.example.com"; 101])).problem(422, "validation_failed");
}

#[test]
fn a_run_that_is_only_tried_reads_and_sends_nothing() {
    let cloud = TestCloud::start();
    let peer = echoing();
    let app = cloud.app("a");
    app.allow(&json!([peer.address.to_string()]));
    let run = |source: String| {
        let answer = cloud
            .owner()
            .post(&app.path("/scripts:run"), &json!({ "source": source }));
        answer.expect(200).json()
    };
    let tried = run(format!("http::post(\"http://{}/\", \"x\").status", peer.address));
    let message = tried["error"]["message"].to_string();
    assert!(
        message.contains("http::post: not sent") && message.contains("keep_writes"),
        "{tried}"
    );
    assert_eq!(peer.connections(), 0);
    let tried = run(format!("http::get(\"http://{}/\").status", peer.address));
    assert_eq!(tried["response"]["body"], "200", "{tried}");
}

#[test]
fn runs_that_wait_for_another_server_slow_nobody_down() {
    const WAITING: usize = 48;
    let cloud = &TestCloud::start();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let app = cloud.app_with_domain("a");
    app.allow(&json!([address.to_string()]));
    app.serve("/hello", "\"hello\"");
    app.serve(
        "/slow",
        &format!("http::get(\"http://{address}/\", #{{timeout_ms: 30000}}).status"),
    );
    let (came, all_came) = mpsc::channel();
    let held = Arc::new(Mutex::new(Vec::new()));
    let holding = Arc::clone(&held);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok).take(WAITING) {
            holding.lock().expect("no holder panics").push(stream);
            came.send(()).expect("somebody waits");
        }
    });
    thread::scope(|scope| {
        for _ in 0..WAITING {
            scope.spawn(|| cloud.get("a.test", "/slow"));
        }
        for _ in 0..WAITING {
            all_came.recv_timeout(WAIT_MAX).expect("all come");
        }
        // None of them has been answered, and nobody waits behind them.
        for _ in 0..100 {
            cloud.get("a.test", "/hello").says("hello");
        }
        for mut stream in held.lock().expect("no holder panics").drain(..) {
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
        }
    });
}
