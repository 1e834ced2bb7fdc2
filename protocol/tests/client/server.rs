//! A server without a mind: tests read what clients say and say what they like.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use liveroom_protocol::client::{Endpoint, Transport, Trust, WsConnector};
use liveroom_protocol::frame::{FrameReader, encode_frame};
use liveroom_protocol::transport::{ALPN, CLIENT_FRAME_BYTES_MAX, IDLE_TIMEOUT, server_transport};
use liveroom_protocol::wire::{
    Answer, ClientFrame, Goodbye, GoodbyeCode, Hello, ServerFrame, Welcome, answer, client_frame, server_frame,
};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, RecvStream, SendStream};
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_websockets::{CloseCode, Message, ServerBuilder, WebSocketStream};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Quic,
    WebSocket,
}

enum Listener {
    Quic(quinn::Endpoint),
    WebSocket(TcpListener),
}

pub(crate) struct FakeServer {
    listener: Listener,
    pub(crate) address: SocketAddr,
    pub(crate) certificate_hash: [u8; 32],
}

impl FakeServer {
    pub(crate) async fn start(kind: Kind) -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let (config, certificate_hash) = quic_config();
        match kind {
            Kind::Quic => {
                let endpoint = quinn::Endpoint::server(config, loopback).unwrap();
                let address = endpoint.local_addr().unwrap();
                Self { listener: Listener::Quic(endpoint), address, certificate_hash }
            }
            Kind::WebSocket => {
                let listener = TcpListener::bind(loopback).await.unwrap();
                let address = listener.local_addr().unwrap();
                Self { listener: Listener::WebSocket(listener), address, certificate_hash }
            }
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.listener {
            Listener::Quic(_) => Kind::Quic,
            Listener::WebSocket(_) => Kind::WebSocket,
        }
    }

    pub(crate) fn transport(&self) -> Transport {
        match self.kind() {
            Kind::Quic => Transport::Quic(Endpoint::new(Trust::CertHash(self.certificate_hash)).unwrap()),
            Kind::WebSocket => Transport::WebSocket(WsConnector::plain()),
        }
    }

    pub(crate) async fn accept(&mut self) -> Session {
        let wire = match &self.listener {
            Listener::Quic(endpoint) => loop {
                // A client that does not trust the certificate ends here.
                if let Ok(connection) = endpoint.accept().await.unwrap().await
                    && let Ok((send, recv)) = connection.accept_bi().await
                {
                    break Wire::Quic { connection, send, recv, room: None };
                }
            },
            Listener::WebSocket(listener) => {
                let (tcp, _) = listener.accept().await.unwrap();
                let (request, socket) = ServerBuilder::new().accept(tcp).await.unwrap();
                assert_eq!(request.uri().path(), "/v1/ws");
                Wire::WebSocket(Box::new(socket))
            }
        };
        Session { wire, frames: FrameReader::new(CLIENT_FRAME_BYTES_MAX), rest: BytesMut::new() }
    }

    /// Accepts a client and reads its hello.
    pub(crate) async fn greeted(&mut self) -> (Session, Hello) {
        let mut session = self.accept().await;
        match session.recv().await {
            ClientFrame { request_id: 0, body: Some(client_frame::Body::Hello(hello)) } => (session, hello),
            other => panic!("a hello comes first, not {other:?}"),
        }
    }

    /// Accepts a client that is new to the room.
    pub(crate) async fn welcomed(&mut self) -> Session {
        let (mut session, hello) = self.greeted().await;
        assert_eq!((hello.room.as_str(), hello.token.as_str(), hello.resume), ("room-1", "token-1", None));
        session.welcome(16, false).await;
        session
    }
}

fn quic_config() -> (quinn::ServerConfig, [u8; 32]) {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let certificate = certified.cert.der().clone();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &certificate);
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())
        .unwrap();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    config.transport_config(Arc::new(server_transport(IDLE_TIMEOUT)));
    (config, hash.as_ref().try_into().unwrap())
}

enum Wire {
    Quic { connection: Connection, send: SendStream, recv: RecvStream, room: Option<SendStream> },
    WebSocket(Box<WebSocketStream<TcpStream>>),
}

