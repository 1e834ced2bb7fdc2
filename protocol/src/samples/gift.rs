//! Gifts, boards, the fan club.

use super::{answer, from_client, from_server};
use crate::wire::*;

pub(super) fn client_frames() -> Vec<(&'static str, ClientFrame)> {
    use client_frame::Body;
    let board = AskBoard { span: BoardSpan::Week.into(), back: 1, top: 100 };
    vec![
        ("send_gift", from_client(4, Body::SendGift(SendGift { gift: 7, count: 52 }))),
        ("join_fan_club", from_client(5, Body::JoinFanClub(JoinFanClub {}))),
        ("leave_fan_club", from_client(6, Body::LeaveFanClub(LeaveFanClub {}))),
        ("ask_board", from_client(7, Body::AskBoard(board))),
        ("ask_catalogue", from_client(8, Body::AskCatalogue(AskCatalogue {}))),
        ("ask_fan_club", from_client(9, Body::AskFanClub(AskFanClub {}))),
    ]
}

pub(super) fn server_frames() -> Vec<(&'static str, ServerFrame)> {
    use answer::Outcome;
    let gift = Gift { gift: 7, title: "玫瑰".into(), price_coins: 5, effect: 1, joins_fan_club: true };
    let club = FanClub { title: "小太阳".into(), free: true, fans: 12, levels: vec![100, 300], own: Some(fan()) };
    vec![
        ("fan", from_server(server_frame::Body::Fan(fan()))),
        ("answer_gift_sent", answer(Outcome::GiftSent(GiftSent { combo: 9, total: 104, balance_coins: 740 }))),
        ("answer_board", answer(Outcome::Board(board()))),
        ("answer_catalogue", answer(Outcome::Catalogue(Catalogue { version: 3, gifts: vec![gift] }))),
        ("answer_fan_club", answer(Outcome::FanClub(club))),
        (
            "snapshot_board",
            from_server(server_frame::Body::Snapshot(Snapshot {
                epoch: 7,
                offset: 301,
                online: 2,
                board: Some(board()),
                ..Snapshot::default()
            })),
        ),
    ]
}

pub(super) fn room_events() -> Vec<(&'static str, room_event::Body)> {
    use room_event::Body;
    let run = GiftRun { combo: 9, user: "ann".into(), gift: 7, count: 52, total: 104, coins: 260 };
    let closed = ComboClosed { combo: 9, user: "ann".into(), gift: 7, total: 104, coins: 520 };
    vec![
        ("tick_gift_run", Body::GiftRun(run)),
        ("tick_combo_closed", Body::ComboClosed(closed)),
        ("tick_board", Body::Board(board())),
    ]
}

fn board() -> Board {
    let place = |rank, user: &str, coins| BoardPlace { rank, user: user.into(), coins, reached_ms: 1_800_000_000_000 };
    Board {
        span: BoardSpan::Broadcast.into(),
        number: 3,
        places: vec![place(1, "ann", 520)],
        users: 40,
        own: Some(place(17, "bob", 5)),
    }
}

fn fan() -> Fan {
    Fan { points: 120, level: 2, since_ms: 1_800_000_000_000 }
}
