//! The target of quire::fuzz::request; seeds and findings stand in corpus/request.
#![no_main]

libfuzzer_sys::fuzz_target!(init: quire_fuzz::contain(), |bytes: &[u8]| quire::fuzz::request(bytes));
