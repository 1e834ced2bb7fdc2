//! Gifts: the catalogue, boards, earnings, fan clubs.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::dry_run::Halt;
use super::extract::{InPath, InQuery};
use super::problem::Problem;
use super::shapes::{
    BoardShape, CatalogueShape, EarningsShape, FanClubShape, FanShape, NewCatalogue, NewFanClub, SpanShape, WhichBoard,
    user_id,
};
use super::{Api, Caller};
use crate::rules::{Account, Currency, RoomId, UserId};
use crate::store::{Answer, Ask, FanClubView, GiftAnswer, GiftAsk, GiftQuery, GiftReply, Partition, Query, Reply};

type Body<T> = Result<Json<T>, axum::extract::rejection::JsonRejection>;

/// Shows what may be sent, in every room.
#[utoipa::path(get, path = "/v1/gifts", tag = "gifts",
    responses((status = 200, body = CatalogueShape), (status = "4XX", body = Problem)))]
pub(super) async fn catalogue(State(api): State<Api>, _caller: Caller) -> Result<Json<CatalogueShape>, Halt> {
    match look(&api, GiftQuery::Catalogue).await? {
        GiftReply::Catalogue(catalogue) => Ok(Json((&catalogue).into())),
        _ => Err(Problem::unexpected().into()),
    }
}

/// Replaces what may be sent, in every room, as a whole. Operators only. What was sent stays as it was paid.
#[utoipa::path(put, path = "/v1/gifts", tag = "gifts", request_body = NewCatalogue,
    params(("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = CatalogueShape), (status = "4XX", body = Problem)))]
pub(super) async fn set_catalogue(
    State(api): State<Api>, caller: Caller, body: Body<NewCatalogue>,
) -> Result<Json<CatalogueShape>, Halt> {
    caller.must_operate()?;
    let Json(new) = body?;
    let (based_on, gifts) = new.gifts()?;
    let ask = Ask::Gift(GiftAsk::SetCatalogue { based_on, gifts });
    match caller.commit(&api, Partition::Platform, ask).await? {
        Answer::Gift(GiftAnswer::CatalogueSet { .. }) => catalogue(State(api), caller).await,
        _ => Err(Problem::unexpected().into()),
    }
}

/// Shows who has given how much: the first places of a board, and one user's own.
#[utoipa::path(get, path = "/v1/rooms/{room}/boards/{span}", tag = "gifts",
    params(("room" = String, Path), ("span" = SpanShape, Path), WhichBoard),
    responses((status = 200, body = BoardShape), (status = "4XX", body = Problem)))]
pub(super) async fn board(
    State(api): State<Api>, caller: Caller, InPath((room, span)): InPath<(String, SpanShape)>,
    InQuery(which): InQuery<WhichBoard>,
) -> Result<Json<BoardShape>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    let (top, back) = which.bounded()?;
    let user = which.user.as_deref().map(user_id).transpose()?;
    let at = api.engine.clock().now();
    match look(&api, GiftQuery::Board { room, span: span.into(), back, at, top, user }).await? {
        GiftReply::Board(board) => Ok(Json((&board).into())),
        _ => Err(Problem::unexpected().into()),
    }
}

/// Shows what gifts have brought a room.
#[utoipa::path(get, path = "/v1/rooms/{room}/earnings", tag = "gifts", params(("room" = String, Path)),
    responses((status = 200, body = EarningsShape), (status = "4XX", body = Problem)))]
pub(super) async fn earnings(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>,
) -> Result<Json<EarningsShape>, Halt> {
    let account = Account::Earnings(caller.may_act_in(&api, &room)?);
    match api.engine.ask(Query::Balance { account, currency: Currency::Coins }).await? {
        Reply::Balance(coins) => Ok(Json(EarningsShape { room, coins })),
        _ => Err(Problem::unexpected().into()),
    }
}

/// Shows how a room's fan club is run.
#[utoipa::path(get, path = "/v1/rooms/{room}/fan-club", tag = "gifts", params(("room" = String, Path)),
    responses((status = 200, body = FanClubShape), (status = "4XX", body = Problem)))]
pub(super) async fn fan_club(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>,
) -> Result<Json<FanClubShape>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    Ok(Json((&club(&api, room, None).await?).into()))
}

/// Sets how a room's fan club is run. Points that were gained stay; levels follow the new thresholds.
#[utoipa::path(put, path = "/v1/rooms/{room}/fan-club", tag = "gifts", request_body = NewFanClub,
    params(("room" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = FanClubShape), (status = "4XX", body = Problem)))]
pub(super) async fn set_fan_club(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>, body: Body<NewFanClub>,
) -> Result<Json<FanClubShape>, Halt> {
    let Json(new) = body?;
    let room = caller.may_act_in(&api, &room)?;
    let ask = Ask::Gift(GiftAsk::SetFanClub { settings: Box::new(new.into()) });
    match caller.commit(&api, Partition::Room(room), ask).await? {
        Answer::Gift(GiftAnswer::FanClubSet) => Ok(Json((&club(&api, room, None).await?).into())),
        _ => Err(Problem::unexpected().into()),
    }
}

/// Shows how a user stands in a room's fan club; 404 for one who is no fan.
#[utoipa::path(get, path = "/v1/rooms/{room}/fan-club/fans/{user}", tag = "gifts",
    params(("room" = String, Path), ("user" = String, Path)),
    responses((status = 200, body = FanShape), (status = "4XX", body = Problem)))]
pub(super) async fn fan(
    State(api): State<Api>, caller: Caller, InPath((room, user)): InPath<(String, String)>,
) -> Result<Json<FanShape>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    let no_fan = || Problem::new(StatusCode::NOT_FOUND, "not_fan", "no fan of this room");
    let fan = club(&api, room, Some(user_id(&user)?)).await?.own.ok_or_else(no_fan)?;
    Ok(Json(FanShape::of(user, &fan)))
}

async fn club(api: &Api, room: RoomId, user: Option<UserId>) -> Result<FanClubView, Halt> {
    match look(api, GiftQuery::FanClub { room, user }).await? {
        GiftReply::FanClub(club) => Ok(club),
        _ => Err(Problem::unexpected().into()),
    }
}

async fn look(api: &Api, query: GiftQuery) -> Result<GiftReply, Halt> {
    match api.engine.ask(Query::Gift(query)).await? {
        Reply::Gift(reply) => Ok(reply),
        _ => Err(Problem::unexpected().into()),
    }
}
