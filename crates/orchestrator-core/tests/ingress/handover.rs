//! Runs that start on another thread because their own is busy.

use std::{sync::atomic::Ordering, time::Duration};

use crate::support::{Client, TestServer};

/// Sends without waiting for the answer.
fn begin(client: &mut Client, path: &str) {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: test.example\r\n\r\n"));
}

/// The name of the thread that a run on this connection starts on.
fn thread(client: &mut Client) -> String {
    begin(client, "/thread");
    let answer = client.answer();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// Two connections to each of the two threads; of the first thread first.
fn connections(server: &TestServer) -> [Client; 4] {
    let mut clients: Vec<_> = (0..4)
        .map(|_| {
            let mut client = server.connect();
            let thread = thread(&mut client);
            (thread, client)
        })
        .collect();
    clients.sort_by(|(left, _), (right, _)| left.cmp(right));
    let names: Vec<_> = clients.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["serve-0", "serve-0", "serve-1", "serve-1"], "balanced");
    let clients: Vec<_> = clients.into_iter().map(|(_, client)| client).collect();
    clients.try_into().ok().expect("four connections")
}

/// Begins a run that keeps its thread busy, and waits until it has begun.
fn spin(server: &TestServer, client: &mut Client) {
    begin(client, "/spin");
    let begun = server.runtime.block_on(server.gate.waiting.acquire());
    begun.expect("never closed").forget();
}

#[test]
fn a_run_on_a_busy_thread_starts_on_one_that_is_not() {
    let server = TestServer::start();
    let [mut spinner, mut neighbour, mut other, mut second_spinner] = connections(&server);
    spin(&server, &mut spinner);
    assert_eq!(thread(&mut neighbour), "serve-1");
    assert_eq!(thread(&mut other), "serve-1", "what is quiet stays where it is");

    // With both as busy as each other, every run stays where it is.
    spin(&server, &mut second_spinner);
    assert_eq!(thread(&mut neighbour), "serve-0");
    assert_eq!(thread(&mut other), "serve-1");

    server.gate.open.add_permits(2);
    assert_eq!(spinner.answer().body, "serve-0");
    assert_eq!(second_spinner.answer().body, "serve-1");
    assert_eq!(thread(&mut neighbour), "serve-0");
}

#[test]
fn a_run_elsewhere_ends_when_its_client_leaves() {
    let server = TestServer::start();
    let [mut spinner, mut neighbour, ..] = connections(&server);
    spin(&server, &mut spinner);
    begin(&mut neighbour, "/wait");
    let begun = server.runtime.block_on(server.gate.waiting.acquire());
    begun.expect("never closed").forget();
    drop(neighbour);
    server.runtime.block_on(server.gate.dropping.notified());
    assert_eq!(server.gate.dropped.load(Ordering::SeqCst), 1);
    server.gate.open.add_permits(1);
    assert_eq!(spinner.answer().status, 200);
}

#[test]
fn a_run_elsewhere_is_recorded_as_any_other() {
    let server = TestServer::start();
    let [mut spinner, mut neighbour, ..] = connections(&server);
    spin(&server, &mut spinner);
    begin(&mut neighbour, "/fail");
    let answer = neighbour.answer();
    assert_eq!((answer.status, answer.problem().as_str()), (500, "script_error"));
    let records = server.records();
    let failed = records
        .iter()
        .find(|record| record.script_name == "fail")
        .expect("a record");
    assert_eq!(
        Some(failed.id.to_string().as_str()),
        answer.header("x-request-id")
    );
    server.gate.open.add_permits(1);
}

#[test]
fn a_stopping_server_lets_runs_elsewhere_end() {
    let server = TestServer::start();
    let [mut spinner, mut neighbour, mut third, mut fourth] = connections(&server);
    spin(&server, &mut spinner);
    begin(&mut neighbour, "/wait");
    let begun = server.runtime.block_on(server.gate.waiting.acquire());
    begun.expect("never closed").forget();
    std::thread::scope(|scope| {
        scope.spawn(|| server.stop(Duration::from_secs(20)));
        // Idle connections are closed at once, and with them the last ones of the other thread.
        assert_eq!((third.rest(), fourth.rest()), (Vec::new(), Vec::new()));
        server.gate.open.add_permits(2);
        assert_eq!(neighbour.answer().body, "waited");
        assert_eq!(spinner.answer().status, 200);
    });
}
