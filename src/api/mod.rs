//! The HTTP API for hosts, operators, payment providers and monitoring, on a listener of its own.

mod activities;
mod auth;
mod health;
mod metrics;
mod openapi;
mod payments;
mod problem;
mod rooms;
mod shapes;
mod wallets;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post, put};
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use auth::{Authorize, Caller};
pub use metrics::{Gauges, Metrics};
pub use openapi::document;
pub use payments::PaymentSecret;
pub use problem::Problem;

use crate::engine::Engine;

/// The largest request body.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// What the API needs.
#[derive(Clone)]
pub struct Api {
    /// The inside.
    pub engine: Engine,
    /// Who may call.
    pub authorize: Arc<dyn Authorize>,
    /// Shared with the payment provider; without it no payments are taken.
    pub payments: Option<Arc<PaymentSecret>>,
    /// What `/metrics` shows.
    pub metrics: Arc<Metrics>,
    /// Whether the server takes viewers: what `/readyz` says.
    pub ready: watch::Receiver<bool>,
}

/// Serves until `stop` is set, then finishes what is under way.
pub async fn run(api: Api, listener: TcpListener, mut stop: watch::Receiver<bool>) -> std::io::Result<()> {
    let stopped = async move {
        // A server whose wiring is gone stops too.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    axum::serve(listener, router(api)).with_graceful_shutdown(stopped).await
}

fn router(api: Api) -> Router {
    Router::new()
        .route("/v1/rooms/{room}", put(rooms::create).get(rooms::show))
        .route("/v1/rooms/{room}/trail", get(rooms::trail))
        .route("/v1/rooms/{room}/activities", post(activities::draft).get(activities::list))
        .route("/v1/rooms/{room}/activities/{activity}", get(activities::show))
        .route("/v1/rooms/{room}/activities/{activity}/schedule", post(activities::schedule))
        .route("/v1/rooms/{room}/activities/{activity}/warm-up", post(activities::warm_up))
        .route("/v1/rooms/{room}/activities/{activity}/open", post(activities::open))
        .route("/v1/rooms/{room}/activities/{activity}/close", post(activities::close))
        .route("/v1/rooms/{room}/activities/{activity}/cancel", post(activities::cancel))
        .route("/v1/rooms/{room}/activities/{activity}/amendments", post(activities::amend))
        .route("/v1/rooms/{room}/payments", post(payments::callback))
        .route("/v1/wallets/{user}", get(wallets::show))
        .route("/v1/wallets/{user}/top-ups", post(wallets::top_up))
        .route("/openapi.json", get(openapi::serve))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::serve))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(api)
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}
