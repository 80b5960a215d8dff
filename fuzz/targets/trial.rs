//! The target of quire::fuzz::trial; seeds and findings stand in corpus/trial.
#![no_main]

libfuzzer_sys::fuzz_target!(init: quire_fuzz::contain(), |bytes: &[u8]| quire::fuzz::trial(bytes));
libfuzzer_sys::fuzz_mutator!(|bytes: &mut [u8], size: usize, most: usize, seed: u32| {
    quire_fuzz::block::mutate(bytes, size, most, seed)
});
