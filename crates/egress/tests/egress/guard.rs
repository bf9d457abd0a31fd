//! Nothing reaches what is not public.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use picloud_shared::{
    egress::is_public,
    services::{HttpFailureKind, HttpRequest},
};
use tokio::net::TcpListener;

use crate::ground::{APP, Ground, OTHER, Server, answer, get, ok};

/// Addresses that no script may reach.
const ADDRESSES: [&str; 44] = [
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    "10.0.0.1",
    "10.255.255.254",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.254",
    "127.0.0.1",
    "127.0.0.2",
    "127.1.2.3",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.17.0.1",
    "172.31.255.254",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.1.254",
    "192.168.255.254",
    "198.18.0.1",
    "198.19.255.254",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2001::1",
    "2002:7f00:1::1",
    "2001:db8::1",
];

/// All ways to write an address in a URL.
fn forms(address: &str) -> Vec<String> {
    match address.parse().expect("an address") {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            let number = address.to_bits();
            let v6 = address.to_ipv6_mapped().segments();
            let (high, low) = (v6[6], v6[7]);
            vec![
                address.to_string(),
                format!("{address}."),
                number.to_string(),
                format!("0x{number:x}"),
                format!("0X{number:08X}"),
                format!("0{number:o}"),
                format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
                format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
                format!("{a}.{}", u32::from(b) << 16 | u32::from(c) << 8 | u32::from(d)),
                format!("{a}.{b}.{}", u32::from(c) << 8 | u32::from(d)),
                format!("{a}.0x{b:x}.0{c:o}.{d}"),
                format!(
                    "%3{}{}",
                    a.to_string().as_bytes()[0] - b'0',
                    &address.to_string()[1..]
                ),
                address.to_string().replace('.', "。"),
                address.to_string().replace('.', "%2E"),
                fullwidth(&address.to_string()),
                format!("[::ffff:{address}]"),
                format!("[::ffff:{high:x}:{low:x}]"),
                format!("[0:0:0:0:0:ffff:{high:x}:{low:x}]"),
                format!("[::{address}]"),
                format!("[64:ff9b::{address}]"),
                format!("[64:ff9b:1::{address}]"),
                format!("[2002:{high:x}:{low:x}::1]"),
                format!("[2001:0:{high:x}:{low:x}:0:0:{:x}:{:x}]", !high, !low),
            ]
        }
        IpAddr::V6(address) => {
            let segments = address.segments().map(|segment| format!("{segment:04X}"));
            vec![format!("[{address}]"), format!("[{}]", segments.join(":"))]
        }
    }
}

fn fullwidth(text: &str) -> String {
    let wide = |digit: char| match digit {
        '0'..='9' => char::from_u32(digit as u32 - 0x30 + 0xFF10).expect("a digit"),
        other => other,
    };
    text.chars().map(wide).collect()
}

/// Listens at one port on all addresses of this machine, and counts who comes.
struct Trap {
    port: u16,
    caught: Arc<AtomicUsize>,
}

