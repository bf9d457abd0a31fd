//! A mail server on loopback that keeps all that it is given, and does what tests say.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use picloud_shared::mail::{MailSecurity, MailServer, Senders};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, rustls::pki_types::CertificateDer};

use crate::ground::self_made;

/// What it does beside taking e-mail. There is never anybody called `nobody`, and `later` has no room now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    #[default]
    Kind,
    /// Says nothing at all.
    Silent,
    /// Says nothing more when it has all of an e-mail.
    SilentAtTheEnd,
    /// Ends the connection when it has all of an e-mail.
    GoneAtTheEnd,
    /// Does not take what an e-mail says.
    Strict,
    /// Says more than a line should have, without an end.
    Endless,
    /// Offers no STARTTLS.
    Insecure,
    /// Says more than it was asked before the connection is secure.
    Injected,
}

/// What it was given.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// `MAIL` and `RCPT`, as they came.
    pub(crate) envelope: Vec<String>,
    /// The e-mail, with line ends of one byte.
    pub(crate) letter: String,
}

/// The server.
pub(crate) struct TestMailServer {
    pub(crate) address: SocketAddr,
    /// What trusts it.
    pub(crate) authority: CertificateDer<'static>,
    kept: Arc<Kept>,
}

struct Kept {
    manner: Manner,
    security: MailSecurity,
    /// `\0name\0password` in Base64, if one must sign in.
    signs_in: Option<&'static str>,
    tls: TlsAcceptor,
    taken: Mutex<Vec<Taken>>,
    /// All lines that were said to it outside of e-mails.
    said: Mutex<Vec<String>>,
    connections: Mutex<usize>,
}

impl TestMailServer {
    pub(crate) async fn start(security: MailSecurity, manner: Manner) -> Self {
        Self::begin(security, manner, None).await
    }

    /// One that takes e-mail only of whoever says so in Base64.
    pub(crate) async fn with_sign_in(security: MailSecurity, signs_in: &'static str) -> Self {
        Self::begin(security, Manner::Kind, Some(signs_in)).await
    }

    async fn begin(security: MailSecurity, manner: Manner, signs_in: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (tls, authority) = self_made("127.0.0.1");
        let kept = Arc::new(Kept {
            manner,
            security,
            signs_in,
            tls,
            taken: Mutex::default(),
            said: Mutex::default(),
            connections: Mutex::default(),
        });
        let keeper = Arc::clone(&kept);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *keeper.connections.lock().expect("no holder panics") += 1;
                tokio::spawn(serve(stream, Arc::clone(&keeper)));
            }
        });
        Self {
            address,
            authority,
            kept,
        }
    }

    /// How it is set, for everybody without signing in.
    pub(crate) fn settings(&self) -> MailServer {
        let from = ["Cloud <cloud@example.com>", "*@example.org"];
        let senders = from.iter().map(|text| text.parse().expect("a sender")).collect();
        MailServer {
            host: "127.0.0.1".parse().expect("a host"),
            port: self.address.port(),
            security: self.kept.security,
            credentials: None,
            senders: Senders::new(senders).expect("senders"),
        }
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.kept.taken.lock().expect("no holder panics").clone()
    }

    pub(crate) fn said(&self) -> Vec<String> {
        self.kept.said.lock().expect("no holder panics").clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.kept.connections.lock().expect("no holder panics")
    }
}

async fn serve(stream: TcpStream, kept: Arc<Kept>) -> Option<()> {
    match (kept.manner, kept.security) {
        (Manner::Silent, _) => {
            let mut stream = BufReader::new(stream);
            let mut heard = Vec::new();
            // Until the other side has enough.
            stream.read_to_end(&mut heard).await.ok()?;
            None
        }
        (_, MailSecurity::None) => converse(BufReader::new(stream), &kept, true).await,
        (_, MailSecurity::Tls) => {
            let stream = kept.tls.accept(stream).await.ok()?;
            converse(BufReader::new(stream), &kept, true).await
        }
        (_, MailSecurity::Starttls) => {
            let stream = before_tls(BufReader::new(stream), &kept).await?;
            let stream = kept.tls.accept(stream).await.ok()?;
            converse(BufReader::new(stream), &kept, false).await
        }
    }
}

async fn before_tls(mut stream: BufReader<TcpStream>, kept: &Kept) -> Option<TcpStream> {
    stream.write_all(b"220 here\r\n").await.ok()?;
    loop {
        let line = hear(&mut stream).await?;
        kept.say(&line);
        let answer: &[u8] = match line.split(' ').next()? {
            "EHLO" if kept.manner == Manner::Insecure => b"250 here\r\n",
            "EHLO" => b"250-here\r\n250-SIZE 1000000\r\n250 starttls\r\n",
            "STARTTLS" if kept.manner == Manner::Injected => b"220 go on\r\n250 AUTH PLAIN\r\n",
            "STARTTLS" => b"220 go on\r\n",
            _ => b"530 not yet\r\n",
        };
        stream.write_all(answer).await.ok()?;
        if line == "STARTTLS" {
            return Some(stream.into_inner());
        }
    }
}

async fn converse<S>(mut stream: BufReader<S>, kept: &Kept, greets: bool) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if kept.manner == Manner::Endless {
        while stream.write_all(&[b'x'; 16 * 1_024]).await.is_ok() {}
        return None;
    }
    if greets {
        stream.write_all(b"220 here\r\n").await.ok()?;
    }
    let mut envelope = Vec::new();
    let mut is_known = kept.signs_in.is_none();
    loop {
        let line = hear(&mut stream).await?;
        kept.say(&line);
        let answer = match line.split(' ').next()? {
            "EHLO" if is_known => "250-here\r\n250 8BITMIME\r\n",
            "EHLO" => "250-here\r\n250 AUTH PLAIN LOGIN\r\n",
            "AUTH" => {
                is_known = kept.signs_in == line.strip_prefix("AUTH PLAIN ");
                if is_known {
                    "235 welcome\r\n"
                } else {
                    // It says again what it was told, which nobody is to see.
                    "535 not canary\r\n"
                }
            }
            "MAIL" if !is_known => "530 who are you\r\n",
            "RCPT" if line.contains("nobody") => "550 5.1.1 there is nobody of that name\r\n",
            "RCPT" if line.contains("later") => "452 no room\r\n",
            "MAIL" | "RCPT" => {
                envelope.push(line);
                "250 ok\r\n"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.ok()?;
                let mut letter = String::new();
                loop {
                    let line = hear(&mut stream).await?;
                    if line == "." {
                        break;
                    }
                    letter.push_str(&line);
                    letter.push('\n');
                }
                match kept.manner {
                    Manner::SilentAtTheEnd => {
                        hear(&mut stream).await?;
                    }
                    Manner::GoneAtTheEnd => return None,
                    _ => {}
                }
                if kept.manner == Manner::Strict {
                    "554 5.7.1 this looks like spam\r\n"
                } else {
                    let envelope = std::mem::take(&mut envelope);
                    let mut taken = kept.taken.lock().expect("no holder panics");
                    taken.push(Taken { envelope, letter });
                    "250 ok\r\n"
                }
            }
            _ => "221 bye\r\n",
        };
        stream.write_all(answer.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
    }
}

/// One line, if one comes.
async fn hear<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut line = String::new();
    let bytes = stream.read_line(&mut line).await.ok()?;
    // Line ends of other kinds are none.
    (bytes > 0).then(|| line.strip_suffix("\r\n").map_or(line.clone(), ToOwned::to_owned))
}

impl Kept {
    fn say(&self, line: &str) {
        self.said.lock().expect("no holder panics").push(line.to_owned());
    }
}
