//! hyper with nothing around it: what any HTTP server in Rust on this stack can reach at most.

use std::error::Error;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, body::Incoming, header::CONTENT_TYPE, http::HeaderValue, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use picloud_bench_baseline::{FIELD, HELLO, JSON_PATH, listen, runtime};
use serde_json::Value;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::io::Result<()> {
    runtime()?.block_on(async {
        let listener = listen().await?;
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            tokio::spawn(async move {
                // A client that goes away is no fault of the server.
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(socket), service_fn(answer))
                    .await;
            });
        }
    })
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Box<dyn Error + Send + Sync>> {
    if request.uri().path() == JSON_PATH {
        return add_field(request).await;
    }
    Ok(response(
        Bytes::from_static(HELLO.as_bytes()),
        "text/plain; charset=utf-8",
    ))
}

async fn add_field(
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Box<dyn Error + Send + Sync>> {
    let body = request.into_body().collect().await?.to_bytes();
    let mut order: Value = serde_json::from_slice(&body)?;
    order[FIELD] = Value::Bool(true);
    Ok(response(serde_json::to_vec(&order)?.into(), "application/json"))
}

fn response(body: Bytes, content_type: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
