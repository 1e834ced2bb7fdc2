//! Cash of risky accounts: from which risk on it is held, what is held, and where it goes.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::dry_run::Halt;
use super::extract::{InPath, InQuery};
use super::problem::Problem;
use super::shapes::{HoldPolicyShape, HoldsShape, WhichHolds, room_id, user_id};
use super::{Api, Caller};
use crate::rules::{ActivityId, HoldPolicy, HoldState, NotDoneCode};
use crate::store::{Answer, Ask, HoldsOf, Partition, Query, Reply, RiskAnswer, RiskAsk};

type Body<T> = Result<Json<T>, axum::extract::rejection::JsonRejection>;
type Place = InPath<(String, u64, u32, String)>;

/// Shows from which risk on cash is held; 404 if it is not. Operators only, as everything here.
#[utoipa::path(get, path = "/v1/hold-policy", tag = "risk",
    responses((status = 200, body = HoldPolicyShape), (status = "4XX", body = Problem)))]
pub(super) async fn policy(State(api): State<Api>, caller: Caller) -> Result<Json<HoldPolicyShape>, Halt> {
    caller.must_operate()?;
    match api.engine.ask(Query::HoldPolicy).await? {
        Reply::HoldPolicy(Some(policy)) => Ok(Json(policy.into())),
        _ => Err(Problem::new(StatusCode::NOT_FOUND, "no_policy", "no cash is held").into()),
    }
}

/// Has the cash held that accounts of at least this risk win from now on, in whatever activity.
#[utoipa::path(put, path = "/v1/hold-policy", tag = "risk", request_body = HoldPolicyShape,
    params(("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = HoldPolicyShape), (status = "4XX", body = Problem)))]
pub(super) async fn set_policy(
    State(api): State<Api>, caller: Caller, body: Body<HoldPolicyShape>,
) -> Result<Json<HoldPolicyShape>, Halt> {
    let Json(new) = body?;
    set(&api, &caller, Some(new.into())).await?;
    Ok(Json(new))
}

/// Has no more cash held. What is held stays so until its time.
#[utoipa::path(delete, path = "/v1/hold-policy", tag = "risk",
    params(("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn end_policy(State(api): State<Api>, caller: Caller) -> Result<StatusCode, Halt> {
    set(&api, &caller, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the cash of a user that is held, or was, as long as its activity is kept: a page of it, in the order of activities.
#[utoipa::path(get, path = "/v1/users/{user}/holds", tag = "risk", operation_id = "list_holds", params(("user" = String, Path), WhichHolds),
    responses((status = 200, body = HoldsShape), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    State(api): State<Api>, caller: Caller, InPath(user): InPath<String>, InQuery(which): InQuery<WhichHolds>,
) -> Result<Json<HoldsShape>, Halt> {
    page(&api, &caller, HoldsOf::User(user_id(&user)?), &which).await
}

/// Lists the cash of an activity that is held, or was, whoever won it.
#[utoipa::path(get, path = "/v1/rooms/{room}/activities/{activity}/holds", tag = "risk",
    params(("room" = String, Path), ("activity" = u64, Path), WhichHolds),
    responses((status = 200, body = HoldsShape), (status = "4XX", body = Problem)))]
pub(super) async fn list_in(
    State(api): State<Api>, caller: Caller, InPath((room, activity)): InPath<(String, u64)>,
    InQuery(which): InQuery<WhichHolds>,
) -> Result<Json<HoldsShape>, Halt> {
    page(&api, &caller, HoldsOf::Activity(room_id(&room)?, ActivityId(activity)), &which).await
}

/// Ends a hold before its time: `release` credits the winner, `forfeit` gives the cash back to the activity's sponsor. Once.
#[utoipa::path(post, path = "/v1/rooms/{room}/activities/{activity}/holds/{unit}/{end}", tag = "risk", operation_id = "end_hold",
    params(("room" = String, Path), ("activity" = u64, Path), ("unit" = u32, Path),
        ("end" = String, Path, description = "`release` or `forfeit`"), ("Idempotency-Key" = Option<String>, Header),
        ("dry_run" = Option<bool>, Query)),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn end(
    State(api): State<Api>, caller: Caller, InPath((room, activity, unit, end)): Place,
) -> Result<StatusCode, Halt> {
    caller.must_operate()?;
    let how = match end.as_str() {
        "release" => HoldState::Credited,
        "forfeit" => HoldState::Forfeited,
        _ => return Err(Problem::invalid("a hold ends by release or forfeit").into()),
    };
    let ask = Ask::Risk(RiskAsk::EndHold { activity: ActivityId(activity), unit, how });
    match caller.commit(&api, Partition::Room(room_id(&room)?), ask).await? {
        Answer::Risk(RiskAnswer::HoldEnded(_)) => Ok(StatusCode::NO_CONTENT),
        _ => Err(Problem::unexpected().into()),
    }
}

async fn page(api: &Api, caller: &Caller, of: HoldsOf, which: &WhichHolds) -> Result<Json<HoldsShape>, Halt> {
    caller.must_operate()?;
    let (after, limit) = which.bounded()?;
    if let (HoldsOf::Activity(_, activity), Some((other, _))) = (&of, after)
        && other != *activity
    {
        return Err(Problem::invalid("after is of another activity").into());
    }
    match api.engine.ask(Query::Holds { of, after, limit: limit + 1 }).await? {
        Reply::Holds(holds) => Ok(Json(HoldsShape::of(&holds, limit))),
        _ => Err(NotDoneCode::UnknownActivity.because("no such activity in this room").into()),
    }
}

async fn set(api: &Api, caller: &Caller, policy: Option<HoldPolicy>) -> Result<(), Halt> {
    caller.must_operate()?;
    match caller.commit(api, Partition::Platform, Ask::Risk(RiskAsk::SetPolicy { policy })).await? {
        Answer::Risk(RiskAnswer::PolicySet) => Ok(()),
        _ => Err(Problem::unexpected().into()),
    }
}