/// One connection, seen from the server.
pub(crate) struct Session {
    wire: Wire,
    frames: FrameReader,
    rest: BytesMut,
}

impl Session {
    pub(crate) async fn recv(&mut self) -> ClientFrame {
        loop {
            let mut input = &self.rest[..];
            let frame = self.frames.next(&mut input).unwrap();
            self.rest = BytesMut::from(input);
            if let Some(frame) = frame {
                return frame;
            }
            match &mut self.wire {
                Wire::Quic { recv, .. } => {
                    let chunk = recv.read_chunk(usize::MAX, true).await.unwrap().expect("the client goes on");
                    self.rest.extend_from_slice(&chunk.bytes);
                }
                Wire::WebSocket(socket) => {
                    let message = socket.next().await.expect("the client goes on").unwrap();
                    self.rest.extend_from_slice(message.as_payload());
                }
            }
        }
    }

    pub(crate) async fn send(&mut self, body: server_frame::Body) {
        self.send_all([body]).await;
    }

    /// Sends frames as one batch: on the room's stream if the first of them is the room's.
    pub(crate) async fn send_all(&mut self, bodies: impl IntoIterator<Item = server_frame::Body>) {
        let mut buffer = BytesMut::new();
        let mut of_room = false;
        for body in bodies {
            of_room = matches!(body, server_frame::Body::Tick(_) | server_frame::Body::Snapshot(_));
            encode_frame(&ServerFrame { body: Some(body) }, &mut buffer);
        }
        match &mut self.wire {
            Wire::Quic { connection, room, .. } if of_room => {
                if room.is_none() {
                    *room = Some(connection.open_uni().await.unwrap());
                }
                room.as_mut().unwrap().write_all(&buffer).await.unwrap();
            }
            Wire::Quic { send, .. } => send.write_all(&buffer).await.unwrap(),
            Wire::WebSocket(socket) => socket.send(Message::binary(buffer)).await.unwrap(),
        }
    }

    pub(crate) async fn welcome(&mut self, in_flight_max: u32, recovered: bool) {
        let welcome = Welcome { epoch: 1, offset: 10, recovered, in_flight_max, ..Welcome::default() };
        self.send(server_frame::Body::Welcome(welcome)).await;
    }

    pub(crate) async fn answer(&mut self, request_id: u64, outcome: answer::Outcome) {
        self.send(server_frame::Body::Answer(Answer { request_id, outcome: Some(outcome) })).await;
    }

    /// Ends the connection without a word.
    pub(crate) async fn cut(self) {
        match self.wire {
            Wire::Quic { connection, .. } => connection.close(0u8.into(), b""),
            Wire::WebSocket(socket) => drop(socket),
        }
    }

    /// Ends the connection the proper way.
    pub(crate) async fn goodbye(mut self, code: GoodbyeCode, reason: &str, retry_after_ms: u32) {
        let goodbye = Goodbye { code: code.into(), reason: reason.into(), detail: String::new(), retry_after_ms };
        self.send(server_frame::Body::Goodbye(goodbye)).await;
        // A QUIC close overtakes what the streams still carry.
        if let Wire::Quic { send, .. } = &mut self.wire {
            send.finish().unwrap();
            send.stopped().await.ok();
        }
        self.close(code, reason).await;
    }

    /// Ends the connection with a close code only.
    pub(crate) async fn close(self, code: GoodbyeCode, reason: &str) {
        match self.wire {
            Wire::Quic { connection, .. } => connection.close(code.quic_close_code().into(), reason.as_bytes()),
            Wire::WebSocket(mut socket) => {
                let code = CloseCode::try_from(code.ws_close_code()).unwrap();
                socket.send(Message::close(Some(code), reason)).await.unwrap();
            }
        }
    }

    /// Sends bytes that are not what they should be.
    pub(crate) async fn send_garbage(&mut self, bytes: &'static [u8]) {
        match &mut self.wire {
            Wire::Quic { send, .. } => send.write_all(bytes).await.unwrap(),
            Wire::WebSocket(socket) => socket.send(Message::binary(bytes)).await.unwrap(),
        }
    }
}
