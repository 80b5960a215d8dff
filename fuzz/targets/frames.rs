//! The target of quire::fuzz::frames; seeds and findings stand in corpus/frames.
#![no_main]

libfuzzer_sys::fuzz_target!(init: quire_fuzz::contain(), |bytes: &[u8]| quire::fuzz::frames(bytes));
