//! A WebSocket client as the desktop shell is one, driven step by step.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::support::PATIENCE;

/// A connected client. Between two calls it does nothing, so it also plays one that does not answer.
pub(crate) struct Socket {
    runtime: Runtime,
    stream: WebSocketStream<TcpStream>,
}

impl Socket {
    /// Connects with this token, says hello and takes the answer.
    pub(crate) fn connect(port: u16, token: &str) -> Self {
        Self::connect_with(port, token, None)
    }

    /// The same with room for so few bytes that the server soon has to wait for it to read.
    pub(crate) fn connect_narrow(port: u16, token: &str) -> Self {
        Self::connect_with(port, token, Some(4096))
    }

    fn connect_with(port: u16, token: &str, receive_buffer: Option<u32>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let stream = runtime.block_on(async {
            let mut request = format!("ws://127.0.0.1:{port}/ws")
                .into_client_request()
                .unwrap();
            request.headers_mut().insert(
                "sec-websocket-protocol",
                HeaderValue::from_str(&format!("paige.v1, bearer.{token}")).unwrap(),
            );
            let tcp = TcpSocket::new_v4().unwrap();
            if let Some(bytes) = receive_buffer {
                tcp.set_recv_buffer_size(bytes).unwrap();
            }
            let tcp = tcp.connect(([127, 0, 0, 1], port).into()).await.unwrap();
            let (stream, answer) = tokio_tungstenite::client_async(request, tcp).await.unwrap();
            assert_eq!(answer.headers()["sec-websocket-protocol"], "paige.v1");
            stream
        });
        let mut socket = Self { runtime, stream };
        socket.send(&json!({"type": "connection:hello", "payload": {
            "version": "1", "platform": "test", "windowSize": {"width": 800, "height": 600},
        }}));
        let init = socket.next_of("connection:init");
        assert!(init["payload"]["clientId"].is_string(), "{init}");
        socket
    }

    pub(crate) fn send(&mut self, message: &Value) {
        let message = Message::text(message.to_string());
        self.runtime.block_on(self.stream.send(message)).unwrap();
    }

    /// The next message of this type; others are passed over.
    pub(crate) fn next_of(&mut self, kind: &str) -> Value {
        loop {
            if let Message::Text(text) = self.next() {
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["type"] == kind {
                    return message;
                }
            }
        }
    }

    /// The code with which the server closes; what comes before is passed over.
    pub(crate) fn close_code(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.next() {
                return frame.expect("a close frame has a code").code.into();
            }
        }
    }

    fn next(&mut self) -> Message {
        let next = async { tokio::time::timeout(PATIENCE, self.stream.next()).await };
        let next = self.runtime.block_on(next);
        next.expect("a message in time")
            .expect("the connection is open")
            .unwrap()
    }
}
