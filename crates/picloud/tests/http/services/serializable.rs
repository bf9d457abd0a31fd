//! What many clients do at the same time comes out as if one had done it after the other, whatever fails meanwhile.
//!
//! Each client keeps a book of what it asked for and what it was told. An answer is a promise that it has happened, an
//! error one that it has not; of a connection that broke nothing is known. In the end all books are compared with what
//! is there. `PICLOUD_TEST_ROUNDS` gives another number of rounds, each with a fault.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use serde_json::{Value, json};

use super::fault::{Fault, Outcome, Progress};
use crate::harness::{App, TestCloud, rounds};

const ROUNDS: usize = 4;
const CLIENTS: usize = 64;
/// The fault comes after so many answers at most.
const ANSWERS_MAX: u64 = 400;
const ACCOUNTS: usize = 8;
const COUNTERS: usize = 3;
const OPENED_WITH: i64 = 100;

/// Its scripts. What a round does is under keys of its own.
const SCRIPTS: [(&str, &str); 6] = [
    (
        "/open/{round}",
        r#"for account in 0..8 { kv::set(`${request.params.round}/account/${account}`, 100) } """#,
    ),
    (
        "/move/{round}/{id}/{from}/{to}",
        r#"let account = request.params.round + "/account/";
        if kv::incr(account + request.params.from, -7) < 0 { throw #{status: 402, message: "not enough"} }
        kv::incr(account + request.params.to, 7);
        kv::incr(request.params.round + "/move/" + request.params.id)"#,
    ),
    (
        "/sum/{round}",
        r#"let accounts = kv::list(request.params.round + "/account/").entries;
        [accounts.map(|a| a.value).reduce(|sum, x| sum + x, 0), accounts.filter(|a| a.value < 0).len]"#,
    ),
    (
        "/count/{round}/{counter}",
        r#"kv::incr(request.params.round + "/counter/" + request.params.counter)"#,
    ),
    (
        "/claim/{round}/{name}/{by}",
        r#"kv::compare_and_set(request.params.round + "/name/" + request.params.name, (), request.params.by)"#,
    ),
    (
        "/all/{round}/{what}",
        r"let all = []; let cursor = ();
        let prefix = `${request.params.round}/${request.params.what}/`;
        loop {
            let page = kv::list(prefix, #{limit: 1000, cursor: cursor});
            for entry in page.entries { all.push([entry.key.sub_string(prefix.len), entry.value]) }
            cursor = page.cursor;
            if cursor == () { break }
        }
        all",
    ),
];

/// What a client asked for.
#[derive(Clone, Debug)]
enum Request {
    Move { id: String, from: usize, to: usize },
    Sum,
    Count { counter: usize },
    Claim { name: u32, by: String },
}

impl Request {
    /// The next one of a client.
    fn random(random: &mut fastrand::Rng, client: usize, number: u32) -> Self {
        match random.u32(..10) {
            0 => Self::Sum,
            1..=4 => {
                let from = random.usize(..ACCOUNTS);
                Self::Move {
                    id: format!("{client}-{number}"),
                    from,
                    to: (from + random.usize(1..ACCOUNTS)) % ACCOUNTS,
                }
            }
            5..=7 => Self::Count {
                counter: random.usize(..COUNTERS),
            },
            // Others come to the same names at about the same time.
            _ => Self::Claim {
                name: number,
                by: client.to_string(),
            },
        }
    }

    fn path(&self, round: usize) -> String {
        match self {
            Self::Move { id, from, to } => format!("/move/{round}/{id}/{from}/{to}"),
            Self::Sum => format!("/sum/{round}"),
            Self::Count { counter } => format!("/count/{round}/{counter}"),
            Self::Claim { name, by } => format!("/claim/{round}/{name}/{by}"),
        }
    }
}

type Book = Vec<(Request, Outcome)>;

#[test]
#[expect(
    clippy::print_stdout,
    reason = "who asks for many rounds wants to see how much was done in them"
)]
fn nothing_is_lost_or_done_twice_whatever_ends_meanwhile() {
    let cloud = TestCloud::with().database_alone().start();
    let app = serve(&cloud);
    let mut random = fastrand::Rng::with_seed(64);
    let mut requests = [0; 3];
    for round in 0..rounds(ROUNDS) {
        app.cloud.get("a.test", &format!("/open/{round}")).expect(200);
        let books = Mutex::new(Book::new());
        let seed = random.u64(..);
        let after = random.u64(1..ANSWERS_MAX);
        Fault::of_round(&cloud, round).strike(&cloud, CLIENTS, after, |client, progress| {
            let book = work(&cloud, round, client, seed, progress);
            books.lock().expect("no client panics").extend(book);
        });
        let book = books.into_inner().expect("no client panics");
        for (_, outcome) in &book {
            requests[match outcome {
                Outcome::Done(_) => 0,
                Outcome::Refused => 1,
                Outcome::Unknown => 2,
            }] += 1;
        }
        compare(&cloud, round, &book);
    }
    let [done, refused, unknown] = requests;
    println!("{done} requests were answered, {refused} refused, of {unknown} nothing is known");
}

