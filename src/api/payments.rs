//! A payment provider's callback. It shows no token: it signs.
//!
//! Header `Liveroom-Signature: t=<ms since the epoch>,v1=<hex>`, where the hex is HMAC-SHA256 over `<t>.<body>` with the
//! shared secret. A signature is good for `payments.signature_age_max` to either side; repeats are told by the payment's name.

use std::fmt;

use aws_lc_rs::hmac;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::http::{HeaderMap, StatusCode};

use super::Api;
use super::auth::request_id;
use super::extract::InPath;
use super::problem::Problem;
use super::shapes::{NewPayment, PaidShape, fen, room_id};
use crate::rules::{OrderId, PaymentOutcome, Time, UserId};
use crate::store::{Answer, Ask, Op, Partition};

/// What the provider signs with.
pub struct PaymentSecret {
    key: hmac::Key,
    /// How far a signature's time may be from the server's, ms.
    age_ms_max: u64,
}

impl PaymentSecret {
    /// A secret, and how old a signature may be.
    pub fn new(secret: &[u8], age_ms_max: u64) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret), age_ms_max }
    }

    /// The header's value for a body: for providers, tools and tests.
    pub fn sign(&self, at: Time, body: &[u8]) -> String {
        let tag = hmac::sign(&self.key, &signed(at.ms(), body));
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t={},v1={hex}", at.ms())
    }

    fn check(&self, now: Time, header: Option<&str>, body: &[u8]) -> Result<(), Problem> {
        let wrong = |code, detail| Problem::new(StatusCode::UNAUTHORIZED, code, detail);
        let header = header.ok_or_else(|| wrong("signature_missing", "send Liveroom-Signature"))?;
        let malformed = || wrong("signature_malformed", "Liveroom-Signature is t=<ms>,v1=<hex>");
        let (at, hex) = header.split_once(",v1=").ok_or_else(malformed)?;
        let at: i64 = at.strip_prefix("t=").and_then(|at| at.parse().ok()).ok_or_else(malformed)?;
        let tag = unhex(hex).ok_or_else(malformed)?;
        hmac::verify(&self.key, &signed(at, body), &tag)
            .map_err(|_| wrong("signature_wrong", "the body was not signed with the shared secret"))?;
        if now.ms().abs_diff(at) > self.age_ms_max {
            return Err(wrong("signature_expired", "the signature's time is too far from the server's"));
        }
        Ok(())
    }
}

impl fmt::Debug for PaymentSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaymentSecret(secret)")
    }
}

/// Takes note of a payment for an order of the room.
#[utoipa::path(post, path = "/v1/rooms/{room}/payments", tag = "payments", request_body = NewPayment,
    params(("room" = String, Path), ("Liveroom-Signature" = String, Header, description = "t=<ms>,v1=<hex HMAC-SHA256 of t.body>")),
    responses((status = 200, body = PaidShape), (status = "4XX", body = Problem)))]
pub(super) async fn callback(
    State(api): State<Api>, InPath(room): InPath<String>, headers: HeaderMap, body: Result<Bytes, BytesRejection>,
) -> Result<Json<PaidShape>, Problem> {
    let secret = api.payments.as_ref().ok_or_else(|| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "payments_off", "no payment secret is configured")
    })?;
    let header = headers.get("liveroom-signature").and_then(|value| value.to_str().ok());
    let body = body?;
    secret.check(api.engine.clock().now(), header, &body)?;
    let payment: NewPayment = serde_json::from_slice(&body)
        .map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "body_invalid", error.to_string()))?;
    take(&api, &room, payment).await
}

/// Plays the provider: from a development server, to the same machine.
pub(super) async fn pay(
    State(api): State<Api>, InPath(room): InPath<String>, body: Result<Json<NewPayment>, JsonRejection>,
) -> Result<Json<PaidShape>, Problem> {
    let Json(payment) = body?;
    take(&api, &room, payment).await
}

async fn take(api: &Api, room: &str, payment: NewPayment) -> Result<Json<PaidShape>, Problem> {
    let provider = UserId::parse(UserId::PAYMENT_PROVIDER).expect("a plain word");
    let op = Op {
        partition: Partition::Room(room_id(room)?),
        by: Some(provider),
        request: Some(request_id(payment.payment.as_bytes())),
        ask: Ask::Pay {
            order: OrderId(payment.order),
            payment: payment.payment,
            amount: fen("amount_fen", payment.amount_fen)?,
        },
    };
    match api.engine.commit(op).await {
        Answer::Paid { order, outcome } => {
            let outcome = match outcome {
                PaymentOutcome::Sold => "sold",
                PaymentOutcome::SoldLate => "sold_late",
                PaymentOutcome::RefundDue => "refund_due",
            };
            Ok(Json(PaidShape { order: order.0, outcome }))
        }
        Answer::NotDone(reason) => Err(reason.into()),
        _ => Err(Problem::unexpected()),
    }
}

fn signed(at_ms: i64, body: &[u8]) -> Vec<u8> {
    [format!("{at_ms}.").as_bytes(), body].concat()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.len().is_multiple_of(2).then(|| text.as_bytes().chunks_exact(2))?;
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fresh_signature_over_the_body_passes() {
        let secret = PaymentSecret::new(b"a shared secret", 300_000);
        let now = Time::from_ms(1_800_000_000_000);
        let good = secret.sign(now, b"{}");
        let old = secret.sign(now.before_ms(300_001), b"{}");
        let other = PaymentSecret::new(b"another shared secret", 300_000).sign(now, b"{}");
        for (header, body, want) in [
            (Some(good.as_str()), "{}", "ok"),
            (None, "{}", "signature_missing"),
            (Some(""), "{}", "signature_malformed"),
            (Some("t=1,v1=zz"), "{}", "signature_malformed"),
            (Some("t=x,v1=00"), "{}", "signature_malformed"),
            (Some(&good), "{ }", "signature_wrong"),
            (Some(&other), "{}", "signature_wrong"),
            (Some(&old), "{}", "signature_expired"),
        ] {
            let got = secret.check(now, header, body.as_bytes()).map_or_else(|problem| problem.code, |()| "ok");
            assert_eq!(got, want, "{header:?} {body}");
        }
    }
}
