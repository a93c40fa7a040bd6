//! Reading a body of bounded size, packed or not.

use std::io::Read;

use bytes::BytesMut;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::header::{CONTENT_ENCODING, HeaderMap};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::fault::fault_of;
use crate::wire::{Fault, FaultKind};

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(mut body: Incoming, headers: &HeaderMap, limit: usize) -> Result<Vec<u8>, Fault> {
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| fault_of(&error, false))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        if bytes.is_empty() && body.is_end_stream() {
            bytes = Vec::from(BytesMut::from(data));
        } else {
            bytes.extend_from_slice(&data);
        }
    }
    unpacked(bytes, headers, limit)
}

/// Unpacks a body of at most `limit` bytes as its headers say.
pub fn unpacked(bytes: Vec<u8>, headers: &HeaderMap, limit: usize) -> Result<Vec<u8>, Fault> {
    match headers.get(CONTENT_ENCODING).map(|coding| coding.as_bytes().trim_ascii()) {
        None | Some(b"" | b"identity") => Ok(bytes),
        _ if bytes.is_empty() => Ok(bytes),
        Some(coding) if coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip") => {
            unpack(MultiGzDecoder::new(bytes.as_slice()), limit)
        }
        // Servers disagree on whether `deflate` has a zlib header.
        Some(coding) if coding.eq_ignore_ascii_case(b"deflate") => match unpack(ZlibDecoder::new(&bytes[..]), limit) {
            Err(fault) if fault.kind == FaultKind::Protocol => unpack(DeflateDecoder::new(&bytes[..]), limit),
            read => read,
        },
        Some(coding) => {
            let coding = String::from_utf8_lossy(coding).into_owned();
            Err(Fault::new(FaultKind::Protocol, format!("the target packs its answer as `{coding}`, unasked")))
        }
    }
}

fn unpack(packed: impl Read, limit: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let mut bounded = packed.take(limit as u64 + 1);
    match bounded.read_to_end(&mut bytes) {
        Ok(_) if bytes.len() > limit => Err(too_large(limit)),
        Ok(_) => Ok(bytes),
        Err(error) => Err(Fault::new(FaultKind::Protocol, format!("the answer cannot be unpacked: {error}"))),
    }
}

pub(super) fn too_large(limit: usize) -> Fault {
    Fault::new(FaultKind::TooLarge, format!("the answer of the target is longer than {limit} bytes"))
}