fn serve(cloud: &TestCloud) -> App<'_> {
    let app = cloud.app_with_domain("a");
    for (number, (path, source)) in SCRIPTS.iter().enumerate() {
        // A slow machine is no fault of theirs.
        let limits = json!({ "timeout_ms": 300_000, "cpu_ms_max": 60_000, "operations_max": 100_000_000 });
        let fields = json!({ "name": format!("s{number}"), "source": source, "limits": limits });
        app.script_with(fields).route(path, &["GET"]);
    }
    app
}

/// What a client does until it is told to end, or is told nothing any more.
fn work(cloud: &TestCloud, round: usize, client: usize, seed: u64, progress: &Progress) -> Book {
    let mut random = fastrand::Rng::with_seed(seed ^ client as u64);
    let mut book = Book::new();
    for number in 0.. {
        let request = Request::random(&mut random, client, number);
        let outcome = progress.ask(cloud, &request.path(round));
        let is_last = matches!(outcome, Outcome::Unknown) || progress.is_over();
        book.push((request, outcome));
        if is_last {
            break;
        }
    }
    book
}

/// Compares the clients' books with what is there.
fn compare(cloud: &TestCloud, round: usize, book: &Book) {
    let all = |what: &str| -> BTreeMap<String, Value> {
        let answer = cloud.get("a.test", &format!("/all/{round}/{what}")).expect(200);
        serde_json::from_slice::<Vec<_>>(&answer.body)
            .expect("pairs of key and value")
            .into_iter()
            .collect()
    };
    compare_accounts(book, &all("account"), &all("move"));
    compare_counters(book, &all("counter"));
    compare_names(book, &all("name"));
}

/// Every transfer that was acknowledged has happened, none that was refused has, none twice, and the accounts hold what
/// exactly these transfers leave in them. Who read the sum meanwhile never saw another one.
fn compare_accounts(book: &Book, accounts: &BTreeMap<String, Value>, moves: &BTreeMap<String, Value>) {
    let mut expected = [OPENED_WITH; ACCOUNTS];
    let mut moves = moves.clone();
    for (request, outcome) in book {
        let Request::Move { id, from, to } = request else {
            if let (Request::Sum, Outcome::Done(text)) = (request, outcome) {
                assert_eq!(text, "[800,0]");
            }
            continue;
        };
        let times = moves.remove(id);
        match outcome {
            Outcome::Done(text) => assert_eq!((text.as_str(), &times), ("1", &Some(json!(1))), "{id}"),
            Outcome::Refused => assert_eq!(times, None, "{id} was refused"),
            Outcome::Unknown => assert!(times.is_none() || times == Some(json!(1)), "{id}: {times:?}"),
        }
        if times.is_some() {
            expected[*from] -= 7;
            expected[*to] += 7;
        }
    }
    assert_eq!(moves, BTreeMap::new(), "nobody asked for these");
    let expected = (0..)
        .map(|number: u32| number.to_string())
        .zip(expected.map(Value::from));
    assert_eq!(*accounts, expected.collect());
}

/// Every increment that was acknowledged counts once, none that was refused does, and each was told another number.
fn compare_counters(book: &Book, counters: &BTreeMap<String, Value>) {
    for counter in 0..COUNTERS {
        let (mut told, mut unknown) = (BTreeSet::new(), 0);
        for (request, outcome) in book {
            match (request, outcome) {
                (Request::Count { counter: of }, Outcome::Done(text)) if *of == counter => {
                    let number: usize = text.parse().expect("a number");
                    assert!(told.insert(number), "two were told {number}");
                }
                (Request::Count { counter: of }, Outcome::Unknown) if *of == counter => unknown += 1,
                _ => {}
            }
        }
        let found = counters
            .get(&counter.to_string())
            .and_then(Value::as_u64)
            .unwrap_or(0);
        let found = usize::try_from(found).expect("a small number");
        assert!(
            (told.len()..=told.len() + unknown).contains(&found),
            "{found}, after {} answers and {unknown} without one",
            told.len()
        );
        assert!(
            told.last().is_none_or(|last| *last <= found),
            "{told:?}, and then {found}"
        );
    }
}

/// Each name belongs to one: to who was told so, if anybody was, and to somebody if anybody was told that it is taken.
fn compare_names(book: &Book, names: &BTreeMap<String, Value>) {
    let mut holders = names.clone();
    for (request, outcome) in book {
        let Request::Claim { name, by } = request else {
            continue;
        };
        let holder = names.get(&name.to_string());
        let is_holder = holder.is_some_and(|holder| holder == by.as_str());
        match outcome {
            Outcome::Done(text) if text == "true" => {
                assert!(is_holder, "{name}: {by}, but {holder:?} has it");
            }
            Outcome::Done(text) => assert!(holder.is_some() && !is_holder, "{name}: {by} was told {text}"),
            Outcome::Refused => assert!(!is_holder, "{name}: {by} was refused"),
            Outcome::Unknown => {}
        }
        if is_holder {
            holders.remove(&name.to_string());
        }
    }
    assert_eq!(holders, BTreeMap::new(), "held by who did not ask");
}
