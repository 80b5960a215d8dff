//! The target of quire::fuzz::presence; seeds and findings stand in corpus/presence.
#![no_main]

libfuzzer_sys::fuzz_target!(init: quire_fuzz::contain(), |bytes: &[u8]| quire::fuzz::presence(bytes));
