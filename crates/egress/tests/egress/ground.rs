//! A server on loopback, and an app that asks.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use picloud_egress::{Egress, EgressParts, Resolve};
use picloud_shared::{
    change::Change,
    egress::AllowList,
    id::AppId,
    mail::MailServer,
    memory::MemoryBudget,
    quota::QuotaExceeded,
    repository::{EgressRepository, EgressSettings, MailServers, StoreError},
    seam::EgressTable as _,
    services::{
        Answer, HostServices, HttpAnswer, HttpFailure, HttpFailureKind, HttpRequest, Question, ServiceError,
    },
    time::Timestamp,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer},
    },
};
use uuid::Uuid;

pub(crate) const APP: AppId = AppId(Uuid::from_u128(1));
pub(crate) const OTHER: AppId = AppId(Uuid::from_u128(2));

/// Settings of apps, and addresses of names, as tests say.
#[derive(Default)]
pub(crate) struct World {
    settings: Mutex<Vec<(AppId, EgressSettings)>>,
    /// Names with the addresses that they have at each look-up in turn; the last ones stay.
    names: Mutex<Vec<(String, VecDeque<Vec<IpAddr>>)>>,
    lookups: AtomicUsize,
    /// Whether names below `slow.example` have their answer.
    answered: watch::Sender<bool>,
    mail_server: Mutex<Option<MailServer>>,
}

/// What is tested, in its world.
pub(crate) struct Ground {
    pub(crate) egress: Egress,
    pub(crate) memory: Arc<MemoryBudget>,
    world: Arc<World>,
}

impl Ground {
    /// With a server that listens on `listeners` itself.
    pub(crate) async fn with_listeners(listeners: Vec<SocketAddr>) -> Self {
        Self::start(listeners, None, Vec::new()).await
    }

    /// With a mail server of the instance, and authorities that are trusted.
    pub(crate) async fn with_mail_server(
        server: MailServer,
        authorities: Vec<CertificateDer<'static>>,
    ) -> Self {
        Self::start(Vec::new(), Some(server), authorities).await
    }

    /// With a mail server of the instance, and a server that listens on `listeners` itself.
    pub(crate) async fn with_listeners_and_mail(listeners: Vec<SocketAddr>, server: MailServer) -> Self {
        Self::start(listeners, Some(server), Vec::new()).await
    }

    async fn start(
        listeners: Vec<SocketAddr>,
        mail_server: Option<MailServer>,
        authorities: Vec<CertificateDer<'static>>,
    ) -> Self {
        let world = Arc::<World>::default();
        let memory = MemoryBudget::new(64 * 1_024 * 1_024);
        let parts = EgressParts {
            others: Arc::new(Nobody),
            repository: Arc::clone(&world) as _,
            resolver: Arc::clone(&world) as _,
            listeners,
            mail_servers: Arc::clone(&world) as _,
            mail_server,
            authorities,
            memory: Arc::clone(&memory),
        };
        Self {
            egress: Egress::start(parts).await.expect("it starts"),
            memory,
            world,
        }
    }

    pub(crate) async fn new() -> Self {
        Self::with_listeners(Vec::new()).await
    }

    /// One whose app may connect to this machine.
    pub(crate) async fn open() -> Self {
        let ground = Self::new().await;
        ground.allow(APP, Some(&["127.0.0.0/8", "[::1]"])).await;
        ground
    }

    /// Gives [`APP`] a mail server of its own.
    pub(crate) fn set_mail_server(&self, server: MailServer) {
        *self.world.mail_server.lock().expect("no holder panics") = Some(server);
    }

    /// Sets the list of an app.
    pub(crate) async fn allow(&self, app: AppId, entries: Option<&[&str]>) {
        let allow = entries.map(|entries| {
            let entries = entries.iter().map(|entry| entry.parse().expect("an entry"));
            AllowList::new(entries.collect())
        });
        let settings = EgressSettings {
            allow,
            updated_at: Timestamp::from_micros(1),
        };
        {
            let mut all = self.world.settings.lock().expect("no holder panics");
            all.retain(|(other, _)| *other != app);
            all.push((app, settings));
        }
        self.egress.refresh(app).await.expect("it is read");
    }

    /// Says which addresses a name has, at each look-up in turn.
    pub(crate) fn name(&self, name: &str, turns: &[&[&str]]) {
        let turns = turns.iter().map(|turn| {
            turn.iter()
                .map(|address| address.parse().expect("an address"))
                .collect()
        });
        let mut names = self.world.names.lock().expect("no holder panics");
        names.retain(|(other, _)| other != name);
        names.push((name.to_owned(), turns.collect()));
    }

    /// Lets the name server of names below `slow.example` answer.
    pub(crate) fn answer_slow_names(&self) {
        self.world.answered.send_replace(true);
    }

    pub(crate) fn lookups(&self) -> usize {
        self.world.lookups.load(Ordering::SeqCst)
    }

