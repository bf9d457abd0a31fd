//! axum as its documentation shows it, on the allocator that PiCloud uses.

use axum::{Router, routing::get};
use picloud_bench_baseline::{HELLO, listen, runtime};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::io::Result<()> {
    runtime()?.block_on(async {
        let router = Router::new().route("/", get(|| async { HELLO }));
        axum::serve(listen().await?, router).await
    })
}
