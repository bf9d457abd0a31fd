//! A mail server, for scripts that send e-mail.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// A mail server on loopback that keeps what it takes. There is never anybody called `nobody`.
pub(crate) struct Postbox {
    pub(crate) address: SocketAddr,
    letters: Arc<Mutex<Vec<String>>>,
    /// What was said when somebody signed in.
    signed_in: Arc<Mutex<Vec<String>>>,
}

impl Postbox {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (letters, signed_in) = (Arc::default(), Arc::default());
        let (kept, said) = (Arc::clone(&letters), Arc::clone(&signed_in));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, said) = (Arc::clone(&kept), Arc::clone(&said));
                thread::spawn(move || take(&stream, &kept, &said));
            }
        });
        Self {
            address,
            letters,
            signed_in,
        }
    }

    /// What the settings of the instance call it.
    pub(crate) fn url(&self) -> String {
        format!("smtp://{}?security=none", self.address)
    }

    /// The e-mails that it took, each with its envelope before it.
    pub(crate) fn letters(&self) -> Vec<String> {
        self.letters.lock().expect("no holder panics").clone()
    }

    /// Who has signed in, as they said it.
    pub(crate) fn signed_in(&self) -> Vec<String> {
        self.signed_in.lock().expect("no holder panics").clone()
    }
}

/// One conversation, to its end.
fn take(stream: &TcpStream, letters: &Mutex<Vec<String>>, signed_in: &Mutex<Vec<String>>) -> Option<()> {
    let mut writer = stream;
    writer.write_all(b"220 here\r\n").ok()?;
    let mut lines = BufReader::new(stream).lines();
    let mut letter = Vec::new();
    while let Some(Ok(line)) = lines.next() {
        let answer: &[u8] = match line.split(' ').next()? {
            "EHLO" => b"250-here\r\n250 AUTH PLAIN\r\n",
            "AUTH" => {
                signed_in.lock().expect("no holder panics").push(line);
                b"235 welcome\r\n"
            }
            "RCPT" if line.contains("nobody") => b"550 there is nobody of that name\r\n",
            "MAIL" | "RCPT" => {
                letter.push(line);
                b"250 ok\r\n"
            }
            "DATA" => {
                writer.write_all(b"354 go on\r\n").ok()?;
                letter.extend(
                    lines
                        .by_ref()
                        .map_while(Result::ok)
                        .take_while(|line| line != "."),
                );
                let whole = std::mem::take(&mut letter).join("\n");
                letters.lock().expect("no holder panics").push(whole);
                b"250 ok\r\n"
            }
            _ => b"221 bye\r\n",
        };
        writer.write_all(answer).ok()?;
    }
    Some(())
}
