//! Bodies that are kept while they pass.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::keep::{Draft, LIMIT, Recorder};
use crate::wire::{Fault, FaultKind};

/// What was kept of a body.
#[derive(Debug, Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    size: u64,
    ended: bool,
    fault: Option<Fault>,
}

impl Kept {
    fn push(&mut self, data: &[u8]) {
        let room = LIMIT.saturating_sub(self.bytes.len()).min(data.len());
        self.bytes.extend_from_slice(&data[..room]);
        self.size += data.len() as u64;
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// As it passed, in bytes.
    pub fn size(&self) -> i64 {
        i64::try_from(self.size).unwrap_or(i64::MAX)
    }

    /// There is more of it than was kept.
    pub fn is_partial(&self) -> bool {
        !self.ended || self.size > self.bytes.len() as u64
    }

    /// Why it did not come to its end.
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }
}

/// One exchange under way; it is written when the answer has ended, or when nobody waits for it any more.
pub(super) struct Exchange {
    draft: Mutex<Option<Draft>>,
    recorder: Arc<Recorder>,
}

impl Exchange {
    pub fn new(draft: Draft, recorder: Arc<Recorder>) -> Arc<Self> {
        Arc::new(Self { draft: Mutex::new(Some(draft)), recorder })
    }

    pub fn note(&self, note: impl FnOnce(&mut Draft)) {
        if let Some(draft) = self.draft.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            note(draft);
        }
    }

    pub fn finish(&self) {
        let draft = self.draft.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(draft) = draft {
            self.recorder.keep(draft);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Which way a body goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    There,
    Back,
}

/// Keeps what passes.
pub(super) struct Tee {
    inner: Incoming,
    exchange: Arc<Exchange>,
    way: Way,
}

impl Tee {
    pub fn new(inner: Incoming, exchange: Arc<Exchange>, way: Way) -> Self {
        let tee = Self { inner, exchange, way };
        if tee.inner.is_end_stream() {
            tee.ended(None);
        }
        tee
    }

    fn kept(&self, change: impl FnOnce(&mut Kept)) {
        self.exchange.note(|draft| match self.way {
            Way::There => change(&mut draft.sent),
            Way::Back => change(&mut draft.received),
        });
    }

    /// Before the last byte goes on, so that whoever got it finds the exchange in the file.
    fn ended(&self, fault: Option<Fault>) {
        self.kept(|kept| {
            kept.ended = fault.is_none();
            kept.fault = fault;
        });
        if self.way == Way::Back {
            self.exchange.finish();
        }
    }
}

impl Body for Tee {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = std::task::ready!(Pin::new(&mut self.inner).poll_frame(context));
        match &polled {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.kept(|kept| kept.push(data));
                }
                if self.inner.is_end_stream() {
                    self.ended(None);
                }
            }
            Some(Err(error)) => {
                let whose = if self.way == Way::There { "request" } else { "answer" };
                self.ended(Some(Fault::new(FaultKind::Closed, format!("the {whose} was cut off: {error}"))));
            }
            None => self.ended(None),
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Tee {
    /// Whoever waited for the answer went away before its end.
    fn drop(&mut self) {
        if self.way == Way::Back {
            self.kept(|kept| {
                let gone = || Fault::new(FaultKind::Closed, "the client went away before the end of the answer");
                kept.fault = kept.fault.take().or_else(|| Some(gone()));
            });
            self.exchange.finish();
        }
    }
}
