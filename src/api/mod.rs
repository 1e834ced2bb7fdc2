//! The HTTP API for hosts, operators, payment providers and monitoring, on a listener of its own.

mod activities;
mod auth;
mod broadcasts;
mod campaigns;
mod coupons;
mod dev;
mod draws;
mod dry_run;
mod experiments;
mod extract;
mod gifts;
mod health;
mod holds;
mod lexicons;
mod metrics;
mod openapi;
mod payments;
mod problem;
mod risks;
mod rooms;
mod sanctions;
mod shapes;
mod templates;
mod viewers;
mod wallets;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

pub use auth::{Authorize, Caller};
pub use lexicons::Lexicons;
pub use metrics::{Gauges, Metrics};
pub use openapi::document;
pub use payments::PaymentSecret;
pub use problem::Problem;

use crate::engine::Engine;
use crate::gateway::token::Issuer;
use crate::rules::{Digest, NotDoneCode};

/// What the API needs.
#[derive(Clone)]
pub struct Api {
    /// The inside.
    pub engine: Engine,
    /// Who may call.
    pub authorize: Arc<dyn Authorize>,
    /// Shared with the payment provider; without it no payments are taken.
    pub payments: Option<Arc<PaymentSecret>>,
    /// Makes tokens for whoever asks: only in development, and only where nobody but this machine can ask.
    pub issuer: Option<Arc<Issuer>>,
    /// Where lexicons come from.
    pub lexicons: Arc<dyn Lexicons>,
    /// The public key of the receipts for entries of draws; without it no draws are taken.
    pub receipt_key: Option<Digest>,
    /// What `/metrics` shows.
    pub metrics: Arc<Metrics>,
    /// Whether the server takes viewers: what `/readyz` says.
    pub ready: watch::Receiver<bool>,
    /// What bounds a call.
    pub limits: ApiLimits,
}

