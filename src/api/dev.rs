//! Tokens for whoever asks, from a development server to the same machine: what a load tester needs by the thousand.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::Api;
use super::problem::Problem;
use super::shapes::{room_id, user_id};
use crate::gateway::token::{Role, Rooms};

/// Most tokens of one call.
const TOKENS_MAX: usize = 10_000;

/// For whom tokens are wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTokens {
    /// viewer, host or operator.
    role: Role,
    /// One token for each.
    users: Vec<String>,
    /// Where they are good; everywhere if not named.
    room: Option<String>,
    /// How long.
    ttl_s: u64,
}

/// The tokens, in the order of the users.
#[derive(Debug, Serialize)]
pub(super) struct TokensShape {
    tokens: Vec<String>,
}

/// Makes tokens. The body has to be `application/json`, which no foreign web page can send here unasked.
pub(super) async fn issue(
    State(api): State<Api>, body: Result<Json<NewTokens>, axum::extract::rejection::JsonRejection>,
) -> Result<Json<TokensShape>, Problem> {
    let issuer =
        api.issuer.clone().ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not_found", "no development server"))?;
    let Json(new) = body?;
    if new.users.len() > TOKENS_MAX {
        return Err(Problem::invalid(format!("users: at most {TOKENS_MAX} at once")));
    }
    let users = new.users.iter().map(|user| user_id(user)).collect::<Result<Vec<_>, _>>()?;
    let rooms = match &new.room {
        Some(room) => Rooms::Listed([room_id(room)?].into()),
        None => Rooms::Any,
    };
    let (now, ttl) = (api.engine.clock().now(), Duration::from_secs(new.ttl_s));
    let signing = tokio::task::spawn_blocking(move || {
        users.into_iter().map(|user| issuer.issue(now, user, new.role, &rooms, ttl)).collect::<Result<Vec<_>, _>>()
    });
    let tokens = signing.await.map_err(|_| Problem::unexpected())?;
    Ok(Json(TokensShape { tokens: tokens.map_err(|why| Problem::invalid(why.to_string()))? }))
}
