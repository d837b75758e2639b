//! One connection, from its handshake to its close.

use std::pin::pin;
use std::sync::Arc;

use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue};
use futures_util::{Stream, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

use super::lanes::{Job, Lanes};
use super::message::{self, ClientEvent, Lane};
use super::metered::{MessageMeter, Metered};
use super::outbox::{Outbox, outbox};
use crate::error::ApiError;
use crate::exchange::log::Arrival;
use crate::off_workers::block_in_place;
use crate::server::connections::ConnectionHold;
use crate::server::extract::arrival;
use crate::server::middleware::auth::{Caller, Denied, X_API_KEY};
use crate::server::middleware::request_id;
use crate::server::middleware::shutdown::FINAL_EVENT_GRACE;
use crate::server::state::{BODY_LIMIT, Proxy};

/// Initial size of the buffer for what arrives. It grows for a larger message.
const READ_BUFFER: usize = 8 * 1024;

/// The route of its requests, for the log.
const ROUTE: &str = "/v1/responses";

/// A connection that is not yet open.
#[derive(Debug)]
pub(super) struct Connection {
    proxy: Proxy,
    /// The headers with its key, which is checked again for each response: it may have been revoked.
    credentials: HeaderMap,
    client: HeaderValue,
    request_id: String,
    /// The key at the handshake, which has the memory of its messages.
    key: String,
}

/// Why a connection is closed, if not by the client.
enum Close {
    /// Its other end is gone.
    Gone,
    With(CloseCode, &'static str),
}

impl Connection {
    pub(super) fn new(proxy: Proxy, caller: Caller, headers: &HeaderMap) -> Self {
        let credentials = [AUTHORIZATION, X_API_KEY].into_iter();
        let credentials = credentials.filter_map(|name| Some((name.clone(), headers.get(&name)?.clone())));
        Self {
            proxy,
            credentials: credentials.collect(),
            client: headers.get(USER_AGENT).cloned().unwrap_or_else(|| HeaderValue::from_static("")),
            request_id: request_id::get(headers),
            key: caller.id,
        }
    }

    /// Serves the connection until it is closed.
    pub(super) async fn run(self, upgraded: Upgraded, hold: ConnectionHold) {
        let meter = MessageMeter::new();
        let stream = Metered { inner: TokioIo::new(upgraded), meter: meter.clone() };
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(BODY_LIMIT))
            .max_frame_size(Some(BODY_LIMIT));
        let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
        let (sink, mut incoming) = socket.split();
        let (outbox, unsent) = outbox();
        let mut writer = pin!(unsent.send_to(sink));
        let id: Arc<str> = uuid::Uuid::now_v7().simple().to_string().into();
        let served = async {
            let lanes = Lanes::new(self.proxy.clone(), Arc::clone(&id));
            self.serve(&mut incoming, &meter, lanes, &outbox, &hold).await
        };
        // A client that reads nothing cannot hold up the stop.
        let cut_off = async {
            self.proxy.cut_off.cancelled().await;
            tokio::time::sleep(FINAL_EVENT_GRACE / 2).await;
        };
        let close = tokio::select! {
            biased;
            () = &mut writer => Close::Gone,
            close = served => close,
            () = cut_off => Close::Gone,
        };
        self.proxy.unstored.remove_all(&id);
        // Others can have its place while it says goodbye.
        drop(hold);
        if let Close::With(code, reason) = close {
            outbox.send(Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) })));
            drop(outbox);
            let closed = async {
                writer.await;
                while let Some(Ok(_)) = incoming.next().await {}
            };
            let _ = timeout(FINAL_EVENT_GRACE, closed).await;
        }
    }

    async fn serve(
        &self,
        incoming: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
        meter: &MessageMeter,
        mut lanes: Lanes,
        outbox: &Outbox,
        hold: &ConnectionHold,
    ) -> Close {
        let limits = self.proxy.limits();
        let opened = Instant::now();
        let (mut heard, mut pinged, mut number) = (opened, opened, 0);
        meter.next(self.proxy.bodies.room(&self.key));
        loop {
            let closing = hold.is_closing();
            if lanes.is_idle() && closing {
                return Close::With(CloseCode::Away, "the connection is closed by the server");
            }
            let is_old = opened.elapsed() >= limits.websocket_age;
            if lanes.is_idle() && is_old {
                outbox.send(message::error(&ApiError::connection_too_old(), &None));
                return Close::With(CloseCode::Away, "the connection is too old");
            }
            let tick = (pinged + limits.ping_interval).min(heard + limits.websocket_silence);
            let tick = if is_old { tick } else { tick.min(opened + limits.websocket_age) };
            tokio::select! {
                biased;
                () = hold.closing(), if !closing => {}
                message = incoming.next() => {
                    heard = Instant::now();
                    let message = match message {
                        Some(Ok(message)) => message,
                        Some(Err(error)) => return failed(&error, meter, outbox),
                        None => return Close::Gone,
                    };
                    match message {
                        Message::Text(text) => {
                            let room = meter.next(self.proxy.bodies.room(&self.key));
                            number += 1;
                            let length = text.len();
                            match block_in_place(length, || message::parse(text)) {
                                Ok(ClientEvent::Create { body, lane, generate }) => {
                                    let pushed = self.job(body, generate, number).and_then(|job| {
                                        lanes.push(lane.clone(), Job { room, ..job })
                                    });
                                    if let Err(error) = pushed {
                                        self.reject(&error, &lane, outbox);
                                    }
                                }
                                Ok(ClientEvent::Steer { input, previous_response_id }) => {
                                    outbox.send(message::not_steered(input, &previous_response_id));
                                }
                                Ok(ClientEvent::Acknowledged) => {}
                                Err((lane, error)) => self.reject(&error, &lane, outbox),
                            }
                        }
                        Message::Binary(_) => self.reject(&ApiError::not_text(), &None, outbox),
                        Message::Close(_) => return Close::With(CloseCode::Normal, ""),
                        // tungstenite answers pings.
                        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
                    }
                }
                () = outbox.drained(), if outbox.is_full() => {}
                messages = lanes.next(), if !outbox.is_full() => {
                    if !messages.is_empty() {
                        pinged = Instant::now();
                    }
                    messages.into_iter().for_each(|message| outbox.send(message));
                }
                () = sleep_until(tick) => {
                    if heard.elapsed() >= limits.websocket_silence {
                        return Close::Gone;
                    }
                    if !outbox.is_full() {
                        outbox.send(Message::Ping(Bytes::new()));
                    }
                    pinged = Instant::now();
                }
            }
        }
    }

    /// A response to start.
    fn job(&self, body: Map<String, Value>, generate: bool, number: u64) -> Result<Job, ApiError> {
        if self.proxy.stopping.is_cancelled() {
            return Err(ApiError::shutting_down());
        }
        let caller = self.proxy.check_key(&self.credentials).map_err(|denied| match denied {
            Denied::Error(error) | Denied::WrongKey(error) => error,
        })?;
        let request_id = format!("{}.{number}", self.request_id);
        let span = tracing::info_span!("request", id = self.proxy.for_log(&request_id, request_id.len()));
        let arrival: Arrival =
            arrival(&self.proxy, &caller, self.client.to_str().unwrap_or_default(), request_id, ROUTE, &body);
        Ok(Job { caller, arrival, body, generate, room: None, span })
    }

    fn reject(&self, error: &ApiError, lane: &Lane, outbox: &Outbox) {
        self.proxy.metrics.count_response(ROUTE, None, Some(error.status()));
        outbox.send(message::error(error, lane));
    }
}

/// How a connection with an error is closed.
fn failed(error: &Error, meter: &MessageMeter, outbox: &Outbox) -> Close {
    tracing::debug!(%error, "a WebSocket failed");
    match error {
        Error::Io(_) if meter.is_full() => {
            outbox.send(message::error(&ApiError::too_many_bodies(), &None));
            Close::With(CloseCode::Again, "too many large messages at once")
        }
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            outbox.send(message::error(&ApiError::too_large(BODY_LIMIT), &None));
            Close::With(CloseCode::Size, "the message is too large")
        }
        Error::Utf8(_) => Close::With(CloseCode::Invalid, "the text is not UTF-8"),
        Error::Protocol(_) | Error::Capacity(_) => {
            Close::With(CloseCode::Protocol, "this is no WebSocket message")
        }
        _ => Close::Gone,
    }
}
