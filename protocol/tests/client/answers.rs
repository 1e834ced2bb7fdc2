//! Requests and what becomes of them.

use super::*;
use liveroom_protocol::client::{Outcome, RequestError};
use liveroom_protocol::wire::{
    CartLine, Claim, ClientFrame, Done, Grant, NotDone, NotDoneCode, Order, Pending, RefusalCode, Refused, answer,
    client_frame, grant,
};

fn grant() -> Grant {
    Grant { activity: 5, slot: 1, at_ms: 9, prize: Some(grant::Prize::AmountFen(123)), coupon_id: 0, hold: None }
}

over_both! {
    async fn each_request_gets_its_own_answer(server: FakeServer) {
        let (client, _events, mut session) = joined(&mut server).await;
        let lines = vec![CartLine { sku: 1, quantity: 2, opening: 3 }];
        let (claimed, reserved, released, announced, ()) = tokio::join!(
            client.claim(5, 6, 1),
            client.reserve(7, 8, lines.clone()),
            client.release(77),
            client.announce("开抢"),
            async {
                let asked = [session.recv().await, session.recv().await, session.recv().await, session.recv().await];
                // Last asked, first answered.
                for ClientFrame { request_id, body } in asked.into_iter().rev() {
                    let outcome = match body.unwrap() {
                        client_frame::Body::Claim(claim) => {
                            assert_eq!(claim, Claim { activity: 5, token: 6, opening: 1 });
                            answer::Outcome::Grant(grant())
                        }
                        client_frame::Body::Reserve(_) => answer::Outcome::Order(Order { order: 77, ..Order::default() }),
                        client_frame::Body::Release(_) => answer::Outcome::Done(Done {}),
                        client_frame::Body::Announce(_) => {
                            let code = NotDoneCode::Forbidden.into();
                            answer::Outcome::NotDone(NotDone { code, detail: "hosts only".into(), retry_after_ms: 0 })
                        }
                        other => panic!("{other:?} was not asked"),
                    };
                    session.answer(request_id, outcome).await;
                }
            }
        );
        assert_eq!(claimed, Ok(Outcome::Granted(grant())));
        assert_eq!(reserved, Ok(Outcome::Ordered(Order { order: 77, ..Order::default() })));
        assert_eq!(released, Ok(Outcome::Done));
        assert_eq!(announced, Ok(Outcome::NotDone { code: NotDoneCode::Forbidden, detail: "hosts only".into() }));
    }

    async fn pending_and_overloaded_are_asked_again_with_the_same_id(server: FakeServer) {
        let (client, _events, mut session) = joined(&mut server).await;
        let (claimed, ()) = tokio::join!(client.claim(5, 6, 1), async {
            let first = session.recv().await;
            session.answer(first.request_id, answer::Outcome::Pending(Pending {})).await;
            assert_eq!(session.recv().await, first);
            let overloaded = NotDone { code: NotDoneCode::Overloaded.into(), detail: String::new(), retry_after_ms: 1 };
            session.answer(first.request_id, answer::Outcome::NotDone(overloaded)).await;
            assert_eq!(session.recv().await, first);
            let refused = Refused { code: RefusalCode::SoldOut.into(), detail: String::new() };
            session.answer(first.request_id, answer::Outcome::Refused(refused)).await;
        });
        assert_eq!(claimed, Ok(Outcome::Refused { code: RefusalCode::SoldOut, detail: String::new() }));
    }

    async fn an_id_is_asked_once_at_a_time(server: FakeServer) {
        let (client, _events, mut session) = joined(&mut server).await;
        let body = || client_frame::Body::Claim(Claim { activity: 5, token: 6, opening: 1 });
        assert_eq!(client.request_with_id(0, body()).await, Err(RequestError::IdUnusable { request_id: 0 }));
        let (first, second, ()) = tokio::join!(
            biased;
            client.request_with_id(9, body()),
            client.request_with_id(9, body()),
            async {
                let asked = session.recv().await;
                session.answer(asked.request_id, answer::Outcome::Done(Done {})).await;
            }
        );
        assert_eq!((first, second), (Ok(Outcome::Done), Err(RequestError::IdUnusable { request_id: 9 })));
    }
}
