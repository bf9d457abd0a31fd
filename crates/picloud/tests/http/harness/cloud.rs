//! A PiCloud of its own for a test.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    Answer, App, Call, Client, FakedClock, Postgres, Process, RawConnection, SmallDisk, database::Database,
};

/// Name and password of the owner that a cloud has from the start.
pub(crate) const OWNER: (&str, &str) = ("ada", "correct horse battery");

/// How often one of many clients asks for its turn.
const TURNS_MAX: usize = 1_000;

/// A running `picloud` with a database of its own. Ends when dropped, and fails if it ever panicked.
pub(crate) struct TestCloud {
    // Dropped in this order: the process before its data.
    process: Mutex<Process>,
    database: Database,
    disk: Option<SmallDisk>,
    clock: Option<FakedClock>,
    folder: TempDir,
    options: Options,
    address: Arc<RwLock<SocketAddr>>,
    anonymous: Client,
    owner: OnceLock<Client>,
}

/// How a cloud is started.
#[derive(Clone, Default)]
pub(crate) struct Options {
    args: Vec<String>,
    without_owner: bool,
    place: Place,
    fakes_clock: bool,
}

/// Where the database of a cloud is.
#[derive(Clone, Copy, Default)]
enum Place {
    #[default]
    Shared,
    Alone,
    SmallDisk,
    LogOnSmallDisk,
}

impl Options {
    /// With a flag.
    pub(crate) fn flag(mut self, name: &str, value: &str) -> Self {
        self.args.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// Without anybody who may sign in.
    pub(crate) fn without_owner(mut self) -> Self {
        self.without_owner = true;
        self
    }

    /// With a database that no other cloud shares a server with, so that the server may fail.
    pub(crate) fn database_alone(mut self) -> Self {
        self.place = Place::Alone;
        self
    }

    /// With its database on a disk that can be filled.
    pub(crate) fn on_small_disk(mut self) -> Self {
        self.place = Place::SmallDisk;
        self
    }

    /// With a clock that the test sets.
    pub(crate) fn with_faked_clock(mut self) -> Self {
        self.fakes_clock = true;
        self
    }

    /// With the write-ahead log of PostgreSQL on a disk that can be filled.
    pub(crate) fn log_on_small_disk(mut self) -> Self {
        self.place = Place::LogOnSmallDisk;
        self
    }

    /// Starts it.
    pub(crate) fn start(self) -> TestCloud {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (database, disk) = match self.place {
            Place::Shared => (Database::create(), None),
            Place::Alone => (Database::create_alone(), None),
            Place::SmallDisk => Database::create_on_small_disk(folder.path()),
            Place::LogOnSmallDisk => (Database::create_with_log_on_small_disk(), None),
        };
        let clock = self.fakes_clock.then(|| FakedClock::in_folder(folder.path()));
        let process = Process::spawn(
            &mut command(&self, &database, clock.as_ref(), folder.path()),
            &folder.path().join("log"),
        );
        let address = Arc::new(RwLock::new((Ipv4Addr::LOCALHOST, 0).into()));
        let cloud = TestCloud {
            anonymous: Client::new(Arc::clone(&address)),
            process: Mutex::new(process),
            database,
            disk,
            clock,
            folder,
            options: self,
            address,
            owner: OnceLock::new(),
        };
        cloud.wait_until_ready();
        cloud
    }
}

impl TestCloud {
    /// A cloud with an [`OWNER`].
    pub(crate) fn start() -> Self {
        Options::default().start()
    }

    /// A cloud that is started otherwise.
    pub(crate) fn with() -> Options {
        Options::default()
    }

    /// Somebody without credentials.
    pub(crate) fn anonymous(&self) -> &Client {
        &self.anonymous
    }

    /// The owner, signed in.
    pub(crate) fn owner(&self) -> &Client {
        self.owner.get_or_init(|| self.sign_in(OWNER.0, OWNER.1))
    }

    /// Somebody, newly signed in.
    #[track_caller]
    pub(crate) fn sign_in(&self, username: &str, password: &str) -> Client {
        let answer = self.log_in(username, password).expect(200).json();
        self.anonymous
            .with_token(answer["token"].as_str().expect("sign-in gives a token"))
    }

    /// The answer to a try to sign in.
    #[track_caller]
    pub(crate) fn log_in(&self, username: &str, password: &str) -> Answer {
        self.anonymous.post(
            "/admin/auth/login",
            &json!({ "username": username, "password": password }),
        )
    }

    /// A new app.
    #[track_caller]
    pub(crate) fn app(&self, slug: &str) -> App<'_> {
        let body = json!({ "slug": slug, "name": slug });
        App::new(self, &self.owner().post("/admin/apps", &body).expect(201).json())
    }

