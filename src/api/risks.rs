//! How risky accounts are: what a risk service, or an operator, makes of them. No host sees it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::dry_run::Halt;
use super::extract::InPath;
use super::problem::Problem;
use super::shapes::{NewRisk, NewRiskOf, RiskShape, RisksJudgedShape, user_id};
use super::{Api, Caller};
use crate::rules::{Risk, UserId};
use crate::store::{Answer, Ask, Partition, Query, Reply, RiskAnswer, RiskAsk};

type Body<T> = Result<Json<T>, axum::extract::rejection::JsonRejection>;

/// Shows what an account is judged to be; 404 if nobody has judged it, or the judgement's time is over.
#[utoipa::path(get, path = "/v1/users/{user}/risk", tag = "risk", operation_id = "show_risk", params(("user" = String, Path)),
    responses((status = 200, body = RiskShape), (status = "4XX", body = Problem)))]
pub(super) async fn show(
    State(api): State<Api>, caller: Caller, InPath(user): InPath<String>,
) -> Result<Json<RiskShape>, Halt> {
    caller.must_judge()?;
    let user = user_id(&user)?;
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "not_judged", "nobody has judged this account");
    match api.engine.ask(Query::Risk { user }).await? {
        Reply::Risk(risk) if risk.at(api.engine.clock().now()).is_some() => Ok(Json(RiskShape::of(user, &risk))),
        _ => Err(unknown().into()),
    }
}

/// Judges an account, in the place of what it was before. Operators and risk services only. Where activities ask for a low risk, the
/// higher of this and of what the account's token says counts.
#[utoipa::path(put, path = "/v1/users/{user}/risk", tag = "risk", request_body = NewRisk,
    params(("user" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = RiskShape), (status = "4XX", body = Problem)))]
pub(super) async fn judge(
    State(api): State<Api>, caller: Caller, InPath(user): InPath<String>, body: Body<NewRisk>,
) -> Result<Json<RiskShape>, Halt> {
    caller.must_judge()?;
    let Json(new) = body?;
    let (user, risk) = (user_id(&user)?, new.risk()?);
    judge_all(&api, &caller, vec![(user, risk)]).await?;
    Ok(Json(RiskShape::of(user, &risk)))
}

/// Judges up to 100 accounts: all of them, or none.
#[utoipa::path(put, path = "/v1/risks", tag = "risk", request_body = [NewRiskOf],
    params(("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = RisksJudgedShape), (status = "4XX", body = Problem)))]
pub(super) async fn judge_many(
    State(api): State<Api>, caller: Caller, body: Body<Vec<NewRiskOf>>,
) -> Result<Json<RisksJudgedShape>, Halt> {
    caller.must_judge()?;
    let Json(new) = body?;
    let accounts = new.into_iter().map(NewRiskOf::risk).collect::<Result<Vec<_>, _>>()?;
    let judged = judge_all(&api, &caller, accounts).await?;
    Ok(Json(RisksJudgedShape { judged }))
}

/// Takes a judgement back.
#[utoipa::path(delete, path = "/v1/users/{user}/risk", tag = "risk",
    params(("user" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 204), (status = "4XX", body = Problem)))]
pub(super) async fn acquit(
    State(api): State<Api>, caller: Caller, InPath(user): InPath<String>,
) -> Result<StatusCode, Halt> {
    caller.must_judge()?;
    let ask = Ask::Risk(RiskAsk::Acquit { user: user_id(&user)? });
    match caller.commit(&api, Partition::Platform, ask).await? {
        Answer::Risk(RiskAnswer::Acquitted) => Ok(StatusCode::NO_CONTENT),
        _ => Err(Problem::unexpected().into()),
    }
}

async fn judge_all(api: &Api, caller: &Caller, accounts: Vec<(UserId, Risk)>) -> Result<u32, Halt> {
    match caller.commit(api, Partition::Platform, Ask::Risk(RiskAsk::Judge { accounts })).await? {
        Answer::Risk(RiskAnswer::Judged(judged)) => Ok(judged),
        _ => Err(Problem::unexpected().into()),
    }
}
