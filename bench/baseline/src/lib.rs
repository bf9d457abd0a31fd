//! What the baseline servers share: one single-threaded runtime and one listener, so that they can be pinned
//! to one core and compared by processor time per request.

use std::{io, net::SocketAddr};

use tokio::{net::TcpListener, runtime::Runtime};

/// What every server answers on `/`.
pub const HELLO: &str = "Hello, World";

/// Where every server takes a JSON object by POST, and gives it back with one field more.
pub const JSON_PATH: &str = "/json";

/// That field, which is `true`.
pub const FIELD: &str = "seen";

/// A runtime on the calling thread.
pub fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Listens on the address given as the only argument, and says so on standard output.
#[expect(clippy::print_stdout, reason = "the benchmark waits for this line")]
pub async fn listen() -> io::Result<TcpListener> {
    let address = std::env::args()
        .nth(1)
        .and_then(|text| text.parse::<SocketAddr>().ok());
    let address = address.ok_or_else(|| io::Error::other("usage: <server> ADDRESS:PORT"))?;
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(listener)
}
