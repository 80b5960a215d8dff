//! The target of quire::fuzz::sql; seeds and findings stand in corpus/sql.
#![no_main]

libfuzzer_sys::fuzz_target!(init: quire_fuzz::contain(), |bytes: &[u8]| quire::fuzz::sql(bytes));
