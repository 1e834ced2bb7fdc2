//! Wallets.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;

use super::dry_run::Halt;
use super::extract::InPath;
use super::problem::Problem;
use super::shapes::{CurrencyShape, NewTopUp, ToppedUpShape, WalletShape, user_id};
use super::{Api, Caller};
use crate::rules::{Account, Currency};
use crate::store::{Answer, Ask, Partition, Query, Reply};

type Body<T> = Result<Json<T>, axum::extract::rejection::JsonRejection>;

/// Shows a wallet: operators anybody's, everybody their own.
#[utoipa::path(get, path = "/v1/wallets/{user}", tag = "wallets", operation_id = "show_wallet", params(("user" = String, Path)),
    responses((status = 200, body = WalletShape), (status = "4XX", body = Problem)))]
pub(super) async fn show(
    State(api): State<Api>, caller: Caller, InPath(user): InPath<String>,
) -> Result<Json<WalletShape>, Halt> {
    let id = user_id(&user)?;
    if caller.user() != id {
        caller.must_operate()?;
    }
    let balance = async |account, currency| match api.engine.ask(Query::Balance { account, currency }).await? {
        Reply::Balance(balance) => Ok::<_, Halt>(balance),
        _ => Err(Problem::unexpected().into()),
    };
    let (wallet, held) = (Account::Wallet(id), Account::Held(id));
    let fen = balance(wallet, Currency::Fen).await?;
    let held_fen = balance(held, Currency::Fen).await?;
    Ok(Json(WalletShape { user, fen, held_fen, coins: balance(wallet, Currency::Coins).await? }))
}

/// Takes money in from outside. It must be named by an idempotency key: money never comes twice by a retry.
#[utoipa::path(post, path = "/v1/wallets/{user}/top-ups", tag = "wallets", request_body = NewTopUp,
    params(("user" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 201, body = ToppedUpShape), (status = "4XX", body = Problem)))]
pub(super) async fn top_up(
    State(api): State<Api>, caller: Caller, InPath(user): InPath<String>, body: Body<NewTopUp>,
) -> Result<impl IntoResponse, Halt> {
    caller.must_operate()?;
    let Json(new) = body?;
    let user = user_id(&user)?;
    if !caller.named_request() {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "idempotency_key_missing",
            "name the top-up: Idempotency-Key",
        )
        .into());
    }
    let currency = match new.currency {
        CurrencyShape::Fen => Currency::Fen,
        CurrencyShape::Coins => Currency::Coins,
    };
    let ask = Ask::TopUp { currency, amount: new.amount };
    match caller.commit(&api, Partition::Wallet(user), ask).await? {
        Answer::ToppedUp { balance } => Ok((StatusCode::CREATED, Json(ToppedUpShape { balance }))),
        _ => Err(Problem::unexpected().into()),
    }
}
