//! The target of quire::fuzz::markdown; seeds and findings stand in corpus/markdown.
#![no_main]

libfuzzer_sys::fuzz_target!(init: quire_fuzz::contain(), |bytes: &[u8]| quire::fuzz::markdown(bytes));
