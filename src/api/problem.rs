//! Errors as RFC 9457 problem documents: `application/problem+json` with a `code` that is one of the words below.

use std::borrow::Cow;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::rules::{NotDone, NotDoneCode, Refusal};

/// Why a call was not done. Nothing was changed by it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status.
    pub status: u16,
    /// The kind of problem as a word.
    pub code: &'static str,
    /// What exactly.
    pub detail: Cow<'static, str>,
    /// When asking again may help, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u32>,
}

impl Problem {
    /// A problem of the given kind.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        let kind = format!("urn:liveroom:problem:{code}");
        Self { kind, status: status.as_u16(), code, detail: detail.into(), retry_after_ms: None }
    }

    /// A parameter that is not what it should be.
    pub fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, NotDoneCode::Invalid.word(), detail)
    }

    /// The store answered something that does not belong to the question: a fault of ours.
    pub fn unexpected() -> Self {
        tracing::error!("the store answered with something else than was asked");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the server made a mistake; nothing is known of the outcome",
        )
    }

    /// A decision against the caller.
    pub fn refused(refusal: &Refusal) -> Self {
        Self::new(StatusCode::CONFLICT, refusal.code.word(), refusal.to_string())
    }
}

impl From<NotDone> for Problem {
    fn from(reason: NotDone) -> Self {
        let status = match reason.code {
            NotDoneCode::Invalid | NotDoneCode::WrongKind => StatusCode::UNPROCESSABLE_ENTITY,
            NotDoneCode::Conflict | NotDoneCode::WrongPhase | NotDoneCode::InsufficientFunds => StatusCode::CONFLICT,
            NotDoneCode::UnknownRoom
            | NotDoneCode::UnknownActivity
            | NotDoneCode::UnknownSku
            | NotDoneCode::UnknownOrder
            | NotDoneCode::UnknownCampaign
            | NotDoneCode::NoAward
            | NotDoneCode::UnknownRecurrence
            | NotDoneCode::UnknownHold
            | NotDoneCode::UnknownExperiment
            | NotDoneCode::UnknownTemplate => StatusCode::NOT_FOUND,
            NotDoneCode::Forbidden | NotDoneCode::Blocked | NotDoneCode::Muted | NotDoneCode::Banned => {
                StatusCode::FORBIDDEN
            }
            NotDoneCode::RateLimited
            | NotDoneCode::AddressBudget
            | NotDoneCode::TooManyRefusals
            | NotDoneCode::TooManyInFlight => StatusCode::TOO_MANY_REQUESTS,
            NotDoneCode::Overloaded | NotDoneCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            NotDoneCode::TooMany => StatusCode::INSUFFICIENT_STORAGE,
            NotDoneCode::UnknownGift => StatusCode::NOT_FOUND,
            NotDoneCode::VersionMismatch
            | NotDoneCode::AlreadyFan
            | NotDoneCode::NotFan
            | NotDoneCode::JoinedByGift
            | NotDoneCode::CodeTaken => StatusCode::CONFLICT,
        };
        let mut problem = Self::new(status, reason.code.word(), reason.detail);
        problem.retry_after_ms = (reason.retry_after_ms > 0).then_some(reason.retry_after_ms);
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after_s = self.retry_after_ms.map(|ms| ms.div_ceil(1_000));
        let mut response = (status, axum::Json(self)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

pub(super) async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here")
}

pub(super) async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "not with this method")
}
