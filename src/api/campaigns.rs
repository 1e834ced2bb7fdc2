//! Campaigns: activities that serve one goal, and how far they have come.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;

use super::dry_run::Halt;
use super::extract::InPath;
use super::problem::Problem;
use super::shapes::{CampaignShape, Joining, NewCampaign};
use super::{Api, Caller};
use crate::rules::{ActivityId, CampaignId, NotDoneCode, RoomId};
use crate::store::{Answer, Ask, CampaignAnswer, CampaignAsk, Partition, Query, Reply};

type Body<T> = Result<Json<T>, axum::extract::rejection::JsonRejection>;

/// Creates a campaign.
#[utoipa::path(post, path = "/v1/rooms/{room}/campaigns", tag = "campaigns", operation_id = "create_campaign", request_body = NewCampaign,
    params(("room" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 201, body = CampaignShape), (status = "4XX", body = Problem)))]
pub(super) async fn create(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>, body: Body<NewCampaign>,
) -> Result<impl IntoResponse, Halt> {
    let Json(new) = body?;
    let room = caller.may_act_in(&api, &room)?;
    let plan = new.plan()?;
    plan.check().map_err(|why| Problem::invalid(why.to_string()))?;
    match ask(&api, &caller, room, CampaignAsk::Create { plan: Box::new(plan) }).await? {
        CampaignAnswer::Created(id) => Ok((StatusCode::CREATED, Json(shape(&api, room, id).await?))),
        CampaignAnswer::Included(..) => Err(Problem::unexpected().into()),
    }
}

/// Has an activity join a campaign: what it brings from now on counts.
#[utoipa::path(post, path = "/v1/rooms/{room}/campaigns/{campaign}/activities", tag = "campaigns", request_body = Joining,
    params(("room" = String, Path), ("campaign" = u64, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 200, body = CampaignShape), (status = "4XX", body = Problem)))]
pub(super) async fn include(
    State(api): State<Api>, caller: Caller, InPath((room, campaign)): InPath<(String, u64)>, body: Body<Joining>,
) -> Result<Json<CampaignShape>, Halt> {
    let Json(Joining { activity }) = body?;
    let room = caller.may_act_in(&api, &room)?;
    let include = CampaignAsk::Include { campaign: CampaignId(campaign), activity: ActivityId(activity) };
    match ask(&api, &caller, room, include).await? {
        CampaignAnswer::Included(id, _) => shape(&api, room, id).await.map(Json),
        CampaignAnswer::Created(_) => Err(Problem::unexpected().into()),
    }
}

/// Lists a room's campaigns, the earliest first.
#[utoipa::path(get, path = "/v1/rooms/{room}/campaigns", tag = "campaigns", operation_id = "list_campaigns", params(("room" = String, Path)),
    responses((status = 200, body = [CampaignShape]), (status = "4XX", body = Problem)))]
pub(super) async fn list(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>,
) -> Result<Json<Vec<CampaignShape>>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    shapes(&api, room).await.map(Json)
}

/// Shows a campaign and its progress.
#[utoipa::path(get, path = "/v1/rooms/{room}/campaigns/{campaign}", tag = "campaigns", operation_id = "show_campaign",
    params(("room" = String, Path), ("campaign" = u64, Path)),
    responses((status = 200, body = CampaignShape), (status = "4XX", body = Problem)))]
pub(super) async fn show(
    State(api): State<Api>, caller: Caller, InPath((room, campaign)): InPath<(String, u64)>,
) -> Result<Json<CampaignShape>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    shape(&api, room, CampaignId(campaign)).await.map(Json)
}

async fn ask(api: &Api, caller: &Caller, room: RoomId, ask: CampaignAsk) -> Result<CampaignAnswer, Halt> {
    match caller.commit(api, Partition::Room(room), Ask::Campaign(ask)).await? {
        Answer::Campaign(answer) => Ok(answer),
        _ => Err(Problem::unexpected().into()),
    }
}

async fn shape(api: &Api, room: RoomId, id: CampaignId) -> Result<CampaignShape, Halt> {
    let found = shapes(api, room).await?.into_iter().find(|shape| shape.campaign == id.0);
    found.ok_or_else(|| NotDoneCode::UnknownCampaign.because("no such campaign in this room").into())
}

async fn shapes(api: &Api, room: RoomId) -> Result<Vec<CampaignShape>, Halt> {
    match api.engine.ask(Query::Campaigns { room }).await? {
        Reply::Campaigns(campaigns) => {
            Ok(campaigns.iter().map(|(id, campaign)| CampaignShape::of(*id, campaign)).collect())
        }
        _ => Err(Problem::unexpected().into()),
    }
}
