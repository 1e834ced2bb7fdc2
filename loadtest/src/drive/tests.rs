//! Conversations with a server that is a queue.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver as Ear, UnboundedSender as Mouth, unbounded_channel};

use super::*;
use crate::board::Board;
use crate::schedule::Window;

/// A request is one byte, its own name; a reply is two, the name and `+` or `-`.
#[derive(Debug)]
struct Letters(std::ops::Range<u8>);

impl Script for Letters {
    fn request(&mut self, out: &mut Vec<u8>) -> Option<u64> {
        let letter = self.0.next()?;
        out.push(letter);
        Some(u64::from(letter))
    }

    fn repeat(&mut self, key: u64, out: &mut Vec<u8>) {
        out.push(key as u8);
    }

    fn replies(&mut self, input: &[u8], replies: &mut Vec<Reply>) -> Result<usize, NotUnderstood> {
        for pair in input.chunks_exact(2) {
            let verdict = match pair[1] {
                b'+' => Verdict::Granted,
                b'-' => Verdict::Refused("sold_out"),
                _ => return Err(NotUnderstood("neither + nor -")),
            };
            let key = u64::from(pair[0]);
            replies.push(Reply { key, verdict });
        }
        Ok(input.len() - input.len() % 2)
    }
}

struct Out(Mouth<Vec<u8>>);
struct In(Ear<Vec<u8>>);

impl LineOut for Out {
    async fn send(&mut self, bytes: &[u8]) -> Result<(), LineBroke> {
        self.0.send(bytes.to_vec()).map_err(|_| LineBroke("gone".to_owned()))
    }
}

impl LineIn for In {
    async fn receive(&mut self, into: &mut Vec<u8>) -> Result<(), LineBroke> {
        into.extend(self.0.recv().await.unwrap_or_default());
        Ok(())
    }
}

type FarEnd = (Ear<Vec<u8>>, Mouth<Vec<u8>>);

/// A line and its far end: what was asked, and where to answer.
fn line() -> ((Out, In), FarEnd) {
    let (asked, questions) = unbounded_channel();
    let (answers, heard) = unbounded_channel();
    ((Out(asked), In(heard)), (questions, answers))
}

fn board(open_loop: bool) -> Arc<Board> {
    let window = Window::after(Instant::now(), Duration::ZERO, Duration::from_secs(600));
    Board::new(window, open_loop, 1)
}

fn conversation(letters: std::ops::Range<u8>, in_flight: usize, board: &Arc<Board>) -> Conversation<Letters> {
    Conversation::new(Letters(letters), Pace::Closed { in_flight }, board.desk(0))
}

#[tokio::test]
async fn the_closed_loop_asks_when_answered_and_ends_when_settled() {
    let board = board(false);
    let ((mut out, mut input), (mut questions, answers)) = line();
    let mut viewer = conversation(b'a'..b'd', 2, &board);
    let server = async {
        assert_eq!(questions.recv().await.unwrap(), b"ab");
        // Cut in the middle of an answer, and out of order.
        answers.send(b"b+a".to_vec()).unwrap();
        assert_eq!(questions.recv().await.unwrap(), b"c");
        answers.send(b"-c+".to_vec()).unwrap();
    };
    let (end, ()) = tokio::join!(viewer.over(&mut out, &mut input), server);
    assert!(matches!(end, End::Settled), "{end:?}");
    viewer.conclude(&end);
    let total = board.total();
    assert_eq!((total.sent, total.completed, total.granted), (3, 3, 2));
    assert_eq!(total.refused["sold_out"], 1);
    assert_eq!((total.errors, total.pending), (0, 0));
}

#[tokio::test]
async fn what_a_broken_line_left_unanswered_is_asked_again_by_the_same_name() {
    let board = board(false);
    let mut viewer = conversation(b'a'..b'c', 2, &board);
    let ((mut out, mut input), (mut questions, answers)) = line();
    let server = async move {
        assert_eq!(questions.recv().await.unwrap(), b"ab");
        answers.send(b"a+".to_vec()).unwrap();
    };
    let (end, ()) = tokio::join!(viewer.over(&mut out, &mut input), server);
    assert!(matches!(end, End::LineBroke(_)), "{end:?}");

    let ((mut out, mut input), (mut questions, answers)) = line();
    let server = async move {
        assert_eq!(questions.recv().await.unwrap(), b"b");
        answers.send(b"b-".to_vec()).unwrap();
    };
    let (end, ()) = tokio::join!(viewer.over(&mut out, &mut input), server);
    assert!(matches!(end, End::Settled), "{end:?}");
    viewer.conclude(&end);
    let total = board.total();
    assert_eq!((total.sent, total.completed, total.errors), (2, 2, 0));
}

#[tokio::test]
async fn what_never_was_answered_is_pending_and_an_error() {
    let board = board(false);
    let mut viewer = conversation(b'a'..b'c', 2, &board);
    let ((mut out, mut input), far_end) = line();
    drop(far_end.1);
    let end = viewer.over(&mut out, &mut input).await;
    viewer.conclude(&end);
    let total = board.total();
    assert_eq!((total.sent, total.completed), (2, 0));
    assert_eq!((total.pending, total.errors), (2, 2));
}

#[tokio::test]
async fn an_answer_to_nothing_and_nonsense_are_errors() {
    for answer in [&b"z+a+"[..], b"a?"] {
        let board = board(false);
        let mut viewer = conversation(b'a'..b'b', 1, &board);
        let ((mut out, mut input), (_questions, answers)) = line();
        answers.send(answer.to_vec()).unwrap();
        let end = viewer.over(&mut out, &mut input).await;
        viewer.conclude(&end);
        assert_eq!(board.total().errors, 1, "{}", answer.escape_ascii());
    }
}

#[tokio::test]
async fn the_open_loop_asks_when_due_and_counts_from_then_even_if_it_had_to_wait() {
    let board = board(true);
    let (lane, due) = unbounded_channel();
    let pace = Pace::Open { due, in_flight_max: 1 };
    let mut viewer = Conversation::new(Letters(b'a'..b'k'), pace, board.desk(0));
    let ((mut out, mut input), (mut questions, answers)) = line();
    let due = Instant::now();
    lane.send(due).unwrap();
    lane.send(due).unwrap();
    drop(lane);
    let server = async {
        assert_eq!(questions.recv().await.unwrap(), b"a");
        assert!(questions.is_empty(), "one at a time");
        answers.send(b"a+".to_vec()).unwrap();
        assert_eq!(questions.recv().await.unwrap(), b"b");
        answers.send(b"b+".to_vec()).unwrap();
    };
    let (end, ()) = tokio::join!(viewer.over(&mut out, &mut input), server);
    assert!(matches!(end, End::Settled), "{end:?}");
    let total = board.total();
    assert_eq!((total.sent, total.completed), (2, 2));
    assert!(total.latency_us.max() >= total.service_us.max());
}
