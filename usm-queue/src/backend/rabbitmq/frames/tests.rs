//! Whatever arrives, lapin can read it; and what it could read already is unchanged.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use lapin::{
    BasicProperties,
    protocol::{basic, parse_class},
    types::AMQPValue,
};
use proptest::prelude::*;

use super::{
    filter::FrameFilter,
    sanitize::{MAX_DEPTH, ReplacedMethod, content_header, method},
};
use crate::{
    backend::rabbitmq::wire::incoming,
    message::{Message, RAW_NAMES, RAW_PROPERTIES, UNREADABLE},
};

fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    [&[kind][..], &channel.to_be_bytes(), &long(payload), &[0xce]].concat()
}

/// A content header of basic, for a body of one byte.
fn header(properties: &[u8]) -> Vec<u8> {
    [&[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], properties].concat()
}

fn with_headers(entries: &[u8]) -> Vec<u8> {
    header(&[&[0x20, 0][..], &long(entries)].concat())
}

/// This many nested tables, counting the header table.
fn nested(depth: usize) -> Vec<u8> {
    (1..depth).fold(Vec::new(), |inner, _| [&short(b"k")[..], b"F", &long(&inner)].concat())
}

fn deliver(routing_key: &[u8]) -> Vec<u8> {
    let names = [short(b"exchange"), short(routing_key)].concat();
    [&[0, 60, 0, 60][..], &short(b"tag"), &[0, 0, 0, 0, 0, 0, 0, 1, 0], &names].concat()
}

fn read(payload: &[u8]) -> BasicProperties {
    let (rest, properties) = basic::parse_properties(&payload[12..]).unwrap();
    assert!(rest.is_empty(), "lapin refuses what is left over");
    properties
}

/// What comes out of a filter that receives the bytes in pieces of these lengths, over and over.
fn through(filter: &mut FrameFilter, bytes: &[u8], pieces: &[usize]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), bytes);
    for piece in pieces.iter().cycle() {
        let space = filter.space();
        let count = (*piece).min(rest.len()).min(space.len());
        space[..count].copy_from_slice(&rest[..count]);
        rest = &rest[count..];
        filter.received(count);
        let mut into = [0; 50];
        loop {
            let handed_out = filter.hand_out(&mut into);
            if handed_out == 0 {
                break;
            }
            out.extend_from_slice(&into[..handed_out]);
        }
        if rest.is_empty() {
            return out;
        }
    }
    out
}

#[test]
fn what_is_readable_passes_as_it_is() {
    assert_eq!(content_header(&with_headers(&nested(MAX_DEPTH)), None), None);
    assert!(method(&deliver("ключ".as_bytes())).is_none());
}

#[test]
fn a_message_id_that_is_not_utf8_is_left_out_and_kept_raw() {
    // Content type and message id.
    let properties = [&[0x80, 0x80][..], &short(b"text/plain"), &short(b"\xff\xfe")].concat();

    let got = read(&content_header(&header(&properties), None).unwrap());

    assert_eq!(got.message_id(), &None);
    assert_eq!(got.content_type().as_ref().unwrap().as_str(), "text/plain");
    let headers = got.headers().as_ref().unwrap().inner();
    assert_eq!(headers[UNREADABLE], AMQPValue::LongString("message id: is not UTF-8".into()));
    assert_eq!(headers[RAW_PROPERTIES], AMQPValue::ByteArray(properties.into()));
}

#[test]
fn tables_within_tables_are_read_up_to_a_depth() {
    let payload = with_headers(&nested(20_000));

    let got = content_header(&payload, None).unwrap();

    assert!(got.len() <= payload.len(), "it must fit into a frame as it did");
    assert!(read(&got).headers().as_ref().unwrap().contains_key(UNREADABLE));
}

