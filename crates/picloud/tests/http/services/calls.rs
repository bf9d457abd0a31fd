//! Scripts that call others of their app, and scripts that ask their own server.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use crate::harness::TestCloud;

#[test]
fn a_call_is_a_part_of_its_run() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.script(
        "add",
        "let n = kv::incr(\"n\", request.argument.by); log::info(\"added\"); if n > 10 { throw `${n} is too much` } n",
    );
    app.serve(
        "/add",
        "let by = 4; try { return script::call(\"add\", #{by: by}) } catch (error) { return error }",
    );
    app.serve("/uncaught", "\n  script::call(\"add\", #{by: 100})");
    app.serve("/n", "kv::get(\"n\")");
    for answer in ["4", "8", "12 is too much"] {
        cloud.get("a.test", "/add").says(answer);
    }
    cloud.get("a.test", "/n").says("8");
    cloud.get("a.test", "/uncaught").problem(500, "script_error");
    cloud.get("a.test", "/n").says("8");
    // One run each, in whose record all of it stands.
    let failed = &app.executions("?status=error", 1)[0];
    let error = &failed["error"];
    assert_eq!(
        (&error["script"], &error["line"]),
        (&json!("add"), &json!(1)),
        "{error}"
    );
    assert_eq!(error["trace"][0]["function"], "script::call");
    assert_eq!(error["trace"][0]["line"], 2);
    let calls = failed["services"].as_array().expect("services");
    assert!(
        calls
            .iter()
            .any(|used| used["service"] == "script" && used["calls"] == 1),
        "{failed}"
    );
    let id = failed["id"].as_str().expect("an id");
    let whole = cloud.owner().get(&format!("/admin/executions/{id}"));
    let whole = whole.expect(200).json();
    assert_eq!(whole["logs"][0]["script"], "add");
}

#[test]
fn a_script_has_its_own_limits_wherever_it_is_called() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.script_with(json!({ "name": "spin", "source": "loop {}", "limits": { "operations_max": 1_000 } }));
    app.serve(
        "/caught",
        "try { script::call(\"spin\") } catch (error) { return error.kind }",
    );
    app.serve("/uncaught", "script::call(\"spin\")");
    cloud.get("a.test", "/caught").says("operations");
    cloud
        .get("a.test", "/uncaught")
        .problem(500, "script_limit_exceeded");
    app.script_with(json!({
        "name": "caller",
        "source": "try { script::call(\"wait\") } catch {} \"went on\"",
        "limits": { "timeout_ms": 50 },
    }))
    .route("/caller", &["GET"]);
    app.script("wait", "sleep(60)");
    cloud.get("a.test", "/caller").problem(504, "script_timeout");
}

#[test]
fn scripts_that_call_each_other_are_a_loop() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.script("ping", "try { script::call(\"pong\") } catch {}")
        .route("/", &["GET"]);
    app.script("pong", "try { script::call(\"ping\") } catch {}");
    cloud.get("a.test", "/").problem(508, "loop_detected");
    let record = &app.executions("?status=limit_exceeded", 1)[0];
    assert_eq!(record["error"]["kind"], "loop_detected");
}

#[test]
fn what_is_called_is_of_the_same_release_and_tried_with_what_is_live() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let other = app.script("other", "1");
    app.serve("/", "script::call(\"other\")");
    cloud.get("a.test", "/").says("1");
    other.save("2");
    cloud.get("a.test", "/").says("2");
    let tried = |source: &str| -> Value {
        let body = json!({ "source": source });
        let answer = cloud.owner().post(&app.path("/scripts:run"), &body);
        answer.expect(200).json()
    };
    let ran = tried("script::call(\"other\") + 40");
    assert_eq!(ran["response"]["body"], "42", "{ran}");
    let spaced = tried("script  ::  call(\"other\") + 40");
    assert_eq!(spaced["response"]["body"], "42", "{spaced}");
    let missing = tried("script::call(\"othre\")");
    let message = missing["error"]["message"].to_string();
    assert!(message.contains("did you mean `other`?"), "{missing}");
    // Scripts of another app are not there.
    let stranger = cloud.app_with_domain("b");
    stranger.serve(
        "/",
        "try { script::call(\"other\") } catch (error) { return error }",
    );
    let answer = cloud.get("b.test", "/").expect(200).text();
    assert!(
        answer.contains("there is no script `other` in this app"),
        "{answer}"
    );
}

/// A reverse proxy in front of `server`, by which it is reached as `a.test`; and how many requests came.
fn proxy(server: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let requests = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&requests);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            count.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || forward(stream, server));
        }
    });
    (address, requests)
}

/// Hands one request without a body on, and its answer back.
fn forward(mut client: TcpStream, server: SocketAddr) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("a head is text");
    let kept = head.trim_end().split("\r\n").filter(|line| {
        let name = line.split(':').next().unwrap_or("").to_ascii_lowercase();
        name != "host" && name != "connection"
    });
    let lines: Vec<_> = kept
        .chain(["host: a.test", "connection: close", "\r\n"])
        .collect();
    let mut upstream = TcpStream::connect(server).expect("the server listens");
    upstream
        .write_all(lines.join("\r\n").as_bytes())
        .expect("it takes the request");
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).expect("it answers");
    let _ = client.write_all(&answer);
}

#[test]
fn a_script_that_asks_its_own_server_comes_to_an_end() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let (address, requests) = proxy(cloud.address());
    app.allow(&json!([address.to_string()]));
    // What a script says of its depth does not count.
    let source = format!(
        "let answer = http::get(\"http://{address}/loop\", #{{headers: #{{\"X-PiCloud-Depth\": \"0\"}}, timeout_ms: 30000}}); \
         if answer.status == 200 {{ answer.json() + 1 }} else {{ answer.status }}"
    );
    app.script_with(json!({ "name": "loop", "source": source, "limits": { "timeout_ms": 60_000 } }))
        .route("/loop", &["GET"]);
    cloud.get("a.test", "/loop").says("524");
    assert_eq!(requests.load(Ordering::SeqCst), 17);
    // Calls and requests are counted together.
    app.script("other", &format!("http::get(\"http://{address}/depth\").body"));
    app.serve("/depth", "request.headers[\"x-picloud-depth\"]");
    app.serve("/calls", "script::call(\"other\")");
    cloud.get("a.test", "/calls").says("2");
}
