//! Bytes from anybody: no panic, no memory that was only announced.

use bytes::Bytes;
use quire::error::Kind;
use quire::protocol::{MAX_MESSAGE_BYTES, Message, decode, encode};

use super::published::samples;
use crate::kit::alloc;
use crate::kit::random::{self, Random};

/// What an error and its text may take, whatever the message.
const ERROR_BYTES: usize = 1024;

#[test]
fn a_mutated_message_never_panics_and_costs_no_memory() {
    let seed = random::seed();
    let mut random = Random::new(seed);
    let samples = samples();
    let mut accepted = 0;
    for round in 0..100_000 {
        let sample = &samples[random.below(samples.len())];
        let message = Bytes::from(mutate(&mut random, sample));
        let (frame, allocated) = alloc::measure(|| decode(message.clone()));
        assert!(
            allocated <= ERROR_BYTES,
            "seed {seed} round {round}: {allocated} bytes for {message:?}"
        );
        if let Ok(frame) = frame {
            accepted += 1;
            let again = decode(encode(&frame).unwrap()).unwrap();
            assert_eq!(again, frame, "seed {seed} round {round}");
            if let Message::DocUpdate { updates, .. } = &frame.message {
                let total: usize = updates.iter().map(|update| update.len()).sum();
                assert!(total <= message.len());
                assert_eq!(updates.iter().count(), updates.len());
            }
        }
    }
    assert!(accepted > 1000, "the mutations reach past the first checks");
}

#[test]
fn every_prefix_is_refused_and_says_where() {
    for sample in samples() {
        let whole = decode(sample.clone()).unwrap();
        for length in 0..sample.len() {
            match decode(sample.slice(..length)) {
                Err(error) => assert_eq!(error.kind(), Kind::Invalid, "{error}"),
                // The optional ends of JoinError.
                Ok(frame) => assert!(matches!(frame.message, Message::JoinError { .. })),
            }
        }
        let mut longer = sample.to_vec();
        longer.push(0);
        let longer = decode(Bytes::from(longer));
        assert!(longer.is_err() || matches!(whole.message, Message::JoinError { .. }));
    }
}

#[test]
fn an_announced_count_reserves_nothing() {
    // The frame at which the published decoder aborts the process: 2^60 updates announced.
    let mut message = b"%LOR\x00\x03".to_vec();
    message.extend([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]);
    let (frame, allocated) = alloc::measure(|| decode(Bytes::from(message)));
    let error = frame.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.to_string().contains("number of updates"), "{error}");
    assert!(allocated <= ERROR_BYTES);
}

#[test]
fn limits_are_named() {
    let error = decode(Bytes::from(vec![0; MAX_MESSAGE_BYTES + 1])).unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge);

    let mut message = b"%LOR\x81\x01".to_vec();
    message.extend([b'x'; 129]);
    message.push(0x07);
    let error = decode(Bytes::from(message)).unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge);
    assert!(error.to_string().contains("room id"), "{error}");

    let mut message = b"%LOR\x00\x03\x81\x20".to_vec();
    message.extend([0; 4097 + 8]);
    let error = decode(Bytes::from(message)).unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge);
    assert!(error.to_string().contains("4097 updates"), "{error}");
}

fn mutate(random: &mut Random, sample: &[u8]) -> Vec<u8> {
    let mut message = sample.to_vec();
    for _ in 0..random.below(4) {
        let at = random.below(message.len() + 1);
        let byte = match random.below(4) {
            0 => 0xff,
            1 => 0x80,
            2 => random.below(10) as u8,
            _ => random.below(256) as u8,
        };
        match random.below(5) {
            0 => message.insert(at, byte),
            1 if at < message.len() => drop(message.remove(at)),
            2 => message.truncate(at),
            3 => message.extend((0..random.below(40)).map(|_| byte)),
            _ if at < message.len() => message[at] = byte,
            _ => message.push(byte),
        }
    }
    message
}