    pub(crate) async fn ask(&self, app: AppId, request: HttpRequest) -> Result<HttpAnswer, HttpFailure> {
        self.ask_all(app, vec![request]).await.remove(0)
    }

    pub(crate) async fn ask_all(
        &self,
        app: AppId,
        requests: Vec<HttpRequest>,
    ) -> Vec<Result<HttpAnswer, HttpFailure>> {
        match self.egress.ask(app, Question::Http { requests }).await {
            Ok(Answer::Http { answers }) => answers,
            other => panic!("{other:?}"),
        }
    }

    /// How a request of the app to `url` fails.
    #[track_caller]
    pub(crate) fn kind(answer: Result<HttpAnswer, HttpFailure>) -> Result<u16, HttpFailureKind> {
        answer.map(|answer| answer.status).map_err(|failure| failure.kind)
    }
}

pub(crate) fn get(url: impl Into<String>) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        url: url.into(),
        headers: Vec::new(),
        body: None,
        timeout_ms: 30_000,
        answer_bytes_max: 64 * 1_024,
        redirects_max: 5,
    }
}

pub(crate) fn post(url: impl Into<String>, body: &'static str) -> HttpRequest {
    HttpRequest {
        method: "POST".to_owned(),
        body: Some(Bytes::from_static(body.as_bytes())),
        ..get(url)
    }
}

/// Answers nothing else.
struct Nobody;

#[async_trait]
impl HostServices for Nobody {
    async fn ask(&self, _: AppId, _: Question) -> Result<Answer, ServiceError> {
        Err(ServiceError::Failed)
    }

    fn may_call(&self, _: AppId) -> Result<(), QuotaExceeded> {
        Ok(())
    }
}

#[async_trait]
impl EgressRepository for World {
    async fn find_egress(&self, app: AppId) -> Result<Option<EgressSettings>, StoreError> {
        let all = self.settings.lock().expect("no holder panics");
        let found = all.iter().find(|(other, _)| *other == app);
        Ok(found.map(|(_, settings)| settings.clone()))
    }

    async fn list_egress(&self) -> Result<Vec<(AppId, EgressSettings)>, StoreError> {
        Ok(self.settings.lock().expect("no holder panics").clone())
    }

    async fn put_egress(
        &self,
        _: AppId,
        _: Option<AllowList>,
        _: &Change,
    ) -> Result<Option<EgressSettings>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl MailServers for World {
    async fn mail_server(&self, app: AppId) -> Result<Option<MailServer>, StoreError> {
        let server = self.mail_server.lock().expect("no holder panics").clone();
        Ok(server.filter(|_| app == APP))
    }
}

#[async_trait]
impl Resolve for World {
    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        if name.ends_with(".slow.example") {
            let mut answered = self.answered.subscribe();
            answered
                .wait_for(|answered| *answered)
                .await
                .expect("the world is there");
        }
        let mut names = self.names.lock().expect("no holder panics");
        let Some((_, turns)) = names.iter_mut().find(|(other, _)| other == name) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let turn = match turns.len() {
            0 | 1 => turns.front().cloned(),
            _ => turns.pop_front(),
        };
        let addresses = turn.unwrap_or_default().into_iter();
        Ok(addresses.map(|address| SocketAddr::new(address, port)).collect())
    }
}

/// A server that says what it is told to.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers each request with what `answer` makes of its head and body. Nothing at all ends the connection.
    pub(crate) async fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (connections, requests) = (
            Arc::<AtomicUsize>::default(),
            Arc::<Mutex<Vec<String>>>::default(),
        );
        let answer = Arc::new(answer);
        let (count, noted) = (Arc::clone(&connections), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&answer), Arc::clone(&noted)));
            }
        });
        Self {
            address,
            connections,
            requests,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Heads and bodies, as they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no holder panics").clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    answer: Arc<impl Fn(&str) -> Vec<u8>>,
    requests: Arc<Mutex<Vec<String>>>,
) {
    while let Some(request) = read(&mut stream).await {
        requests.lock().expect("no holder panics").push(request.clone());
        let answer = answer(&request);
        if answer.is_empty() || stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// One request, if one comes.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
            if body.len() >= length {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// An answer with this body.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    answer("200 OK", "", body.as_bytes())
}

pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Where somebody speaks TLS with a certificate that they made themselves.
pub(crate) async fn tls_server() -> SocketAddr {
    let (acceptor, _) = self_made("127.0.0.1");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(acceptor.accept(stream));
        }
    });
    address
}

/// What speaks TLS for `name`, with a certificate that nobody knows unless they are told.
pub(crate) fn self_made(name: &str) -> (TlsAcceptor, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let certificate = made.cert.der().clone();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("suites")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a certificate with its key");
    (TlsAcceptor::from(Arc::new(config)), certificate)
}
