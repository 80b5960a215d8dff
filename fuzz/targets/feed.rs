//! The target of quire::fuzz::feed; seeds and findings stand in corpus/feed.
#![no_main]

libfuzzer_sys::fuzz_target!(init: quire_fuzz::contain(), |bytes: &[u8]| quire::fuzz::feed(bytes));