/// What bounds the API.
#[derive(Debug, Clone, Copy)]
pub struct ApiLimits {
    /// The largest body that is read.
    pub body_bytes_max: usize,
    /// Calls under way.
    pub in_flight_max: usize,
    /// How long one may take.
    pub timeout: Duration,
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
    let development = match &api.issuer {
        Some(_) => Router::new()
            .route("/dev/tokens", post(dev::issue))
            .route("/dev/rooms/{room}/payments", post(payments::pay)),
        None => Router::new(),
    };
    development
        .route("/v1/rooms/{room}", put(rooms::create).get(rooms::show))
        .route("/v1/rooms/{room}/trail", get(rooms::trail))
        .route("/v1/rooms/{room}/viewers/{user}", get(viewers::show))
        .route("/v1/rooms/{room}/broadcasts", post(broadcasts::start))
        .route("/v1/rooms/{room}/broadcasts/{broadcast}/end", post(broadcasts::end))
        .route("/v1/rooms/{room}/campaigns", post(campaigns::create).get(campaigns::list))
        .route("/v1/rooms/{room}/campaigns/{campaign}", get(campaigns::show))
        .route("/v1/rooms/{room}/campaigns/{campaign}/activities", post(campaigns::include))
        .route("/v1/rooms/{room}/experiments", post(experiments::create).get(experiments::list))
        .route("/v1/rooms/{room}/experiments/{experiment}", get(experiments::show))
        .route("/v1/rooms/{room}/experiments/{experiment}/end", post(experiments::end))
        .route("/v1/rooms/{room}/templates", get(templates::list))
        .route(
            "/v1/rooms/{room}/templates/{template}",
            put(templates::save).get(templates::show).delete(templates::delete),
        )
        .route("/v1/rooms/{room}/templates/{template}/activities", post(templates::draft))
        .route("/v1/rooms/{room}/recurrences", post(templates::recur).get(templates::recurrences))
        .route("/v1/rooms/{room}/recurrences/{recurrence}", delete(templates::end))
        .route("/v1/rooms/{room}/recurrences/{recurrence}/pause", post(templates::pause))
        .route("/v1/rooms/{room}/recurrences/{recurrence}/resume", post(templates::resume))
        .route("/v1/rooms/{room}/activities", post(activities::draft).get(activities::list))
        .route("/v1/rooms/{room}/activities/{activity}", get(activities::show))
        .route("/v1/rooms/{room}/activities/{activity}/schedule", post(activities::schedule))
        .route("/v1/rooms/{room}/activities/{activity}/warm-up", post(activities::warm_up))
        .route("/v1/rooms/{room}/activities/{activity}/open", post(activities::open))
        .route("/v1/rooms/{room}/activities/{activity}/close", post(activities::close))
        .route("/v1/rooms/{room}/activities/{activity}/cancel", post(activities::cancel))
        .route("/v1/rooms/{room}/activities/{activity}/amendments", post(activities::amend))
        .route("/v1/gifts", get(gifts::catalogue).put(gifts::set_catalogue))
        .route("/v1/rooms/{room}/boards/{span}", get(gifts::board))
        .route("/v1/rooms/{room}/earnings", get(gifts::earnings))
        .route("/v1/rooms/{room}/fan-club", get(gifts::fan_club).put(gifts::set_fan_club))
        .route("/v1/rooms/{room}/fan-club/fans/{user}", get(gifts::fan))
        .route("/v1/rooms/{room}/draws/{activity}/rules", get(draws::rules))
        .route("/v1/rooms/{room}/draws/{activity}/record", get(draws::record))
        .route("/v1/rooms/{room}/draws/{activity}/proofs/{user}", get(draws::proof))
        .route("/v1/rooms/{room}/draws/{activity}/beacon", post(draws::beacon))
        .route("/v1/rooms/{room}/coupon-templates", post(coupons::add_template).get(coupons::templates))
        .route("/v1/rooms/{room}/coupon-templates/{template}/coupons", post(coupons::issue))
        .route("/v1/rooms/{room}/full-reductions", post(coupons::add_reduction).get(coupons::reductions))
        .route("/v1/rooms/{room}/quotes", post(coupons::quote))
        .route("/v1/rooms/{room}/payments", post(payments::callback))
        .route("/v1/wallets/{user}", get(wallets::show))
        .route("/v1/wallets/{user}/top-ups", post(wallets::top_up))
        .route("/v1/rooms/{room}/sanctions", get(sanctions::list))
        .route("/v1/rooms/{room}/sanctions/{sanction}/{user}", put(sanctions::impose).delete(sanctions::lift))
        .route("/v1/users/{user}/risk", get(risks::show).put(risks::judge).delete(risks::acquit))
        .route("/v1/risks", put(risks::judge_many))
        .route("/v1/hold-policy", get(holds::policy).put(holds::set_policy).delete(holds::end_policy))
        .route("/v1/users/{user}/holds", get(holds::list))
        .route("/v1/rooms/{room}/activities/{activity}/holds", get(holds::list_in))
        .route("/v1/rooms/{room}/activities/{activity}/holds/{unit}/{end}", post(holds::end))
        .route("/v1/lexicons", get(lexicons::show))
        .route("/v1/lexicons/reload", post(lexicons::reload))
        .route("/openapi.json", get(openapi::serve))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::serve))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(DefaultBodyLimit::max(api.limits.body_bytes_max))
        .layer(middleware::from_fn_with_state(Arc::new(Semaphore::new(api.limits.in_flight_max)), bounded))
        .layer(middleware::from_fn_with_state(api.limits.timeout, timed))
        .with_state(api)
}

async fn bounded(State(free): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    match free.try_acquire() {
        Ok(_permit) => next.run(request).await,
        Err(_) => Problem::from(NotDoneCode::Overloaded.for_now("too many calls are under way", 100)).into_response(),
    }
}

async fn timed(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        // What was asked for may still happen: the same idempotency key finds out.
        Err(_) => {
            Problem::new(StatusCode::GATEWAY_TIMEOUT, "timed_out", "ask again under the same key").into_response()
        }
    }
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}