impl Trap {
    async fn set() -> Self {
        let caught = Arc::<AtomicUsize>::default();
        let listener = TcpListener::bind("0.0.0.0:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let v6 = TcpListener::bind(format!("[::1]:{port}")).await.ok();
        for listener in [Some(listener), v6].into_iter().flatten() {
            let caught = Arc::clone(&caught);
            tokio::spawn(async move {
                while listener.accept().await.is_ok() {
                    caught.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self { port, caught }
    }

    fn caught(&self) -> usize {
        self.caught.load(Ordering::SeqCst)
    }
}

fn is_refused(kind: Result<u16, HttpFailureKind>) -> bool {
    matches!(kind, Err(HttpFailureKind::Blocked | HttpFailureKind::Invalid))
}

#[tokio::test]
async fn no_form_of_an_address_that_is_not_public_is_connected_to() {
    let (ground, trap) = (Ground::new().await, Trap::set().await);
    let mut tried = 0;
    for form in ADDRESSES.into_iter().flat_map(forms) {
        for url in [
            format!("http://{form}:{}/", trap.port),
            format!("HTTPS:\\\\{form}:{}", trap.port),
        ] {
            let kind = Ground::kind(ground.ask(APP, get(&url)).await);
            assert!(is_refused(kind), "{url}: {kind:?}");
            tried += 1;
        }
    }
    assert!(tried >= 1_000, "{tried}");
    // What is an address is never taken for a name.
    assert_eq!((ground.lookups(), trap.caught()), (0, 0));
}

#[tokio::test]
async fn other_ways_to_write_a_url_lead_nowhere_either() {
    let (ground, trap) = (Ground::new().await, Trap::set().await);
    ground.name("localhost", &[&["127.0.0.1", "::1"]]);
    ground.name("localhost.", &[&["127.0.0.1"]]);
    ground.name("loop.example.com", &[&["127.0.0.1"]]);
    let port = trap.port;
    for url in [
        format!("http://localhost:{port}/"),
        format!("http://LOCALHOST.:{port}/"),
        format!("http://loop.example.com:{port}/"),
        format!("http://example.com@127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}@example.com/"),
        format!("http://example.com:80@127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}#@example.com/"),
        format!("http:127.0.0.1:{port}/"),
        format!("http:///127.0.0.1:{port}/"),
        format!(" http://127.0.0.1:{port}/\n"),
        format!("ht\ntp://127.0.0.1:{port}/"),
        format!("http://[::1%25lo]:{port}/"),
        format!("http://[fe80::1%eth0]:{port}/"),
        format!("//127.0.0.1:{port}/"),
        format!("ftp://127.0.0.1:{port}/"),
        format!("gopher://127.0.0.1:{port}/"),
        "file:///etc/passwd".to_owned(),
        "data:text/plain,x".to_owned(),
        "unix:/run/socket".to_owned(),
        String::new(),
    ] {
        let kind = Ground::kind(ground.ask(APP, get(&url)).await);
        assert!(is_refused(kind), "{url}: {kind:?}");
    }
    assert_eq!(trap.caught(), 0);
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_any_address_that_is_not_public_refuses_it() {
    let (ground, trap) = (Ground::new().await, Trap::set().await);
    let url = format!("http://flip.example.com:{}/", trap.port);
    // The first look-up is the one that counts; nobody asks again.
    for address in ADDRESSES {
        ground.name("flip.example.com", &[&[address], &["1.1.1.1"]]);
        let before = ground.lookups();
        let kind = Ground::kind(ground.ask(APP, get(&url)).await);
        assert_eq!(kind, Err(HttpFailureKind::Blocked), "{address}");
        assert_eq!(ground.lookups(), before + 1);
    }
    // One that is not public among others is not left out, it refuses the name.
    for mixed in [
        ["1.1.1.1", "127.0.0.1"],
        ["127.0.0.1", "2606:4700::1111"],
        ["1.1.1.1", "::ffff:10.0.0.1"],
    ] {
        ground.name("flip.example.com", &[&mixed]);
        let kind = Ground::kind(ground.ask(APP, get(&url)).await);
        assert_eq!(kind, Err(HttpFailureKind::Blocked), "{mixed:?}");
    }
    assert_eq!(trap.caught(), 0);
}

#[tokio::test]
async fn what_a_name_led_to_later_does_not_count() {
    let ground = Ground::new().await;
    let server = Server::start(|_| ok("here")).await;
    let trap = Trap::set().await;
    // A list that permits the server alone: a second look-up would lead to the trap, which it does not permit.
    ground
        .allow(APP, Some(&[&format!("127.0.0.1:{}", server.address.port())]))
        .await;
    for _ in 0..50 {
        ground.name("flip.example.com", &[&["127.0.0.1"], &["127.0.0.2"]]);
        let url = format!("http://flip.example.com:{}/", server.address.port());
        let kind = Ground::kind(ground.ask(APP, get(&url)).await);
        assert_eq!(kind, Ok(200));
        ground
            .allow(APP, Some(&[&format!("127.0.0.1:{}", server.address.port())]))
            .await;
    }
    assert_eq!(trap.caught(), 0);
}

#[tokio::test]
async fn redirects_are_looked_at_like_any_request() {
    let ground = Ground::new().await;
    let trap = Trap::set().await;
    let port = trap.port;
    let targets: Vec<String> = ADDRESSES
        .into_iter()
        .flat_map(|address| forms(address).into_iter().take(3))
        .map(|form| format!("http://{form}:{port}/"))
        .chain([
            format!("http://loop.example.com:{port}/"),
            format!("//127.0.0.2:{port}/"),
            "file:///etc/passwd".to_owned(),
            format!("http://user@127.0.0.2:{port}/"),
        ])
        .collect();
    ground.name("loop.example.com", &[&["127.0.0.2"]]);
    let locations = targets.clone();
    let server = Server::start(move |request| {
        let index = request
            .split(['/', ' '])
            .nth(2)
            .and_then(|index| index.parse::<usize>().ok());
        let location = &locations[index.expect("an index")];
        answer("302 Found", &format!("location: {location}\r\n"), b"")
    })
    .await;
    ground
        .allow(APP, Some(&[&format!("127.0.0.1:{}", server.address.port())]))
        .await;
    for (index, target) in targets.iter().enumerate() {
        let answer = ground.ask(APP, get(server.url(&format!("/{index}")))).await;
        let kind = Ground::kind(answer);
        let refused = matches!(kind, Err(HttpFailureKind::Blocked | HttpFailureKind::Redirects));
        assert!(refused, "{target}: {kind:?}");
    }
    assert_eq!(trap.caught(), 0);
}

#[tokio::test]
async fn no_list_leads_to_the_server_itself() {
    let trap = Trap::set().await;
    let wildcard: SocketAddr = format!("0.0.0.0:{}", trap.port).parse().expect("an address");
    let ground = Ground::with_listeners(vec![wildcard]).await;
    ground.allow(APP, Some(&["0.0.0.0/0", "::/0", "127.0.0.1"])).await;
    for host in [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
    ] {
        ground.name("localhost", &[&["127.0.0.1"]]);
        let url = format!("http://{host}:{}/", trap.port);
        let kind = Ground::kind(ground.ask(APP, get(&url)).await);
        assert_eq!(kind, Err(HttpFailureKind::Blocked), "{url}");
    }
    assert_eq!(trap.caught(), 0);

    let loopback: SocketAddr = format!("127.0.0.1:{}", trap.port).parse().expect("an address");
    let ground = Ground::with_listeners(vec![loopback]).await;
    ground.allow(APP, Some(&["0.0.0.0/0", "::/0"])).await;
    for host in ["0.0.0.0", "0", "[::]", "[::ffff:0.0.0.0]", "0.0.0.1", "127.0.0.1"] {
        let url = format!("http://{host}:{}/", trap.port);
        let kind = Ground::kind(ground.ask(APP, get(&url)).await);
        assert_eq!(kind, Err(HttpFailureKind::Blocked), "{url}");
    }
    assert_eq!(trap.caught(), 0);
}

#[tokio::test]
async fn a_list_is_about_its_app_and_counts_at_once() {
    let ground = Ground::new().await;
    let server = Server::start(|_| ok("here")).await;
    let kind = async |app| Ground::kind(ground.ask(app, get(server.url("/"))).await);
    assert_eq!(kind(APP).await, Err(HttpFailureKind::Blocked));
    let entry = server.address.to_string();
    ground.allow(APP, Some(&[&entry])).await;
    assert_eq!(kind(APP).await, Ok(200));
    // Not even by the connection that is kept for the other app.
    assert_eq!(kind(OTHER).await, Err(HttpFailureKind::Blocked));
    ground.allow(APP, Some(&[])).await;
    assert_eq!(kind(APP).await, Err(HttpFailureKind::Blocked));
    ground.allow(APP, None).await;
    assert_eq!(kind(APP).await, Err(HttpFailureKind::Blocked));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn names_on_a_list_bound_where_requests_go() {
    let ground = Ground::new().await;
    ground.allow(APP, Some(&["api.example.com"])).await;
    ground.name("api.example.com", &[&["127.0.0.1"]]);
    ground.name("other.example.com", &[&["1.1.1.1"]]);
    for url in [
        "http://api.example.com/",
        "http://other.example.com/",
        "http://1.1.1.1/",
    ] {
        let kind = Ground::kind(ground.ask(APP, get(url)).await);
        assert_eq!(kind, Err(HttpFailureKind::Blocked), "{url}");
    }
    ground.allow(APP, None).await;
    for port in [22, 25, 465, 6667] {
        let kind = Ground::kind(ground.ask(APP, get(format!("http://1.1.1.1:{port}/"))).await);
        assert_eq!(kind, Err(HttpFailureKind::Blocked), "{port}");
    }
}

#[test]
fn all_addresses_that_are_tried_are_not_public() {
    for address in ADDRESSES {
        assert!(!is_public(address.parse().expect("an address")), "{address}");
    }
}

#[tokio::test]
async fn what_could_not_be_sent_is_not_sent() {
    let ground = Ground::open().await;
    let server = Server::start(|_| ok("here")).await;
    let request = |change: fn(&mut HttpRequest)| {
        let mut request = get(server.url("/"));
        change(&mut request);
        request
    };
    for (what, request) in [
        (
            "a line break in a value",
            request(|r| r.headers.push(("x".into(), "a\r\nb: c".into()))),
        ),
        (
            "a line break in a name",
            request(|r| r.headers.push(("x\r\ny".into(), "a".into()))),
        ),
        (
            "a host",
            request(|r| r.headers.push(("Host".into(), "other".into()))),
        ),
        (
            "a length",
            request(|r| r.headers.push(("content-length".into(), "5".into()))),
        ),
        (
            "an encoding",
            request(|r| r.headers.push(("Transfer-Encoding".into(), "chunked".into()))),
        ),
        (
            "an upgrade",
            request(|r| r.headers.push(("upgrade".into(), "websocket".into()))),
        ),
        ("no method", request(|r| r.method = "GET / HTTP/1.1\r\n".into())),
        ("a tunnel", request(|r| r.method = "CONNECT".into())),
        ("a trace", request(|r| r.method = "TRACE".into())),
        (
            "a name and password",
            request(|r| r.url = r.url.replace("//", "//user:pass@")),
        ),
        ("a long URL", request(|r| r.url.push_str(&"a".repeat(9_000)))),
    ] {
        let kind = Ground::kind(ground.ask(APP, request).await);
        assert_eq!(kind, Err(HttpFailureKind::Invalid), "{what}");
    }
    assert_eq!(server.connections(), 0);
}
