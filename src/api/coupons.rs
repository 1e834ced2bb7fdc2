//! Coupon templates, coupons, full reductions, and what a cart would cost.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;

use super::dry_run::Halt;
use super::extract::InPath;
use super::problem::Problem;
use super::shapes::{
    CouponIssuedShape, CouponTemplateShape, NewCoupon, NewCouponTemplate, NewQuote, PriceShape, ReductionShape,
    ScopeShape, template_id, user_id,
};
use super::{Api, Caller};
use crate::gateway::token::Role;
use crate::rules::{ActivityId, NotDoneCode, RoomId, SalePlan};
use crate::store::{Answer, Ask, CouponAnswer, CouponAsk, CouponsView, Partition, Query, Reply};

type Body<T> = Result<Json<T>, axum::extract::rejection::JsonRejection>;

/// Adds a coupon template. It never changes; what it promises ends with its time.
#[utoipa::path(post, path = "/v1/rooms/{room}/coupon-templates", tag = "coupons", request_body = NewCouponTemplate,
    params(("room" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 201, body = CouponTemplateShape), (status = "4XX", body = Problem)))]
pub(super) async fn add_template(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>, body: Body<NewCouponTemplate>,
) -> Result<impl IntoResponse, Halt> {
    let Json(new) = body?;
    let room = caller.may_act_in(&api, &room)?;
    if new.scope == ScopeShape::Platform && caller.must_host()? != Role::Operator {
        return Err(NotDoneCode::Forbidden.because("only operators let the platform pay").into());
    }
    let (template, terms) = new.terms()?;
    terms.check(api.engine.clock().now()).map_err(|why| Problem::invalid(why.to_string()))?;
    let ask = CouponAsk::AddTemplate { template, terms: Box::new(terms) };
    match caller.commit(&api, Partition::Room(room), Ask::Coupon(ask)).await? {
        Answer::Coupon(CouponAnswer::TemplateAdded) => {
            let shapes = CouponTemplateShape::all(&coupons(&api, room).await?);
            let added = shapes.into_iter().find(|shape| shape.template == template.as_str());
            Ok((StatusCode::CREATED, Json(added.ok_or_else(Problem::unexpected)?)))
        }
        _ => Err(Problem::unexpected().into()),
    }
}

/// Lists a room's coupon templates, and where their coupons stand.
#[utoipa::path(get, path = "/v1/rooms/{room}/coupon-templates", tag = "coupons", params(("room" = String, Path)),
    responses((status = 200, body = [CouponTemplateShape]), (status = "4XX", body = Problem)))]
pub(super) async fn templates(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>,
) -> Result<Json<Vec<CouponTemplateShape>>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    Ok(Json(CouponTemplateShape::all(&coupons(&api, room).await?)))
}

/// Gives a user a coupon.
#[utoipa::path(post, path = "/v1/rooms/{room}/coupon-templates/{template}/coupons", tag = "coupons",
    request_body = NewCoupon,
    params(("room" = String, Path), ("template" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 201, body = CouponIssuedShape), (status = "4XX", body = Problem)))]
pub(super) async fn issue(
    State(api): State<Api>, caller: Caller, InPath((room, template)): InPath<(String, String)>, body: Body<NewCoupon>,
) -> Result<impl IntoResponse, Halt> {
    let Json(new) = body?;
    let room = caller.may_act_in(&api, &room)?;
    let ask = CouponAsk::Issue { template: template_id(&template)?, user: user_id(&new.user)? };
    match caller.commit(&api, Partition::Room(room), Ask::Coupon(ask)).await? {
        Answer::Coupon(CouponAnswer::Issued(coupon)) => {
            Ok((StatusCode::CREATED, Json(CouponIssuedShape { coupon: coupon.0 })))
        }
        _ => Err(Problem::unexpected().into()),
    }
}

/// Announces a full reduction for everybody in the room. The platform pays: for operators only.
#[utoipa::path(post, path = "/v1/rooms/{room}/full-reductions", tag = "coupons", request_body = ReductionShape,
    params(("room" = String, Path), ("Idempotency-Key" = Option<String>, Header), ("dry_run" = Option<bool>, Query)),
    responses((status = 201, body = ReductionShape), (status = "4XX", body = Problem)))]
pub(super) async fn add_reduction(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>, body: Body<ReductionShape>,
) -> Result<impl IntoResponse, Halt> {
    let Json(new) = body?;
    let room = caller.may_act_in(&api, &room)?;
    if caller.must_host()? != Role::Operator {
        return Err(NotDoneCode::Forbidden.because("only operators let the platform pay").into());
    }
    let (name, reduction) = new.reduction()?;
    let ask = CouponAsk::AddReduction { name, reduction: Box::new(reduction) };
    match caller.commit(&api, Partition::Room(room), Ask::Coupon(ask)).await? {
        Answer::Coupon(CouponAnswer::ReductionAdded) => {
            let shapes = ReductionShape::all(&coupons(&api, room).await?);
            let added = shapes.into_iter().find(|shape| shape.name == name.as_str());
            Ok((StatusCode::CREATED, Json(added.ok_or_else(Problem::unexpected)?)))
        }
        _ => Err(Problem::unexpected().into()),
    }
}

/// Lists a room's full reductions, those to come and those over lately included.
#[utoipa::path(get, path = "/v1/rooms/{room}/full-reductions", tag = "coupons", params(("room" = String, Path)),
    responses((status = 200, body = [ReductionShape]), (status = "4XX", body = Problem)))]
pub(super) async fn reductions(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>,
) -> Result<Json<Vec<ReductionShape>>, Halt> {
    let room = caller.may_act_in(&api, &room)?;
    Ok(Json(ReductionShape::all(&coupons(&api, room).await?)))
}

/// Says what a cart would cost a user now, and why. Nothing is held.
#[utoipa::path(post, path = "/v1/rooms/{room}/quotes", tag = "coupons", request_body = NewQuote,
    params(("room" = String, Path)),
    responses((status = 200, body = PriceShape), (status = "4XX", body = Problem)))]
pub(super) async fn quote(
    State(api): State<Api>, caller: Caller, InPath(room): InPath<String>, body: Body<NewQuote>,
) -> Result<Json<PriceShape>, Halt> {
    let Json(new) = body?;
    let room = caller.may_act_in(&api, &room)?;
    if new.lines.len() > SalePlan::SKUS_MAX {
        return Err(Problem::invalid("a cart has 1 to 50 lines").into());
    }
    let user = new.user()?.unwrap_or_else(|| caller.user());
    let (activity, cart, coupons) = (ActivityId(new.activity), new.cart(), new.choice()?);
    let at = api.engine.clock().now();
    match api.engine.ask(Query::Quote { room, user, activity, cart, coupons, at }).await? {
        Reply::Quote(Ok(price)) => Ok(Json(price.as_ref().into())),
        Reply::Quote(Err(Answer::Refused(refusal))) => Err(Problem::refused(&refusal).into()),
        Reply::Quote(Err(Answer::NotDone(reason))) => Err(reason.into()),
        _ => Err(Problem::unexpected().into()),
    }
}

async fn coupons(api: &Api, room: RoomId) -> Result<CouponsView, Halt> {
    match api.engine.ask(Query::Coupons { room }).await? {
        Reply::Coupons(view) => Ok(*view),
        _ => Err(Problem::unexpected().into()),
    }
}
