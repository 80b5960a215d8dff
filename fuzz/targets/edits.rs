//! The target of quire::fuzz::edits; seeds and findings stand in corpus/edits.
#![no_main]

libfuzzer_sys::fuzz_target!(init: quire_fuzz::contain(), |bytes: &[u8]| quire::fuzz::edits(bytes));
