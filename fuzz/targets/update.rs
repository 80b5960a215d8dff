//! The target of quire::fuzz::update; seeds and findings stand in corpus/update.
#![no_main]

libfuzzer_sys::fuzz_target!(init: quire_fuzz::contain(), |bytes: &[u8]| quire::fuzz::update(bytes));
libfuzzer_sys::fuzz_mutator!(|bytes: &mut [u8], size: usize, most: usize, seed: u32| {
    quire_fuzz::block::mutate(bytes, size, most, seed)
});
