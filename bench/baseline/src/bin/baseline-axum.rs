//! axum as its documentation shows it, on the allocator that PiCloud uses.

use axum::{
    Json, Router,
    routing::{get, post},
};
use picloud_bench_baseline::{FIELD, HELLO, JSON_PATH, listen, runtime};
use serde_json::Value;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::io::Result<()> {
    runtime()?.block_on(async {
        let router = Router::new()
            .route("/", get(|| async { HELLO }))
            .route(JSON_PATH, post(add_field));
        axum::serve(listen().await?, router).await
    })
}

async fn add_field(Json(mut order): Json<Value>) -> Json<Value> {
    order[FIELD] = Value::Bool(true);
    Json(order)
}
