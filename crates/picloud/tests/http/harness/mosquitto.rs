//! A real MQTT broker: Mosquitto, on loopback.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard},
    time::Instant,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::WAIT_MAX;

/// How often another port is tried, if somebody was quicker.
const PORTS_TRIED: usize = 10;

/// Name and password of the only user of a broker that is not open.
pub(crate) const BROKER_USER: (&str, &str) = ("shop", "a broker canary");

/// A Mosquitto. Ends when dropped.
pub(crate) struct Mosquitto {
    child: Mutex<Option<Child>>,
    pub(crate) port: u16,
    folder: TempDir,
    user: Option<(&'static str, &'static str)>,
    /// The authority that has signed its certificate, if it is spoken to in secret.
    authority: Option<String>,
}

impl Mosquitto {
    /// One that lets everybody in.
    pub(crate) fn start() -> Self {
        Self::start_with(None, false)
    }

    /// One that is spoken to in secret, with a certificate of an authority of its own.
    pub(crate) fn with_authority() -> Self {
        Self::start_with(None, true)
    }

    /// One that lets [`BROKER_USER`] in, and nobody else.
    pub(crate) fn with_password() -> Self {
        Self::start_with(Some(BROKER_USER), false)
    }

    fn start_with(user: Option<(&'static str, &'static str)>, is_secure: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let authority = is_secure.then(|| certify(folder.path()));
        let mut broker = Self {
            child: Mutex::new(None),
            port: 0,
            folder,
            user,
            authority,
        };
        if let Some((name, password)) = user {
            let file = broker.folder.path().join("passwords");
            let mut command = Command::new("mosquitto_passwd");
            run(command.args(["-c", "-b"]).arg(file).args([name, password]));
        }
        for _ in 0..PORTS_TRIED {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
            broker.port = listener.local_addr().expect("it has an address").port();
            drop(listener);
            broker.configure();
            if broker.try_start() {
                return broker;
            }
        }
        panic!("no port is free for mosquitto");
    }

    fn configure(&self) {
        let folder = self.folder.path().display();
        let who = if self.user.is_some() {
            format!("allow_anonymous false\npassword_file {folder}/passwords")
        } else {
            "allow_anonymous true".to_owned()
        };
        let how = if self.authority.is_some() {
            format!("cafile {folder}/ca.pem\ncertfile {folder}/certificate.pem\nkeyfile {folder}/key.pem\n")
        } else {
            String::new()
        };
        let config = format!(
            "listener {} 127.0.0.1\n{how}{who}\nuser root\npersistence true\npersistence_location {folder}/\n\
             queue_qos0_messages true\nlog_type all\nlog_dest file {folder}/log\n",
            self.port
        );
        fs::write(self.folder.path().join("config"), config).expect("a file can be written");
    }

    /// Starts it; `false` if it has ended before it took a connection.
    fn try_start(&self) -> bool {
        let mut command = Command::new("mosquitto");
        command
            .arg("-c")
            .arg(self.folder.path().join("config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        let mut child = command
            .spawn()
            .expect("mosquitto can be started; `cargo xtask test` installs it");
        let begun = Instant::now();
        loop {
            if child.try_wait().expect("it is a child").is_some() {
                return false;
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                *self.child() = Some(child);
                return true;
            }
            assert!(begun.elapsed() < WAIT_MAX, "mosquitto takes no connection");
        }
    }

    /// Ends it as its system would; it keeps what it has.
    pub(crate) fn stop(&self) {
        if let Some(mut child) = self.child().take() {
            run(Command::new("kill").args(["-TERM", &child.id().to_string()]));
            child.wait().expect("it is a child");
        }
    }

    /// Starts it again at the same port.
    pub(crate) fn start_again(&self) {
        assert!(
            self.try_start(),
            "mosquitto does not start again:\n{}",
            self.log()
        );
    }

    /// What it is called in the settings of an app.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.authority.is_some() { "mqtts" } else { "mqtt" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// The authority that has signed its certificate.
    pub(crate) fn authority(&self) -> &str {
        self.authority.as_deref().expect("it is spoken to in secret")
    }

    /// Publishes a message.
    #[track_caller]
    pub(crate) fn publish(&self, topic: &str, message: &str, more: &[&str]) {
        let mut command = self.client("mosquitto_pub");
        run(command.args(["-t", topic, "-m", message]).args(more));
    }

    /// Publishes a message of so many bytes.
    #[track_caller]
    pub(crate) fn publish_large(&self, topic: &str, bytes: usize) {
        let file = self.folder.path().join("large");
        fs::write(&file, "x".repeat(bytes)).expect("a file can be written");
        run(self
            .client("mosquitto_pub")
            .args(["-q", "1", "-t", topic, "-f"])
            .arg(file));
    }

    /// Begins to keep messages for somebody.
    #[track_caller]
    pub(crate) fn keep_for(&self, name: &str, filter: &str) {
        let mut command = self.client("mosquitto_sub");
        run(command.args(["-i", name, "-c", "-q", "1", "-t", filter, "-E"]));
    }

    /// Gives them the first `count` messages, each as topic, payload, quality and whether it is retained.
    #[track_caller]
    pub(crate) fn kept_for(&self, name: &str, filter: &str, count: usize) -> Vec<String> {
        let mut command = self.client("mosquitto_sub");
        let (count, wait) = (count.to_string(), WAIT_MAX.as_secs().to_string());
        command.args(["-i", name, "-c", "-q", "1", "-t", filter, "-F", "%t %p %q %r"]);
        let output = run(command.args(["-C", &count, "-W", &wait]));
        output.lines().map(str::to_owned).collect()
    }

    /// Waits until its log says something.
    #[track_caller]
    pub(crate) fn logs(&self, text: &str) {
        let begun = Instant::now();
        while !self.log().contains(text) {
            assert!(
                begun.elapsed() < WAIT_MAX,
                "`{text}` is not in its log:\n{}",
                self.log()
            );
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        if let Some((name, password)) = self.user {
            command.args(["-u", name, "-P", password]);
        }
        if self.authority.is_some() {
            command.arg("--cafile").arg(self.folder.path().join("ca.pem"));
        }
        command
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().expect("no holder panics")
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Some(mut child) = self.child().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Writes a certificate for this machine into `folder`, with its key, signed by an authority that nobody knows; gives that.
pub(crate) fn certify(folder: &Path) -> String {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(DnType::CommonName, "an authority at home");
    let authority_key = KeyPair::generate().expect("a key");
    let certificate = authority.self_signed(&authority_key).expect("a certificate");
    let known = pem("CERTIFICATE", certificate.der());
    let key = KeyPair::generate().expect("a key");
    let own = CertificateParams::new(["127.0.0.1".to_owned()]).expect("an address");
    let own = own.signed_by(&key, &Issuer::new(authority, authority_key));
    let own = own.expect("a certificate");
    for (name, text) in [
        ("ca.pem", known.clone()),
        ("certificate.pem", pem("CERTIFICATE", own.der())),
        ("key.pem", pem("PRIVATE KEY", &key.serialize_der())),
    ] {
        fs::write(folder.join(name), text).expect("a file can be written");
    }
    known
}

fn pem(kind: &str, der: &[u8]) -> String {
    const LINE: usize = 64;
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(LINE)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n",
        lines.join("\n")
    )
}

/// Runs a program to its end; gives what it said.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; `cargo xtask test` installs it"));
    assert!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
