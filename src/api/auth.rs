//! Who calls: a bearer token of a host or an operator.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::dry_run::{self, Halt};
use super::extract::InQuery;
use super::problem::Problem;
use super::{Api, shapes};
use crate::gateway::token::{Access, Role, Rooms, TokenError, Verifier};
use crate::rules::{NotDoneCode, Plan, RequestId, RoomId, Time, UserId};
use crate::store::{Answer, Ask, Op, Partition};

/// Who may call the API.
pub trait Authorize: Send + Sync {
    /// Reads a bearer token at `now`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    fn authorize(&self, now: Time, token: &str) -> Result<Access, TokenError>;
}

impl Authorize for Verifier {
    fn authorize(&self, now: Time, token: &str) -> Result<Access, TokenError> {
        self.read(now, token)
    }
}

/// What a call with a token that changes something may say behind the question mark, and nothing else: whoever misspells it wants
/// nothing changed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Only what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// A caller that showed a valid token.
#[derive(Debug, Clone)]
pub struct Caller {
    access: Access,
    request: Option<RequestId>,
    dry_run: bool,
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer "));
        let token = token.ok_or_else(|| {
            Problem::new(StatusCode::UNAUTHORIZED, TokenError::Missing.code(), "send Authorization: Bearer TOKEN")
        })?;
        let access = api.authorize.authorize(api.engine.clock().now(), token);
        let access = access.map_err(|why| Problem::new(StatusCode::UNAUTHORIZED, why.code(), why.to_string()))?;
        let dry_run = match parts.method.is_safe() {
            true => false,
            false => InQuery::<Wanted>::from_request_parts(parts, api).await?.0.dry_run,
        };
        Ok(Self { access, request: idempotency_key(&parts.headers)?, dry_run })
    }
}

/// The caller's name for the request. Its hash is the request id; should two keys ever share one, the parameters differ
/// and the second call gets `conflict`, never the first one's answer.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<RequestId>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    if key.is_empty() || key.len() > 128 {
        return Err(Problem::invalid("Idempotency-Key has 1 to 128 bytes"));
    }
    Ok(Some(request_id(key.as_bytes())))
}

/// A request id for a name of any length.
pub(super) fn request_id(name: &[u8]) -> RequestId {
    let hash = Sha256::digest(name);
    let id = u64::from_le_bytes(hash[..8].try_into().expect("eight of 32 bytes"));
    RequestId::new(id.max(1)).expect("at least one")
}

impl Caller {
    /// Who it is.
    pub fn user(&self) -> UserId {
        self.access.user
    }

    /// A host acts on their own rooms, an operator on all.
    pub(super) fn may_act_in(&self, api: &Api, room: &str) -> Result<RoomId, Problem> {
        let id = shapes::room_id(room)?;
        let unknown = || Problem::from(NotDoneCode::UnknownRoom.because("no such room"));
        self.may_enter(id)?;
        let live = api.engine.room(&id);
        match self.access.role {
            Role::Operator => live.map(|_| id).ok_or_else(unknown),
            Role::Host if live.as_ref().is_some_and(|room| room.host == self.access.user) => Ok(id),
            // Whether somebody else's room exists is none of a host's business.
            Role::Host => Err(forbidden("not your room")),
            Role::Viewer | Role::Risk => Err(forbidden("rooms are for hosts and operators")),
        }
    }

    /// A token that names rooms is for no other.
    pub(super) fn may_enter(&self, room: RoomId) -> Result<(), Problem> {
        self.access.enter(room).map_err(|why| Problem::new(StatusCode::FORBIDDEN, why.code(), why.to_string()))
    }

    /// Only operators, and not by a token for some rooms only.
    pub(super) fn must_operate(&self) -> Result<(), Problem> {
        match self.access.role {
            Role::Operator if self.access.rooms == Rooms::Any => Ok(()),
            Role::Operator => Err(forbidden("the token is for some rooms only")),
            Role::Host | Role::Viewer | Role::Risk => Err(forbidden("for operators only")),
        }
    }

    /// Only risk services and operators, and not by a token for some rooms only.
    pub(super) fn must_judge(&self) -> Result<(), Problem> {
        match self.access.role {
            Role::Risk if self.access.rooms == Rooms::Any => Ok(()),
            _ => self.must_operate(),
        }
    }

    /// Hosts pay for their activities themselves; operators let anybody pay.
    pub(super) fn may_let_pay(&self, sponsor: UserId) -> Result<(), Problem> {
        match self.must_host()? {
            Role::Operator => Ok(()),
            _ if sponsor == self.access.user => Ok(()),
            _ => Err(forbidden("only operators let others pay")),
        }
    }

    /// Whether the caller may have activities made like `plan`, whoever wrote it.
    pub(super) fn may_have(&self, plan: &Plan) -> Result<(), Problem> {
        self.may_let_pay(plan.sponsor)?;
        if plan.decoy.is_some() {
            // What it makes of an account counts in all rooms.
            self.must_operate()?;
        }
        Ok(())
    }

    /// Only hosts and operators.
    pub(super) fn must_host(&self) -> Result<Role, Problem> {
        match self.access.role {
            Role::Viewer | Role::Risk => Err(forbidden("for hosts and operators only")),
            role => Ok(role),
        }
    }

    /// Has the store decide, under the caller's name and idempotency key.
    ///
    /// # Errors
    /// Nothing has changed: for a [`Problem`], or because the caller wanted to know only what would happen.
    pub(super) async fn commit(&self, api: &Api, partition: Partition, ask: Ask) -> Result<Answer, Halt> {
        let op = Op { partition, by: Some(self.access.user), request: self.request, ask };
        if self.dry_run {
            return Err(dry_run::weigh(api, op).await);
        }
        match api.engine.commit(op).await {
            Answer::NotDone(reason) => Err(reason.into()),
            Answer::Refused(refusal) => Err(Problem::refused(&refusal).into()),
            answer => Ok(answer),
        }
    }

    /// For what changes something without the store: there is no telling what it would come to.
    pub(super) fn must_mean_it(&self) -> Result<(), Problem> {
        if self.dry_run { Err(Problem::invalid("there is no dry run of this")) } else { Ok(()) }
    }

    /// Whether the caller named the request: then a repeat gets the first answer.
    pub(super) fn named_request(&self) -> bool {
        self.request.is_some()
    }
}

fn forbidden(detail: &'static str) -> Problem {
    NotDoneCode::Forbidden.because(detail).into()
}
