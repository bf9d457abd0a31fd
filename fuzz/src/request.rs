//! Bytes on a connection to the real server: every answer is HTTP, and the connection ends.

mod answers;
mod events;
mod server;
mod services;

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use self::{answers::check, server::address};

/// Longer than any connection lasts once its client has said all. Only a fault reaches this.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends the bytes, says that nothing more will come, and reads to the end.
pub fn request(data: &[u8]) {
    let mut connection = TcpStream::connect(address()).expect("the server accepts");
    connection.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // The server may have closed before it took all.
    let whole = connection
        .write_all(data)
        .and_then(|()| connection.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    match connection.read_to_end(&mut answer) {
        Ok(_) if whole.is_ok() => check(data, &answer),
        // What the server had to say may have got lost when it closed.
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the connection hangs: {error}"),
    }
}
