//! What `/metrics` shows, in the OpenMetrics text format. No label names a user or a room.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Api;
use crate::engine::Engine;

/// Numbers that others than the engine hold.
pub trait Gauges: Send + Sync + std::fmt::Debug {
    /// Each with its name, its help, and whether it only ever grows.
    fn read(&self) -> Vec<(&'static str, &'static str, bool, u64)>;
}

/// Everything that is measured.
#[derive(Debug)]
pub struct Metrics(Registry);

impl Metrics {
    /// Reads the engine and whatever else there is, when asked.
    pub fn new(engine: Engine, others: Vec<Arc<dyn Gauges>>) -> Arc<Self> {
        let mut registry = Registry::with_prefix("liveroom");
        registry.register_collector(Box::new(Everything { engine, others }));
        Arc::new(Self(registry))
    }
}

#[derive(Debug)]
struct Everything {
    engine: Engine,
    others: Vec<Arc<dyn Gauges>>,
}

impl Collector for Everything {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let counters = self.engine.counters();
        let (viewers, rooms) = self.engine.census();
        let mut rows = vec![
            ("batches", "Batches committed", true, counters.batches.get()),
            ("ops", "Operations decided", true, counters.ops.get()),
            ("batch_ops_max", "Operations of the largest batch", false, counters.batch_ops_max.get()),
            (
                "latest_event",
                "Number of the latest event since the start: where nodes differ, one is behind",
                false,
                counters.latest_event.get(),
            ),
            ("events", "Events recorded", true, counters.events.get()),
            ("commit_us", "Time spent in commits, microseconds", true, counters.commit_us.get()),
            ("not_done", "Operations that were not done", true, counters.not_done.get()),
            ("gate_refusals", "Claims refused by the gate", true, counters.gate_refusals.get()),
            ("overloaded", "Requests refused because too many waited", true, counters.overloaded.get()),
            ("frames", "Room frames handed to viewers", true, counters.frames.get()),
            ("comments", "Comments that everybody heard", true, counters.comments.get()),
            (
                "comments_held",
                "Comments that only their authors saw: blocked or muted",
                true,
                counters.comments_held.get(),
            ),
            (
                "comments_crowded_out",
                "Comments that a room's tick had no room for",
                true,
                counters.comments_crowded_out.get(),
            ),
            ("hearts", "Hearts that viewers sent", true, counters.hearts.get()),
            ("lexicon_terms", "Terms of the lexicon", false, self.engine.lexicon().len() as u64),
            (
                "talk_unheard",
                "Messages from other nodes that a room's tick had no room for",
                true,
                counters.talk_unheard.get(),
            ),
            ("queued_ops", "Operations that wait for the store", false, self.engine.queued() as u64),
            ("viewers", "Viewers now", false, viewers),
            ("rooms", "Rooms", false, rooms),
        ];
        rows.extend(self.others.iter().flat_map(|other| other.read()));
        for (name, help, grows, value) in rows {
            if grows {
                let metric = ConstCounter::new(value);
                metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)?;
            } else {
                let metric = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
                metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)?;
            }
        }
        Ok(())
    }
}

/// Shows the metrics.
#[utoipa::path(get, path = "/metrics", tag = "monitoring", responses((status = 200, description = "OpenMetrics text")))]
pub(super) async fn serve(State(api): State<Api>) -> impl IntoResponse {
    let mut body = String::new();
    // Writing into a string fails only if a collector does, and ours has no reason to.
    if text::encode(&mut body, &api.metrics.0).is_err() {
        body.clear();
    }
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], body)
}