#[test]
fn a_routing_key_that_is_not_utf8_is_reported_with_the_message_that_follows_on_its_channel() {
    let key = deliver(b"work.\xd0");
    let other = with_headers(&nested(2));
    let bytes = [frame(1, 1, &key), frame(2, 2, &other), frame(2, 1, &header(&[0, 0])), frame(3, 1, b"x")];

    let out = through(&mut FrameFilter::default(), &bytes.concat(), &[1000]);

    let ReplacedMethod { payload: replaced, names } = method(&key).unwrap();
    parse_class(&replaced[..]).unwrap();
    let reported = content_header(&header(&[0, 0]), names.as_deref()).unwrap();
    assert!(read(&reported).headers().as_ref().unwrap().contains_key(RAW_NAMES));
    let expected =
        [frame(1, 1, &replaced), frame(2, 2, &other), frame(2, 1, &reported), frame(3, 1, b"x")].concat();
    assert_eq!(out, expected);
}

#[test]
fn a_text_that_the_broker_cut_within_a_character_ends_no_connection() {
    let cut = ["no queue '".as_bytes(), &"ж".repeat(130).as_bytes()[..245]].concat();
    let payload = [&[0, 20, 0, 40, 1, 148][..], &short(&cut), &[0, 50, 0, 10]].concat();

    parse_class(&method(&payload).unwrap().payload[..]).unwrap();
}

proptest! {
    #[test]
    fn any_properties_can_be_read(
        flags: u16,
        properties in prop::collection::vec(any::<u8>(), 0..300),
        mangled in prop::option::of((0..60_usize, any::<u8>())),
    ) {
        let mut payload = header(&[&flags.to_be_bytes()[..], &properties].concat());
        if let Some((place, byte)) = mangled
            && let Some(there) = payload.get_mut(12 + place)
        {
            *there = byte;
        }

        read(&content_header(&payload, None).unwrap_or(payload));
    }

    #[test]
    fn any_headers_can_be_read(entries in prop::collection::vec(
        (prop::collection::vec(any::<u8>(), 0..4), prop::sample::select(b"VtbBsUuIifDLldTSxFAq".to_vec()),
         prop::collection::vec(any::<u8>(), 0..12)), 0..6)) {
        let entries: Vec<u8> =
            entries.iter().flat_map(|(name, kind, value)| [&short(name)[..], &[*kind], value].concat()).collect();
        let payload = with_headers(&entries);

        read(&content_header(&payload, None).unwrap_or(payload));
    }

    /// From the frame to what a handler gets, and to the record and the dead letter that are made of it.
    #[test]
    fn any_properties_reach_a_handler_and_a_store(
        flags: u16,
        properties in prop::collection::vec(any::<u8>(), 0..300),
        depth in 0..150_usize,
    ) {
        let headers = [&flags.to_be_bytes()[..], &properties].concat();
        for payload in [header(&headers), with_headers(&nested(depth))] {
            let payload = content_header(&payload, None).unwrap_or(payload);
            let mut delivery = lapin::message::Delivery::mock(1, "e".into(), "k".into(), false, vec![]);
            delivery.properties = read(&payload);

            let message = incoming(delivery).message;

            let stored = serde_json::to_string(&message).unwrap();
            prop_assert_eq!(serde_json::from_str::<Message>(&stored).unwrap().message_id, message.message_id);
        }
    }

    #[test]
    fn frames_come_through_whatever_pieces_they_come_in(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..6),
        pieces in prop::collection::vec(1..200_usize, 1..6),
    ) {
        let good: Vec<u8> = bodies
            .iter()
            .flat_map(|body| [
                frame(1, 1, &deliver(b"key")),
                frame(2, 1, &with_headers(&nested(3))),
                frame(3, 1, body),
                frame(8, 0, b""),
            ])
            .flatten()
            .collect();

        prop_assert_eq!(through(&mut FrameFilter::default(), &good, &pieces), good);
    }

    #[test]
    fn any_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), pieces in prop::collection::vec(1..99_usize, 1..4)) {
        through(&mut FrameFilter::default(), &bytes, &pieces);
    }
}
