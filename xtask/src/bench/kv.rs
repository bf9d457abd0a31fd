//! Keys and values: reading one in a script, and writing one so that it stays.

use super::{
    api::Api,
    load::{self, Load, Question},
    process::{Cores, Server, Start},
    report::{Bound, Cell, Goal, Report},
    rounds::{Contender, take_turns},
    save::fsync,
    setting::Setting,
    statistics::median,
    stores,
    target::kept,
};

/// The scripts that are measured, each on a path of its own.
const SCRIPTS: [(&str, &str); 3] = [
    ("constant", "\"Hello, World\""),
    ("get", "kv::get(\"greeting\")"),
    (
        "set",
        "kv::set(`k/${random::int(0, 9999)}`, \"Hello, World\"); \"\"",
    ),
];

/// Clients that write at one time.
const WRITERS: usize = 64;

/// How often the disk is asked by itself.
const SYNCS: usize = 50;

/// How much of the rate of a constant answer a script reaches that reads a key.
const GET_RATIO_MIN: f64 = 0.8;

/// How many times faster many write together than one after the other, with an fsync each.
const SET_RATIO_MIN: f64 = 20.0;

/// Processor time of a read against that of a constant, and the rate of writes against that of the disk.
pub(crate) fn measure(setting: &Setting) -> anyhow::Result<Report> {
    load::ensure_installed()?;
    // Beside what is built, because the folder for temporary files may be in memory.
    let place = kept("kv");
    std::fs::create_dir_all(&place)?;
    let data = tempfile::tempdir_in(&place)?;
    let start = Start {
        data: Some(data.path()),
        threads: 1,
        cores: Some(Cores::One(setting.core)),
    };
    let server = Server::picloud(&setting.programs, start)?;
    let api = Api::sign_in(&server)?;
    for (name, source) in SCRIPTS {
        let script = api.script("default", name, source)?;
        api.route(&script, &format!("/bench/{name}"))?;
    }
    let first = api.script(
        "default",
        "first",
        "kv::set(\"greeting\", \"Hello, World\"); \"\"",
    )?;
    api.route(&first, "/bench/first")?;
    ureq::get(format!("http://{}/bench/first", server.address))
        .header("host", "localhost")
        .call()?;

    let contender = |name: &'static str| {
        let question = Question::get(&format!("/bench/{name}"));
        Contender::new(name, &server, question)
    };
    let mut reading = [contender("constant"), contender("get")];
    take_turns(&mut reading, setting.load(), setting.rounds)?;
    let mut writing = [contender("set").rested()];
    let writers = Load {
        connections: WRITERS,
        ..setting.load()
    };
    take_turns(&mut writing, writers, setting.rounds)?;
    let synced = (0..SYNCS)
        .map(|_| fsync(data.path()))
        .collect::<Result<Vec<_>, _>>()?;
    let syncs_per_second = 1e3 / median(synced);

    let [constant, get] = &reading;
    let [set] = &writing;
    let mut rows: Vec<_> = [constant, get, set].map(|one| one.row(&[])).into();
    rows.push(vec![
        Cell::text("one fsync after the other"),
        Cell::text(""),
        Cell::Number(syncs_per_second, 0),
    ]);
    let goal = |what: &str, measured: f64, bound: f64| Goal {
        what: what.to_owned(),
        measured: (measured, 2),
        unit: "",
        bound: Bound::AtLeast(bound),
    };
    let goals = vec![
        goal("kv::get, × constant", get.ratio_to(constant), GET_RATIO_MIN),
        goal(
            "kv::set, × one fsync for each",
            set.rate() / syncs_per_second,
            SET_RATIO_MIN,
        ),
    ];
    let per_sync = constant.rate() / syncs_per_second;
    // One after the other: PiCloud does nothing while other stores are measured.
    drop(server);
    let (others, mut notes) = stores::measure(setting, &place);
    rows.extend(others);
    notes.insert(
        0,
        format!(
            "There are {per_sync:.1} constant answers for each fsync on this core: what stores something has no higher rate."
        ),
    );
    Ok(Report {
        name: "kv",
        title: "Keys and values",
        method: format!(
            "{} On SQLite on a disk. {WRITERS} clients write at one time, and each is answered when what it wrote is on \
             disk; an fsync is one of 4 KB at the end of a file beside the database.",
            setting.method()
        ),
        columns: vec!["script", "cpu µs/request", "requests/s"],
        goals,
        rows,
        notes,
    })
}