    /// A new app that claims the domain `<slug>.test`.
    #[track_caller]
    pub(crate) fn app_with_domain(&self, slug: &str) -> App<'_> {
        let app = self.app(slug);
        app.domain(&format!("{slug}.test"));
        app
    }

    /// The app of that slug, which exists already.
    #[track_caller]
    pub(crate) fn existing_app(&self, slug: &str) -> App<'_> {
        App::new(
            self,
            &self
                .owner()
                .get(&format!("/admin/apps/{slug}"))
                .expect(200)
                .json(),
        )
    }

    /// A public request, to be sent.
    pub(crate) fn call(&self, method: &str, host: &str, path: &str) -> Call<'_> {
        self.anonymous.call(method, path).host(host)
    }

    /// A public request.
    #[track_caller]
    pub(crate) fn get(&self, host: &str, path: &str) -> Answer {
        self.call("GET", host, path).send()
    }

    /// The same by one of many clients, who asks again as long as the database has no connection to spare: of such a
    /// run nothing has happened.
    #[track_caller]
    pub(crate) fn get_in_turn(&self, host: &str, path: &str) -> Answer {
        for _ in 0..TURNS_MAX {
            let answer = self.get(host, path);
            if answer.status != 503 || answer.json()["code"] != "database_unavailable" {
                return answer;
            }
        }
        panic!("GET {path} was never given a connection to the database");
    }

    /// Makes a new connection.
    pub(crate) fn raw(&self) -> RawConnection {
        RawConnection::open(self.address())
    }

    /// Sends exactly `request` on a connection of its own; gives the first answer.
    #[track_caller]
    pub(crate) fn send_raw(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut connection = self.raw();
        connection.send(request).expect("the server reads");
        connection.answer()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        *self.address.read().expect("no holder panics")
    }

    /// Its folder: `data` with SQLite, and its log.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of its log.
    pub(crate) fn log_file(&self) -> PathBuf {
        self.folder().join("log")
    }

    /// All that its database keeps, as whoever steals it would read it.
    pub(crate) fn dump(&self) -> Vec<u8> {
        self.database.dump(self.folder())
    }

    /// The server of its database, if that is PostgreSQL and this cloud's alone.
    pub(crate) fn postgres(&self) -> Option<&Postgres> {
        self.database.server()
    }

    /// The disk of its database, if that is small.
    pub(crate) fn disk(&self) -> &SmallDisk {
        let disk = self.disk.as_ref().or_else(|| self.postgres()?.disk());
        disk.expect("the cloud was started on a small disk")
    }

    /// Its clock, if the test sets that.
    pub(crate) fn clock(&self) -> &FakedClock {
        self.clock
            .as_ref()
            .expect("the cloud was started with a faked clock")
    }

    /// The process.
    pub(crate) fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().expect("no holder panics")
    }

    /// The program with the settings of this cloud.
    pub(crate) fn command(&self) -> Command {
        command(&self.options, &self.database, self.clock.as_ref(), self.folder())
    }

    /// Ends it at once, as a loss of power would.
    pub(crate) fn kill9(&self) {
        self.process().kill();
    }

    /// Starts it again, with the same data; on another port, which clients learn.
    pub(crate) fn start_again(&self) {
        self.start_again_with(|_| ());
    }

    /// The same with other settings.
    pub(crate) fn start_again_with(&self, change: impl FnOnce(&mut Command)) {
        let mut process = self.process();
        process.kill();
        let mut command = self.command();
        change(&mut command);
        *process = Process::spawn(&mut command, &self.log_file());
        drop(process);
        self.wait_until_ready();
    }

    /// Another server of that name on the same database, which has to be PostgreSQL, and its owner; it ends when dropped.
    pub(crate) fn another_node(&self, name: &str) -> (Process, Client) {
        let mut command = self.command();
        command
            .args(["--node-name", name, "--data-dir", name])
            .args(["--secret-key-file", "picloud-data/secret.key"]);
        let mut process = Process::spawn(&mut command, &self.log_file());
        let address = address_of(&mut process);
        let client = Client::new(Arc::new(RwLock::new(address)));
        (process, client.with_token(self.owner().token()))
    }

    /// Whether this run of the tests is about PostgreSQL.
    pub(crate) fn is_on_postgres() -> bool {
        Database::is("postgres")
    }

    fn wait_until_ready(&self) {
        let address = address_of(&mut self.process());
        *self.address.write().expect("no holder panics") = address;
    }
}

/// Where a process listens, once it does.
fn address_of(process: &mut Process) -> SocketAddr {
    let endpoint = process.announced("Endpoint");
    let port = endpoint
        .trim_end_matches('/')
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok());
    let port: u16 = port.unwrap_or_else(|| panic!("no port in `{endpoint}`"));
    (Ipv4Addr::LOCALHOST, port).into()
}

fn command(options: &Options, database: &Database, clock: Option<&FakedClock>, folder: &Path) -> Command {
    let mut command = Process::command();
    command
        .args(["--bind", "127.0.0.1:0"])
        .args(&options.args)
        .current_dir(folder);
    database.configure(&mut command, folder);
    if let Some(clock) = clock {
        clock.configure(&mut command);
    }
    if !options.without_owner {
        command
            .env("PICLOUD_ADMIN_USERNAME", OWNER.0)
            .env("PICLOUD_ADMIN_PASSWORD", OWNER.1);
    }
    command
}

/// The items of a list that fits on one page.
#[track_caller]
pub(crate) fn items(answer: Answer) -> Vec<Value> {
    let list = answer.expect(200).json();
    assert_eq!(
        list["next_cursor"],
        Value::Null,
        "the list has more than one page"
    );
    list["items"].as_array().expect("a list has items").clone()
}
