//! The core of the suite once more, through a real Caddy with `caddy/Caddyfile` and a CA of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, RwLock,
        mpsc::{self, Receiver},
    },
    thread,
    time::Instant,
};

use serde_json::json;
use tempfile::TempDir;

use crate::harness::{Answer, Client, OWNER, TestCloud, WAIT_MAX};

/// Hosts that Caddy has certificates for.
const SITES: [&str; 2] = ["localhost", "caddy.test"];

/// A Caddy in front of a cloud. Ends when dropped.
struct Caddy {
    child: Child,
    port: u16,
    folder: TempDir,
    log: Receiver<String>,
}

impl Caddy {
    fn start(cloud: &TestCloud) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let [http, https] = free_ports();
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../caddy/Caddyfile");
        let mut child = Command::new("caddy")
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(config)
            .envs(["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"].map(|name| (name, folder.path())))
            .env("PICLOUD_UPSTREAM", cloud.address().to_string())
            .env("PICLOUD_HTTP_PORT", http.to_string())
            .env("PICLOUD_HTTPS_PORT", https.to_string())
            .env("PICLOUD_SITE", SITES.join(", "))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("caddy can be started; `cargo xtask test` installs it");
        let stderr = child.stderr.take().expect("standard error is a pipe");
        let (sender, log) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Read to its end, also when nobody listens any more, so that Caddy can write on.
                let _ = sender.send(line);
            }
        });
        let caddy = Self {
            child,
            port: https,
            folder,
            log,
        };
        let mut said = String::new();
        while !said.contains("serving initial configuration") {
            match caddy.log.recv_timeout(WAIT_MAX) {
                Ok(line) => said.push_str(&(line + "\n")),
                Err(cause) => panic!("caddy is not ready ({cause}):\n{said}"),
            }
        }
        caddy
    }

    /// Somebody who calls the cloud through this Caddy, once it has certificates.
    fn client(&self) -> Client {
        let root = self.folder.path().join("caddy/pki/authorities/local/root.crt");
        let root = fs::read(&root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
        let address: SocketAddr = (Ipv4Addr::LOCALHOST, self.port).into();
        let client = Client::over_tls(Arc::new(RwLock::new(address)), &root);
        // Certificates are made while Caddy serves already, and it does not say when it begins to use them.
        let start = Instant::now();
        for site in SITES {
            while let Err(error) = client.call("GET", "/healthz").host(site).try_send() {
                let log = || self.log.try_iter().collect::<Vec<_>>().join("\n");
                assert!(
                    start.elapsed() < WAIT_MAX,
                    "no certificate for {site}: {error}\n{}",
                    log()
                );
            }
        }
        client
    }
}

impl Drop for Caddy {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_core_works_through_caddy() {
    let cloud = TestCloud::with()
        .flag("--trusted-proxies", "127.0.0.1/32,::1/128")
        .start();
    let caddy = Caddy::start(&cloud);
    let client = caddy.client();
    let get = |host: &str, path: &str| -> Answer { client.call("GET", path).host(host).send() };

    get("localhost", "/hello/Ada").says("Hello, Ada!\n");
    get("localhost", "/healthz").expect(200);

    let body = json!({ "username": OWNER.0, "password": OWNER.1 });
    let login = client
        .call("POST", "/api/v1/admin/auth/login")
        .host("localhost")
        .json(&body)
        .send()
        .expect(200);
    let cookie = login.header("set-cookie").expect("a cookie");
    assert!(cookie.contains("Secure"), "behind HTTPS: {cookie}");
    let owner = client.with_token(login.json()["token"].as_str().expect("a token"));
    let post = |path: &str, body: serde_json::Value| {
        owner
            .call("POST", &format!("/api/v1/admin{path}"))
            .host("localhost")
            .json(&body)
            .send()
            .expect(201)
            .json()
    };
    let app = post(
        "/apps",
        json!({ "slug": "through-caddy", "name": "Through Caddy" }),
    );
    post("/apps/through-caddy/domains", json!({ "pattern": "caddy.test" }));
    let source = "#{ from: request.remote_addr, url: request.url, host: request.host, body: request.body }";
    let script = post(
        "/scripts",
        json!({ "app_id": app["id"], "name": "echo", "source": source }),
    );
    post(
        "/routes",
        json!({ "script_id": script["id"], "path": "/echo/{x}", "methods": ["*"] }),
    );

    let call = client
        .call("POST", "/echo/a%2Fb?c=d")
        .host("caddy.test")
        .header("x-forwarded-for", "203.0.113.9");
    let seen = call.body("through").send().expect(200).json();
    assert_eq!(seen["host"], "caddy.test");
    assert_eq!(seen["body"], "through");
    assert_eq!(
        seen["from"], "127.0.0.1",
        "what a client claims is dropped: {seen}"
    );
    assert!(
        seen["url"]
            .as_str()
            .is_some_and(|url| url.starts_with("https://caddy.test")),
        "{seen}"
    );
    assert!(
        seen["url"]
            .as_str()
            .is_some_and(|url| url.ends_with("/echo/a%2Fb?c=d")),
        "{seen}"
    );

    get("caddy.test", "/nothing").problem(404, "no_route");
    let status = get("localhost", "/admin").status;
    assert!(
        matches!(status, 200 | 302 | 303 | 307 | 308),
        "the dashboard is reachable: {status}"
    );
}

/// Two ports that were free a moment ago.
fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free"));
    listeners.map(|listener| listener.local_addr().expect("it has an address").port())
}
