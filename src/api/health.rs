//! Whether the server is alive, and whether it takes viewers.

use axum::extract::State;
use axum::http::StatusCode;

use super::Api;

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "monitoring", responses((status = 200, description = "alive")))]
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// The server takes viewers: it has recovered, its store takes decisions, and it is not draining.
#[utoipa::path(get, path = "/readyz", tag = "monitoring",
    responses((status = 200, description = "ready"), (status = 503, description = "not (any more)")))]
pub(super) async fn ready(State(api): State<Api>) -> (StatusCode, &'static str) {
    let failed = api.engine.failed().borrow().is_some();
    match *api.ready.borrow() && !failed {
        true => (StatusCode::OK, "ready\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
    }
}
