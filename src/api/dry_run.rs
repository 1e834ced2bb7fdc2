//! `?dry_run=true`: what a call would come to. Nothing changes, and nothing of it is written down.
//!
//! There is one way for all calls: the operation is decided over the tables as they are, and what would be its event is told
//! instead of being committed.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::problem::Problem;
use crate::events::ndjson::{Line, kind};
use crate::rules::{Amendment, Fen, NotDone, Phase, Plan, Step, Time};
use crate::store::{
    ActivityView, Answer, DrawEvent, Event, Op, Partition, Query, Recorded, Reply, TemplateEvent, Weighed,
};

/// Why a call ends without having changed anything.
#[derive(Debug)]
pub(super) enum Halt {
    /// It can't be done.
    Problem(Problem),
    /// It was only to be told.
    DryRun(Box<DryRunShape>),
}

/// What a call would come to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DryRunShape {
    /// Always true: nothing has changed.
    pub dry_run: bool,
    /// What would happen, as events name it: `drafted`, `stepped`, `rejected`, `amended` …; `nothing` if this very request was
    /// decided before and would get its first answer.
    pub would: &'static str,
    /// The activity it is about; a new one's number would be this if nobody else is faster.
    pub activity: Option<u64>,
    /// Where the activity would stand afterwards.
    pub phase_after: Option<&'static str>,
    /// What its review would list, or lists now of a plan that is to be drafted or saved.
    pub problems: Vec<String>,
    /// What would leave the sponsor's wallet; for a plan that is not handed in yet, what handing it in would take.
    pub takes_fen: i64,
    /// What would go back to it.
    pub gives_back_fen: i64,
    /// Coupons that would be set apart, likewise.
    pub takes_coupons: Vec<CouponsTakenShape>,
    /// When it would close.
    pub closes_at_ms: Option<i64>,
    /// The event itself, as the events' sink would get it, but for its number.
    #[schema(value_type = Object)]
    pub event: serde_json::Value,
}

/// Coupons that an activity is to give.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CouponsTakenShape {
    /// Of which template.
    pub template: String,
    /// How many.
    pub coupons: u32,
}

/// Has the store weigh an operation.
pub(super) async fn weigh(api: &Api, op: Op) -> Halt {
    let (partition, at) = (op.partition, api.engine.clock().now());
    match api.engine.ask(Query::Weigh { op: Box::new(op), at }).await {
        Ok(Reply::Weighed(Weighed::Answer(Answer::NotDone(reason)))) => reason.into(),
        Ok(Reply::Weighed(Weighed::Answer(Answer::Refused(refusal)))) => Problem::refused(&refusal).into(),
        Ok(Reply::Weighed(Weighed::Answer(_))) => Halt::DryRun(Box::new(DryRunShape::nothing())),
        Ok(Reply::Weighed(Weighed::Event(event))) => {
            let view = view(api, partition, &event).await;
            Halt::DryRun(Box::new(DryRunShape::of(api, *event, view.as_ref(), at)))
        }
        Ok(_) => Problem::unexpected().into(),
        Err(reason) => reason.into(),
    }
}

/// The activity as it stands, if the event is about one that there is.
async fn view(api: &Api, partition: Partition, event: &Event) -> Option<ActivityView> {
    let (Partition::Room(room), Some(activity)) = (partition, event.activity()) else { return None };
    match api.engine.ask(Query::Activity { room, activity }).await {
        Ok(Reply::Activity(view)) => Some(*view),
        _ => None,
    }
}

impl DryRunShape {
    fn nothing() -> Self {
        Self {
            dry_run: true,
            would: "nothing",
            activity: None,
            phase_after: None,
            problems: Vec::new(),
            takes_fen: 0,
            gives_back_fen: 0,
            takes_coupons: Vec::new(),
            closes_at_ms: None,
            event: serde_json::Value::Null,
        }
    }

    fn of(api: &Api, event: Event, view: Option<&ActivityView>, at: Time) -> Self {
        let mut shape = Self { would: kind(&event), activity: event.activity().map(|id| id.0), ..Self::nothing() };
        match &event {
            Event::Drafted { plan, .. } | Event::Template { what: TemplateEvent::Drafted { plan, .. }, .. } => {
                shape.plans(api, plan);
                shape.phase_after = Some(Phase::Draft.word());
            }
            Event::Template { what: TemplateEvent::Saved { plan, .. }, .. } => shape.plans(api, plan),
            Event::Rejected { reasons, .. } => {
                shape.problems.clone_from(reasons);
                shape.phase_after = Some(Phase::Review.word());
            }
            Event::Stepped { step, to, moved, .. } => shape.steps(*step, *to, *moved, view, at),
            Event::Amended { amendment, .. } => shape.amends(amendment, view),
            _ => {}
        }
        let line = serde_json::to_value(Line(&Recorded::new(0, at, without_holds(event))));
        shape.event = line.expect("a line is plain JSON");
        if let Some(line) = shape.event.as_object_mut() {
            line.remove("id");
        }
        shape
    }

    fn plans(&mut self, api: &Api, plan: &Plan) {
        self.problems = plan.review().into_iter().chain(api.engine.findings(plan)).collect();
        self.takes_fen = plan.funding().get();
        self.takes_coupons = coupons(&plan.coupons());
    }

    fn steps(&mut self, step: Step, to: Phase, moved: Fen, view: Option<&ActivityView>, at: Time) {
        self.phase_after = Some(to.word());
        let moved = moved.get();
        match step {
            Step::Schedule => {
                self.takes_fen = moved;
                self.takes_coupons = view.map(|view| coupons(&view.plan.coupons())).unwrap_or_default();
            }
            Step::Open => {
                let closes = |view: &ActivityView| view.plan.closes_at(at.after_ms(view.plan.schedule.head_start_ms()));
                self.closes_at_ms = view.map(|view| closes(view).ms());
            }
            Step::Close => self.closes_at_ms = Some(at.ms()),
            Step::Settle | Step::Cancel => self.gives_back_fen = moved,
            Step::Reject | Step::WarmUp => {}
        }
    }

    fn amends(&mut self, amendment: &Amendment, view: Option<&ActivityView>) {
        self.takes_fen = amendment.budget.get();
        if let Some(view) = view {
            self.phase_after = Some(view.phase.word());
            self.takes_coupons = coupons(&view.plan.added_coupons(amendment));
            self.closes_at_ms = view.closes_at.map(|at| at.after_ms(amendment.extend_ms).ms());
        }
    }
}

/// Whose cash would be held says who is taken for a bot: no host hears of it.
fn without_holds(mut event: Event) -> Event {
    if let Event::Draw { what: DrawEvent::Drawn { winners, .. }, .. } = &mut event {
        winners.iter_mut().for_each(|winner| winner.held_until = None);
    }
    event
}

fn coupons(planned: &[(&str, u32)]) -> Vec<CouponsTakenShape> {
    let one = |&(template, coupons): &(&str, u32)| CouponsTakenShape { template: template.to_owned(), coupons };
    planned.iter().map(one).collect()
}

impl From<Problem> for Halt {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<NotDone> for Halt {
    fn from(reason: NotDone) -> Self {
        Self::Problem(reason.into())
    }
}

impl From<JsonRejection> for Halt {
    fn from(rejection: JsonRejection) -> Self {
        Self::Problem(rejection.into())
    }
}

impl IntoResponse for Halt {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::DryRun(shape) => Json(shape).into_response(),
        }
    }
}
